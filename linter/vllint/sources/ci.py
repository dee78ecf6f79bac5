"""Steps of continuous integration that start vLLM: GitHub Actions, GitLab CI and CircleCI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.commands import Surroundings, container_starts
from vllint.sources.containers import image_entry_point
from vllint.sources.files import Document, Found
from vllint.sources.process_launches import process_launches
from vllint.sources.shell import shell_launches
from vllint.sources.yaml_words import scalar_word, scalar_words
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Launch, SourceProblem, Variable, Word

_EXPRESSION = re.compile(r"\$\{\{.*?\}\}|<<\s*(?:parameters|pipeline)\..*?>>", re.DOTALL)
_SCRIPTS = ("before_script", "script", "after_script")
_PLAIN_KEYS = frozenset({"variables", "stages", "default", "include", "workflow", "image", "cache"})


def recognises(root: Node) -> bool:
    """Whether a document has jobs with steps, steps of an action, or jobs with a script."""
    if not isinstance(root, Mapping):
        return False
    return any(True for _ in _step_lists(root)) or any(True for _ in _script_jobs(root))


def launches(document: Document) -> Found:
    """Yield the servers that the steps start, each named after its job."""
    root = document.root
    if not isinstance(root, Mapping):
        return
    outer = tuple(_variables(root.get("env")))
    for name, job, steps in _step_lists(root):
        known = (*outer, *_variables(job.get("env")), *_variables(job.get("environment")))
        for number, step in enumerate(steps):
            for found in _step_launches(step, known):
                yield _named(found, name, f"{name} {number}")
        yield from _service_launches(job.get("docker"), name, known)
    outer = tuple(_variables(root.get("variables")))
    for name, job in _script_jobs(root):
        known = (*outer, *_variables(job.get("variables")))
        script = _joined([word for key in _SCRIPTS for word in _lines(job.get(key))])
        for found in shell_launches(script, "ci", known) if script is not None else ():
            yield _named(found, name, name)
        yield from _service_launches(job.get("services"), name, known)


def _named(found: Launch | SourceProblem, name: str, where: str) -> Launch | SourceProblem:
    """Give a launch its job's name; what runs at the same time is known for one step only."""
    if not isinstance(found, Launch):
        return found
    together = None if found.together is None else f"{where} {found.together}"
    return found._replace(name=name, together=together)


def _step_lists(root: Mapping) -> Iterator[tuple[str, Mapping, tuple[Node, ...]]]:
    """Yield the jobs with steps: name, job, steps."""
    jobs, runs = root.get("jobs"), root.get("runs")
    if isinstance(runs, Mapping) and isinstance(steps := runs.get("steps"), Sequence):
        yield "action", runs, steps.entries
    for key, job in jobs.items() if isinstance(jobs, Mapping) else ():
        steps = job.get("steps") if isinstance(job, Mapping) else None
        if isinstance(key, Scalar) and isinstance(job, Mapping) and isinstance(steps, Sequence):
            yield key.value, job, steps.entries


def _script_jobs(root: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Yield GitLab's jobs: top-level mappings with a `script`."""
    for key, job in root.items():
        if isinstance(key, Scalar) and isinstance(job, Mapping) and key.value not in _PLAIN_KEYS:
            script = job.get("script")
            if isinstance(script, Sequence) or (isinstance(script, Scalar) and _may_be_gitlab(job, root)):
                yield key.value, job


def _may_be_gitlab(job: Mapping, root: Mapping) -> bool:
    """Whether a job whose script is one text is GitLab's: others have keys called `script` too."""
    return (
        any(job.get(key) is not None for key in ("stage", "image", "tags")) or root.get("stages") is not None
    )


def _step_launches(step: Node, known: tuple[Variable, ...]) -> Found:
    """Yield what a step's `run` starts: a text, or in CircleCI a mapping with a `command`."""
    if not isinstance(step, Mapping):
        return
    run = step.get("run")
    own = step
    if isinstance(run, Mapping):
        own, run = run, run.get("command")
    if isinstance(run, Scalar):
        environment = (*known, *_variables(own.get("env")), *_variables(own.get("environment")))
        yield from shell_launches(_with_expressions_unknown(run.word()), "ci", environment)


def _service_launches(services: Node | None, name: str, known: tuple[Variable, ...]) -> Found:
    """Yield the servers among the containers that run beside a job."""
    for service in services if isinstance(services, Sequence) else ():
        if not isinstance(service, Mapping):
            continue
        image = scalar_word(service.get("name")) or scalar_word(service.get("image"))
        command, entrypoint = service.get("command"), service.get("entrypoint")
        words = scalar_words(command) if isinstance(command, Sequence) else ()
        if image is None or not words or image_entry_point(image) is None:
            continue
        own = tuple(_variables(service.get("variables") or service.get("environment")))
        around = Surroundings(image=image).with_variables((*known, *own))
        entry = scalar_words(entrypoint) if isinstance(entrypoint, Sequence) else None
        starts = container_starts(entry, words, around, image.site)
        yield from process_launches(starts, "ci", name, service.span)


def _lines(node: Node | None) -> Iterator[Word]:
    """Yield the lines of a script; GitLab takes lists within the list."""
    if isinstance(node, Scalar):
        yield _with_expressions_unknown(node.word())
    for item in node if isinstance(node, Sequence) else ():
        yield from _lines(item) if not isinstance(item, Mapping) else ()


def _joined(lines: list[Word]) -> Word | None:
    if not lines:
        return None
    parts = [part for line in lines for part in (line, Word.atomic("\n", line.site))]
    return Word.join(parts, lines[0].site.cover(lines[-1].site))


def _with_expressions_unknown(word: Word) -> Word:
    """Return a script with GitHub's `${{ }}` and CircleCI's `<< >>` as holes."""
    if "${{" not in word.text and "<<" not in word.text:
        return word
    parts: list[Word] = []
    position = 0
    for match in _EXPRESSION.finditer(word.text):
        parts.append(word.slice(position, match.start()))
        site = word.slice(*match.span()).site
        parts.append(Word.unknown(f"`{match[0]}` is known when the job runs", site, splits=True))
        position = match.end()
    if not position:
        return word
    parts.append(word.slice(position))
    return replace(Word.join(parts, word.site), via=word.via)


def _variables(node: Node | None) -> Iterator[Variable]:
    """Yield the variables of a mapping; GitLab also takes `{value: ..., description: ...}`."""
    for key, value in node.items() if isinstance(node, Mapping) else ():
        stated = value.get("value") if isinstance(value, Mapping) else value
        if isinstance(key, Scalar) and isinstance(stated, Scalar):
            yield Variable(key.value, _with_expressions_unknown(stated.word()))
