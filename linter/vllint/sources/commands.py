"""Which of a command's words start a vLLM server, through wrappers and containers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from vllint.sources.containers import (
    ContainerRun,
    claim_with_environment,
    container_run,
    gpus_option,
    image_entry_point,
    run_environment,
)
from vllint.vllm.version import split_image
from vllint_schemas import Container, EntryPoint, Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, AllGpus

_MODULES = {
    "vllm.entrypoints.openai.api_server": EntryPoint.API_SERVER,
    # The plain server of older releases: fewer options of its own, the same of the engine.
    "vllm.entrypoints.api_server": EntryPoint.API_SERVER,
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

_ENVIRONMENT_SETTERS = frozenset({"env", "sudo"})
_OPTIONS_WITH_VALUE = frozenset(
    {"-u", "--unset", "--user", "-C", "--chdir", "-g", "--group", "-D", "-h", "-p"}
)
"""Options of `env` and `sudo` whose value is a word of its own."""

_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ash"})
_CONTAINER_TOOLS = frozenset({"docker", "podman", "nerdctl"})
_RUNNERS = _CONTAINER_TOOLS | _SHELLS | _ENVIRONMENT_SETTERS | {"eval"}
"""Commands of which the words behind them matter."""


class Surroundings(NamedTuple):
    """What a command runs in: variables set for it, the GPUs it may see, its container's image.

    `image_entry_point` is what the image itself puts before the command's words, `shell` the word that
    runs the script the command stands in. `container` is what `docker run` gives its container; `detached`
    says that it leaves the container in the background.
    """

    environment: tuple[Variable, ...] = ()
    gpu_count: Located[int | AllGpus] | Unknown = NO_COUNT_CLAIM
    image: Word | None = None
    image_entry_point: EntryPoint | None = None
    shell: Word | None = None
    container: Container | None = None
    detached: bool = False

    def with_variables(self, variables: Iterable[Variable]) -> Surroundings:
        """Return the same with more variables, which may hide GPUs."""
        added = tuple(variables)
        if not added:
            return self
        environment = self.environment + added
        count = claim_with_environment(self.gpu_count, {v.name: v.value for v in added}, False)
        return self._replace(environment=environment, gpu_count=count)


class Start(NamedTuple):
    """A server start within a command: the words that vLLM parses; `at` is what names the server.

    `launcher` are the words before `argv`, empty when the image starts the server.
    """

    entry_point: EntryPoint
    argv: tuple[Word, ...]
    at: Span
    surroundings: Surroundings
    launcher: tuple[Word, ...] = ()

    @property
    def repeated_launcher(self) -> tuple[Word, ...]:
        """The words that start vLLM once more than the image does: the shell's name, or the launcher."""
        around = self.surroundings
        if around.image_entry_point is None:
            return ()
        return self.launcher if around.shell is None else (around.shell,)


class Script(NamedTuple):
    """A shell text among the words, as `bash -c` takes it, and the words behind it: `$1` and so on."""

    text: Word
    surroundings: Surroundings
    parameters: tuple[Word, ...] | None = None


def starts_in(words: Sequence[Word], surroundings: Surroundings) -> Iterator[Start | Script]:
    """Yield what a simple command starts."""
    if not words or words[0].text in _TALKERS:
        return
    for position, word in enumerate(words):
        name = word.text.rsplit("/", 1)[-1]
        rest: Sequence[Word] = words[position + 1 :] if name in _RUNNERS else ()
        if name in _CONTAINER_TOOLS and len(rest) > 1:
            run = _run_words(rest)
            if run is not None:
                yield from _in_container(run, surroundings.environment)
                return
        script = _script(word, rest, surroundings) if rest else None
        if script is not None:
            yield script
            return
        start = _server(words, position, surroundings)
        if start is not None:
            yield start
            return
        if name in _ENVIRONMENT_SETTERS:
            surroundings = surroundings.with_variables(_assignments(rest))


def _server(words: Sequence[Word], position: int, surroundings: Surroundings) -> Start | None:
    """Return the server that the word at `position` starts, if it does."""
    if position + 1 >= len(words):
        return None
    word, following = words[position], words[position + 1]
    if following.text != "serve" and word.text != "-m":
        return None
    argv = tuple(words[position + 2 :])
    if word.text.rsplit("/", 1)[-1] == "vllm" and following.text == "serve":
        at = word.site.cover(following.site)
        return Start(EntryPoint.SERVE, argv, at, surroundings, tuple(words[: position + 2]))
    if word.text != "-m" or following.text not in _MODULES:
        return None
    entry_point = _MODULES[following.text]
    launcher = tuple(words[: position + 2])
    if entry_point is EntryPoint.SERVE:
        if not argv or argv[0].text != "serve":
            return None
        launcher, argv = (*launcher, argv[0]), argv[1:]
    return Start(entry_point, argv, following.site, surroundings, launcher)


