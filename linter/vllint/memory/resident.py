"""What stays on the card once a model is loaded, beside its parameters.

vLLM logs what PyTorch holds allocated after loading (0.33.0 `platforms/cuda.py:369`,
`utils/mem_utils.py:82`):
the parameters in blocks of PyTorch's allocator, the tables of rotary embeddings, the matrices that latent
attention absorbs, the buffers of deep stacks.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from functools import lru_cache

from vllint.memory.activations import DEEP_STACKS, text_only
from vllint.memory.budget import batch_limits
from vllint.memory.built import Towers, Widths, stage_tensors
from vllint.memory.dtypes import NARROW
from vllint.memory.rotary import rotary_elements
from vllint.memory.stages import layers_per_stage
from vllint.release_order import version_key
from vllint_schemas import EngineArgs, Gpu, ModelFacts, Unknown
from vllint_schemas.models import Components
from vllint_schemas.parallel import Parallel

_MIB = 2**20
_SMALL = _MIB
_LARGE = 10 * _MIB
_SHARED_SEGMENT = 20 * _MIB
_SEGMENT_MULTIPLE = 2 * _MIB
_SMALLEST = 512
"""PyTorch's `c10/core/CachingDeviceAllocator.h`: kSmallSize, kMinLargeAlloc, kLargeBuffer, kRoundLarge,
kMinBlockSize. A block is split only where more than a MiB is left."""

_ABSORBED_SINCE = (0, 7, 1)
_WHOLE_ABSORBED_UNTIL = (0, 8)
"""Before that, the query's and the output's projections were multiplied into the absorbed matrices."""


@lru_cache(maxsize=1024)
def rounding(
    model: ModelFacts,
    components: Components,
    parallel: Parallel,
    widths: Widths,
    towers: Towers,
    has_head: bool,
) -> tuple[float, ...]:
    """Return by how much a rank of each stage holds more than its tensors: blocks are larger than these."""
    stages = stage_tensors(model, components, parallel, widths, towers, has_head)
    return tuple(allocated(tensors) - sum(tensors) for tensors in stages)


def allocated(sizes: Iterable[float]) -> float:
    """Return what PyTorch's allocator holds for tensors of these bytes, asked for in order."""
    free: list[float] = []
    total = 0.0
    for size in sizes:
        if size <= _SMALL:
            total += -(-size // _SMALLEST) * _SMALLEST
            continue
        place = bisect_left(free, size)
        block = free.pop(place) if place < len(free) else _segment(size)
        if block - size > _SMALL:
            insort(free, block - size)
            block = size
        total += block
    return total


def _segment(size: float) -> float:
    if size < _LARGE:
        return _SHARED_SEGMENT
    return -(-size // _SEGMENT_MULTIPLE) * _SEGMENT_MULTIPLE


def buffers(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown, element: float
) -> tuple[float, ...]:
    """Return the bytes of tables, absorbed matrices and kernels' padding on a rank of each stage."""
    table = rotary_elements(model, args) * element
    absorbed = _absorbed(model, parallel, args) + _swizzled(model, parallel, gpu)
    counts = layers_per_stage(model.num_hidden_layers or 0, parallel.pipeline)
    deep = _deep_stacks(model, args, gpu) * element
    first_only = version_key(args.vllm_version) >= _TOWERS_ON_FIRST_STAGE_SINCE
    return tuple(
        (table if count else 0.0) + count * absorbed + (0.0 if number and first_only else deep)
        for number, count in enumerate(counts)
    )


_TOWERS_ON_FIRST_STAGE_SINCE = (0, 30)
"""From here on, with the second runner, later stages have no tower (`models/interfaces.py:347`)."""


def _deep_stacks(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> float:
    """Return the numbers in the buffers of a step's tokens through which a tower adds to early layers."""
    levels, hidden = DEEP_STACKS.get(model.model_type or "", 0), model.hidden_size
    if not levels or not hidden or isinstance(gpu, Unknown) or text_only(args):
        return 0.0
    limits = batch_limits(args, gpu, None, model)
    return 0.0 if isinstance(limits, Unknown) else float(levels * limits.max_num_batched_tokens * hidden)


def _absorbed(model: ModelFacts, parallel: Parallel, args: EngineArgs) -> float:
    """Return the bytes of a layer's absorbed matrices (vLLM 0.33.0 `attention/mla_attention.py:1270`)."""
    rank, nope, value = model.kv_lora_rank, model.qk_nope_head_dim, model.v_head_dim
    release = version_key(args.vllm_version)
    if not (rank and nope and value and model.num_attention_heads) or release < _ABSORBED_SINCE:
        return 0.0
    heads = model.num_attention_heads / parallel.tensor
    if release >= _WHOLE_ABSORBED_UNTIL:
        return heads * rank * (nope + value) * NARROW
    inputs, hidden = model.q_lora_rank or model.hidden_size or 0, model.hidden_size or 0
    return heads * (inputs * (rank + (model.qk_rope_head_dim or 0)) + rank * hidden) * NARROW


_SWIZZLED = frozenset({"mxfp4", "gpt_oss_mxfp4"})
_SWIZZLED_MULTIPLE, _BUILT_MULTIPLE = 256, 64
_PACKED = 0.5


def _swizzled(model: ModelFacts, parallel: Parallel, gpu: Gpu | Unknown) -> float:
    """Return by how much Triton's layout on Hopper makes a layer's four-bit experts larger: deeper matrices.

    The layout takes inputs in multiples of 256 (start-ups of gpt-oss on H100: 0.593 and 3.56 GiB more).
    """
    how, width, hidden = model.quantization, model.moe_intermediate_size, model.hidden_size
    if how is None or how.method not in _SWIZZLED or not (width and hidden and model.num_experts):
        return 0.0
    if isinstance(gpu, Unknown) or gpu.compute_capability is None or gpu.compute_capability[0] != 9:
        return 0.0
    ranks = parallel.tensor * parallel.prefill_context * parallel.data
    inner = width if parallel.expert else width / ranks
    inner = -(-inner // _BUILT_MULTIPLE) * _BUILT_MULTIPLE
    experts = -(-model.num_experts // ranks) if parallel.expert else model.num_experts
    return experts * _PACKED * (2 * inner * _missing(hidden) + hidden * _missing(inner))


def _missing(size: float) -> float:
    return -size % _SWIZZLED_MULTIPLE
