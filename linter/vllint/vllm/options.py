"""The options of `vllm serve`, release by release.

The table `vllint_schemas/data/options.jsonl` is written by `scripts/tables/options.py`, which describes
its lines. Only the lines of the release asked for are decoded.
"""

# Without `from __future__ import annotations`: a NamedTuple compiles annotations that are text, one by one.

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from vllint.tables import table_path
from vllint.vllm.releases import OPTIONS, releases
from vllint_schemas import Unknown

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(.*)")
_STEADY = (0, 12)
"""From this minor version on, options do not come and go between its releases."""

_PRE_RELEASE = re.compile(r"[._-]?(?:rc|a|b|alpha|beta|dev)\d*|\.dev")


class Option(NamedTuple):
    """One option of a release's parser.

    `flag` is its first long spelling (the name, for the positional), `aliases` all spellings that set
    it in vLLM's order, `negations` those that unset it. `kind` is what its text is read as:

    `flag` (takes no text), `int`, `float`, `str`, `json`, `json-or-str`, `json-or-kv` (also
    `key=value,...`), `json-or-int`, `human_readable_int` (`32k`), `human_readable_int_or_auto`,
    `boolean` (`true` or `false`), `folded-str` (case and `-`/`_` do not count), `comma-list`,
    `reasoning-parser` (`none` means unset).

    `type` is the converter's name, as argparse gives it in "invalid ... value"; empty without one.
    `nargs` is `none` (exactly one), `?`, `+` or `0`. `action` is `store`, `append`, `store_true`,
    `boolean_optional`, `enable_disable`, `store_boolean`, `lora_modules`, `prompt_adapters` or `help`.
    With `optional_none`, the texts `None` and nothing mean no value. `default` is `Unknown` where the
    release computes it; where it is a configuration object, it is `{}`: nothing set.
    """

    flag: str
    dest: str
    kind: str
    type: str
    action: str
    nargs: str
    aliases: tuple[str, ...]
    negations: tuple[str, ...]
    choices: tuple[Any, ...] | None
    const: Any
    default: Any
    optional_none: bool
    required: bool
    deprecated: bool
    positional: bool

    def const_for(self, on: bool) -> Any:
        """Return what the bare flag stores, written to set (`on`) or to unset."""
        return self.const if self.action == "store_true" else on

    @property
    def negation(self) -> str | None:
        """The spelling that turns a switch off: `--no-...`, which all releases share, before any other."""
        return min(self.negations, key=lambda name: not name.startswith("--no-"), default=None)

    @property
    def label(self) -> str:
        """The name that argparse's errors give it after `argument `: its visible spellings."""
        inverse = [name for name in self.negations if not name.startswith("--no-")]
        if inverse or not self.aliases:
            return "/".join((*self.aliases, *inverse)) or self.flag
        negated = {f"--no-{name[2:]}": name for name in self.aliases}
        pairs = {negated[name]: name for name in self.negations}
        return "/".join(f"{name}/{pairs[name]}" if name in pairs else name for name in self.aliases)


class OptionTable(NamedTuple):
    """All options of one release; `by_flag` has every spelling, `defaults` every dest that is known."""

    release: str
    options: tuple[Option, ...]
    by_flag: Mapping[str, Option]
    defaults: Mapping[str, Any]


@cache
def _lines() -> list[str]:
    return table_path(OPTIONS).read_text(encoding="utf-8").splitlines()


@cache
def _history() -> dict[str, list[int]]:
    history: dict[str, list[int]] = json.loads(_lines()[1])
    return history


@cache
def nearest(version: str) -> tuple[str, bool]:
    """Return the tabled release that judges `version`, and whether it stands for it exactly.

    The table has one release per minor version, nearly always its last. Since 0.12, any final release of
    a minor counts as exact, since options come and go with minor versions; before, only the tabled release
    does (`0.8.5` is that of `0.8.5.post1`, and `0.8` alone may be any). Pre-releases, development builds and
    minors without a table are judged by the closest minor (the newer of two), not exactly; what cannot be
    read as a version (`nightly`) by the newest. Local labels (`+cu128`) do not count.
    """
    match = _VERSION.fullmatch(version.strip().partition("+")[0])
    if match is None:
        return releases()[-1], False
    wanted = (int(match[1]), int(match[2]))
    minors = {_minor(release): release for release in releases()}
    if wanted in minors:
        patched = wanted < _STEADY and match[3] is not None and not _is_patch(minors[wanted], match)
        return minors[wanted], not patched and not _PRE_RELEASE.match(match[4])
    closest = min(minors, key=lambda minor: (_distance(minor, wanted), minor < wanted))
    return minors[closest], False


def _is_patch(release: str, version: re.Match[str]) -> bool:
    """Tell whether a version is this release but for its post-release: `0.10.1.1` is not `0.10.1`."""
    suffix = "" if version[4].startswith(".post") else version[4]
    return release.partition(".post")[0] == f"{version[1]}.{version[2]}.{version[3]}{suffix}"


def _minor(release: str) -> tuple[int, int]:
    major, minor = release.split(".")[:2]
    return int(major), int(minor)


def _distance(minor: tuple[int, int], wanted: tuple[int, int]) -> int:
    return abs(1000 * (minor[0] - wanted[0]) + minor[1] - wanted[1])


@cache
def option_table(release: str) -> OptionTable:
    """Return the options of a tabled release; raise `ValueError` for any other (see `nearest`)."""
    known = releases()
    if release not in known:
        raise ValueError(f"there is no table for vLLM {release}; see nearest()")
    lines = _lines()
    first = 2 + len(known)
    indices = json.loads(lines[2 + known.index(release)])
    records = json.loads(f"[{','.join([lines[first + index] for index in indices])}]")
    options = tuple([_option(record, release) for record in records])
    by_flag = {name: option for option in options for name in (*option.aliases, *option.negations)}
    defaults = {
        option.dest: option.default
        for option in options
        if not isinstance(option.default, Unknown) and option.action != "help"
    }
    return OptionTable(release, options, by_flag, defaults)


def _option(record: dict[str, Any], release: str) -> Option:
    get = record.get
    flag = record["flag"]
    kind = get("kind", "str")
    switch = kind == "flag"
    choices = get("choices")
    default = get("default", False if switch else None)
    if "unknown" in record:
        default = Unknown(f"vLLM {release} computes the default of `{flag}`")
    return Option(
        flag,
        flag.removeprefix("--").replace("-", "_"),
        kind,
        get("type", "" if switch else kind),
        get("action", "store"),
        "0" if switch else get("nargs", "none"),
        tuple(get("aliases", (flag,))),
        tuple(get("negations", ())),
        None if choices is None else tuple(choices),
        get("const"),
        default,
        get("optional_none", False),
        get("required", False),
        get("deprecated", False),
        get("positional", False),
    )


def releases_with(flag: str) -> tuple[str, ...]:
    """Return the tabled releases that know the spelling `flag`; empty when none does."""
    stretches = _history().get(flag, [])
    return tuple(
        release
        for first, last in zip(stretches[::2], stretches[1::2], strict=True)
        for release in releases()[first : last + 1]
    )


def ever_took_value(flag: str) -> bool:
    """Whether any release's option of the spelling `flag` takes a value."""
    return any(option_table(release).by_flag[flag].nargs != "0" for release in releases_with(flag))


def known_elsewhere(flag: str) -> tuple[str, str] | None:
    """Return the first and last tabled release that know the spelling `flag`, if any does.

    There may be a gap between them, as for `--disable-log-requests`: see `releases_with`.
    """
    found = _history().get(flag)
    return (releases()[found[0]], releases()[found[-1]]) if found else None
