"""A comparison as a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint.difference.changes import NOT_KNOWN, Change
from vllint.difference.summary import Comparison, Effect, effects, totals, unread
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
        names = _known([effect for one in changed for effect in effects(one)])
        yield f"| launch | | {' | '.join(names)} |"
        yield f"|---|---|{'---|' * len(names)}"
        yield from (_row(one, names) for one in changed)
        yield ""
    for one in changed:
        yield from _details(one)
    for problem in unread(comparison):
        yield f"- ❌ {escaped(problem)}"
    if any(unread(comparison)):
        yield ""
    yield "; ".join(totals(comparison)).replace("->", "→") + "."


def _known(found: list[Effect]) -> list[str]:
    """Return the names of what is known of a launch at least."""
    known = [one.what for one in found if any(text not in ("", NOT_KNOWN) for text in (one.old, one.new))]
    return [what for what in dict.fromkeys(one.what for one in found) if what in known]


def _row(one: Change, names: list[str]) -> str:
    by_name = {effect.what: _cell(effect) for effect in effects(one)}
    cells = [code(one.title), _MARKS[one.kind], *(by_name[name] for name in names)]
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
