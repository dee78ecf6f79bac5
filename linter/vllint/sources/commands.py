"""Which of a command's words start a vLLM server, through wrappers and containers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from vllint.sources.carriers import CARRIERS, carried_by, given_variables, is_elsewhere, option_value
from vllint.sources.containers import (
    ContainerRun,
    claim_with_environment,
    container_run,
    gpus_option,
    image_entry_point,
    run_environment,
)
from vllint.sources.image_families import family_entry_point
from vllint.sources.image_runs import APPTAINER, ImageRun, apptainer_run, kubectl_run, pyxis_image
from vllint.sources.shell_arguments import joined, script_place
from vllint.vllm.wrappers import handed_on
from vllint_schemas import Container, EntryPoint, Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, AllGpus

_MODULES = {
    "vllm.entrypoints.openai.api_server": EntryPoint.API_SERVER,
    # The plain server of older releases: fewer options of its own, the same of the engine.
    "vllm.entrypoints.api_server": EntryPoint.API_SERVER,
    "vllm.entrypoints.cli.main": EntryPoint.SERVE,
    "dynamo.vllm": EntryPoint.DYNAMO,
    "huggingfaceserver": EntryPoint.HUGGINGFACE_SERVER,
}
_SERVER_MODULES = frozenset(name for name, entry in _MODULES.items() if entry is EntryPoint.API_SERVER)
_PYTHON = r"(?:.*/)?python[0-9.]*"
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

_MODULE_FILES = ("vllm/entrypoints/openai/api_server.py", "vllm/entrypoints/api_server.py")
_QUESTIONS = frozenset({"--help", "-h", "--help=all"})
"""Options with which vLLM answers and ends."""

_PROGRAM_NAME = r"vllm(?:@[0-9][0-9A-Za-z.]*)?"
_PROGRAM = r"vllm|python[0-9.]*|bash|sh|uv|conda|apptainer|singularity|docker|podman"
_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ash"})
_CONTAINER_TOOLS = frozenset({"docker", "podman", "nerdctl"})
_ADDERS = frozenset({"xargs", "parallel"})
_STEPS = frozenset({"srun", "sbatch"})
_RUNNERS = (
    _CONTAINER_TOOLS
    | _SHELLS
    | _ENVIRONMENT_SETTERS
    | CARRIERS
    | APPTAINER
    | _STEPS
    | {"eval", "kubectl", "oc", "gcloud", "shifter"}
)
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

    `launcher` are the words before `argv`, empty when the image starts the server. `cut_off` and `not_found`
    are as in Launch.
    """

    entry_point: EntryPoint
    argv: tuple[Word, ...]
    at: Span
    surroundings: Surroundings
    launcher: tuple[Word, ...] = ()
    cut_off: tuple[Word, ...] = ()
    not_found: Word | None = None

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
        if name in _ADDERS:
            words = (*words[: position + 1], *_with_additions(word, words[position + 1 :]))
        if rest:
            inner = _in_image(name, rest, surroundings)
            if inner is not None:
                yield from inner
                return
            script = _script(word, rest, surroundings)
            if script is not None:
                yield script
                return
        start = _server(words, position, surroundings)
        if start is not None:
            if not _only_asks(start.argv):
                yield start
            return
        if rest:
            surroundings = _behind(name, rest, surroundings)


def _only_asks(argv: Sequence[Word]) -> bool:
    """Whether the words ask for help, or for nothing but the release: with a model, vLLM refuses that."""
    return [word.text for word in argv] == ["--version"] or any(word.text in _QUESTIONS for word in argv)


def _with_additions(adder: Word, words: Sequence[Word]) -> Iterator[Word]:
    """Yield the words behind `xargs`, and what it adds to them."""
    reason = f"`{adder.text}` puts in what it reads"
    for word in words:
        yield Word.unknown(reason, word.site) if "{}" in word.text else word
    yield Word.unknown(reason, adder.site, splits=True)


def _behind(name: str, rest: Sequence[Word], around: Surroundings) -> Surroundings:
    """Return what surrounds the words behind a wrapper."""
    if name in _ENVIRONMENT_SETTERS:
        return around.with_variables(_assignments(rest))
    if is_elsewhere(name, rest):
        return Surroundings(shell=around.shell).with_variables(given_variables(rest))
    if name == "shifter":
        image = option_value(rest[: _command_place(rest)], "--image", "-i")
        return around if image is None else around._replace(image=image)
    if name in _STEPS:
        from vllint.sources.slurm import step_gpus

        options = [word for word in rest if not word.splits][: _command_place(rest)]
        count = step_gpus(options)
        image = pyxis_image(options)
        return around._replace(
            gpu_count=around.gpu_count if count is None else count,
            image=around.image if image is None else image,
        )
    return around


def _command_place(words: Sequence[Word]) -> int:
    """Return where the options of `srun` end: at a program that starts servers, or scripts."""
    programs = (at for at, word in enumerate(words) if re.fullmatch(_PROGRAM, word.text.rsplit("/", 1)[-1]))
    return next(programs, len(words))


