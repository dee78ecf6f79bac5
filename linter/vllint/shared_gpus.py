"""Which launches of a file share GPUs, or the machine they are on."""

from __future__ import annotations

from collections.abc import Sequence

from vllint.facts import LaunchFacts
from vllint.hardware.devices import used_gpus
from vllint_schemas import Located, Span, Unknown

_NAMED = 8
"""How many of those that share a GPU are named, so that a file of many launches takes no time for pairs."""


def gpu_mates(launches: Sequence[LaunchFacts]) -> tuple[tuple[str, ...], ...]:
    """Return for each launch the names of the first that run beside it and surely take one of its GPUs."""
    taken = [_gpus(facts) for facts in launches]
    takers: dict[tuple[str | None, str], list[int]] = {}
    for number, (facts, gpus) in enumerate(zip(launches, taken, strict=True)):
        for gpu in gpus:
            takers.setdefault((facts.launch.together, gpu), []).append(number)
    found: list[tuple[str, ...]] = []
    for number, (facts, gpus) in enumerate(zip(launches, taken, strict=True)):
        lists = (takers[facts.launch.together, gpu][: _NAMED + 1] for gpu in gpus)
        mates = sorted({mate for some in lists for mate in some} - {number})
        found.append(tuple(launches[mate].launch.name for mate in mates[:_NAMED]))
    return tuple(found)


def _gpus(facts: LaunchFacts) -> tuple[str, ...]:
    """Return the GPUs that a launch surely takes while others run."""
    if facts.launch.together is None or isinstance(facts.maybe_parallel, Unknown):
        return ()
    found = used_gpus(facts.launch, facts.maybe_parallel)
    return () if isinstance(found, Unknown) else found


def machine_mates(launches: Sequence[LaunchFacts]) -> tuple[int | Unknown, ...]:
    """Return for each launch how many GPUs the others take from the machine that it is given.

    A launch with a number of its own in the file has these GPUs to itself. Several starts of one service
    are the ways it may go.
    """
    by_extent: dict[Span, int] = {}
    unknown: dict[Span, Unknown] = {}
    for facts in launches:
        layout, extent = facts.maybe_parallel, facts.launch.extent
        if isinstance(layout, Unknown):
            unknown.setdefault(extent, layout)
        else:
            by_extent[extent] = by_extent.get(extent, 0) + layout.gpus_needed_here
    total = sum(by_extent.values())
    first_unknown = list(unknown.items())[:2]
    return tuple(_machine_mates(facts, total, by_extent, first_unknown) for facts in launches)


def _machine_mates(
    facts: LaunchFacts, total: int, by_extent: dict[Span, int], unknown: Sequence[tuple[Span, Unknown]]
) -> int | Unknown:
    own, extent = facts.launch.hardware.gpu_count, facts.launch.extent
    if isinstance(own, Located) and own.value != "all":
        return 0
    elsewhere = next((reason for place, reason in unknown if place != extent), None)
    return total - by_extent.get(extent, 0) if elsewhere is None else elsewhere
