"""What the profiling run holds at its peak, piece by piece.

The run encodes dummy pictures, keeps what they became, passes one full batch of tokens through the layers and
samples once for each sequence; these follow each other, so the largest counts (vLLM 0.33.0
`v1/worker/gpu/model_runner.py:1022`).
"""

from __future__ import annotations

from typing import NamedTuple

from vllint.memory.budget import BatchLimits, is_first_engine
from vllint.memory.constants import DummyItem, constant, dummy_item
from vllint.memory.dtypes import NARROW, element_bytes
from vllint.memory.pooling import pools
from vllint.release_order import version_key
from vllint_schemas import GIB, Band, EngineArgs, Gpu, Located, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel

_NOTHING = Band(0.0, 0.0, 0.0)

_LATENT_TOKENS = 64 * 1024
"""Tokens of the context chunk that latent attention expands while it profiles (`mla_attention.py`)."""

_NO_WORKSPACE = frozenset({"mxfp4", "gpt_oss_mxfp4"})
"""Methods whose expert kernels hold no workspace of PyTorch's."""

_PENALTIES_SINCE = (0, 30)
_PENALTY_BYTES = 4.125
"""Counts and mask per sequence and vocabulary row (vLLM 0.33.0 `v1/worker/gpu/sample/penalties.py:43`)."""

_PIXEL_BYTES = 6
"""A number of a dummy picture, in 32 bits and cast to 16."""

_LEAST_VIDEO = 16384
"""Tokens of a picture, of which a video has at least one."""

_ANY_PATCHES = (0.5, 2.0, 6.0)
"""Patches per token where the processor is not known, each of `_ANY_NUMBERS`."""

_ANY_NUMBERS = 768

_OLD_PICTURE = 0.28 * GIB
"""What the first engine took per sequence at most, each with a picture: Llama 3.2 Vision, 36.6 GiB of 128."""

_OLD_PICTURES = {"mllama": 6404 * (2 * (1280 + 5120) * NARROW + _PIXEL_BYTES * 588 + 7680 * NARROW)}
"""Model type -> the bytes of a picture that the first engine encoded for each sequence.

Of Llama 3.2 Vision: four tiles of 1601 patches of 14 x 14 pixels, the MLP's two tensors, the features of six
layers (transformers' `MllamaVisionConfig`).
"""

_ANY_WIDTH = 3.74
"""The MLP of a vision tower against its hidden size: SigLIP's 4304 / 1152."""


class Profiled(NamedTuple):
    """What is profiled: a model on one rank, with how many tokens and sequences."""

    model: ModelFacts
    parallel: Parallel
    args: EngineArgs
    limits: BatchLimits
    element: float
    hidden: int
    gpu: Gpu


def activations(
    model: ModelFacts,
    parallel: Parallel,
    args: EngineArgs,
    gpu: Gpu,
    limits: BatchLimits,
    stage: int,
) -> Band | Unknown:
    """Return the peak of a stage's profiling run and the buffers that stay, in bytes."""
    if model.vocab_size is None or model.hidden_size is None:
        return Unknown("the model's vocabulary or hidden size is not known")
    element = element_bytes(model, args, gpu)
    if isinstance(element, Unknown):
        return element
    case = Profiled(model, parallel, args, limits, element, model.hidden_size, gpu)
    last = stage == parallel.pipeline - 1
    experts = expert_workspace(case)
    peaks = [
        _layer(case) + experts,
        _sampler(case, model.vocab_size) if last and not pools(model, args) else _NOTHING,
        _vision(case) if stage == 0 else _NOTHING,
    ]
    kept = constant("expert_workspace_kept", args)
    peaks[1] = peaks[1] + Band(*(share * size for share, size in zip(kept, experts, strict=True)))
    if stage == 0:
        encoded = _encoded(case)
        peaks[:2] = (peak + encoded for peak in peaks[:2])
    peak = Band(*(max(bounds) for bounds in zip(*peaks, strict=True)))
    rest = constant("activation_rest", args)
    return peak + Band(*(bound * GIB for bound in rest)) + _buffers(case, last)


