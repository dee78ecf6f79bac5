"""Images run by other tools than docker: `apptainer exec`, `kubectl run`, `srun --container-image`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint.sources.carriers import given_variables, option_value
from vllint_schemas import Variable, Word

APPTAINER = frozenset({"apptainer", "singularity"})

# fmt: off
_APPTAINER_VALUES = frozenset(
    {
        "-B", "--bind", "--env", "--env-file", "-H", "--home", "--pwd", "--cwd", "-W", "--workdir", "-o",
        "--overlay", "--mount", "-S", "--scratch", "--add-caps", "--drop-caps", "--network",
        "--network-args", "--dns", "--hostname", "--security", "--app", "--apply-cgroups", "--fusemount",
        "--nvccli-device", "--pem-path", "--cpus", "--memory", "--shell",
    }
)
# fmt: on
"""Options of `apptainer exec` and `run` with a value of their own (`apptainer help exec`)."""

_REGISTRY = r"(?:docker|oras|docker-daemon)://"
_PULLED = r"(?:^|/)(?P<name>vllm-openai)_(?P<tag>v?\d+\.\d+[\w.-]*)\.sif$"
"""The file that `apptainer pull docker://vllm/vllm-openai:v0.8.5` writes: `vllm-openai_v0.8.5.sif`."""


class ImageRun(NamedTuple):
    """A container started from an image: the words it is given and its variables.

    `image` is None where the words name a file; `named` is what they name. `starts_itself` says that the
    image's own entry point takes the words.
    """

    named: Word
    image: Word | None
    arguments: tuple[Word, ...]
    variables: tuple[Variable, ...]
    starts_itself: bool
    keeps_variables: bool


def apptainer_run(rest: Sequence[Word]) -> ImageRun | None:
    """Read the words behind `apptainer` or `singularity`; an instance has a name behind its image."""
    start = next((at for at, word in enumerate(rest) if word.text in ("exec", "run")), None)
    if start is None:
        return None
    variables: list[Variable] = []
    keeps = True
    position = start + 1
    while position < len(rest) and _is_option(rest, position):
        word = rest[position]
        name, equals, _ = word.text.partition("=")
        position += 1
        value = word.slice(len(name) + 1) if equals else None
        if value is None and name in _APPTAINER_VALUES and position < len(rest):
            value = rest[position]
            position += 1
        if name == "--env" and value is not None:
            variables.extend(_listed(value))
        keeps = keeps and name not in ("-e", "--cleanenv", "-C", "--containall")
    if position >= len(rest):
        return None
    named = rest[position]
    position += 2 if start and rest[start - 1].text == "instance" else 1
    return ImageRun(
        named,
        image_reference(named),
        tuple(rest[position:]),
        tuple(variables),
        rest[start].text == "run",
        keeps,
    )


def _is_option(rest: Sequence[Word], position: int) -> bool:
    """Whether a word is an option, or stands for some in front of another."""
    word, following = rest[position], rest[position + 1 : position + 2]
    if word.text.startswith("-"):
        return True
    more = (
        bool(following) and following[0].text.startswith("-") and not following[0].text.startswith("--model")
    )
    return word.splits and not word.text and more


def image_reference(word: Word) -> Word | None:
    """Return the image that `docker://name` names, or a file that was pulled from vLLM's by its name."""
    scheme = re.match(_REGISTRY, word.text)
    if scheme is not None:
        return word.slice(scheme.end())
    pulled = re.search(_PULLED, word.text)
    if pulled is None:
        return None
    return Word.join(
        (Word.atomic(f"vllm/{pulled['name']}:", word.site), word.slice(*pulled.span("tag"))), word.site
    )


def _listed(value: Word) -> Iterator[Variable]:
    """Yield the variables of `A=1,B=2`."""
    start = 0
    for match in re.finditer(r"(?:,(?=[A-Za-z_]\w*=)|\Z)", value.text):
        part = value.slice(start, match.start())
        name, equals, _ = part.text.partition("=")
        start = match.end()
        if equals:
            yield Variable(name, part.slice(len(name) + 1))


def kubectl_run(rest: Sequence[Word]) -> ImageRun | None:
    """Read the words behind `kubectl run`."""
    image = option_value(rest, "--image")
    if image is None:
        return None
    border = next((at for at, word in enumerate(rest) if word.text == "--"), len(rest))
    options = rest[:border]
    has_command = any(word.text in ("--command", "--command=true") for word in options)
    return ImageRun(
        image, image, tuple(rest[border + 1 :]), tuple(given_variables(options)), not has_command, False
    )


def pyxis_image(rest: Sequence[Word]) -> Word | None:
    """Return the image of `srun --container-image`; None for files and where none is named."""
    named = option_value(rest, "--container-image")
    if named is None or named.text.endswith((".sqsh", ".sqfs", ".squashfs")) or named.text[:1] in "/.":
        return None
    # Pyxis writes `registry#repository:tag`.
    scheme = re.match(_REGISTRY, named.text)
    host = named.text.find("#")
    start = host + 1 if host >= 0 else scheme.end() if scheme else 0
    return named.slice(start) if named.is_known else named
