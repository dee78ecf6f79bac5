"""What vLLM pins of the host's memory: pages that cannot be swapped out, and count for their container."""

from __future__ import annotations

from typing import Literal, NamedTuple

from vllint.memory.budget import is_first_engine
from vllint.release_order import version_key
from vllint_schemas import GIB, Band, EngineArgs, Gpu, Located, MemoryEstimate, RankMemory, Unknown
from vllint_schemas.parallel import Parallel

_LAYERS_SHARE = 0.7
"""What of a rank's parameters stands in decoder layers at least: only these are offloaded."""

_PREFETCHED = ("offload_group_size", "offload_num_in_group", "offload_backend")

_TOKENS_PINNED_SINCE = (0, 30)
_TOKEN_BYTES = 4

_SWAP_SPACE = 4.0
"""GiB of swap space for each GPU, unless asked for otherwise, as long as vLLM's first engine served."""


class HostPart(NamedTuple):
    """Memory of the host that one option takes, in bytes for all ranks of a machine."""

    name: Literal["offloaded weights", "offloaded KV cache", "swap space", "buffers of tokens"]
    size: float


def pinned_parts(
    args: EngineArgs, parallel: Parallel, memory: MemoryEstimate, gpu: Gpu
) -> tuple[HostPart, ...]:
    """Return what surely is pinned on a machine; parts of which the size is not known are left out."""
    ranks = parallel.gpus_needed_here
    parts = (
        HostPart("offloaded weights", _offloaded(args, memory) * ranks),
        HostPart("offloaded KV cache", _offloaded_cache(args) * parallel.data_local),
        HostPart("swap space", _swap_space(args, gpu) * ranks),
        HostPart("buffers of tokens", _token_buffer(args, memory) * ranks),
    )
    return tuple(part for part in parts if part.size)


def _token_buffer(args: EngineArgs, memory: MemoryEstimate) -> float:
    """Return what each rank pins for all requests' tokens (vLLM 0.33.0 `v1/worker/gpu/states.py:38`)."""
    length, seqs = memory.max_model_len, memory.max_num_seqs
    if version_key(args.vllm_version) < _TOKENS_PINNED_SINCE:
        return 0.0
    if isinstance(length, Unknown) or isinstance(seqs, Unknown):
        return 0.0
    return float(_TOKEN_BYTES * length * seqs)


def left_on_card(weights: Band, args: EngineArgs) -> Band:
    """Return what stays of a rank's weights where layers are fetched from the host as their turn comes.

    A few layers at a time have a place on the card, and embeddings and the head stay.
    """
    share = _fetched(args)
    surely = 0.0 if args.given("offload_params") is not None else share
    low, mid, high = 1 - share, 1 - 0.9 * surely, 1 - _LAYERS_SHARE * surely
    return Band(weights.low * low, weights.mid * mid, weights.high * high)


def _fetched(args: EngineArgs) -> float:
    """Return which share of the layers is kept on the host: the last ones of each group.

    vLLM 0.33.0 `model_executor/offloader/prefetch.py:200`.
    """
    group, held, backend = (args.value(dest) for dest in _PREFETCHED)
    size = group.value if isinstance(group, Located) else None
    if not isinstance(size, int) or size <= 0 or (isinstance(backend, Located) and backend.value == "uva"):
        return 0.0
    number = held.value if isinstance(held, Located) and isinstance(held.value, int) else 1
    return min(1.0, number / size)


def _offloaded(args: EngineArgs, memory: MemoryEstimate) -> float:
    """Return what each rank offloads of its weights, layer by layer (`model_executor/offloader/uva.py`)."""
    if any(args.given(dest) is not None for dest in ("cpu_offload_params", "offload_params")):
        return 0.0
    least = _LAYERS_SHARE * min((_least_built(rank) for rank in memory.ranks), default=0.0)
    fetched = _fetched(args)
    return fetched * least if fetched else min(_number(args, "cpu_offload_gb") * GIB, least)


def _least_built(rank: RankMemory) -> float:
    """Return the bytes of parameters that a rank surely has."""
    return rank.weights.low if isinstance(rank.parameters, Unknown) else rank.parameters


def _offloaded_cache(args: EngineArgs) -> float:
    """Return the buffer of all ranks together (vLLM 0.33.0 `config/cache.py:383`)."""
    backend = args.given("kv_offloading_backend")
    if backend is not None and not (isinstance(backend.value, Located) and backend.value.value == "native"):
        return 0.0
    return _number(args, "kv_offloading_size") * GIB


def _swap_space(args: EngineArgs, gpu: Gpu) -> float:
    """Return the first engine's swap space: later ones take none, and 0.18.1 has dropped the option."""
    if not is_first_engine(args, gpu) or args.open_ended is not None:
        return 0.0
    return (_number(args, "swap_space") if args.given("swap_space") else _SWAP_SPACE) * GIB


def _number(args: EngineArgs, dest: str) -> float:
    argument = args.given(dest)
    value = argument.value.value if argument and isinstance(argument.value, Located) else None
    return float(value) if isinstance(value, int | float) else 0.0
