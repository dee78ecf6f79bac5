"""Estimates that recur: launches that differ in their places and names alone hold the same."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from vllint.memory.estimate import estimate_memory
from vllint_schemas import EngineArgs, Gpu, Located, MemoryEstimate, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel

_KEPT = 256


class _Asked:
    """What an estimate is asked for; equal where the estimate is bound to be the same."""

    __slots__ = ("_hash", "_key", "args", "assumed", "gpu", "model", "parallel")

    def __init__(
        self, model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown, assumed: bool
    ) -> None:
        self.model, self.parallel, self.args, self.gpu, self.assumed = model, parallel, args, gpu, assumed
        self._key = (model, parallel, gpu, assumed, args.vllm_version, args.open_ended, _said(args))
        self._hash = hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self._key == other._key


def recurring_estimate(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown, assumed: bool = False
) -> MemoryEstimate | Unknown:
    """Return what `estimate_memory` does, made once for all launches that ask for the same.

    An estimate depends on what the options say and not on where they stand, nor on their names.
    """
    return _estimated(_Asked(model, parallel, args, gpu, assumed))


@lru_cache(maxsize=_KEPT)
def _estimated(asked: _Asked) -> MemoryEstimate | Unknown:
    return estimate_memory(asked.model, asked.parallel, asked.args, asked.gpu, asked.assumed)


_NAMES = frozenset({"host", "model", "port", "served_model_name"})
"""Options that say what a server is called and where it is, and nothing of what it holds."""


def _said(args: EngineArgs) -> tuple[tuple[str, Any], ...]:
    """Return what each option says, without its place; texts stand for values that cannot be hashed."""
    return tuple(
        (
            one.dest,
            (type(one.value.value), repr(one.value.value)) if isinstance(one.value, Located) else one.value,
        )
        for one in args.arguments
        if one.dest not in _NAMES
    )
