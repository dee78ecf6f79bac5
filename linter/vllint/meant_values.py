"""What a text that an option refuses may have been meant for."""

from __future__ import annotations

import re

from vllint.facts import LaunchFacts
from vllint.release_order import version_key
from vllint.vllm.mistakes import Mistake
from vllint.vllm.options import option_table, releases_with
from vllint.vllm.values import RefusedError, convert

_NUMBER = r"(?P<sign>-?)(?P<number>\d+(?:[.,]\d+)*)\s*(?P<unit>%|[kKmMgGtT]i?[bB]?|[eE]\+?\d+)?"
_GROUPED = r"\d{1,3}(?:,\d{3})+(?:\.0+)?|\d+(?:\.0+)?"
_THOUSANDS = {"k": 1, "m": 2, "g": 3, "t": 4}
_WHOLE = frozenset({"int", "human_readable_int", "human_readable_int_or_auto"})


def accepting_releases(flag: str, text: str) -> tuple[str, ...]:
    """Return the tabled releases whose option of the spelling `flag` takes `text`."""
    return tuple(release for release in releases_with(flag) if _takes(release, flag, text))


def is_removed_choice(facts: LaunchFacts, mistake: Mistake) -> bool:
    """Whether a choice that is refused is one that an older release takes."""
    judged = option_table(facts.release.judged).by_flag.get(mistake.argument.option)
    if judged is None or not judged.choices or not mistake.argument.values:
        return False
    others = accepting_releases(mistake.argument.option, mistake.argument.values[-1].text)
    listed = [name for name in others if option_table(name).by_flag[mistake.argument.option].choices]
    key = version_key(facts.release.judged)
    return any(version_key(name) < key for name in listed)


def _takes(release: str, flag: str, text: str) -> bool:
    option = option_table(release).by_flag[flag]
    if option.nargs == "0":
        return False
    try:
        convert(option, text, release)
    except RefusedError:
        return False
    return True


def tidied_number(text: str, kind: str) -> tuple[str | None, bool]:
    """Return the number that `text` stands for as an option of the `kind` reads it, and whether it is sure.

    Sure are thousands parted by commas, decimals of zero, hexadecimals, per cent, and units where the option
    knows some; a decimal comma and the units that vLLM itself only guesses at are not.
    """
    stripped = text.strip()
    if kind in _WHOLE and re.fullmatch(r"0[xX][0-9a-fA-F]+", stripped):
        return str(int(stripped, 16)), True
    match = re.fullmatch(_NUMBER, stripped)
    if match is None:
        return None, False
    if kind in _WHOLE:
        number, sure = _whole(match)
        # Thousands of tokens are likely, thousands of GPUs are not.
        return number, sure and not (kind == "int" and match["unit"])
    return _decimal(match) if kind == "float" else (None, False)


def _whole(match: re.Match[str]) -> tuple[str | None, bool]:
    number, unit = match["number"], match["unit"] or ""
    if unit == "%":
        return None, False
    if not unit:
        tidy = number.partition(".")[0].replace(",", "")
        return (f"{match['sign']}{tidy}", True) if re.fullmatch(_GROUPED, number) else (None, False)
    if "," in number:
        return None, False
    if unit[0] in "eE":
        value = float(f"{number}{unit}")
        return (f"{match['sign']}{int(value)}", True) if value == int(value) else (None, False)
    binary = unit[0].isupper() or "i" in unit
    value = float(number) * (1024 if binary else 1000) ** _THOUSANDS[unit[0].lower()]
    sure = len(unit) == 1 and "." not in number
    return (f"{match['sign']}{int(value)}", sure) if value == int(value) else (None, False)


def _decimal(match: re.Match[str]) -> tuple[str | None, bool]:
    number, unit = match["number"], match["unit"]
    if number.count(",") == 1 and "." not in number and not unit:
        return f"{match['sign']}{number.replace(',', '.')}", False
    if unit == "%" and "," not in number and number.count(".") < 2:
        return f"{match['sign']}{float(number) / 100:g}", True
    return None, False
