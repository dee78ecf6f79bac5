from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.report.estimated_numbers import shown_band, shown_number
from vllint_schemas import Band


@given(st.floats(min_value=100, max_value=1e9))
def test_large_numbers_are_off_by_less_than_half_a_percent(number: float) -> None:
    shown = shown_number(number)
    assert abs(float(shown.replace(",", "")) - number) <= 0.005 * number + 0.5
    assert len(shown.replace(",", "").rstrip("0")) <= 3


@pytest.mark.parametrize(
    ("band", "shown"),
    [
        (Band(393342.0, 475990.0, 520934.0), "476,000 (393,000 to 521,000)"),
        (Band(1.84, 2.83, 3.47), "2.8 (1.8 to 3.5)"),
        (Band(0.0, 8.46, 14.14), "8.5 (0.0 to 14.1)"),
        (Band(93.4, 107.6, 114.9), "108 (93 to 115)"),
        (Band(29127.0, 29127.0, 29127.0), "29,100"),
        (None, "not known"),
    ],
)
def test_a_band_has_equal_digits_and_no_bounds_that_are_the_number_itself(
    band: Band | None, shown: str
) -> None:
    assert shown_band(band) == shown