def _run_words(rest: Sequence[Word]) -> ContainerRun | None:
    """Read `run ...` and `container run ...`."""
    texts = [word.text for word in rest[:2]]
    if texts[0] in {"run", "create"}:
        return container_run(rest[1:])
    if texts == ["container", "run"]:
        return container_run(rest[2:])
    return None


def _in_container(run: ContainerRun, outside: tuple[Variable, ...]) -> Iterator[Start | Script]:
    environment = run_environment(run, outside)
    gpus = run.last("--gpus")
    runtime = run.last("--runtime")
    claim = gpus_option(gpus) if gpus is not None else NO_COUNT_CLAIM
    nvidia = runtime is not None and runtime.text == "nvidia"
    variables = {variable.name: variable.value for variable in environment}
    count = claim_with_environment(claim, variables, nvidia)
    from vllint.sources.run_container import options_container, runs_in_background

    surroundings = Surroundings(
        environment,
        count,
        run.image,
        container=options_container(run, environment),
        detached=runs_in_background(run),
    )
    entry = run.last("--entrypoint")
    entrypoint = None if entry is None else ((entry,) if entry.text else ())
    yield from container_starts(entrypoint, run.arguments, surroundings, run.image.site)


def container_starts(
    entrypoint: tuple[Word, ...] | None, command: tuple[Word, ...], around: Surroundings, at: Span
) -> Iterator[Start | Script]:
    """Yield what a container starts; without an `entrypoint` the image's own counts.

    `at` is the place to point at when no word names the server.
    """
    own = image_entry_point(around.image) if entrypoint is None else None
    words = (entrypoint or ()) + command
    found = tuple(starts_in(words, around._replace(image_entry_point=own)))
    yield from found
    if found or entrypoint is not None:
        return
    if own is not None and len(command) > 1 and command[0].text == "serve":
        doubled = around._replace(image_entry_point=own)
        yield Start(EntryPoint.SERVE, command[1:], command[0].site, doubled, command[:1])
        return
    entry_point = own or _family_entry_point(command, around.image)
    if entry_point is not None:
        yield Start(entry_point, command, at, around)


def _family_entry_point(command: tuple[Word, ...], image: Word | None) -> EntryPoint | None:
    """Return what an image derived from vLLM's most likely starts, going by what it is given."""
    if image is None or not command or not image.is_known:
        return None
    name = split_image(image.text).repository.rsplit("/", 1)[-1]
    first = command[0].text
    if name.startswith("vllm-openai") and "/" in first and not first.startswith(("-", "/")):
        return EntryPoint.SERVE
    names_model = any(word.text == "--model" or word.text.startswith("--model=") for word in command)
    return EntryPoint.API_SERVER if "vllm" in name and first.startswith("--") and names_model else None


def _script(word: Word, rest: Sequence[Word], around: Surroundings) -> Script | None:
    """Return the script that `bash -c` or `eval` runs, when `word` is one of these."""
    name = word.text.rsplit("/", 1)[-1]
    if name == "eval" and rest:
        return Script(_joined(rest), around._replace(shell=around.shell or word))
    place = _script_place(rest) if name in _SHELLS else None
    if place is None:
        return None
    inside = around._replace(shell=around.shell or word)
    # The word behind the script is `$0`.
    return Script(rest[place], inside, tuple(rest[place + 2 :]))


def _script_place(rest: Sequence[Word]) -> int | None:
    """Return which of a shell's arguments is the text of its `-c`: the first that is no option."""
    takes_text = False
    position = 0
    while position < len(rest):
        text = rest[position].text
        if text == "--":
            position += 1
            break
        if len(text) < 2 or text[0] not in "-+":
            break
        letters = "" if text.startswith("--") else text[1:]
        takes_text = takes_text or (text[0] == "-" and "c" in letters)
        # `-o pipefail`, `-O extglob`, `--rcfile FILE` take a word of their own.
        position += 2 if set("oO") & set(letters) or text in {"--rcfile", "--init-file"} else 1
    return position if takes_text and position < len(rest) else None


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
    """Yield the `NAME=value` words that `env` and `sudo` take before their command, options passed over."""
    remaining = iter(words)
    for word in remaining:
        if word.text.startswith("-"):
            if word.text in _OPTIONS_WITH_VALUE:
                next(remaining, None)
            continue
        name, equals, _ = word.text.partition("=")
        if not equals:
            return
        yield Variable(name, word.slice(len(name) + 1))
