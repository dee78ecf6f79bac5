"""The sum of memory behind a finding, as a small table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vllint.report.cells import visible
from vllint_schemas.report import ReportedBudgetLine, UnknownFact

_COLUMN = 10
_COLUMNS = ("at best", "likely", "at worst")
_TITLE = "memory of each GPU, in GiB"


def text_table(budget: Sequence[ReportedBudgetLine]) -> Iterator[str]:
    """Yield the table in columns of equal width, its heading first; nothing for an empty budget."""
    if not budget:
        return
    names = [f"{line.sign or ' '} {visible(line.name)}" for line in budget]
    width = max(map(len, (_TITLE, *names)))
    yield f"{_TITLE:<{width}}{''.join(f'{name:>{_COLUMN}}' for name in _COLUMNS)}"
    for name, line in zip(names, budget, strict=True):
        yield f"{name:<{width}}{''.join(f'{cell:>{_COLUMN}}' for cell in _cells(line))}"


def markdown_table(budget: Sequence[ReportedBudgetLine]) -> Iterator[str]:
    """Yield the table in Markdown; nothing for an empty budget."""
    if not budget:
        return
    yield f"| {_TITLE} | {' | '.join(_COLUMNS)} |"
    yield "|---|---:|---:|---:|"
    for line in budget:
        name = f"{line.sign} {visible(line.name)}".strip().replace("|", "\\|")
        yield f"| {name} | {' | '.join(_cells(line))} |"


def _cells(line: ReportedBudgetLine) -> tuple[str, ...]:
    """Return the size from its best bound to its worst: what is taken off is best small."""
    size = line.gib
    if isinstance(size, UnknownFact):
        return ("not known", "", "")
    bounds = (size.low, size.mid, size.high)
    return tuple(f"{bound:,.1f}" for bound in (bounds if line.sign == "-" else bounds[::-1]))
