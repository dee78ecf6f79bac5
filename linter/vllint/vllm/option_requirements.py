"""What vLLM's options ask of each other.

The table `vllint_schemas/data/option_requirements.json` is written by
`scripts/tables/option_requirements.py`. Its records speak of options in terms, by what they fill:

`enable_eplb` (on), `uds=*` (given a value), `moe_backend=a|b` (one of these; `none` is no value),
`backend!=auto`, `nnodes>1` (also `>=`, `<`, `<=`, and the name of another option), `model~.gguf` (holds this
text), `attention_config.backend=*` (a key of an option that is an object), `$NAME` (a variable of the
environment, on; `$NAME~text`), `model:moe` (a fact of the model: `moe`, `dense`, `multimodal`, `text`,
`encoder_only`, `recurrent` beside attention, `without_pooler` in its class, `one_part` of a configuration,
`without_length` in it, `of_its_own_method` whatever `--quantization` asks for, `unquantized` as loaded,
`unquantized_checkpoint`, `fp8`, `mxfp4`, `nvfp4`), `platform:rocm` and `platform:cuda` (what the image or
the card is for), `card:before_blackwell`.
"""

import json
import operator
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from vllint.tables import table_path

_TERM = re.compile(r"(\$?[\w.:]+)(?:(!=|>=|<=|=|>|<|~)(.*))?")
_COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


class Term(NamedTuple):
    """A condition on an option, a variable, or the model; `operator` is empty for "on"."""

    name: str
    operator: str
    wanted: str

    @property
    def dest(self) -> str:
        """What the option fills, without the key."""
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        """The key of the option's object, empty for the option itself."""
        return self.name.partition(".")[2]

    @property
    def is_option(self) -> bool:
        """Whether it speaks of an option, rather than of a variable, the model or the platform."""
        return not self.name.startswith("$") and ":" not in self.name

    @property
    def is_against_option(self) -> bool:
        """Whether a number is compared with that of another option."""
        return self.operator in _COMPARED and self.wanted[:1].isalpha()

    def holds(self, value: Any) -> bool | None:
        """Return whether `value` is as the term says; `None` where they cannot be compared."""
        if not self.operator:
            return bool(value)
        if self.operator == "~":
            return self.wanted in str(value)
        if self.operator in _COMPARED:
            return _compared(self.operator, value, self.wanted)
        if self.wanted == "*":
            return (value is not None) is (self.operator == "=")
        return (_text(value) in self.wanted.split("|")) is (self.operator == "=")


class Requirement(NamedTuple):
    """What vLLM asks of an option, under the conditions `when` and `unless`.

    `needs`: where `option` holds, one of `needs` must. `excludes`: `option` and `other` must not both hold.
    `number`: the value of `option` must be `at_least`, `at_most`, `below`, a `multiple_of` or `unlike` that
    of `limit`, or that number.
    What is broken is `refused`, without effect (`ignored`), or a server that `waits` for ever. `door` says
    who checks: `serve` is `vllm serve` alone, `server` also the api_server module, empty any engine. The
    check is known since the release `since`, or `always`, while the option is there. With `safe`, adding
    what is needed keeps what is meant.
    """

    kind: Literal["needs", "excludes", "number"]
    option: Term
    source: str
    stage: Literal["validate", "config", "run"]
    needs: tuple[Term, ...] = ()
    other: Term | None = None
    relation: Literal["", "at_least", "at_most", "below", "multiple_of", "unlike"] = ""
    limit: str | int = ""
    when: tuple[Term, ...] = ()
    unless: tuple[Term, ...] = ()
    effect: Literal["refused", "ignored", "waits"] = "refused"
    door: Literal["", "serve", "server"] = ""
    since: str = "always"
    why: str = ""
    help: str = ""
    safe: bool = False

    @property
    def options(self) -> tuple[Term, ...]:
        """The terms of which at least one must be given for anything to be wrong."""
        return (self.option,) if self.other is None else (self.option, self.other)


@cache
def term(text: str) -> Term:
    """Read a term; raise `ValueError` for what is none."""
    match = _TERM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no term")
    return Term(match[1], match[2] or "", match[3] or "")


@cache
def _records() -> Mapping[str, tuple[dict[str, Any], ...]]:
    """Return the records by what the options that they blame fill."""
    table = json.loads(table_path("option_requirements.json").read_text(encoding="utf-8"))
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for record in table["requirements"]:
        for dest in {term(record[name]).dest for name in ("option", "other") if name in record}:
            found[dest] = (*found.get(dest, ()), record)
    return found


@lru_cache(maxsize=256)
def requirements_of(dests: frozenset[str]) -> tuple[Requirement, ...]:
    """Return what is asked of options that are given, by what they fill, in the table's order."""
    found = {id(record): record for dest in sorted(dests) for record in _records().get(dest, ())}
    return tuple(_requirement(json.dumps(record)) for record in found.values())


@cache
def _requirement(text: str) -> Requirement:
    record = json.loads(text)
    for name in ("option", "other"):
        if name in record:
            record[name] = term(record[name])
    for name in ("needs", "when", "unless"):
        record[name] = tuple([term(part) for part in record.get(name, ())])
    return Requirement(**record)


def _compared(name: str, value: Any, wanted: str) -> bool | None:
    if value is None:
        return False
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return bool(_COMPARED[name](value, float(wanted)))


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
