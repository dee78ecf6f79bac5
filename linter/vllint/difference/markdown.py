"""A comparison as a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint.difference.changes import Change
from vllint.difference.summary import Comparison, Effect, effects, totals
from vllint.report.cells import visible

_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~@&]")
_MARKS = {"changed": "changed", "added": "**added**", "removed": "**removed**"}


def markdown(comparison: Comparison) -> str:
    """Return a heading, a table of the launches that have changed, and what has changed in each."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    changed = [one for one in comparison.changes if one.kind != "unchanged"]
    yield "### vllint: what this does to capacity"
    yield ""
    if changed:
        names = [effect.what for effect in effects(changed[0])]
        yield f"| launch | | {' | '.join(names)} |"
        yield f"|---|---|{'---|' * len(names)}"
        yield from (_row(one) for one in changed)
        yield ""
    for one in changed:
        yield from _details(one)
    yield "; ".join(totals(comparison)) + "."


def _row(one: Change) -> str:
    cells = [code(one.title), _MARKS[one.kind], *(_cell(effect) for effect in effects(one))]
    return f"| {' | '.join(cells)} |"


def _cell(effect: Effect) -> str:
    if not effect.old or not effect.new or effect.old == effect.new:
        return escaped(effect.new or effect.old)
    return f"{escaped(effect.old)} → **{escaped(effect.new)}**"


def _details(one: Change) -> Iterator[str]:
    if not one.said and not one.errors:
        return
    yield f"**{code(one.title)}**"
    yield ""
    for said in one.said:
        old = code(said.old) if said.old else "not given"
        yield f"- {code(said.what)}: {old} → {code(said.new) if said.new else 'not given'}"
    for error in one.errors:
        yield f"- ❌ {escaped(' '.join(error.splitlines()))}"
    yield ""


def code(text: str) -> str:
    """Return a text as a code span, whatever is in it, that also holds in a table's cell."""
    shown = visible(" ".join(text.splitlines())).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def escaped(text: str) -> str:
    """Return a text in which Markdown and HTML find nothing of theirs, and nobody is mentioned."""
    plain = visible(" ".join(text.splitlines()))
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", plain)
