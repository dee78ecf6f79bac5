"""What stands in the way of dividing a model over ranks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint_schemas import Stage

COUNT = "{size:,} {subject}"
"""How an obstacle speaks of things that are counted: `28 attention heads`."""

MEASURE = "{subject} {size:,}"
"""How an obstacle speaks of things that are measured: `MLP size 18,944`."""


class Remedy(NamedTuple):
    """An option that takes an obstacle away and leaves the layout; `value` is empty for a switch."""

    flag: str
    dest: str
    value: str
    effect: str

    @property
    def advice(self) -> str:
        """Say what to add and what it does."""
        return f"`{' '.join(filter(None, (self.flag, self.value)))}` {self.effect}"


class Obstacle(NamedTuple):
    """One reason for a refusal: what does not divide, with numbers; where vLLM checks it, and when."""

    subject: str
    arithmetic: str
    source: str
    stage: Stage
    remedy: Remedy | None = None


def undivided(
    subject: str,
    size: int | None,
    ranks: int,
    source: str,
    *,
    words: str = COUNT,
    stage: Stage = "build",
    remedy: Remedy | None = None,
) -> Iterator[Obstacle]:
    """Yield an obstacle when `size` is known and `ranks` does not divide it; `words` say the size."""
    if size and size % ranks:
        named = words.format(size=size, subject=subject)
        yield Obstacle(
            subject, f"{named} / {ranks} = {quotient(size, ranks)} is not whole", source, stage, remedy
        )


def quotient(size: int, ranks: int) -> str:
    """Write what one rank would get: four digits, or one behind the point of large sizes."""
    share = size / ranks
    if share == int(share):
        return f"{int(share):,}"
    return f"{share:.4g}" if share < 1000 else f"{share:,.1f}"
