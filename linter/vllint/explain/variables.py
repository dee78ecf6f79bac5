"""An environment variable that vLLM reads: what it takes, since when, until when, and what came then."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.explain.rows import row
from vllint.report.colours import Palette
from vllint.vllm.environment import (
    EnvironmentVariable,
    Successor,
    environment_releases,
    environment_variable,
)
from vllint.vllm.releases import as_of
from vllint_schemas import Unknown

_SHOWN = 6


def variable_named(name: str) -> EnvironmentVariable | None:
    """Return the variable that a name means, in any case."""
    return environment_variable(name) or environment_variable(name.upper().replace("-", "_"))


def variable_lines(variable: EnvironmentVariable, colours: Palette) -> Iterator[str]:
    """Yield what is known of a variable."""
    releases = environment_releases()
    yield colours.paint(colours.strong, variable.name)
    yield from row("is", f"an environment variable{_nature(variable)}")
    yield from row("releases", _stretch(variable, releases))
    if variable.gone_by is not None:
        yield from row("", f"vLLM {variable.gone_by} and later ignore it; since 0.17 they log that")
        yield from row("instead", *_instead(variable.successor))
    elif not isinstance(variable.default, Unknown):
        yield from row("default", _default(variable))
    else:
        yield from row("default", "computed at start")
    if variable.choices:
        yield from row("choices", ", ".join(variable.choices))
    if variable.deprecated:
        yield from row("deprecated", variable.deprecated)
    if variable.successor is not None:
        yield from row("in vLLM", variable.successor.source)
    yield from row("source", f"tables of {len(releases)} releases, {releases[0]} to {releases[-1]}{as_of()}")


def _nature(variable: EnvironmentVariable) -> str:
    case = ", in any case" if variable.any_case else ""
    words = ", ".join(f"`{word}`" for word in variable.on or variable.off)
    told = {
        "switch": ", a switch: `0` is off, any other whole number is on; words as `true` stop vLLM",
        "words": f", a switch: {words} {'is' if len(variable.on or variable.off) == 1 else 'are'}"
        f" {'on' if variable.on else 'off'}{case}, all else is {'off' if variable.on else 'on'}",
        "int": ", a whole number",
        "float": ", a number",
        "choice": f", one of these{case}; anything else stops vLLM",
        "choices": f", of these, parted by commas{case}; anything else stops vLLM",
        "json-or-file": ", JSON or a file of it",
        "str": ", a text",
    }
    return told.get(variable.kind, "")


def _stretch(variable: EnvironmentVariable, releases: tuple[str, ...]) -> str:
    oldest, newest = variable.first == releases[0], variable.gone_by is None
    if newest:
        return "in all of them" if oldest else f"since {variable.first}"
    if oldest:
        return f"up to {variable.last}"
    return (
        f"in {variable.first}" if variable.first == variable.last else f"{variable.first} to {variable.last}"
    )


def _instead(successor: Successor | None) -> Iterator[str]:
    """Yield what to do about a variable that went."""
    if successor is None:
        yield "nothing that is known"
        return
    new = successor.flag or successor.variable
    since = f", since {successor.since}" if successor.since else ""
    yield f"`{new}`{since}: {successor.why}" if new else f"nothing: {successor.why}"
    renamed = [(old, text) for old, text in (successor.values or {}).items() if old != text]
    for old, text in renamed[:_SHOWN]:
        written = " ".join(word for word in (new, text, *successor.also) if word)
        yield f"for `{old}` write `{written}`"
    if successor.values is None and successor.also:
        yield f"write `{new} VALUE {' '.join(successor.also)}`"
    if successor.drop:
        yield f"for {' or '.join(f'`{text}`' for text in successor.drop)} take the variable out"


def _default(variable: EnvironmentVariable) -> str:
    value = variable.default
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "empty" if value in ("", []) else str(value)
