"""A comparison as a whole, for people, for pull requests and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from vllint.difference.changes import NOT_KNOWN, Capacity, Change, change
from vllint.difference.matching import matched
from vllint.difference.sides import Side
from vllint.report.cells import visible
from vllint.report.colours import Palette

_NAME = 24


class Comparison(NamedTuple):
    """Two sides, and the changes of their launches."""

    old: Side
    new: Side
    changes: tuple[Change, ...]

    @property
    def is_worse(self) -> bool:
        """Whether a launch fails that did not before, or a file can no longer be read."""
        broken = len(self.new.unread) > len(self.old.unread)
        return broken or any(one.is_worse for one in self.changes)

    def total(self, number: Callable[[Capacity], float | None], after: bool) -> float | None:
        """Return the sum of a number over a side's launches, `None` if it is not known of one."""
        found = [one.new if after else one.old for one in self.changes]
        numbers = [number(one) for one in found if one is not None]
        return None if None in numbers else sum(number for number in numbers if number is not None)


def compare(old: Side, new: Side) -> Comparison:
    """Return what has changed between two sides."""
    return Comparison(old, new, tuple(change(pair) for pair in matched(old.launches, new.launches)))


class Effect(NamedTuple):
    """Something that a launch can do, before and after, in words."""

    what: str
    old: str
    new: str


def effects(one: Change) -> tuple[Effect, ...]:
    """Return what the launch can do before and after: empty where it is not there."""
    old = {} if one.old is None else dict(one.old.effects)
    new = {} if one.new is None else dict(one.new.effects)
    return tuple(Effect(what, old.get(what, ""), new.get(what, "")) for what in old | new)


def text_lines(comparison: Comparison, colours: Palette) -> Iterator[str]:
    """Yield the changes of each launch, then the sums."""
    for one in comparison.changes:
        if one.kind == "unchanged":
            continue
        yield f"{colours.paint(colours.strong, visible(one.title))}: {one.kind}"
        for said in one.said:
            yield _line(said.what, f"{said.old or 'not given'} -> {said.new or 'not given'}")
        for effect in effects(one):
            yield from _effect_rows(effect)
        for error in one.errors:
            first, *rest = error.splitlines()
            yield f"  {colours.severity('error', 'error')} {visible(first)}"
            yield from (f"        {visible(line)}" for line in rest)
        yield ""
    for problem in unread(comparison):
        yield visible(" ".join(problem.splitlines()))
    yield from (f"{line}." for line in totals(comparison))


def unread(comparison: Comparison) -> Iterator[str]:
    """Yield the files that could not be read, so that their launches are missing."""
    yield from (f"not read: {problem}" for problem in comparison.new.unread)
    gone = set(comparison.old.unread) - set(comparison.new.unread)
    yield from (f"not read before: {problem}" for problem in sorted(gone))


def _effect_rows(effect: Effect) -> Iterator[str]:
    if effect.old and effect.new:
        if effect.old != effect.new:
            yield _line(effect.what, f"{effect.old} -> {effect.new}")
    elif (effect.old or effect.new) != NOT_KNOWN:
        yield _line(effect.what, effect.old or effect.new)


def _line(name: str, value: str) -> str:
    """Return a name and its value in two columns."""
    return f"  {visible(name):<{_NAME}} {visible(value)}"


def totals(comparison: Comparison) -> Iterator[str]:
    """Yield how many launches have changed, and the GPUs and the price of all."""
    kinds = [one.kind for one in comparison.changes]
    if not kinds:
        yield "no vLLM launch on either side"
        return
    counts = [f"{kinds.count(kind)} {kind}" for kind in ("changed", "added", "removed") if kind in kinds]
    same = kinds.count("unchanged")
    yield f"launches: {', '.join([*counts, f'{same} unchanged'])}"
    for what, of, form in (
        ("GPUs", lambda found: found.gpus, "{:,.0f}"),
        ("price an hour", lambda found: found.price, "${:,.2f}"),
    ):
        old, new = comparison.total(of, False), comparison.total(of, True)
        if old is not None and new is not None and (old or new):
            shown = [form.format(total) for total in (old, new)]
            yield f"{what}: {shown[0]}" if shown[0] == shown[1] else f"{what}: {shown[0]} -> {shown[1]}"


def document(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON's own types."""
    return {
        "version": 1,
        "old": comparison.old.title,
        "new": comparison.new.title,
        "worse": comparison.is_worse,
        "unread": list(unread(comparison)),
        "launches": [
            {
                "launch": one.title,
                "kind": one.kind,
                "worse": one.is_worse,
                "changes": [said._asdict() for said in one.said],
                "old": _capacity(one.old),
                "new": _capacity(one.new),
                "errors": list(one.errors),
            }
            for one in comparison.changes
        ],
    }


def _capacity(found: Capacity | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "verdict": found.verdict,
        "kv_tokens": None if found.kv_tokens is None else found.kv_tokens._asdict(),
        "max_concurrency": None if found.requests is None else found.requests._asdict(),
        "gpus": found.gpus,
        "price_usd_hour": found.price,
    }
