"""Names that options take where vLLM's parser does not list them, by release.

The table `vllint_schemas/data/value_names.json` is written by `scripts/tables/value_names.py`.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple

from vllint.release_order import version_key
from vllint.tables import table_path
from vllint.vllm.similar import folded, similar_name
from vllint_schemas import Applicability, Edit, EngineArgs, Fix, Located, Unknown, Word

NamedValue = Literal[
    "kv_cache_dtype",
    "quantization",
    "tool_call_parser",
    "reasoning_parser",
    "attention_backend",
    "load_format",
    "tokenizer_mode",
    "model_impl",
    "distributed_executor_backend",
]


class ValueNames(NamedTuple):
    """The releases whose names are known, ascending, and which names each takes."""

    releases: tuple[str, ...]
    by_release: tuple[frozenset[str], ...]

    def of(self, release: str) -> frozenset[str] | None:
        """Return the names that a release takes; `None` where they are not known."""
        return self.by_release[self.releases.index(release)] if release in self.releases else None

    def releases_with(self, name: str) -> tuple[str, ...]:
        """Return the releases that take `name`."""
        return tuple(
            release for release, names in zip(self.releases, self.by_release, strict=True) if name in names
        )


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(table_path("value_names.json").read_text(encoding="utf-8"))
    return table


@cache
def value_names(dest: NamedValue) -> ValueNames:
    """Return the names that the option filling `dest` takes."""
    record = _table()[dest]
    taken: list[set[str]] = [set() for _ in record["releases"]]
    for name, stretches in record["names"].items():
        for first, last in zip(stretches[::2], stretches[1::2], strict=True):
            for names in taken[first : last + 1]:
                names.add(name)
    return ValueNames(tuple(record["releases"]), tuple(frozenset(names) for names in taken))


class UnknownName(NamedTuple):
    """A name that an option has and the release does not know: its place, what is near, who knows it."""

    word: Word
    name: str
    near: str | None
    others: tuple[str, ...]
    names: frozenset[str]


def unknown_name(
    args: EngineArgs, dest: NamedValue, fold: Callable[[str], str] = str, also: frozenset[str] = frozenset()
) -> UnknownName | None:
    """Return the name given for `dest` if the release has it neither in its table nor in `also`."""
    argument = args.given(dest)
    names = value_names(dest).of(args.vllm_version)
    if argument is None or names is None or not argument.values:
        return None
    word = argument.values[-1]
    name = fold(word.text)
    if not word.is_known or name in names or name in also:
        return None
    return UnknownName(
        word, name, similar_name(name, sorted(names)), value_names(dest).releases_with(name), names
    )


def doubtful(found: UnknownName, stated: Located[str] | Unknown) -> bool:
    """Whether a name may be a fork's or a plug-in's own: no release has it, and none is stated."""
    spelled = found.near is not None and found.near.lower() == folded(found.name)
    return not found.others and isinstance(stated, Unknown) and not spelled


def when_known(others: tuple[str, ...], judged: str) -> str:
    """Return when a name was or will be known, to put behind a statement; empty if it never is."""
    if not others:
        return ""
    if version_key(others[-1]) < version_key(judged):
        return f"; the last release known to have it is {others[-1]}"
    return f"; the first release known to have it is {others[0]}"


def near_fix(word: Word, near: str | None) -> Fix | None:
    """Return the fix that writes a name of nearly that spelling; safe where only case or dashes differ."""
    place = word.text_span
    if near is None or place is None or word.via:
        return None
    level = Applicability.SAFE if near == folded(word.text) else Applicability.UNSAFE
    return Fix(f"write `{near}`", level, (Edit(place, near),))
