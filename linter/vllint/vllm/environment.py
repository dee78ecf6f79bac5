"""The environment variables that vLLM reads, release by release.

The table `vllint_schemas/data/environment.json` is written by `scripts/tables/environment.py`.
"""

# Without `from __future__ import annotations`: a NamedTuple compiles annotations that are text, one by one.

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from vllint.tables import table_path
from vllint_schemas import Unknown

_VERSION = re.compile(r"v?(\d+)\.(\d+)((?:\.\d+)*)(.*)")

VariableKind = Literal[
    "switch", "words", "int", "float", "str", "choice", "choices", "json-or-file", "unknown"
]


class Successor(NamedTuple):
    """What came in the place of a variable that went, and where vLLM says so.

    `flag` is an option of `vllm serve`, or a part of a JSON one as `--attention-config.flash_attn_version`;
    `variable` is another variable. Where both are empty, nothing came. It takes the variable's text as it
    is if `values` is `None`, else only the texts in there have a counterpart, each with the text to write
    (empty for a bare switch). For the texts in `drop`, taking the variable out is all there is to do.
    `also` are further words to write. `since` is the first tabled release with the option, empty where
    there is none.
    """

    why: str
    source: str
    flag: str = ""
    variable: str = ""
    values: Mapping[str, str] | None = None
    drop: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    since: str = ""


class EnvironmentVariable(NamedTuple):
    """A variable, and what vLLM makes of its text.

    `first` and `last` are the first and the last tabled release with it; `gone_by` is the tabled release
    after `last`, `None` while the newest has it. `kind` is how the newest release that has it reads it
    (`unknown` for variables that went before the table's source was read):

    `switch` (`bool(int(text))`: any whole number, 0 is off; `true` makes vLLM fail when it reads it),
    `words` (`on` for the texts in `on`, or for all but those in `off`; never fails), `int`, `float`,
    `choice` (one of `choices`, else vLLM fails), `choices` (several, parted by commas), `json-or-file`,
    `str`. With `any_case`, case does not count. `deprecated` is what vLLM says to
    do instead, if it warns. `default` is `Unknown` where vLLM computes it.
    """

    name: str
    first: str
    last: str
    gone_by: str | None
    kind: VariableKind
    default: Any
    choices: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    any_case: bool = False
    deprecated: str = ""
    successor: Successor | None = None


@cache
def _table() -> dict[str, Any]:
    path = table_path("environment.json")
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


def environment_releases() -> tuple[str, ...]:
    """Return the releases whose variables are known, ascending; they are more than those with options."""
    return tuple(_table()["releases"])


@cache
def environment_release(version: str) -> str | None:
    """Return the release whose variables stand for `version`; `None` where there is none near enough.

    That is the release itself, else the last one before it in its minor version, else the first of that
    minor version. Post-releases and local labels (`0.8.5.post1`, `+cu128`) do not count.
    """
    wanted = _numbers(version.strip().partition("+")[0])
    same = [release for release in _table()["releases"] if _numbers(release)[:2] == wanted[:2]]
    return max(
        (release for release in same if _numbers(release) <= wanted),
        key=_numbers,
        default=min(same, key=_numbers, default=None),
    )


@lru_cache(maxsize=256)
def _numbers(version: str) -> tuple[int, ...]:
    """Return `(0, 10, 1, 1)` for `0.10.1.1`; nothing for what is not a version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return ()
    return (int(match[1]), int(match[2]), *(int(part) for part in match[3].split(".")[1:]))


@cache
def environment_names(version: str) -> frozenset[str] | None:
    """Return the variables that the release standing for `version` reads; `None` where they are unknown."""
    release = environment_release(version)
    if release is None:
        return None
    place = _table()["releases"].index(release)
    rows = _table()["variables"].items()
    return frozenset([name for name, row in rows if row["in"][0] <= place <= row["in"][1]])


@cache
def environment_variable(name: str) -> EnvironmentVariable | None:
    """Return what is known of a variable; `None` when no tabled release reads it."""
    row = _table()["variables"].get(name)
    if row is None:
        return None
    releases = _table()["releases"]
    first, last = row["in"]
    default = row.get("default")
    if "default" not in row:
        default = Unknown(f"vLLM computes the default of `{name}`" if "kind" in row else "it is not tabled")
    successor = row.get("successor")
    return EnvironmentVariable(
        name=name,
        first=releases[first],
        last=releases[last],
        gone_by=releases[last + 1] if last + 1 < len(releases) else None,
        kind=row.get("kind", "unknown"),
        default=default,
        choices=tuple(row.get("choices", ())),
        on=tuple(row.get("on", ())),
        off=tuple(row.get("off", ())),
        any_case=row.get("any_case", False),
        deprecated=row.get("deprecated", ""),
        successor=None if successor is None else Successor(**successor | _tuples(successor)),
    )


def _tuples(record: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(record[key]) for key in ("drop", "also") if key in record}


Standing = Literal["reads", "not yet", "retired", "unknown"]


def variable_standing(variable: EnvironmentVariable, version: str) -> Standing:
    """Return whether a release reads a variable; `unknown` between two tabled ones that differ in it."""
    releases = _table()["releases"]
    wanted = _numbers(version.strip().partition("+")[0])
    if not wanted:
        return "unknown"
    first, last = _numbers(variable.first), _numbers(variable.last)
    if first <= wanted <= last:
        return "reads"
    if wanted > last:
        gone = variable.gone_by
        return "reads" if gone is None else "retired" if wanted >= _numbers(gone) else "unknown"
    place = releases.index(variable.first)
    return "not yet" if place and wanted <= _numbers(releases[place - 1]) else "unknown"


def variable_refusal(variable: EnvironmentVariable, text: str) -> str:
    """Return why vLLM fails to read `text` as the variable's value; empty when it does not.

    That is Python's own `int` and `float` for numbers and switches, and the list of a choice.
    """
    if variable.kind in ("switch", "int"):
        return "" if _converts(int, text) else "no whole number"
    if variable.kind == "float":
        return "" if _converts(float, text) else "no number"
    if variable.kind not in ("choice", "choices") or not variable.choices:
        return ""
    words = [text] if variable.kind == "choice" else [word.strip() for word in text.split(",")]
    choices = {choice.lower() if variable.any_case else choice for choice in variable.choices}
    wrong = [word for word in words if (word.lower() if variable.any_case else word) not in choices]
    if variable.kind == "choices":
        wrong = [word for word in wrong if word]
    return "none of " + ", ".join(f"`{choice}`" for choice in variable.choices) if wrong else ""


def _converts(kind: type[int] | type[float], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def similar_variables(name: str, version: str | None = None) -> tuple[str, ...]:
    """Return at most three variables that `name` may be meant for, the likeliest first.

    They are those of a release, or of all releases together without one.
    """
    from difflib import get_close_matches

    names = sorted(_table()["variables"] if version is None else environment_names(version) or ())
    folded = name.upper().replace("-", "_")
    return (folded,) if folded in names else tuple(get_close_matches(folded, names, n=3, cutoff=0.85))
