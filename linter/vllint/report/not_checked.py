"""What a report for people says was not checked, and what would make it checkable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from vllint.hardware.processors import OTHER_PROCESSORS
from vllint.report.cells import visible
from vllint.report.colours import Palette
from vllint.report.formats import Detail
from vllint_schemas.report import Unchecked

_REASONS_SHOWN = 3
_COMMAND = "<command>"


class _Fact(NamedTuple):
    """How to speak of a fact, and what makes it known: in a file, and in a command on the command line."""

    noun: str
    hint: str = ""
    command_hint: str = ""
    owner: str = "launch"
    owners: str = "launches"


_CARD = ("name the card: `# vllint: gpu=H100:8` above the launch, or `--gpu H100:8`", "give `--gpu H100:8`")
_LIKE = 'describe it in vllint.toml: `[models."owner/name"]` with `like` or `config`'
_RELEASE = "pin the image's tag, or `# vllint: vllm=0.33.0` above the launch"
_VALUES = "give the variables a value in the file, or pass `--env FILE`"
_FACTS = {
    "gpu": _Fact("the card", *_CARD),
    "gpu_count": _Fact("the number of cards", *_CARD),
    "model": _Fact("the model's shape", _LIKE, _LIKE),
    "vllm_version": _Fact("the vLLM release", _RELEASE, "give `--vllm-version 0.33.0`"),
    "arguments": _Fact("some of the arguments", _VALUES, "give the variables a value in the command"),
    "memory": _Fact("GPU memory"),
    "format": _Fact("the content", owner="file", owners="files"),
}


class _Lack(NamedTuple):
    """What is not known of a launch or file, of what one hint would make known: the facts and the reasons."""

    nouns: tuple[str, ...]
    reasons: tuple[str, ...]


def unchecked_lines(unchecked: Sequence[Unchecked], detail: Detail, palette: Palette) -> Iterator[str]:
    """Yield what was not known, with its commonest reasons, and once what would help.

    With `verbose` detail each launch is named, with `quiet` detail they are counted only.
    """
    if detail == "quiet":
        yield _numbers(unchecked)
        return
    yield palette.paint(palette.strong, "not checked:")
    left_out = False
    for hint, entries in _by_hint(unchecked):
        lacks = _by_lack(entries)
        shown = lacks if detail == "verbose" or len(lacks) == _REASONS_SHOWN + 1 else lacks[:_REASONS_SHOWN]
        for lack, owners in shown:
            yield from _lines(lack, owners, _fact(entries[0].fact), detail)
        if len(shown) < len(lacks):
            left_out = True
            yield _rest(lacks[_REASONS_SHOWN:], _fact(entries[0].fact))
        if hint and any(not entry.reason.startswith(OTHER_PROCESSORS) for entry in entries):
            yield f"    to have it checked, {hint}"
    if left_out:
        yield "  `--verbose` names all of them"


def _numbers(unchecked: Sequence[Unchecked]) -> str:
    of_owner = {entry.launch: _fact(entry.fact) for entry in unchecked}
    numbers = Counter((fact.owner, fact.owners) for fact in of_owner.values())
    parts = [f"{number} {one if number == 1 else many}" for (one, many), number in numbers.items()]
    return f"not checked in full: {', '.join(parts)}"


def _fact(name: str) -> _Fact:
    return _FACTS.get(name) or _Fact(visible(name.replace("_", " ")))


def _by_hint(unchecked: Sequence[Unchecked]) -> list[tuple[str, list[Unchecked]]]:
    """Group what was not known by what would make it known; a fact without a hint is a group of its own."""
    order = [*_FACTS, *sorted({entry.fact for entry in unchecked} - _FACTS.keys())]
    alone = all(entry.launch.startswith(_COMMAND) for entry in unchecked)
    groups: dict[tuple[str, str], list[Unchecked]] = {}
    for entry in sorted(unchecked, key=lambda entry: order.index(entry.fact)):
        fact = _fact(entry.fact)
        hint = fact.command_hint if alone else fact.hint
        groups.setdefault((hint, "" if hint else entry.fact), []).append(entry)
    return [(hint, entries) for (hint, _), entries in groups.items()]


def _by_lack(entries: Iterable[Unchecked]) -> list[tuple[_Lack, list[str]]]:
    """Return what is lacking and of which launches, the commonest first."""
    of_owner: dict[str, list[Unchecked]] = {}
    for entry in entries:
        of_owner.setdefault(entry.launch, []).append(entry)
    owners: dict[_Lack, list[str]] = {}
    for owner, lacking in of_owner.items():
        nouns = tuple(_fact(entry.fact).noun for entry in lacking)
        reasons = tuple(dict.fromkeys(entry.reason for entry in lacking))
        owners.setdefault(_Lack(nouns, reasons), []).append(owner)
    return sorted(owners.items(), key=lambda item: (-len(item[1]), item[0]))


def _lines(lack: _Lack, owners: Sequence[str], fact: _Fact, detail: Detail) -> Iterator[str]:
    what, why = " and ".join(lack.nouns), visible("; ".join(lack.reasons))
    if detail == "verbose" or len(owners) == 1:
        yield from (f"  {what} of {visible(owner)}: {why}" for owner in owners)
        return
    yield f"  {what} of {len(owners)} {fact.owners}: {why}"


def _rest(lacks: Sequence[tuple[_Lack, list[str]]], fact: _Fact) -> str:
    number = sum(len(owners) for _, owners in lacks)
    nouns = tuple(dict.fromkeys(noun for lack, _ in lacks for noun in lack.nouns))
    what = " or ".join(nouns)
    return f"  {what} of {number} more {fact.owner if number == 1 else fact.owners}, for other reasons"
