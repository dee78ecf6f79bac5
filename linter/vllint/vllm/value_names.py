"""Names that options take where vLLM's parser does not list them, by release.

The table `vllint_schemas/data/value_names.json` is written by `scripts/tables/value_names.py`.
"""

import json
from functools import cache
from typing import Literal, NamedTuple

from vllint.tables import table_path

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
def value_names(dest: NamedValue) -> ValueNames:
    """Return the names that the option filling `dest` takes."""
    path = table_path("value_names.json")
    record = json.loads(path.read_text(encoding="utf-8"))[dest]
    taken: list[set[str]] = [set() for _ in record["releases"]]
    for name, stretches in record["names"].items():
        for first, last in zip(stretches[::2], stretches[1::2], strict=True):
            for names in taken[first : last + 1]:
                names.add(name)
    return ValueNames(tuple(record["releases"]), tuple(frozenset(names) for names in taken))
