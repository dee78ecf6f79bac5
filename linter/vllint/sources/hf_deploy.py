"""`hf endpoints deploy`: the server that a Hugging Face endpoint made on the command line starts.

Options as `cli/inference_endpoints.py` of `huggingface_hub` 2.4.0 takes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vllint.sources.blank_words import words_at_blanks
from vllint.sources.commands import Script, Start, Surroundings, container_starts
from vllint.sources.containers import variable_of
from vllint.sources.endpoint_parts import accelerators, mounted_model
from vllint_schemas import EntryPoint, Located, Origin, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM

_SPREADING = ("--tensor-parallel-size", "--data-parallel-size")


def is_deploy(words: Sequence[Word]) -> bool:
    """Whether words are `hf endpoints deploy ...`."""
    return [word.text for word in words[:3]] in (
        ["hf", "endpoints", "deploy"],
        ["huggingface-cli", "endpoints", "deploy"],
    )


def deploy_starts(words: Sequence[Word], around: Surroundings) -> Iterator[Start | Script]:
    """Yield what the endpoint of an `hf endpoints deploy` starts, where its engine is vLLM."""
    options = dict(_options(words[3:]))
    repository, image = options.get("--repo"), options.get("--custom-image")
    engine = options.get("--engine")
    if repository is None or image is None:
        return
    variables = [variable_of(value) for name, value in _options(words[3:]) if name in ("--env", "-e")]
    size = options.get("--instance-size")
    inside = Surroundings(gpu_count=_count(size), image=image, shell=around.shell).with_variables(variables)
    args = _split(options.get("--container-args"))
    if engine is not None and engine.text == "vllm":
        sizes = [word for name in _SPREADING if name in options for word in _named(name, options[name])]
        if not sizes and size is not None:
            sizes = list(_named(_SPREADING[0], accelerators(size)))
        yield Start(EntryPoint.SERVE, (repository, *sizes, *args), repository.site, inside)
        return
    if engine is not None and engine.text != "custom":
        return
    command = _split(options.get("--container-command"))
    for found in container_starts(command or None, args, inside, repository.site):
        if isinstance(found, Start):
            argv = tuple(mounted_model(word, repository) for word in found.argv)
            yield found._replace(argv=argv)
        else:
            yield found


def _options(words: Sequence[Word]) -> Iterator[tuple[str, Word]]:
    """Yield the options with a value; all that matter here take one."""
    position = 0
    while position < len(words):
        text = words[position].text
        name, equals, _ = text.partition("=")
        if text.startswith("--") and equals:
            yield name, words[position].slice(len(name) + 1)
        elif text.startswith("-") and position + 1 < len(words):
            yield text, words[position + 1]
            position += 1
        position += 1


def _named(name: str, value: Word) -> tuple[Word, Word]:
    return Word.atomic(name, value.site, Origin.PLATFORM), value


def _split(word: Word | None) -> tuple[Word, ...]:
    return words_at_blanks(word) if word is not None else ()


def _count(size: Word | None) -> Located[int] | Unknown:
    if size is None:
        return NO_COUNT_CLAIM
    number = accelerators(size)
    if not number.is_known:
        return Unknown(number.reason)
    return Located(int(number.text), number.span, number.origin, number.via)
