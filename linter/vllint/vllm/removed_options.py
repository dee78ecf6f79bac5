"""What to do about options that vLLM no longer has.

The table `vllint_schemas/data/removed_options.json` is written by `scripts/tables/removed_options.py`.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from vllint.tables import table_path


class RemovedOption(NamedTuple):
    """What to do about an option that went, and why that is right.

    `drop` takes it out with its values. `rename` writes `to` instead of it, or `to_for_one` if it has one
    value of several possible, provided that the value is among `values`, if there are any. `write` puts
    `words` in its place, `by_value` the words for its value, which may be none. `advise` changes nothing.
    `safe` says that nothing is lost by it. `last` is the last release with the option, where that is not
    the last of its minor version.
    """

    action: Literal["drop", "rename", "write", "by_value", "advise"]
    why: str
    safe: bool
    to: str = ""
    to_for_one: str = ""
    values: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    by_value: Mapping[str, tuple[str, ...]] = {}
    last: str = ""


@cache
def _records() -> dict[str, dict[str, Any]]:
    path = table_path("removed_options.json")
    records: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return records


def removed_option(flag: str) -> RemovedOption | None:
    """Return what to do about the spelling `flag`; `None` if vLLM never took it away."""
    record = _records().get(flag)
    if record is None:
        return None
    lists: dict[str, Any] = {key: tuple(record[key]) for key in ("values", "words") if key in record}
    lists["by_value"] = {value: tuple(words) for value, words in record.get("by_value", {}).items()}
    return RemovedOption(**{**record, **lists})
