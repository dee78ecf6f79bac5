"""One file at a time: from its text to findings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vllint.facts import LaunchFacts, Release
from vllint.hardware.processors import without_other_cards
from vllint.hardware.resolve import Machine, parse_machine, resolve_hardware
from vllint.memory.estimate import known_card
from vllint.memory.recurring import recurring_estimate
from vllint.models.resolve import ModelSources, Surroundings, resolve_model
from vllint.neighbours import Neighbour
from vllint.rule_run import Unchecked, heed_comments, run_rules
from vllint.settings import Settings
from vllint.shared_gpus import gpu_mates, machine_mates
from vllint.sources.directives import Directive, Stated, read_directives, stated_for
from vllint.sources.readers import Reading, read_command, read_source
from vllint.text.source import SourceText
from vllint.vllm.engine_args import engine_args
from vllint.vllm.mistakes import mistakes_in
from vllint.vllm.options import nearest
from vllint.vllm.parallel import parallel_sizes
from vllint.vllm.releases import as_of, releases
from vllint.vllm.version import split_image
from vllint.vllm.wrappers import FORKS, WRAPPERS
from vllint_schemas import (
    EngineArgs,
    Finding,
    Gpu,
    Launch,
    Located,
    MemoryEstimate,
    ModelFacts,
    Origin,
    SourceProblem,
    Unknown,
    Variable,
    Word,
)
from vllint_schemas.parallel import Parallel

if TYPE_CHECKING:
    from vllint.rule_index import AnyRule


class Assumptions(NamedTuple):
    """What is stated from outside the file: on the command line, in settings, by a caller."""

    machines: tuple[Machine, ...] = ()
    vllm_versions: tuple[Located[str], ...] = ()
    models: ModelSources = ModelSources()
    env_files: tuple[SourceText, ...] | None = None
    heeds_comments: bool = True


class Judged(NamedTuple):
    """What came of one file."""

    path: str
    kinds: tuple[str, ...]
    launches: tuple[LaunchFacts, ...]
    findings: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    sources: Mapping[str, str]


def judge_source(
    source: SourceText,
    neighbour: Neighbour,
    rules: Sequence[AnyRule],
    settings: Settings,
    assumptions: Assumptions,
) -> Judged:
    """Judge a file. `neighbour` reads files beside it; what it reads is kept for fixes and frames."""
    texts = {source.path: source.text, **{file.path: file.text for file in assumptions.env_files or ()}}
    reading = read_source(source, _remembering(neighbour, texts), assumptions.env_files)
    found = _Found(source.path, source.text, reading, texts, neighbour)
    return _judge(found, rules, settings, assumptions)


def judge_command(
    command: Word,
    environment: tuple[Variable, ...],
    neighbour: Neighbour,
    rules: Sequence[AnyRule],
    settings: Settings,
    assumptions: Assumptions,
) -> Judged:
    """Judge a command given as text, in an environment; `neighbour` reads files of its folder."""
    path, text = command.site.path, command.text
    texts = {path: text}
    reading = read_command(command, environment, _remembering(neighbour, texts))
    found = _Found(path, text, reading, texts, neighbour)
    return _judge(found, rules, settings, assumptions)


def _remembering(neighbour: Neighbour, texts: dict[str, str]) -> Neighbour:
    """Return a reader of the same files that puts what it reads into `texts`."""

    def read(name: str) -> SourceText | None:
        found = neighbour(name)
        if found is not None and not name.endswith("/"):
            texts[found.path] = found.text
        return found

    return read


def judge_unreadable(problem: SourceProblem, rules: Sequence[AnyRule], settings: Settings) -> Judged:
    """Judge a file that is no text."""
    found = _Found(problem.span.path, "", Reading(problems=(problem,)), {}, lambda name: None)
    return _judge(found, rules, settings, Assumptions())


class _Found(NamedTuple):
    """What was read of a file, with the texts involved, and the reader of files beside it."""

    path: str
    text: str
    reading: Reading
    texts: Mapping[str, str]
    neighbour: Neighbour


def _judge(found: _Found, rules: Sequence[AnyRule], settings: Settings, assumptions: Assumptions) -> Judged:
    path, reading, texts = found.path, found.reading, found.texts
    launches = _facts(found, assumptions) if reading.launches else ()
    said = run_rules(launches, reading.problems, rules, settings)
    findings = said.findings
    if assumptions.heeds_comments:
        findings = heed_comments(said, path, texts, launches, rules, settings)
    unread = (Unchecked(path, "format", reading.unread),) if reading.unread else ()
    return Judged(path, reading.kinds, launches, findings, said.unchecked + unread, texts)


def _facts(found: _Found, assumptions: Assumptions) -> tuple[LaunchFacts, ...]:
    launches, text = found.reading.launches, found.text
    directives = read_directives(text, found.path)
    facts = [
        launch_facts(
            launch,
            _stated(launch, launches, directives, text),
            found.texts,
            assumptions,
            Surroundings(found.neighbour, launch.host_path),
        )
        for launch in launches
    ]
    if len(facts) == 1:
        # Alone in its file: it shares nothing.
        return tuple(facts)
    mates = zip(facts, machine_mates(facts), gpu_mates(facts), strict=True)
    return tuple(one._replace(machine_mates=machine, gpu_mates=gpus) for one, machine, gpus in mates)


def _stated(
    launch: Launch, launches: tuple[Launch, ...], directives: Sequence[Directive], text: str
) -> Stated:
    return stated_for(launch, launches, directives, text) if directives else Stated((), ())


def launch_facts(
    launch: Launch,
    stated: Stated,
    texts: Mapping[str, str],
    assumptions: Assumptions,
    around: Surroundings | None = None,
) -> LaunchFacts:
    """Work out everything there is to know about a launch."""
    release = _release(launch, stated, assumptions)
    args = engine_args(launch.argv, launch.entry_point, release.judged, launch.config)
    own = [machine for directive in stated.launch if (machine := _machine(directive))]
    shared = tuple(machine for directive in stated.file if (machine := _machine(directive)))
    hardware = resolve_hardware(launch.hardware, own[-1] if own else None, shared + assumptions.machines)
    hardware = without_other_cards(hardware, launch.image)
    model = resolve_model(args, assumptions.models, around)
    parallel = parallel_sizes(args)
    assumed = isinstance(release.stated, Unknown)
    memory = _memory(model, parallel, args, known_card(hardware.gpu), assumed)
    mistakes = mistakes_in(launch, args)
    facts = LaunchFacts(launch, args, release, hardware, model, parallel, memory, texts, mistakes=mistakes)
    if args.given("lora_modules") is None:
        return facts
    from vllint.models.adapters import adapters_of

    return facts._replace(adapters=adapters_of(args, around))


def _machine(directive: Directive) -> Machine | None:
    if directive.gpu is None:
        return None
    return parse_machine(directive.gpu.value, directive.gpu.span, Origin.DIRECTIVE)


def _release(launch: Launch, stated: Stated, assumptions: Assumptions) -> Release:
    """Return the release to judge by: directives, then the file, then what is stated from outside."""
    directives = [directive.vllm for directive in (*stated.launch, *stated.file) if directive.vllm]
    own = launch.vllm_version
    candidates = [
        *((found, "directive") for found in directives[:1]),
        *([(own, _version_source(launch))] if isinstance(own, Located) else []),
        *((found, found.origin.value) for found in assumptions.vllm_versions),
    ]
    if not candidates:
        reason = own if isinstance(own, Unknown) else Unknown("no release is stated")
        return Release(releases()[-1], reason, "newest known", _fork(launch))
    version, source = candidates[0]
    judged, exact = nearest(version.value)
    doubt = (
        ""
        if exact
        else f"vLLM {version.value} has no table of its own; the nearest is that of {judged}{as_of()}"
    )
    return Release(judged, version, source, doubt or _fork(launch))


def _fork(launch: Launch) -> str:
    """Say so when not vLLM's own parser, or not its own image, takes the words: other options may exist."""
    wrapper = WRAPPERS.get(launch.entry_point)
    if wrapper is not None:
        return f"{wrapper.program} has options of its own"
    fork = next((FORKS[word.text] for word in launch.argv if word.text in FORKS), None)
    if fork is not None:
        return f"{fork} has options of its own"
    image = launch.image
    if image is None or not image.text:
        return ""
    name = split_image(image.text)
    if any(hole.at <= len(name.repository) for hole in image.holes):
        return ""
    if not name.is_official:
        return f"the image `{name.repository}` may hold another build"
    if not image.is_known:
        return ""
    special = isinstance(launch.vllm_version, Unknown) and not re.match(_NEWEST, name.tag)
    return f"the tag `{name.tag}` may stand for any build" if special else ""


_NEWEST = r"$|latest|nightly"
"""Tags of builds that are about as new as the newest release."""


def _version_source(launch: Launch) -> str:
    version = launch.vllm_version
    if launch.image is not None and isinstance(version, Located) and version.value in launch.image.text:
        return "image tag"
    return "pip pin"


def _memory(
    model: ModelFacts | Unknown,
    parallel: Parallel | Unknown,
    args: EngineArgs,
    gpu: Gpu | Unknown,
    assumed: bool,
) -> MemoryEstimate | Unknown:
    if isinstance(model, Unknown):
        return model
    if isinstance(parallel, Unknown):
        return parallel
    return recurring_estimate(model, parallel, args, gpu, assumed)