def _layer(case: Profiled) -> Band:
    """Return a layer's tensors: residual, normed and projected states, and the MLP's three on the rank."""
    hidden = constant("layer_states", case.args)
    states = 2 if case.parallel.pipeline > 1 else 0
    width = _dense_width(case.model) / case.parallel.tensor
    scale = case.limits.max_num_batched_tokens * case.element
    recurrent = 2.0 if case.model.linear_attention else 1.0
    low, mid, high = (scale * ((each + states) * case.hidden + 3 * width) for each in hidden)
    latent = _latent(case)
    return Band(low, mid + latent, high * recurrent + latent)


def _dense_width(model: ModelFacts) -> float:
    """Return how wide the MLP is that every token passes."""
    if not model.num_experts:
        return model.intermediate_size or 4 * (model.hidden_size or 0)
    return model.shared_expert_intermediate_size or 0


def _latent(case: Profiled) -> float:
    """Return the keys and values that latent attention expands from its cache."""
    model = case.model
    if not model.kv_lora_rank:
        return 0.0
    head = (model.qk_nope_head_dim or 128) + (model.v_head_dim or 128)
    heads = (model.num_attention_heads or 0) / case.parallel.tensor
    return _LATENT_TOKENS * heads * head * case.element


def expert_workspace(case: Profiled) -> Band:
    """Return the workspace of the routed experts: two buffers that the three products share."""
    model, parallel = case.model, case.parallel
    if model.num_experts == 0:
        return _NOTHING
    width, each = model.moe_intermediate_size or model.intermediate_size, model.num_experts_per_tok
    if not width or not each:
        return Band(0.0, 0.34 * GIB, 1.5 * GIB)
    inner = width / (1 if parallel.expert else parallel.tensor)
    rows = case.limits.max_num_batched_tokens * each
    bytes_ = rows * (max(2 * inner, case.hidden) + max(inner, case.hidden)) * case.element
    if model.quantization is not None and model.quantization.method in _NO_WORKSPACE:
        return Band(0.0, 0.0, bytes_)
    gathered = parallel.data if parallel.expert else 1
    return Band(0.3 * bytes_, bytes_, bytes_ * max(1.3, gathered))


def _sampler(case: Profiled, vocabulary: int) -> Band:
    """Return the logits of all sequences and their sorted copies, beside the hidden states."""
    copies = constant("sampler_bytes", case.args)
    rows = min(case.limits.max_num_seqs, case.limits.max_num_batched_tokens) * vocabulary
    states = case.limits.max_num_batched_tokens * case.hidden * case.element
    peak = Band(*(rows * (each + case.element) + states for each in copies))
    return peak._replace(low=states) if _chunks_unasked(case) else peak


def _chunks_unasked(case: Profiled) -> bool:
    """Whether the first engine's steps hold chunks: both logs of such show no logits."""
    first = is_first_engine(case.args, case.gpu)
    return first and case.limits.max_num_batched_tokens < _length(case)


def warm_up(model: ModelFacts, args: EngineArgs, limits: BatchLimits) -> float:
    """Return what sampling for all sequences takes once more, when the cache is allocated already."""
    if pools(model, args):
        return 0.0
    each = constant("sampler_bytes", args).mid + NARROW
    return each * limits.max_num_seqs * (model.vocab_size or 0)


def _vision(case: Profiled) -> Band:
    """Return what encoding the dummy pictures takes; wide where the processor is not known."""
    model = case.model
    if model.multimodal is False or text_only(case.args):
        return _NOTHING
    width = model.vision_hidden_size
    if model.multimodal is None or width is None:
        pictures = case.limits.max_num_seqs if is_first_engine(case.args, case.gpu) else 0
        likely = pictures * _OLD_PICTURES.get(model.model_type or "", 0.0)
        return Band(0.0, likely, 4.0 * GIB + pictures * _OLD_PICTURE)
    factor = constant("vision_factor", case.args)
    tensor = 1 if _copied_towers(case.args) else case.parallel.tensor
    inner = (model.vision_intermediate_size or _ANY_WIDTH * width) / tensor
    bytes_ = 2 * (width + inner) * case.element
    known = dummy_item(model.model_type, case.args.vllm_version, _takes(case.args, "video"))
    tokens = case.limits.max_num_batched_tokens
    if known is None:
        sizes = (tokens * each * (bytes_ + _PIXEL_BYTES * _ANY_NUMBERS) for each in _ANY_PATCHES)
        return Band(*(size * scale for size, scale in zip(sizes, factor, strict=True)))
    size = (
        _items(case, known)
        * min(known.tokens, _length(case))
        * known.patches
        * (bytes_ + _PIXEL_BYTES * known.numbers)
    )
    return Band(*(size * scale for scale in factor))