def _in_image(name: str, rest: Sequence[Word], around: Surroundings) -> Iterator[Start | Script] | None:
    """Return what a container tool starts in an image, None if the words are of something else."""
    if name in _CONTAINER_TOOLS and len(rest) > 1:
        run = _run_words(rest)
        return None if run is None else _in_container(run, around.environment)
    if name in APPTAINER:
        return _in_image_run(name, apptainer_run(rest), around)
    if name in ("kubectl", "oc") and rest[0].text == "run":
        return _in_image_run(name, kubectl_run(rest[1:]), around)
    if name == "gcloud" and "ssh" not in [word.text for word in rest[:3]]:
        return _on_cloud_run(rest)
    return None


def _on_cloud_run(words: Sequence[Word]) -> Iterator[Start | Script] | None:
    from vllint.sources.gcloud import cloud_run

    run = cloud_run(words)
    if run is None:
        return None
    around = Surroundings(gpu_count=run.gpu_count, image=run.image).with_variables(run.variables)
    return container_starts(run.command or None, run.arguments, around, run.image.site)


def _in_image_run(name: str, run: ImageRun | None, around: Surroundings) -> Iterator[Start | Script] | None:
    if run is None:
        return None
    inside = around if run.keeps_variables else Surroundings(shell=around.shell)
    if name in APPTAINER and not any(v.name == "CUDA_VISIBLE_DEVICES" for v in around.environment):
        # The machine's GPUs are the container's, whatever becomes of the variables.
        inside = inside._replace(gpu_count=around.gpu_count)
    inside = inside._replace(image=run.named).with_variables(run.variables)
    if run.starts_itself:
        found = container_starts(None, run.arguments, inside, run.named.site)
    else:
        found = starts_in(run.arguments, inside._replace(image_entry_point=None))
    return (one._replace(surroundings=one.surroundings._replace(image=run.image)) for one in found)


def _server(words: Sequence[Word], position: int, surroundings: Surroundings) -> Start | None:
    """Return the server that the word at `position` starts, if it does."""
    if _runs_module_file(words, position):
        place = words[position].site
        launcher = tuple(words[: position + 1])
        return Start(EntryPoint.API_SERVER, tuple(words[position + 1 :]), place, surroundings, launcher)
    if position + 1 >= len(words):
        return None
    word, following = words[position], words[position + 1]
    if following.text in _SERVER_MODULES and re.fullmatch(_PYTHON, word.text):
        launcher, argv = tuple(words[: position + 2]), tuple(words[position + 2 :])
        at, entry_point = following.site, _MODULES[following.text]
        return Start(entry_point, argv, at, surroundings, launcher, not_found=following)
    if following.text != "serve" and word.text != "-m":
        return None
    argv = tuple(words[position + 2 :])
    if _is_program(word) and following.text == "serve":
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
    return Start(entry_point, handed_on(argv, entry_point), following.site, surroundings, launcher)


def _is_program(word: Word) -> bool:
    """Whether a word is vLLM's program, perhaps by a variable that the file does not set."""
    name = word.text.rsplit("/", 1)[-1]
    if not name and word.holes:
        return "vllm" in word.reason.lower()
    return re.fullmatch(_PROGRAM_NAME, name) is not None


def _runs_module_file(words: Sequence[Word], position: int) -> bool:
    """Whether Python runs the server's module by its place."""
    if not words[position].text.endswith(_MODULE_FILES):
        return False
    before = words[:position]
    return not before or any(
        word.text.rsplit("/", 1)[-1].startswith("python") or (word.holes and not word.text) for word in before
    )


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
    inside = around._replace(image_entry_point=own)
    found = tuple(starts_in(words, inside)) or tuple(_in_one_word(words, inside))
    yield from found
    if found or entrypoint is not None:
        return
    if own is not None and len(command) > 1 and command[0].text == "serve":
        doubled = around._replace(image_entry_point=own)
        yield Start(EntryPoint.SERVE, command[1:], command[0].site, doubled, command[:1])
        return
    entry_point = own or family_entry_point(command, around.image)
    if entry_point is not None:
        yield Start(entry_point, command, at, around)


def _in_one_word(words: Sequence[Word], around: Surroundings) -> Iterator[Start]:
    """Yield what a container is to start whose program is named together with its arguments."""
    program = words[0] if words else None
    if program is None or program.slot is None or "vllm" not in program.text or program.holes:
        return
    from vllint.text.shell.words import CommandStringError, split_words

    try:
        parts = split_words(program)
    except CommandStringError:
        return
    if len(parts) == 1:
        return
    for start in starts_in((*parts, *words[1:]), around):
        if isinstance(start, Start) and start.launcher and start.launcher[0] is parts[0]:
            doubled = around.image_entry_point is not None
            yield start._replace(launcher=(program,), not_found=None if doubled else program)


def _script(word: Word, rest: Sequence[Word], around: Surroundings) -> Script | None:
    """Return the script that `bash -c` or `eval` runs, when `word` is one of these."""
    name = word.text.rsplit("/", 1)[-1]
    carried = carried_by(name, rest) if name in CARRIERS else None
    if carried is not None:
        if name == "sbatch":
            around = _behind(name, rest, around)
        inside = Surroundings() if carried.elsewhere else around
        return Script(joined(carried.words), inside._replace(shell=around.shell or word))
    if name == "eval" and rest:
        return Script(joined(rest), around._replace(shell=around.shell or word))
    place = script_place(rest) if name in _SHELLS else None
    if place is None:
        return None
    inside = around._replace(shell=around.shell or word)
    # The word behind the script is `$0`.
    return Script(rest[place], inside, tuple(rest[place + 2 :]))


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
