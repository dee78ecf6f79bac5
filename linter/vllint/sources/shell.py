"""Shell scripts: the servers that their commands start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from posixpath import normpath
from typing import TYPE_CHECKING, NamedTuple

from vllint.neighbours import Neighbour
from vllint.sources.broken_lines import cut_off_options
from vllint.sources.carriers import is_elsewhere, reads_script
from vllint.sources.commands import Script, Start, Surroundings, starts_in
from vllint.vllm.version import image_version
from vllint_schemas import (
    HardwareClaim,
    Kind,
    Launch,
    Located,
    SourceProblem,
    Span,
    Unknown,
    Variable,
    Word,
)
from vllint_schemas.launch import NO_GPU_CLAIM

if TYPE_CHECKING:
    from vllint.sources.dockerfile.stages import Stage
    from vllint.sources.slurm import Job
    from vllint.text.shell.walk import Command

_MAX_DEPTH = 6
# fmt: off
_ENDERS = frozenset(
    {
        "wait", "kill", "pkill", "killall", "fuser", "fg", "stop", "rm", "down", "restart", "quit",
        "kill-session", "kill-server", "kill-window",
    }
)
# fmt: on
"""Commands, of the shell and of docker, that may end servers started before them."""

_ELSEWHERE = frozenset(
    {"ssh", "pdsh", "clush", "srun", "mpirun", "mpiexec", "kubectl", "oc", "docker", "podman", "nerdctl"}
)
"""Commands that may start what they are given on another machine, or in a container of its own."""

_DEPLOYERS = frozenset({"hf", "huggingface-cli"})

_PIN = r"^vllm(?:\[[^\]]*\])?(?:==|@)([0-9][0-9A-Za-z.]*)$"
_INSTALLERS = frozenset({"install", "add", "--with", "--from", "uvx"})
_SCRIPT_FILE = r"\.(?:sh|bash|slurm|sbatch)$"
_SHEBANG = r"\s*#!.*\b(?:ba|da|z|k)?sh\b"
_READ_BY_SERVERS = (
    r"VLLM|CUDA|NVIDIA|HIP_|ROC|ASCEND|GPU|ZE_|HF_|HUGGING|TRANSFORMERS|TOKENIZERS|NCCL|PYTORCH|TORCH|RAY_"
    r"|OMP_|LMCACHE|FLASH|TRITON|SAFETENSORS|MODELSCOPE"
)
"""Names of variables by which servers with the same words may differ; scripts export many for others."""

_OWN_FOLDER = r"dirname|BASH_SOURCE|\$0"


NO_RELEASE_IN_SCRIPT = Unknown("the script does not name a vLLM release")


class ScriptStart(NamedTuple):
    """A server start in a script, the command it stands in, and the release the script installs.

    `broken` says that the shell text there is not valid, so that the words may be wrong; `together` is as
    in Launch, `gpu` the card that a Slurm job asks for and `nodes` its nodes.
    """

    start: Start
    extent: Span
    pinned: Located[str] | Unknown
    broken: bool = False
    together: str | None = None
    gpu: Located[str] | Unknown = NO_GPU_CLAIM
    nodes: Located[int] | Unknown | None = None


def script_starts(
    script: Script, variables: Mapping[str, Word], depth: int = 0, neighbour: Neighbour | None = None
) -> Iterator[ScriptStart]:
    """Yield the servers that `script` and scripts within it may start; `neighbour` reads what it sources."""
    # Most files hold no shell text, and the evaluator is many modules.
    from vllint.text.shell.commands import evaluate

    job = _batch_job(script.text)
    around_all = _within(job, script.surroundings)
    variables = variables if job is None else {**variables, **job.variables}
    pinned: Located[str] | Unknown = NO_RELEASE_IN_SCRIPT
    nodes = None if job is None else job.nodes
    period = 0
    built: dict[str, Stage] = {}
    sourced = None if neighbour is None else lambda word: _sourced(word, neighbour)
    for command in evaluate(script.text, variables, script.parameters, sourced, _may_start):
        if command.extent.path != script.text.site.path:
            continue
        pinned = _pinned(command) or pinned
        if [word.text for word in command.words[:2]] == ["ray", "start"]:
            nodes = Unknown("Ray may place ranks on other machines")
        period += any(word.text in _ENDERS for word in command.words[:3])
        around = around_all.with_variables(v for v in command.env if not v.name.startswith("SLURM_"))
        words = _with_images(command, built, neighbour)
        for found in (*_started(words, around), *_scripts_read(command, around)):
            is_here = command.certain and command.stdin is None and _is_here(command, found)
            together = f"period {period}" if is_here else None
            if isinstance(found, Start):
                whole = found._replace(cut_off=cut_off_options(script.text, command.extent))
                start = ScriptStart(whole, command.extent, pinned, command.broken, together)
                yield start._replace(gpu=_card(job), nodes=nodes)
            elif depth < _MAX_DEPTH:
                for start in _inner_starts(found, variables, command, depth):
                    yield start._replace(
                        together=together if start.together is not None else None,
                        gpu=_card(job) if isinstance(start.gpu, Unknown) else start.gpu,
                        nodes=nodes if start.nodes is None else start.nodes,
                    )
            period += not _is_left_running(command, found, script.text)


def _with_images(command: Command, built: dict[str, Stage], neighbour: Neighbour | None) -> Sequence[Word]:
    """Return a command's words, with images that were built replaced; adds those that it builds."""
    words = command.words
    if neighbour is None or not any(word.text in ("build", "run") for word in words[1:4]):
        return words
    from vllint.sources.built_images import built_images, with_built_images

    built.update(built_images(words, neighbour))
    return with_built_images(words, built) if built else words


