"""Estimated numbers of tokens and requests, in no more digits than an estimate has."""

from __future__ import annotations

from typing import Protocol

_DIGITS = 3


class Bounds(Protocol):
    """An estimate with its bounds."""

    @property
    def low(self) -> float:
        """The lower bound."""

    @property
    def mid(self) -> float:
        """The likely value."""

    @property
    def high(self) -> float:
        """The upper bound."""


def shown_number(number: float, decimals: int = 0) -> str:
    """Return a number in three significant digits, and in no more than `decimals` behind the point."""
    digits = _DIGITS - len(str(int(abs(number)))) if abs(number) >= 1 else decimals
    return f"{round(number, min(digits, decimals)):,.{decimals}f}"


def shown_band(band: Bounds | None, none: str = "not known") -> str:
    """Return a likely number with its bounds, `none` without an estimate."""
    if band is None:
        return none
    likely, low, high = band_parts(band)
    return likely if low == high else f"{likely} ({low} to {high})"


def band_parts(band: Bounds) -> tuple[str, str, str]:
    """Return the likely number, the lower and the upper bound in equal digits."""
    decimals = 0 if band.high >= 100 else 1
    return (
        shown_number(band.mid, decimals),
        shown_number(band.low, decimals),
        shown_number(band.high, decimals),
    )
