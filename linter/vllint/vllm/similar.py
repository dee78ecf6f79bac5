"""Names that someone may have meant."""

from __future__ import annotations

from collections.abc import Iterable

from vllint.vllm.options import option_table

_ENOUGH = 0.72
_CLEARLY_BEST = 0.06


def similar_flags(flag: str, release: str) -> tuple[str, ...]:
    """Return the release's spellings close to `flag`, the nearest first.

    One alone means that no other comes near it.
    """
    from difflib import SequenceMatcher

    spellings = option_table(release).by_flag
    folded = flag.lower().replace("_", "-")
    if folded in spellings:
        return (folded,)
    short = f"-{folded.lstrip('-')}"
    if len(short) <= 5 and short in spellings:
        return (short,)
    scored: list[tuple[float, str]] = []
    matcher = SequenceMatcher(b=folded.lstrip("-"), autojunk=False)
    for spelling in spellings:
        matcher.set_seq1(spelling.lstrip("-"))
        if matcher.real_quick_ratio() >= _ENOUGH and matcher.quick_ratio() >= _ENOUGH:
            ratio = matcher.ratio()
            if ratio >= _ENOUGH:
                scored.append((ratio, spelling))
    scored.sort(key=lambda item: (-item[0], item[1]))
    if not scored:
        return ()
    near = [spelling for ratio, spelling in scored if scored[0][0] - ratio < _CLEARLY_BEST]
    return tuple(near[:3])


def similar_name(text: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that `text` is but for case and dashes, or else clearly comes nearest to."""
    from difflib import get_close_matches

    known = {folded(name): name for name in names}
    if folded(text) in known:
        return known[folded(text)]
    near = get_close_matches(folded(text), known, n=2, cutoff=0.8)
    return known[near[0]] if len(near) == 1 else None


def folded(name: str) -> str:
    """Return a name without what tells spellings of it apart: case, and dashes or underscores."""
    return name.lower().replace("-", "_")