def _started(words: Sequence[Word], around: Surroundings) -> Iterator[Start | Script]:
    """Yield what a simple command starts, on this machine or as an endpoint."""
    if words and words[0].text in _DEPLOYERS:
        from vllint.sources.hf_deploy import deploy_starts, is_deploy

        if is_deploy(words):
            return deploy_starts(words, around)
    return starts_in(words, around)


def _within(job: Job | None, around: Surroundings) -> Surroundings:
    """Return what surrounds a script in a Slurm job, which hands out its GPUs."""
    if job is None or not isinstance(around.gpu_count, Unknown):
        return around
    return around._replace(gpu_count=job.claim.gpu_count)


def _may_start(command: Command) -> bool:
    """Whether a command may have to do with vLLM, so that each way of its words counts."""
    return any("vllm" in word.text for word in command.words)


def _batch_job(script: Word) -> Job | None:
    if "#SBATCH" not in script.text:
        return None
    from vllint.sources.slurm import batch_job

    return batch_job(script)


def _card(job: Job | None) -> Located[str] | Unknown:
    return NO_GPU_CLAIM if job is None else job.claim.gpu


def _sourced(word: Word, neighbour: Neighbour) -> Word | None:
    """Return the text of the file that a script sources, if it stands beside the script."""
    path = word.text
    if word.holes:
        [first, *more] = word.holes
        if more or first.at or not path.startswith("/") or not re.search(_OWN_FOLDER, first.reason):
            return None
        path = path.lstrip("/")
    if not path or path.startswith(("/", "~")) or "\0" in path:
        return None
    source = neighbour(normpath(path))
    return None if source is None else Word.verbatim(source.text, source.path, 0)


def _scripts_read(command: Command, around: Surroundings) -> Iterator[Script]:
    """Yield the script that a command reads, or writes to a file for later."""
    text = command.stdin
    if text is None or "vllm" not in text.text:
        return
    first = command.words[0]
    if reads_script(command.words):
        elsewhere = any(is_elsewhere(w.text, command.words[at + 1 :]) for at, w in enumerate(command.words))
        yield Script(text, (Surroundings() if elsewhere else around)._replace(shell=first))
        return
    names = [word.text.rsplit("/", 1)[-1] for word in command.words]
    file = command.written
    if "tee" in names:
        files = [word for word in command.words[names.index("tee") + 1 :] if not word.text.startswith("-")]
        file = files[0] if files else None
    elif "cat" not in names:
        return
    if file is not None and (re.search(_SCRIPT_FILE, file.text) or re.match(_SHEBANG, text.text)):
        yield Script(text, Surroundings(shell=first))


def _is_here(command: Command, found: Start | Script) -> bool:
    """Whether the server runs on the machine of the script, beside what else it starts."""
    if found.surroundings.container is not None:
        return True
    return not any(word.text.rsplit("/", 1)[-1] in _ELSEWHERE for word in command.words)


