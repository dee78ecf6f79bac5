"""A launch as vllint understood it, with where each part of it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vllint.explain.rows import row
from vllint.facts import LaunchFacts
from vllint.redact import redacted, redacted_words
from vllint.report.cells import visible, width
from vllint.report.colours import Palette
from vllint.report.file_report import Places
from vllint.show.memory_bars import Ink, memory_lines
from vllint_schemas import Finding, Located, Origin, Severity, Span, Unknown, Word

_WORD_WIDTH = 44


_BEFORE_LOADING = frozenset({"parse", "validate", "config"})
"""Stages of a start at which vLLM has not looked at the cards' memory yet."""


def refusals(facts: LaunchFacts, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the errors by which vLLM refuses a launch before its memory counts."""
    return tuple(
        found
        for found in findings
        if found.launch == facts.launch.id
        and found.severity is Severity.ERROR
        and found.evidence.stage in _BEFORE_LOADING
    )


def refused_lines(refused: Sequence[Finding]) -> Iterator[str]:
    """Yield what stands in place of the memory of a launch that vLLM refuses."""
    codes = ", ".join(dict.fromkeys(found.code for found in refused))
    yield from row("memory", f"not worked out, since vLLM refuses the launch: {codes}")


def launch_lines(
    facts: LaunchFacts, findings: Iterable[Finding], colours: Palette, ink: Ink
) -> Iterator[str]:
    """Yield what is known of a launch: its release, model, cards, layout, words, environment and memory.

    The memory of a launch that one of the `findings` refuses is left out.
    """
    launch = facts.launch
    origins = Origins(facts)
    yield colours.paint(colours.strong, visible(launch.id))
    yield from row("found", f"{launch.kind}, {origins.place(launch.at)}")
    yield from fact_lines(facts)
    yield from _arguments(facts, origins)
    for variable, value in zip(
        launch.env, redacted_words(tuple(item.value for item in launch.env)), strict=True
    ):
        yield from _placed("env", redacted(f"{variable.name}={value}"), origins.word(variable.value))
    refused = refusals(facts, findings)
    yield from refused_lines(refused) if refused else memory_lines(facts.maybe_memory, ink)


def fact_lines(facts: LaunchFacts) -> Iterator[str]:
    """Yield a launch's release, image, model, cards and layout."""
    launch, origins = facts.launch, Origins(facts)
    yield from row("release", *_release(facts, origins))
    if launch.image is not None:
        yield from row("image", f"{redacted_words((launch.image,))[0]}  {origins.word(launch.image)}")
    yield from row("model", *_model(facts, origins))
    yield from row("card", _fact(facts.hardware.gpu, origins, lambda gpu: gpu.name))
    yield from row("cards", _fact(facts.hardware.gpu_count, origins, str))
    yield from row("layout", _layout(facts))


class Origins:
    """Places and origins of a launch's values, in words."""

    def __init__(self, facts: LaunchFacts) -> None:
        self._places = Places(facts.sources)
        self._home = facts.launch.path

    def place(self, span: Span) -> str:
        """Return `path:line:column`, without the path in the launch's own file."""
        start = self._places.start(span)
        where = "" if span.path == self._home else f"{span.path}:"
        return f"{where}{start.line}:{start.column}"

    def word(self, word: Word) -> str:
        """Return where a word came from, and by way of which places."""
        told = self._told(word.span, word.origin, word.via)
        return told if word.is_known else f"{told}, not known: {word.reason}"

    def located(self, found: Located[Any]) -> str:
        """Return where a value came from."""
        return self._told(found.span, found.origin, found.via)

    def _told(self, span: Span | None, origin: Origin, via: tuple[Span, ...]) -> str:
        how = "" if origin is Origin.LITERAL else origin.value
        where = "" if span is None else self.place(span)
        ways = [self.place(place) for place in via if place != span]
        by_way = f"by way of {', '.join(ways)}" if ways else ""
        return ", ".join(part for part in (where, how, by_way) if part)


def _release(facts: LaunchFacts, origins: Origins) -> Iterator[str]:
    release = facts.release
    if isinstance(release.stated, Located):
        yield f"{release.stated.value}  {origins.located(release.stated)} ({release.source})"
    else:
        yield f"{release.judged} ({release.source}): {release.stated.reason}"
    if isinstance(release.stated, Located) and release.judged != release.stated.value:
        yield f"judged as {release.judged}"
    if release.doubt:
        yield f"in doubt: {release.doubt}"


def _model(facts: LaunchFacts, origins: Origins) -> Iterator[str]:
    named = facts.args.model
    if isinstance(named, Located):
        yield f"{redacted(named.value)}  {origins.located(named)}"
    model = facts.maybe_model
    if isinstance(model, Unknown):
        yield f"not known: {model.reason}"
        return
    size = f", {model.params_total / 1e9:,.2f} billion parameters" if model.params_total else ""
    yield f"{model.architecture or 'architecture not known'}{size} ({model.source})"


def _fact(found: Located[Any] | Unknown, origins: Origins, words: Any) -> str:
    if isinstance(found, Unknown):
        return f"not known: {found.reason}"
    return f"{words(found.value)}  {origins.located(found)}".rstrip()


def _layout(facts: LaunchFacts) -> str:
    layout = facts.maybe_parallel
    if isinstance(layout, Unknown):
        return f"not known: {layout.reason}"
    parts = (
        ("tensor", layout.tensor),
        ("pipeline", layout.pipeline),
        ("prefill context", layout.prefill_context),
        ("data", layout.data),
    )
    sizes = " x ".join(f"{name} {size}" for name, size in parts if size != 1) or "one GPU"
    experts = ", experts in parallel" if layout.expert else ""
    needed = f" = {layout.gpus_needed} GPUs" if layout.gpus_needed > 1 else ""
    nodes = f", on {layout.nodes} machines" if layout.nodes > 1 else ""
    return f"{sizes}{needed}{experts}{nodes}"


def _arguments(facts: LaunchFacts, origins: Origins) -> Iterator[str]:
    """Yield each word with its place, then the options of a config file, then what may be missing."""
    shown = redacted_words(facts.launch.argv)
    for text, word in zip(shown, facts.launch.argv, strict=True):
        yield from _placed("word", text, origins.word(word))
    for argument in facts.args.arguments:
        if argument.first < 0:
            values = redacted_words((argument.flag, *argument.values))
            yield from _placed("config", " ".join(values), origins.word(argument.flag))
    if facts.args.open_ended is not None:
        yield from row("", f"there may be more words: {facts.args.open_ended.reason}")


def _placed(name: str, text: str, place: str) -> Iterator[str]:
    """Yield a text and its place in two columns; a long text pushes its place aside."""
    shown = visible(text)
    yield f"  {name:<12}{shown}{' ' * max(2, _WORD_WIDTH - width(shown))}{visible(place)}".rstrip()
