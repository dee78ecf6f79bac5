"""A plan for people: the layouts in their order, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from vllint.explain.rows import row
from vllint.plan.judging import Judgement
from vllint.plan.placements import describe
from vllint.plan.planning import Plan
from vllint.plan.ranking import Choice
from vllint.plan.shortage import shortage_lines
from vllint.report.cells import visible, width
from vllint.report.colours import Palette
from vllint_schemas import Band

_SHOWN = 8
_VERDICTS = {"fits": "fits", "tight": "may not fit", "unknown": "not known"}
_GOALS = {
    "throughput": "requests that are answered in an hour",
    "latency": "the time that one request takes",
    "context": "tokens that one copy holds",
}


def plan_lines(plan: Plan, colours: Palette) -> Iterator[str]:
    """Yield the model and the machines, the layouts that fit or may, and the rest in short."""
    yield colours.paint(colours.strong, visible(f"{plan.model} on {machines(plan)}"))
    release = plan.base.release
    judged = "" if plan.release == release.judged else f", judged as {release.judged}"
    yield from row("release", f"vLLM {plan.release} ({release.source}){judged}")
    if plan.max_model_len is not None:
        yield from row("context", f"{plan.max_model_len:,} tokens")
    yield from row("goal", f"{plan.goal}: {_GOALS[plan.goal]}, estimated from what GPUs read; measure it")
    yield from row("link", *_links(plan))
    yield ""
    if plan.choices:
        yield from _table(_rows(plan.choices[:_SHOWN]))
        more = len(plan.choices) - _SHOWN
        if more > 0:
            yield f"and {more} more; `--output-format json` has all"
    elif any(one.verdict == "does_not_fit" for one in plan.others):
        yield "nothing fits"
        yield from shortage_lines(plan)
    else:
        yield "vLLM refuses every layout"
    yield ""
    yield from _others(plan.others)


def machines(plan: Plan) -> str:
    """Return the machines in words."""
    cards = plan.machines.taken(plan.machines.gpus_per_node)
    return f"{plan.machines.nodes} machines with {cards}" if plan.machines.nodes > 1 else cards


def _links(plan: Plan) -> Iterator[str]:
    if plan.machines.gpus_per_node == 1:
        return
    for group in plan.machines.groups:
        if group.card.nvlink is False:
            yield f"{group.name} has no NVLink: tensor parallelism goes over PCIe, stages lose less there"
        elif group.card.nvlink:
            yield f"{group.name} has NVLink"
        else:
            yield f"whether {group.name} has NVLink is not known; it is judged as if it had"
    if len(plan.machines.groups) > 1:
        yield "cards differ: the smallest that a layout uses bounds what each of its ranks holds"


def _rows(choices: Sequence[Choice]) -> Iterator[tuple[str, ...]]:
    yield ("", "layout", "GPUs", "verdict", "KV tokens of a copy", "full-length requests", "goal", "because")
    for number, choice in enumerate(choices, 1):
        placement = choice.judgement.placement
        requests = None
        if choice.requests is not None:
            requests = Band(*(bound * placement.layout.data for bound in choice.requests))
        yield (
            str(number),
            describe(placement),
            str(placement.layout.gpus_needed),
            _VERDICTS[choice.judgement.verdict],
            band(choice.kv_tokens),
            band(requests),
            f"{choice.score:.0%}",
            ", ".join(choice.reasons),
        )


def band(found: Band | None) -> str:
    """Return a likely number with its bounds."""
    if found is None:
        return "not known"
    digits = 0 if found.high >= 100 else 1
    low, high = f"{found.low:,.{digits}f}", f"{found.high:,.{digits}f}"
    return f"{found.mid:,.{digits}f} ({low} to {high})"


def _table(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows in columns as wide as their widest cell."""
    cells = [tuple(visible(cell) for cell in one) for one in rows]
    widths = [max(width(one[column]) for one in cells) for column in range(len(cells[0]))]
    for one in cells:
        padded = [cell + " " * (size - width(cell)) for cell, size in zip(one, widths, strict=True)]
        yield "  ".join(padded).rstrip()


def _others(others: Sequence[Judgement]) -> Iterator[str]:
    """Yield how many layouts do not fit, and why vLLM refuses the others."""
    short = [one for one in others if one.verdict == "does_not_fit"]
    if short:
        names = "; ".join(describe(one.placement) for one in short[:_SHOWN])
        more = f"; and {len(short) - _SHOWN} more" if len(short) > _SHOWN else ""
        yield from row("do not fit", f"{names}{more}")
    refused = [one for one in others if one.verdict == "refused"]
    reasons = Counter(reason for one in refused for reason in one.obstacles[:1])
    name = "refused"
    for reason, number in reasons.most_common(_SHOWN):
        first = next(one for one in refused if one.obstacles[0] == reason)
        more = f" and {number - 1} more" if number > 1 else ""
        yield from row(name, f"{describe(first.placement)}{more}: {reason}")
        name = ""
