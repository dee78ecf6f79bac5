"""Which launch of the one side is which of the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from vllint.difference.sides import Seen
from vllint_schemas import Located


class Pair(NamedTuple):
    """A launch before and after; `None` where it is not there."""

    old: Seen | None
    new: Seen | None

    @property
    def title(self) -> str:
        """The launch's place and name, with those it had before if they have changed."""
        one = self.new or self.old
        assert one is not None
        title = _title(one)
        if self.old is not None and self.new is not None and _title(self.old) != title:
            return f"{_title(self.old)} -> {title}"
        return title


def _title(seen: Seen) -> str:
    return f"{seen.path}#{seen.name}" if seen.path else seen.name


def matched(old: Sequence[Seen], new: Sequence[Seen]) -> tuple[Pair, ...]:
    """Return the pairs in the order of `new`, then what is gone.

    Launches belong together that have the same place and name, then the same name, then the same place, then
    the same words, then the same model; where several have, if there are as many on both sides, in order.
    """
    left_old, left_new = list(old), list(new)
    partner: dict[int, Seen] = {}
    for key in (_by_id, _by_name, _by_place, _by_words, _by_model):
        for one, other in _together(left_old, left_new, key):
            partner[id(other)] = one
        taken = {id(one) for one in partner.values()}
        left_old = [one for one in left_old if id(one) not in taken]
        left_new = [one for one in left_new if id(one) not in partner]
    pairs = [Pair(partner.get(id(one)), one) for one in new]
    return (*pairs, *(Pair(one, None) for one in left_old))


def _together(
    old: Sequence[Seen], new: Sequence[Seen], key: Callable[[Seen], Hashable]
) -> list[tuple[Seen, Seen]]:
    olds, news = _grouped(old, key), _grouped(new, key)
    return [
        pair
        for name, ones in olds.items()
        if len(ones) == len(news.get(name, ()))
        for pair in zip(ones, news[name], strict=True)
    ]


def _grouped(seen: Sequence[Seen], key: Callable[[Seen], Hashable]) -> dict[Hashable, list[Seen]]:
    groups: dict[Hashable, list[Seen]] = {}
    for one in seen:
        groups.setdefault(key(one), []).append(one)
    return groups


def _by_id(seen: Seen) -> Hashable:
    return seen.path, seen.name


def _by_name(seen: Seen) -> Hashable:
    return seen.name


def _by_place(seen: Seen) -> Hashable:
    return seen.path


def _by_words(seen: Seen) -> Hashable:
    return tuple(word.text for word in seen.facts.launch.argv)


def _by_model(seen: Seen) -> Hashable:
    model = seen.facts.args.model
    return model.value if isinstance(model, Located) else id(seen)