DEEP_STACKS = {"qwen3_vl": 3, "qwen3_vl_moe": 3, "qwen3_omni_moe": 3}
"""Model types whose tower hands out so many hidden states a token beside its last one, for early layers.

vLLM 0.33.0 `models/qwen3_vl.py:2030`; transformers' `deepstack_visual_indexes`.
"""


def _encoded(case: Profiled) -> Band:
    """Return what the tower handed out, which is kept while a step runs (`v1/worker/gpu_model_runner.py`)."""
    model = case.model
    known = dummy_item(model.model_type, case.args.vllm_version, _takes(case.args, "video"))
    if not model.multimodal or text_only(case.args) or is_first_engine(case.args, case.gpu):
        return _NOTHING
    each = case.hidden * case.element * (1 + DEEP_STACKS.get(model.model_type or "", 0))
    if known is None:
        return Band(0.0, 0.0, case.limits.max_num_batched_tokens * each)
    size = _items(case, known) * min(known.tokens, _length(case)) * each
    return Band(size, size, size)


def _items(case: Profiled, item: DummyItem) -> int:
    """Return how many items profiling feeds: as many as a step holds, or all requests may bring."""
    limits = case.args.value("limit_mm_per_prompt")
    given = limits.value if isinstance(limits, Located) else None
    asked = [count for count in given.values() if isinstance(count, int)] if isinstance(given, dict) else []
    each = min(_length(case) // item.tokens, max(asked, default=_MOST_ITEMS))
    held = case.limits.max_num_batched_tokens // item.tokens
    return max(1, min(held, case.limits.max_num_seqs * max(1, each)))


_MOST_ITEMS = 999
"""Items of a kind that a prompt may bring where `--limit-mm-per-prompt` says nothing."""


def _length(case: Profiled) -> int:
    """Return the longest context, beyond which no picture or video goes; at least one picture's tokens."""
    asked = case.args.value("max_model_len")
    own = case.model.default_max_model_len or case.model.max_position_embeddings
    length = asked.value if isinstance(asked, Located) and isinstance(asked.value, int) else own
    return max(length or 0, _LEAST_VIDEO) if length else 2**31


def text_only(args: EngineArgs) -> bool:
    """Whether no picture can come: by `--language-model-only`, or all limits at 0."""
    only, limits = args.value("language_model_only"), args.value("limit_mm_per_prompt")
    if isinstance(only, Located) and only.value is True:
        return True
    found = limits.value if isinstance(limits, Located) else None
    return isinstance(found, dict) and found.get("image") == 0 and found.get("video", 0) == 0


def _takes(args: EngineArgs, modality: str) -> bool:
    """Whether an item of the kind may come, as far as `--limit-mm-per-prompt` says."""
    limits = args.value("limit_mm_per_prompt")
    found = limits.value if isinstance(limits, Located) else None
    return not (isinstance(found, dict) and found.get(modality) == 0)


def _copied_towers(args: EngineArgs) -> bool:
    mode = args.value("mm_encoder_tp_mode")
    return isinstance(mode, Located) and mode.value == "data"


def _buffers(case: Profiled, last: bool) -> Band:
    """Return what the runner keeps: embeddings of mixed inputs, the sampler's counts."""
    size = 0.0
    if case.model.multimodal:
        size += case.limits.max_num_batched_tokens * case.hidden * case.element
    if last and version_key(case.args.vllm_version) >= _PENALTIES_SINCE and not pools(case.model, case.args):
        size += _PENALTY_BYTES * case.limits.max_num_seqs * (case.model.vocab_size or 0)
    return Band(size, size, size)
