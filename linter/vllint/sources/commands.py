"""Which of a command's words start a vLLM server, through wrappers and containers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from vllint.sources.containers import (
    NO_COUNT_CLAIM,
    ContainerRun,
    claim_with_environment,
    container_run,
    gpus_option,
    image_entry_point,
    run_environment,
)
from vllint_schemas import EntryPoint, Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import AllGpus

_MODULES = {
    "vllm.entrypoints.openai.api_server": EntryPoint.API_SERVER,
    "vllm.entrypoints.cli.main": EntryPoint.SERVE,
}
# fmt: off
_TALKERS = frozenset(
    {
        "echo", "printf", "cat", "log", "info", "warn", "error", "grep", "egrep", "pgrep", "pkill",
        "killall", "which", "type", "man", "alias", "trap", "read", "test", "[", "[[", "tee", "sed",
        "awk",
    }
)
# fmt: on
"""Commands whose arguments are text to them, so that `vllm serve` among them starts nothing."""

_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ash"})
_CONTAINER_TOOLS = frozenset({"docker", "podman", "nerdctl"})


class Surroundings(NamedTuple):
    """What a command runs in: variables set for it, the GPUs it may see, its container's image."""

    environment: tuple[Variable, ...] = ()
    gpu_count: Located[int | AllGpus] | Unknown = NO_COUNT_CLAIM
    image: Word | None = None

    def with_variables(self, variables: Iterable[Variable]) -> Surroundings:
        """Return the same with more variables, which may hide GPUs."""
        added = tuple(variables)
        if not added:
            return self
        environment = self.environment + added
        count = claim_with_environment(self.gpu_count, {v.name: v.value for v in added}, False)
        return self._replace(environment=environment, gpu_count=count)


class Start(NamedTuple):
    """A server start within a command: the words that vLLM parses; `at` is what names the server."""

    entry_point: EntryPoint
    argv: tuple[Word, ...]
    at: Span
    surroundings: Surroundings


class Script(NamedTuple):
    """A shell text among the words, as `bash -c` takes it."""

    text: Word
    surroundings: Surroundings


def starts_in(words: Sequence[Word], surroundings: Surroundings) -> Iterator[Start | Script]:
    """Yield what a simple command starts."""
    if not words or words[0].text in _TALKERS:
        return
    for position, word in enumerate(words):
        name = word.text.rsplit("/", 1)[-1]
        rest = words[position + 1 :]
        if name in _CONTAINER_TOOLS and len(rest) > 1:
            run = _run_words(rest)
            if run is not None:
                yield from _in_container(run)
                return
        script = _script_argument(rest) if name in _SHELLS else None
        if name == "eval" and rest:
            script = _joined(rest)
        if script is not None:
            yield Script(script, surroundings)
            return
        start = _server(words, position, surroundings)
        if start is not None:
            yield start
            return
        if name == "env":
            surroundings = surroundings.with_variables(_assignments(rest))


def _server(words: Sequence[Word], position: int, surroundings: Surroundings) -> Start | None:
    """Return the server that the word at `position` starts, if it does."""
    if position + 1 >= len(words):
        return None
    word, following = words[position], words[position + 1]
    argv = tuple(words[position + 2 :])
    if word.text.rsplit("/", 1)[-1] == "vllm" and following.text == "serve":
        return Start(EntryPoint.SERVE, argv, word.site.cover(following.site), surroundings)
    if word.text != "-m" or following.text not in _MODULES:
        return None
    entry_point = _MODULES[following.text]
    if entry_point is EntryPoint.SERVE:
        if not argv or argv[0].text != "serve":
            return None
        argv = argv[1:]
    return Start(entry_point, argv, following.site, surroundings)


def _run_words(rest: Sequence[Word]) -> ContainerRun | None:
    """Read `run ...` and `container run ...`."""
    texts = [word.text for word in rest[:2]]
    if texts[0] in {"run", "create"}:
        return container_run(rest[1:])
    if texts == ["container", "run"]:
        return container_run(rest[2:])
    return None


def _in_container(run: ContainerRun) -> Iterator[Start | Script]:
    environment = run_environment(run)
    gpus = run.last("--gpus")
    runtime = run.last("--runtime")
    claim = gpus_option(gpus) if gpus is not None else NO_COUNT_CLAIM
    nvidia = runtime is not None and runtime.text == "nvidia"
    variables = {variable.name: variable.value for variable in environment}
    count = claim_with_environment(claim, variables, nvidia)
    surroundings = Surroundings(environment, count, run.image)
    entry = run.last("--entrypoint")
    words = ((entry,) if entry is not None and entry.text else ()) + run.arguments
    found = tuple(starts_in(words, surroundings))
    yield from found
    entry_point = image_entry_point(run.image)
    if not found and entry is None and entry_point is not None:
        yield Start(entry_point, run.arguments, run.image.site, surroundings)


def _script_argument(rest: Sequence[Word]) -> Word | None:
    """Return the text that a shell's `-c` takes."""
    for position, word in enumerate(rest):
        if not word.text.startswith("-") or word.text == "--":
            return None
        if not word.text.startswith("--") and word.text.endswith("c"):
            return rest[position + 1] if position + 1 < len(rest) else None
    return None


def _joined(words: Sequence[Word]) -> Word:
    """Return `words` with blanks between, as `eval` joins them."""
    site = words[0].site.cover(words[-1].site)
    parts: list[Word] = []
    for word in words:
        if parts:
            parts.append(Word.atomic(" ", word.site))
        parts.append(word)
    return Word.join(parts, site)


def _assignments(words: Sequence[Word]) -> Iterator[Variable]:
    """Yield the `NAME=value` words that `env` takes before its command."""
    for word in words:
        name, equals, _ = word.text.partition("=")
        if not equals or name.startswith("-"):
            return
        yield Variable(name, word.slice(len(name) + 1))
