"""The last lines of a report for people: how much was found, and what could not be checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vllint.report.cells import visible
from vllint.report.colours import Palette
from vllint_schemas.report import ReportDocument, ReportSummary, Unchecked

_REASONS_SHOWN = 4
_FINDINGS_WORTH_COUNTING = 30


class _Fact(NamedTuple):
    """How to speak of a fact, and what makes it known."""

    noun: str
    hint: str
    owner: str = "launch"
    owners: str = "launches"


_NAME_THE_CARD = "name the card: `# vllint: gpu=H100:8` above the command, or `--gpu H100:8`"
_FACTS = {
    "gpu": _Fact("the card", _NAME_THE_CARD),
    "gpu_count": _Fact("the number of cards", _NAME_THE_CARD),
    "model": _Fact(
        "the model's shape",
        'describe it in vllint.toml: `[models."owner/name"]` with `like` or `config`',
    ),
    "vllm_version": _Fact(
        "the vLLM release", "pin the image's tag, or `# vllint: vllm=0.33.0` above the command"
    ),
    "arguments": _Fact(
        "some of the arguments", "give the variables a value in the file, or pass `--env FILE`"
    ),
    "memory": _Fact("GPU memory", ""),
    "format": _Fact("the content", "", "file", "files"),
}


def closing_lines(document: ReportDocument, palette: Palette) -> Iterator[str]:
    """Yield what was found in numbers, then what was not checked and what would make it checkable."""
    yield from _by_rule(document)
    yield palette.paint(palette.strong, found(document.summary))
    if document.summary.unchecked:
        yield palette.paint(palette.strong, "not checked:")
        yield from _unchecked(document.summary.unchecked)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 file` or `2 files`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _by_rule(document: ReportDocument) -> Iterator[str]:
    """Yield how often each rule spoke, for reports too long to count by eye."""
    if len(document.findings) < _FINDINGS_WORTH_COUNTING:
        return
    numbers = Counter((finding.code, finding.name) for finding in document.findings)
    for (code, name), number in sorted(numbers.items(), key=lambda item: (-item[1], item[0])):
        yield f"{number:>6}  {code}  {name}"


def found(summary: ReportSummary) -> str:
    """Return how many problems there are in how much, on one line."""
    if not summary.files:
        return "no files to check"
    if not summary.launches:
        where = f"no vLLM launch found in {counted(summary.files, 'file')}"
        numbers = _numbers(summary)
        return f"{numbers}; {where}" if numbers else where
    files = f"{counted(summary.files_with_launches, 'file')} checked of {summary.files}"
    where = f"in {counted(summary.launches, 'launch', 'launches')} ({files})"
    return f"{_numbers(summary) or 'no problems'} {where}{_fixable(summary)}"


def _numbers(summary: ReportSummary) -> str:
    parts = (
        (summary.errors, "error", "errors"),
        (summary.warnings, "warning", "warnings"),
        (summary.infos, "info", "infos"),
    )
    return ", ".join(counted(*part) for part in parts if part[0])


def _fixable(summary: ReportSummary) -> str:
    safe, unsafe = summary.fixable.safe, summary.fixable.unsafe
    if safe and unsafe:
        return f"; {safe} fixable with --fix, {unsafe} more with --unsafe-fixes"
    if safe:
        return f"; {safe} fixable with --fix"
    return f"; {unsafe} fixable with --unsafe-fixes" if unsafe else ""


def _unchecked(unchecked: Iterable[Unchecked]) -> Iterator[str]:
    """Yield each fact that was not known: its commonest reasons, and once what would help."""
    by_fact: dict[str, dict[str, list[str]]] = {}
    for entry in unchecked:
        by_fact.setdefault(entry.fact, {}).setdefault(entry.reason, []).append(entry.launch)
    order = [*_FACTS, *sorted(by_fact)]
    for fact in sorted(by_fact, key=order.index):
        known = _FACTS.get(fact, _Fact(visible(fact.replace("_", " ")), ""))
        reasons = sorted(by_fact[fact].items(), key=lambda item: (-len(item[1]), item[0]))
        for reason, launches in reasons[:_REASONS_SHOWN]:
            yield f"  {known.noun} {_of_owners(launches, known)}: {visible(reason)}"
        rest = reasons[_REASONS_SHOWN:]
        if rest:
            number = counted(sum(len(launches) for _, launches in rest), known.owner, known.owners)
            yield f"  {known.noun} of {number} more, for other reasons (`--output-format json` has them all)"
        if known.hint:
            yield f"    to have it checked, {known.hint}"


def _of_owners(owners: list[str], fact: _Fact) -> str:
    if len(owners) == 1:
        return f"of {visible(owners[0])}"
    return f"of {len(owners)} {fact.owners} ({visible(owners[0])}, ...)"
