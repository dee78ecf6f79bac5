"""A plan for people: the layouts in their order, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap

from vllint.explain.rows import gib, row
from vllint.plan.judging import Judgement
from vllint.plan.placements import Placement, describe
from vllint.plan.planning import Plan
from vllint.plan.ranking import TYPICAL_TOKENS, Choice
from vllint.plan.shortage import shortage_lines
from vllint.report.cells import visible, width
from vllint.report.colours import Palette
from vllint.report.estimated_numbers import shown_band
from vllint_schemas import Band
from vllint_schemas.parallel import Parallel

_SHOWN = 8
_LEAST_REASONS = 24
_TOKENS = 4
"""The column of what a copy's cache holds."""

_VERDICTS = {"fits": "fits", "tight": "may not fit", "unknown": "not known"}
_GOALS = {
    "throughput": f"requests in an hour, reckoned at {TYPICAL_TOKENS:,} tokens each from what GPUs read; "
    "measure it",
    "latency": "the time of one request, reckoned from what GPUs read and exchange; measure it",
    "context": "tokens that one copy holds",
}


def plan_lines(plan: Plan, colours: Palette, columns: int | None = None) -> Iterator[str]:
    """Yield the model and the machines, the layouts that fit or may, and the rest in short.

    `columns` is how wide a terminal is, `None` where lines may have any length.
    """
    yield colours.paint(colours.strong, visible(f"{plan.model} on {machines(plan)}"))
    release = plan.base.release
    judged = "" if plan.release == release.judged else f", judged as {release.judged}"
    yield from row("release", f"vLLM {plan.release} ({release.source}){judged}")
    if plan.max_model_len is not None:
        yield from row("context", f"{plan.max_model_len:,} tokens")
    yield from row("used", *_used(plan))
    yield from row("goal", f"{plan.goal}: {_GOALS[plan.goal]}")
    yield from row("link", *_links(plan))
    yield ""
    if plan.choices:
        yield from _table(_rows(plan.choices[:_SHOWN]), columns)
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


def _used(plan: Plan) -> Iterator[str]:
    """Say what is taken of the cards already, and which share of each that leaves to vLLM."""
    for group in plan.machines.groups:
        share = plan.machines.free_share(group.card)
        if share is not None:
            used = gib(plan.machines.used)
            yield f"{used} of each {group.name}, so that vLLM may take {share:g} of it at most"


def _links(plan: Plan) -> Iterator[str]:
    if plan.machines.nodes > 1:
        yield "between machines the network counts, which is taken to be as slow as PCIe"
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
        yield "cards are numbered as `--gpu` names them, which is to be the order of `nvidia-smi`"


def _rows(choices: Sequence[Choice]) -> Iterator[tuple[str, ...]]:
    yield (
        "",
        "layout",
        "GPUs",
        "verdict",
        "KV tokens of a copy",
        "full-length requests",
        "of the best",
        "because",
    )
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
            shown_band(choice.kv_tokens),
            shown_band(requests),
            "not known" if choice.judgement.verdict == "unknown" else f"{choice.score:.0%}",
            ", ".join(choice.reasons),
        )


def _table(rows: Iterator[tuple[str, ...]], columns: int | None) -> Iterator[str]:
    """Yield rows in columns as wide as their widest cell, the last one wrapped to a terminal's `columns`."""
    cells = [tuple(visible(cell) for cell in one) for one in rows]
    widths = [max(width(one[column]) for one in cells) for column in range(len(cells[0]) - 1)]
    indent = sum(widths) + 2 * len(widths)
    if columns is not None and columns - indent < _LEAST_REASONS:
        yield from _narrow(cells, widths, columns)
        return
    for *first, last in cells:
        head, *more = wrap(last, columns - indent, break_long_words=False) if columns and last else [last]
        yield f"{_padded(first, widths)}  {head}".rstrip()
        yield from (f"{'':{indent}}{line}" for line in more)


def _narrow(cells: Sequence[tuple[str, ...]], widths: list[int], columns: int) -> Iterator[str]:
    """Yield the rows of a narrow terminal: what is longest stands below each, the tokens and the reasons."""
    beside = [column for column in range(len(widths)) if column != _TOKENS]
    indent = widths[0] + 4
    for one in cells:
        yield _padded([one[column] for column in beside], [widths[column] for column in beside]).rstrip()
        longest = "; ".join(filter(None, (one[_TOKENS], one[-1])))
        yield from (f"{'':{indent}}{line}" for line in wrap(longest, max(_LEAST_REASONS, columns - indent)))


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell + " " * (size - width(cell)) for cell, size in zip(cells, widths, strict=True))


def _names(short: Sequence[Judgement]) -> Iterator[str]:
    """Yield layouts by name, those that only differ in their copies as one."""
    groups: dict[Parallel, list[int]] = {}
    for one in short:
        layout = one.placement.layout
        alone = Parallel(tensor=layout.tensor, pipeline=layout.pipeline, expert=layout.expert)
        groups.setdefault(alone, []).append(layout.data)
    for alone, copies in groups.items():
        several = sorted({number for number in copies if number > 1})
        if 1 in copies:
            yield describe(Placement(alone))
        if several:
            least = describe(Placement(alone._replace(data=several[0])))
            ending = f" to {several[-1]}" if several[-1] > several[0] else ""
            yield least.replace(f"DP {several[0]}", f"DP {several[0]}{ending}")


def _others(others: Sequence[Judgement]) -> Iterator[str]:
    """Yield how many layouts do not fit, and why vLLM refuses the others."""
    short = [one for one in others if one.verdict == "does_not_fit"]
    if short:
        names = list(_names(short))
        rest = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
        yield from row("do not fit", "; ".join((*names[:_SHOWN], *rest)))
    refused = [one for one in others if one.verdict == "refused"]
    reasons = Counter(reason for one in refused for reason in one.obstacles[:1])
    name = "refused"
    for reason, number in reasons.most_common(_SHOWN):
        first = next(one for one in refused if one.obstacles[0] == reason)
        more = f" and {number - 1} more" if number > 1 else ""
        yield from row(name, f"{describe(first.placement)}{more}: {reason}")
        name = ""
