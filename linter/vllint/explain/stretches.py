"""Facts that change from release to release, told in stretches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from vllint.vllm.releases import releases

T = TypeVar("T")


class Stretch(NamedTuple, Generic[T]):
    """Releases next to each other, from `first` to `last`, of which the same is true."""

    first: str
    last: str
    value: T

    @property
    def words(self) -> str:
        """The stretch as `0.9.2 to 0.20.2`; `up to` and `since` where it holds the oldest or the newest."""
        newest = self.last == releases()[-1]
        if self.first == releases()[0]:
            return "in all of them" if newest else f"up to {self.last}"
        if newest:
            return f"since {self.first}"
        return f"in {self.first}" if self.first == self.last else f"{self.first} to {self.last}"


def stretches(values: Sequence[tuple[str, T]]) -> tuple[Stretch[T], ...]:
    """Join releases that follow each other and have the same value; `values` are in order."""
    return tuple(_stretches(values))


def _stretches(values: Sequence[tuple[str, T]]) -> Iterator[Stretch[T]]:
    order = {release: number for number, release in enumerate(releases())}
    current: Stretch[T] | None = None
    for release, value in values:
        if current is None:
            current = Stretch(release, release, value)
        elif value == current.value and order[release] == order[current.last] + 1:
            current = current._replace(last=release)
        else:
            yield current
            current = Stretch(release, release, value)
    if current is not None:
        yield current