def _is_left_running(command: Command, found: Start | Script, script: Word) -> bool:
    """Whether the script goes on while the server runs: behind `&`, or in a detached container."""
    if found.surroundings.detached:
        return True
    whole = script.text_span
    if whole is None or command.extent.path != whole.path:
        return False
    following = script.text[command.extent.end - whole.start :].lstrip(" \t")
    return following.startswith("&") and not following.startswith("&&")


def _inner_starts(
    found: Script, variables: Mapping[str, Word], command: Command, depth: int
) -> Iterator[ScriptStart]:
    inner = {**variables, **{variable.name: variable.value for variable in found.surroundings.environment}}
    for start in script_starts(found, inner, depth + 1):
        extent = start.extent.cover(command.extent)
        yield start._replace(extent=extent, broken=start.broken or command.broken)


def _pinned(command: Command) -> Located[str] | None:
    """Return the release that `pip install vllm==...` names."""
    for word in command.words[1:]:
        match = re.match(_PIN, word.text)
        if match and word.is_known and any(earlier.text in _INSTALLERS for earlier in command.words):
            part = word.slice(*match.span(1))
            return Located(match.group(1), part.span, part.origin, part.via)
    return None


def inner_script_starts(found: Script) -> Iterator[ScriptStart]:
    """Yield the starts of a script that a container runs, in the container's environment."""
    variables = {variable.name: variable.value for variable in found.surroundings.environment}
    yield from script_starts(found, variables)


def broken_shell(found: ScriptStart) -> SourceProblem:
    """Return what to say about a start in shell text that is not valid."""
    return SourceProblem("not_parsed", "the shell text that starts vLLM here is not valid", found.extent)


def _content(found: ScriptStart) -> tuple[object, ...]:
    """Return what tells a start from others at the same place, as of a function called twice."""
    start, around = found.start, found.start.surroundings
    read = [variable for variable in around.environment if re.match(_READ_BY_SERVERS, variable.name)]
    words = (*start.argv, *(variable.value for variable in read))
    names = tuple(variable.name for variable in read)
    image = around.image.text if around.image is not None else None
    place = start.argv[0].runs if start.argv else start.at
    return (place, len(start.argv), names, image, tuple((word.text, word.reason) for word in words))


def _launch(found: ScriptStart, path: str, kind: Kind) -> Launch:
    claim = HardwareClaim(found.gpu, found.start.surroundings.gpu_count)
    launch = started_launch(found.start, kind, path, "vllm", found.extent, claim, found.pinned)
    return launch._replace(together=found.together, nodes=found.nodes)


def started_launch(
    start: Start,
    kind: Kind,
    path: str,
    name: str,
    extent: Span,
    hardware: HardwareClaim,
    pinned: Located[str] | Unknown,
) -> Launch:
    """Return the launch of a start in its surroundings; `pinned` is the release where no image brings one."""
    around = start.surroundings
    return Launch(
        path=path,
        name=name,
        kind=kind,
        extent=extent,
        at=start.at,
        entry_point=start.entry_point,
        argv=start.argv,
        hardware=hardware,
        vllm_version=pinned if around.image is None else image_version(around.image),
        env=around.environment,
        image=around.image,
        image_entry_point=around.image_entry_point,
        repeated_launcher=start.repeated_launcher,
        container=around.container,
        in_script=around.shell is not None,
        cut_off=start.cut_off,
        not_found=start.not_found,
    )


def shell_launches(
    script: Word, kind: Kind, environment: tuple[Variable, ...] = (), neighbour: Neighbour | None = None
) -> Iterator[Launch | SourceProblem]:
    """Yield the launches of a script, or of a command given on vllint's own command line.

    A script with `#SBATCH` lines is of the kind "slurm". `neighbour` reads the files that it sources.
    """
    variables = {variable.name: variable.value for variable in environment}
    if kind == "shell" and _batch_job(script) is not None:
        kind = "slurm"
    whole = Script(script, Surroundings().with_variables(environment))
    seen: set[tuple[object, ...]] = set()
    for found in script_starts(whole, variables, neighbour=neighbour):
        content = _content(found)
        if content in seen:
            continue
        if found.together is None:
            seen.add(content)
        if found.broken:
            yield broken_shell(found)
            continue
        yield _launch(found, script.site.path, kind)
