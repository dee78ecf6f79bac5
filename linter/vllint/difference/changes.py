"""What has changed in a launch, in what it says and in what it can do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint.difference.matching import Pair
from vllint.difference.sides import Seen
from vllint.facts import LaunchFacts
from vllint.redact import redacted, redacted_prose, redacted_words
from vllint.report.estimated_numbers import shown_band
from vllint_schemas import Band, Finding, Located, MemoryEstimate, Severity, Unknown

NOT_KNOWN = "not known"
_ORDER = {"fits": 0, "tight": 1, "unknown": 1, "does_not_fit": 2}
_VERDICTS = {"fits": "fits", "tight": "may not fit", "does_not_fit": "does not fit", "unknown": NOT_KNOWN}


class Said(NamedTuple):
    """Something that a launch says, before and after; empty where it does not."""

    what: str
    old: str
    new: str


class Capacity(NamedTuple):
    """What a launch can do: `kv_tokens` are one copy's, `requests` of full length those of all copies.

    `reason` is why the verdict is not known, if it is not.
    """

    verdict: str
    kv_tokens: Band | None
    requests: Band | None
    gpus: int | None
    price: float | None
    reason: str = ""

    @property
    def fit(self) -> str:
        """The verdict in words."""
        return f"{NOT_KNOWN}: {self.reason}" if self.reason else _VERDICTS[self.verdict]

    @property
    def effects(self) -> tuple[tuple[str, str], ...]:
        """What people are told of it, by name, in no more digits than are known."""
        return (
            ("memory", self.fit),
            ("KV tokens of a copy", shown_band(self.kv_tokens)),
            ("full-length requests", shown_band(self.requests)),
            ("GPUs", NOT_KNOWN if self.gpus is None else str(self.gpus)),
            ("price an hour", NOT_KNOWN if self.price is None else f"${self.price:,.2f}"),
        )


class Change(NamedTuple):
    """One launch's change: `kind` is `added`, `removed`, `changed` or `unchanged`.

    `errors` are codes and messages of what vLLM would now refuse and did not before.
    """

    title: str
    kind: str
    said: tuple[Said, ...]
    old: Capacity | None
    new: Capacity | None
    errors: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """Whether the launch now fails and did not before."""
        if self.new is None:
            return False
        before = 0 if self.old is None else _ORDER[self.old.verdict]
        fails = self.new.verdict == "does_not_fit" and before < _ORDER["does_not_fit"]
        return fails or bool(self.errors)


def change(pair: Pair) -> Change:
    """Return what has changed in a launch."""
    old, new = pair.old, pair.new
    said: tuple[Said, ...] = ()
    if old is None or new is None:
        kind = "added" if old is None else "removed"
    else:
        said = tuple(one for one in _said(old.facts, new.facts) if one.old != one.new)
        kind = "changed" if said or capacity(old).effects != capacity(new).effects else "unchanged"
    return Change(
        pair.title,
        kind,
        said,
        None if old is None else capacity(old),
        None if new is None else capacity(new),
        _new_errors(() if old is None else old.findings, () if new is None else new.findings),
    )


def capacity(seen: Seen) -> Capacity:
    """Return what a launch can do."""
    facts, memory = seen.facts, seen.facts.maybe_memory
    layout = None if isinstance(facts.maybe_parallel, Unknown) else facts.maybe_parallel
    gpus, price = None if layout is None else layout.gpus_needed, facts.hardware.price_usd_hour
    if not isinstance(memory, MemoryEstimate):
        return Capacity("unknown", None, None, gpus, price, redacted_prose(memory.reason))
    bands = [rank.kv_tokens for rank in memory.ranks if isinstance(rank.kv_tokens, Band)]
    room = memory.max_concurrency
    copies = 1 if layout is None else layout.data
    return Capacity(
        "unknown" if isinstance(memory.verdict, Unknown) else memory.verdict,
        min(bands, key=lambda band: band.mid, default=None),
        Band(*(bound * copies for bound in room)) if isinstance(room, Band) else None,
        gpus,
        price,
        redacted_prose(memory.verdict.reason) if isinstance(memory.verdict, Unknown) else "",
    )


def _said(old: LaunchFacts, new: LaunchFacts) -> Iterator[Said]:
    yield Said("model", _model(old), _model(new))
    yield Said("vLLM", _release(old), _release(new))
    yield Said("card", _card(old), _card(new))
    yield Said("cards", _count(old), _count(new))
    before, after = _options(old), _options(new)
    for option in dict.fromkeys((*before, *after)):
        yield Said(option, before.get(option, ""), after.get(option, ""))
    before, after = _variables(old), _variables(new)
    for name in dict.fromkeys((*before, *after)):
        yield Said(name, before.get(name, ""), after.get(name, ""))


def _model(facts: LaunchFacts) -> str:
    return redacted(facts.args.model.value) if isinstance(facts.args.model, Located) else NOT_KNOWN


def _release(facts: LaunchFacts) -> str:
    stated = facts.release.stated
    return stated.value if isinstance(stated, Located) else f"{facts.release.judged} ({facts.release.source})"


def _card(facts: LaunchFacts) -> str:
    return facts.hardware.gpu.value.name if isinstance(facts.hardware.gpu, Located) else NOT_KNOWN


def _count(facts: LaunchFacts) -> str:
    count = facts.hardware.gpu_count
    return str(count.value) if isinstance(count, Located) else NOT_KNOWN


def _options(facts: LaunchFacts) -> dict[str, str]:
    """Return the options by their canonical names; a switch is `on`, what is not known its text."""
    found: dict[str, str] = {}
    for argument in facts.args.arguments:
        if argument.dest == "model":
            continue
        _, *values = redacted_words((argument.flag, *argument.values))
        found[argument.option] = " ".join(values) or "on"
    return found


def _variables(facts: LaunchFacts) -> dict[str, str]:
    variables = facts.launch.env
    values = redacted_words(tuple(variable.value for variable in variables))
    return {
        variable.name: redacted(f"{variable.name}={value}").removeprefix(f"{variable.name}=") or "''"
        for variable, value in zip(variables, values, strict=True)
    }


def _new_errors(old: Sequence[Finding], new: Sequence[Finding]) -> tuple[str, ...]:
    """Return the errors of codes that there are more of than before."""
    left = Counter(one.code for one in old if one.severity is Severity.ERROR)
    found: list[str] = []
    for one in new:
        if one.severity is not Severity.ERROR:
            continue
        if left[one.code]:
            left[one.code] -= 1
        else:
            found.append(redacted_prose(f"{one.code} {one.message}"))
    return tuple(found)
