"""An option of `vllm serve`: what it takes, and how that changed from release to release."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import get_args

from vllint.explain.rows import row
from vllint.explain.stretches import stretches
from vllint.report.colours import Palette
from vllint.rule import Rule
from vllint.vllm.computed_defaults import computed_defaults
from vllint.vllm.option_bounds import bounds_in_words
from vllint.vllm.options import Option, option_table, releases_with
from vllint.vllm.releases import as_of, releases
from vllint.vllm.removed_options import removed_option
from vllint.vllm.similar import similar_flags
from vllint.vllm.value_names import NamedValue, value_names
from vllint_schemas import Unknown

KINDS: Mapping[str, str] = {
    "flag": "a switch, takes no value",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "json": "JSON",
    "json-or-str": "JSON or a text",
    "json-or-kv": "JSON or `key=value,...`",
    "json-or-int": "JSON or a whole number",
    "human_readable_int": "a whole number, also as `32k` (32,000) or `32K` (32,768)",
    "human_readable_int_or_auto": "a whole number, also as `32k` (32,000) or `32K` (32,768), or `auto`",
    "boolean": "`true` or `false`",
    "folded-str": "a text in any case, with `-` or `_`",
    "comma-list": "a list parted by commas",
    "reasoning-parser": "a parser's name, or `none`",
}
"""What an option takes, by its kind in the table."""


def spelling_of(text: str) -> str | None:
    """Return the spelling that any release knows for `--name`, `-n`, `name`, `na_me` or `--name=value`.

    A key of a JSON option, as in `--attention-config.backend`, stands for the option.
    """
    wanted = (text if text.startswith("-") else f"--{text}").partition("=")[0]
    whole, option = wanted, wanted.partition(".")[0].rstrip("+")
    for spelling in (whole, whole.lower().replace("_", "-"), option, option.lower().replace("_", "-")):
        if releases_with(spelling):
            return spelling
    return None


def option_lines(flag: str, colours: Palette, rules: Sequence[Rule] = ()) -> Iterator[str]:
    """Yield what is known of a spelling that at least one release knows."""
    by_release = {release: option_table(release).by_flag[flag] for release in releases_with(flag)}
    newest = list(by_release.values())[-1]
    yield colours.paint(colours.strong, ", ".join(_spellings(flag, newest)))
    yield from row("is", _nature(flag, newest))
    yield from row("releases", ", ".join(part.words for part in stretches([(r, 0) for r in by_release])))
    if releases()[-1] not in by_release:
        yield from row("", f"vLLM {releases()[-1]} does not know it{_instead(flag)}")
    yield from row("default", *_by_stretch({r: _default(option) for r, option in by_release.items()}))
    if flag not in newest.negations:
        yield from _computed(newest.dest)
    if bounds := bounds_in_words(newest.dest, releases()[-1]):
        yield from row("must be", bounds)
    yield from _choices(by_release)
    yield from _names(newest)
    retired = [(r, option.deprecated) for r, option in by_release.items()]
    deprecated = [part.words for part in stretches(retired) if part.value]
    if deprecated:
        yield from row("deprecated", ", ".join(deprecated))
    if newest.negations and flag not in newest.negations:
        yield from row("unset by", ", ".join(newest.negations))
    about = [f"{rule.code} {rule.name}" for rule in rules_about((*newest.aliases, *newest.negations), rules)]
    if about:
        yield from row("rules", ", ".join(about))
    known = releases()
    yield from row("source", f"tables of {len(known)} releases, {known[0]} to {known[-1]}{as_of()}")


def rules_about(spellings: Sequence[str], rules: Sequence[Rule]) -> Iterator[Rule]:
    """Yield the rules whose pages name one of an option's spellings before they come to examples."""
    names = "|".join(re.escape(name) for name in spellings)
    named = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])")
    for rule in rules:
        if names and named.search(cleandoc(rule.__doc__ or "").partition("## Example")[0]):
            yield rule


