"""Scripts that a container is started with, and that stand in files at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from vllint.sources.commands import Script, Surroundings
from vllint_schemas import Word

FileAt = Callable[[str], Word | None]
"""Returns the text of the file at a path of the container, if it is at hand."""

# fmt: off
_RUNNERS = frozenset(
    {
        "bash", "sh", "dash", "ash", "zsh", "exec", "command", "env", "nohup", "setsid", "time", "tini",
        "dumb-init", "catatonit", "sudo", "stdbuf", "--",
    }
)
# fmt: on
"""Words that may stand before the path of a script that they run, besides their options."""

_WORDS_BEFORE = 6
"""How many words may stand before a script's path, as in `tini -g -- bash -x /start.sh`."""


def script_files(
    words: Sequence[Word], around: Surroundings, environment: Mapping[str, Word], file_at: FileAt
) -> Iterator[Script]:
    """Yield the scripts that a container's words run, straight or from the text of `bash -c`.

    The words behind a script's path are its parameters.
    """
    if not words or words[0].text.startswith("-"):
        return
    text = _command_text(words)
    if text is None:
        yield from _first_script(words, around, file_at)
        return
    if "/" not in text.text and ".sh" not in text.text:
        return
    from vllint.text.shell.commands import evaluate

    for command in evaluate(text, environment):
        yield from _first_script(command.words, around.with_variables(command.env), file_at)


def _command_text(words: Sequence[Word]) -> Word | None:
    """Return the text that a shell is given by `-c`."""
    for position, word in enumerate(words[:_WORDS_BEFORE]):
        letters = word.text.removeprefix("-")
        if letters != word.text and letters.isalpha() and "c" in letters and position:
            is_shell = words[position - 1].text.endswith("sh") or words[0].text.endswith("sh")
            return words[position + 1] if is_shell and position + 1 < len(words) else None
    return None


def _first_script(words: Sequence[Word], around: Surroundings, file_at: FileAt) -> Iterator[Script]:
    for position, word in enumerate(words[:_WORDS_BEFORE]):
        if word.is_known and _is_before(word.text):
            continue
        text = file_at(word.text) if word.is_known and _may_be_script(word.text) else None
        if text is None:
            return
        given = tuple(words[position + 1 :])
        if _is_shell_text(text.text) and _names_server(text, given):
            yield Script(text, around._replace(shell=word), given)
        return


def _is_before(text: str) -> bool:
    """Whether a word may stand before a script's path: what runs it, an option, a variable for `env`."""
    return text.rsplit("/", 1)[-1] in _RUNNERS or text.startswith("-") or "=" in text


def _may_be_script(path: str) -> bool:
    return "/" in path or path.endswith((".sh", ".bash"))


def _is_shell_text(text: str) -> bool:
    """Whether a file is a shell script: what runs it is named in its first line, the shell if nothing is."""
    first = text.lstrip("\ufeff").partition("\n")[0]
    return "\0" not in text and (not first.startswith("#!") or "sh" in first.split("/")[-1])


def _names_server(text: Word, given: Sequence[Word]) -> bool:
    return "vllm" in text.text or any("vllm" in word.text for word in given)