def _computed(dest: str) -> Iterator[str]:
    """Yield what vLLM makes of an option that is not given, where that depends on cards or models."""
    lines = []
    for fact in computed_defaults(dest):
        value = fact.value if not isinstance(fact.value, bool) else "on" if fact.value else "off"
        stretch = f"since {fact.since}" if fact.until is None else f"{fact.since} to {fact.until}"
        lines.append(f"{value} for {fact.when}, {stretch}")
    yield from row("if unset", *lines)


def _names(option: Option) -> Iterator[str]:
    """Yield the names that vLLM knows where the parser takes any text."""
    if option.choices or option.dest not in get_args(NamedValue):
        return
    known = value_names(option.dest)
    newest = known.releases[-1]
    yield from row("names", f"{', '.join(sorted(known.of(newest) or ()))} (in {newest})")
    gone = [
        f"{name} in {known.releases_with(name)[-1]}"
        for name in sorted(frozenset().union(*known.by_release) - (known.of(newest) or frozenset()))
    ]
    yield from row("", *([f"gone, last seen: {', '.join(gone)}"] if gone else []))


def _spellings(flag: str, option: Option) -> tuple[str, ...]:
    same = option.negations if flag in option.negations else option.aliases
    return (flag, *(name for name in same if name != flag))


def _nature(flag: str, option: Option) -> str:
    """Say what the option takes, and how often."""
    if flag in option.negations:
        return f"a switch, unsets what {option.flag} sets"
    what = KINDS.get(option.kind, option.kind)
    several = {"+": ", one or more", "?": ", or none"}.get(option.nargs, "")
    again = "; may be given more than once" if option.action == "append" else ""
    needed = "; must be given" if option.required else ""
    return f"{what}{several}{again}{needed}"


def _instead(flag: str) -> str:
    """Say why the newest release does without the option, else which of its options are called alike."""
    removed = removed_option(flag)
    if removed is not None:
        renamed = f"; write `{removed.to}`" if removed.action == "rename" else ""
        return f": {removed.why}{renamed}"
    close = similar_flags(flag, releases()[-1])
    return f"; it has {', '.join(close)}" if close else ""


def _default(option: Option) -> str:
    value = option.default
    if isinstance(value, Unknown):
        return "computed at start"
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "on" if value else "off"
    if value == "":
        return "empty"
    return str(value) if isinstance(value, str | int | float) else json.dumps(value)


def _by_stretch(values: Mapping[str, str]) -> Iterator[str]:
    """Yield the value alone if it is always the same, else each value with its releases, newest first."""
    parts = stretches(tuple(values.items()))
    if len({part.value for part in parts}) == 1:
        yield parts[0].value
        return
    for part in reversed(parts):
        yield f"{part.value}, {part.words}"


def _choices(by_release: dict[str, Option]) -> Iterator[str]:
    """Yield the values that the parser lists, in which release it began to, and which are gone."""
    lists = {release: option.choices for release, option in by_release.items() if option.choices}
    if not lists:
        return
    first, latest = next(iter(lists)), list(lists)[-1]
    if latest != list(by_release)[-1]:
        since = next(release for release in reversed(by_release) if release not in lists)
        yield from row("choices", f"not listed by the parser of {since}; listed by that of {latest}:")
        yield from row("", ", ".join(map(str, lists[latest])))
    else:
        yield from row("choices", ", ".join(map(str, lists[latest])))
    known = dict.fromkeys(choice for choices in lists.values() for choice in choices)
    listing = {choice: [release for release in lists if choice in lists[release]] for choice in known}
    new = [f"{choice} in {of[0]}" for choice, of in listing.items() if of[0] != first and of[-1] == latest]
    gone = [f"{choice} after {of[-1]}" for choice, of in listing.items() if of[-1] != latest]
    yield from row("", *([f"added: {', '.join(new)}"] if new else []))
    yield from row("", *([f"removed: {', '.join(gone)}"] if gone else []))
