"""What one block of one layer's cache takes, layer kind by layer kind."""

from __future__ import annotations

from collections.abc import Mapping

from vllint.memory.cache_groups import CacheKind, Page
from vllint.memory.cached_layers import CHUNKED, LayerCache, cached_layers, is_structured
from vllint.memory.dtypes import NARROW, element_bytes
from vllint.memory.global_heads import global_heads
from vllint.memory.speculation import speculated_tokens
from vllint.models.architectures import has_trait
from vllint.release_order import version_key
from vllint_schemas import EngineArgs, Gpu, Located, ModelFacts, Unknown
from vllint_schemas.models import Component
from vllint_schemas.parallel import Parallel

DEFAULT_BLOCK = 16
"""Tokens a block holds (vLLM 0.33.0 `config/cache.py`, `DEFAULT_BLOCK_SIZE`)."""


COMPRESSED = frozenset({"deepseek_v4"})
"""Model types that cache a window, and beyond it compressed tokens."""

UNFOLDED = frozenset({"minicpm3"})
"""Model types that cache latents unfolded to heads, values padded to the size of keys."""


def layer_pages(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, gpu: Gpu | Unknown
) -> tuple[tuple[Page, ...], ...] | Unknown:
    """Return the pages of each layer on one rank, in order; layers that share others' caches have none."""
    if kind_of(model) in COMPRESSED:
        from vllint.memory.compressed_cache import compressed_pages

        return compressed_pages(model, args)
    layers = cached_layers(model, parallel.pipeline)
    if isinstance(layers, Unknown):
        return layers
    element = _kv_element_bytes(model, args, gpu)
    if isinstance(element, Unknown):
        return element
    block = _block(args)
    if isinstance(block, Unknown):
        return block
    kinds = frozenset(one for kind in layers for one in _PARTS.get(kind, (kind,)))
    if "state" not in kinds and model.built is not None and is_structured(model):
        return tuple(_structured(layer, model, parallel, element, block) for layer in model.built.layers)
    if "state" in kinds:
        made = _with_states(model, parallel, args, gpu, element, block, kinds)
    else:
        made = _without_states(model, parallel, element, block, kinds)
    if isinstance(made, Unknown):
        return made
    pages = tuple(tuple(made[one] for one in _PARTS.get(kind, (kind,))) for kind in layers)
    return _with_indexes(model, pages, block)


_PARTS: Mapping[LayerCache, tuple[LayerCache, ...]] = {
    "none": (),
    "both": ("full", "state"),
    "crossing": ("full", "cross"),
}
"""What is cached apart where a layer caches several things."""


def _structured(
    layer: tuple[Component, ...], model: ModelFacts, parallel: Parallel, element: float, block: int
) -> tuple[Page, ...]:
    """Return the page of a layer by the matrices that make its keys and values; none without any."""
    full, window = (_made_bytes(layer, names, parallel) * element for names in (_FULL, _WINDOW))
    if full:
        return (Page("full", full * block, block),)
    return (Page("sliding", window * block, block, model.sliding_window or 0),) if window else ()


_FULL, _WINDOW = frozenset({"k", "v"}), frozenset({"k_window", "v_window"})


def _made_bytes(layer: tuple[Component, ...], names: frozenset[str], parallel: Parallel) -> float:
    """Return the numbers of a token that the matrices of these names make on a rank."""
    return sum(
        part.outputs // part.units * max(1, part.units // parallel.tensor)
        for part in layer
        if part.name in names and part.units
    )


def _without_states(
    model: ModelFacts, parallel: Parallel, element: float, block: int, kinds: frozenset[LayerCache]
) -> dict[LayerCache, Page] | Unknown:
    found: dict[LayerCache, Page] = {}
    for kind in kinds:
        token = _token_bytes(model, parallel, element, kind)
        if isinstance(token, Unknown):
            return token
        latent = bool(model.kv_lora_rank) and kind_of(model) not in UNFOLDED
        found[kind] = Page(_CACHED_AS[kind], token * block, block, _window(model, kind), latent)
    return found


_CACHED_AS: Mapping[LayerCache, CacheKind] = {
    "full": "full",
    "sliding": "sliding",
    "chunked": "chunked",
    "cross": "cross",
}


def _with_indexes(
    model: ModelFacts, pages: tuple[tuple[Page, ...], ...], block: int
) -> tuple[tuple[Page, ...], ...]:
    """Add the keys of sparse indexers: FP8, with a 32-bit scale for each block of 128."""
    size = model.index_head_dim or 0
    if not size or not model.kv_lora_rank:
        return pages
    index = Page("full", (size + size / 128 * 4) * block, block, latent=True)
    indexed = model.indexed_layers or (True,) * len(pages)
    return tuple((*own, index) if has else own for own, has in zip(pages, indexed, strict=False))


def _block(args: EngineArgs) -> int | Unknown:
    asked = args.value("block_size")
    if isinstance(asked, Unknown):
        return asked
    if not isinstance(asked.value, int):
        return DEFAULT_BLOCK
    return asked.value if asked.value > 0 else Unknown(f"`--block-size {asked.value}` holds no token")


def _window(model: ModelFacts, kind: LayerCache) -> int:
    if kind == "chunked":
        return CHUNKED[kind_of(model)][1]
    return (model.sliding_window or 0) if kind == "sliding" else 0


def _token_bytes(model: ModelFacts, parallel: Parallel, element: float, kind: LayerCache) -> float | Unknown:
    """Return the cache of one token in one layer on one rank."""
    if model.kv_lora_rank is None:
        return Unknown("whether the model has latent attention is not known")
    if model.kv_lora_rank:
        if model.qk_rope_head_dim is None:
            return Unknown("the model's rope dimension is not known")
        if model.index_head_dim and element < 2:
            return Unknown("the packed cache of sparse attention is not modelled")
        return (model.kv_lora_rank + model.qk_rope_head_dim) * element
    if model.built is not None and is_structured(model):
        made = (_made_bytes(layer, _FULL, parallel) for layer in model.built.layers)
        return next((size for size in made if size), 0) * element
    heads, size = model.num_key_value_heads, model.head_dim
    if kind in {"full", "cross"}:
        own = global_heads(model)
        if isinstance(own, Unknown):
            return own
        heads, size = own
    if not heads or not size:
        return Unknown("the model's KV heads are not known")
    if kind_of(model) in UNFOLDED and model.qk_nope_head_dim and model.qk_rope_head_dim:
        size = model.qk_nope_head_dim + model.qk_rope_head_dim
    elif model.v_head_dim and model.v_head_dim != size:
        return Unknown("keys and values differ in size, which is not modelled")
    return 2 * max(1, heads // parallel.tensor) * size * element


def kind_of(model: ModelFacts) -> str:
    """Return the model type of the text part."""
    return model.text_model_type or model.model_type or ""


def _with_states(
    model: ModelFacts,
    parallel: Parallel,
    args: EngineArgs,
    gpu: Gpu | Unknown,
    element: float,
    block: int,
    kinds: frozenset[LayerCache],
) -> dict[LayerCache, Page] | Unknown:
    """Return pages as large as a state, rounded up to whole kernel blocks of the attention layers."""
    state = _state_bytes(model, parallel, args)
    if isinstance(state, Unknown):
        return state
    if "full" not in kinds:
        return {"state": Page("state", state, block)}
    token = _token_bytes(model, parallel, element, "full")
    if isinstance(token, Unknown):
        return token
    aligned = max(block, DEFAULT_BLOCK)
    if _exports_chunks(model, args, gpu):
        aligned = max(aligned, _DELTA_CHUNK)
    tokens = max(block, aligned * int(-(-state // (aligned * token))))
    return {"full": Page("full", tokens * token, tokens), "state": Page("state", tokens * token, tokens)}


_DELTA_CHUNK = 64
"""Tokens of a chunk of the delta rule (vLLM 0.33.0 `mamba/gdn/qwen_gdn_linear_attn.py:736`)."""


def _exports_chunks(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> bool:
    """Whether FlashInfer's kernels of the delta rule hand out states in mid-prefill: on Hopper and later."""
    if version_key(args.vllm_version) < _CHECKPOINTS_SINCE or isinstance(gpu, Unknown):
        return False
    if not is_delta_net(model) or not keeps_checkpoints(args):
        return False
    capability = gpu.compute_capability
    return capability is not None and capability[0] in {9, 10}


def is_delta_net(model: ModelFacts) -> bool:
    """Whether the recurrent layers are gated delta nets."""
    return bool(model.linear_num_value_heads)


def keeps_checkpoints(args: EngineArgs) -> bool:
    """Whether states are kept at block boundaries, so that prefixes can be cached."""
    caching = args.value("enable_prefix_caching")
    return not (isinstance(caching, Located) and caching.value is False)


def _state_bytes(model: ModelFacts, parallel: Parallel, args: EngineArgs) -> float | Unknown:
    """Return a layer's state of one request on one rank: convolution and recurrence.

    vLLM 0.33.0 `model_executor/layers/mamba/mamba_utils.py`.
    """
    element = _state_element(model, args)
    if isinstance(element, Unknown):
        return element
    if is_delta_net(model):
        return _delta_bytes(model, parallel, element, speculated_tokens(args))
    convolved = _by_convolution(model, parallel, element, speculated_tokens(args))
    if convolved:
        return convolved
    heads, size = _mixer_heads(model)
    states, groups, kernel = model.mamba_d_state, model.mamba_n_groups, model.mamba_d_conv
    if not (heads and size and states and groups and kernel):
        return Unknown("the model's recurrent states are not known in full")
    if groups % parallel.tensor:
        groups = parallel.tensor if groups == 1 else groups + parallel.tensor - groups % parallel.tensor
    convolved = heads * size + 2 * groups * states
    kept = kernel - 1 + speculated_tokens(args)
    return (convolved * kept * 2 + heads * size * states * element) / parallel.tensor


def _mixer_heads(model: ModelFacts) -> tuple[int | None, int | None]:
    """Return a Mamba-2 mixer's heads and their size: as the config says, else as the mixer is built."""
    if model.mamba_num_heads and model.mamba_head_dim:
        return model.mamba_num_heads, model.mamba_head_dim
    for layer in model.built.layers if model.built is not None else ():
        parts = {part.name: part.elements for part in layer}
        if "decay" in parts and "state_norm" in parts:
            return parts["decay"], parts["state_norm"] // parts["decay"]
    return model.mamba_num_heads, model.mamba_head_dim


def _by_convolution(model: ModelFacts, parallel: Parallel, element: float, ahead: int) -> float:
    """Return the state of a Mamba-1 mixer or a short convolution, told by its matrices; 0 without one."""
    for layer in model.built.layers if model.built is not None else ():
        parts = {part.name: part for part in layer if part.outputs or part.name == "state_matrix"}
        if "conv" in parts and "state_in" in parts:
            inner = parts["conv"].outputs
            kept = inner * (parts["conv"].elements // inner - 1 + ahead) * 2
            states = parts["state_matrix"].elements if "state_matrix" in parts else 0
            return (kept + states * element) / parallel.tensor
    return 0.0


def _delta_bytes(model: ModelFacts, parallel: Parallel, element: float, ahead: int) -> float | Unknown:
    keys, values = model.linear_num_key_heads, model.linear_num_value_heads
    key_size, value_size = model.linear_key_head_dim, model.linear_value_head_dim
    kernel = model.linear_conv_kernel_dim
    if not (keys and values and key_size and value_size and kernel):
        return Unknown("the model's recurrent states are not known in full")
    convolved = 2 * keys * key_size + values * value_size
    return (convolved * (kernel - 1 + ahead) * 2 + values * value_size * key_size * element) / parallel.tensor


_STATE_ELEMENTS = {"auto": None, "float32": 4.0, "float16": 2.0, "bfloat16": 2.0}
_ASKED_BY_CONFIG = frozenset({"qwen3_5_text", "qwen3_5_moe_text"})
"""Model types of which vLLM heeds the config's `mamba_ssm_dtype` (`models/config.py:963`)."""

_WIDE_STATES = _ASKED_BY_CONFIG | {"nemotron_h"}
"""Model types whose published configs ask for states in 32 bits, or that have them unasked (`:826`)."""


def _state_element(model: ModelFacts, args: EngineArgs) -> float | Unknown:
    asked = args.value("mamba_ssm_cache_dtype")
    if isinstance(asked, Unknown):
        return asked
    width = _STATE_ELEMENTS.get(str(asked.value))
    if width is not None:
        return width
    wide = model.text_model_type in _WIDE_STATES
    if model.mamba_ssm_dtype is not None and model.text_model_type in _ASKED_BY_CONFIG:
        return _STATE_ELEMENTS.get(model.mamba_ssm_dtype) or 2.0
    return 4.0 if wide else 2.0


_FP8 = frozenset({"FP8", "FLOAT8", "FP8_E4M3"})


def _kv_element_bytes(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> float | Unknown:
    """Return the bytes of one number in the cache (vLLM 0.33.0 `utils/torch_utils.py:498`)."""
    dtype = args.value("kv_cache_dtype")
    if isinstance(dtype, Unknown):
        return dtype
    name = str(dtype.value)
    how = model.quantization if name == "auto" else None
    # The scheme of compressed-tensors is asked by the layers themselves, and latent attention does not ask.
    asked = how is not None and not (how.method == "compressed-tensors" and model.kv_lora_rank)
    scheme = how.kv_cache if how is not None and asked else None
    if scheme:
        # `auto` takes what the checkpoint was calibrated for.
        return (
            1.0 if scheme in _FP8 else Unknown(f"the size of the KV cache scheme `{scheme}` is not modelled")
        )
    if name in {"auto", "None"}:
        return element_bytes(model, args, gpu)
    if name in {"bfloat16", "float16"}:
        return NARROW
    if name.startswith("fp8") and name != "fp8_ds_mla":
        return 1.0
    if name == "nvfp4" and not model.kv_lora_rank:
        return 0.5 + 1 / 16
    return Unknown(f"the size of `--kv-cache-dtype {name}` is not modelled")


def states_per_request(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> int:
    """Return how many blocks of states a request holds (vLLM 0.33.0 `v1/kv_cache_interface.py:1135`)."""
    ahead = speculated_tokens(args)
    if not keeps_checkpoints(args) or has_trait(model.architecture, "attention_free"):
        return 1 + ahead
    release = version_key(args.vllm_version)
    if release < _CHECKPOINTS_SINCE:
        # Until then prefixes of such models are cached only when that is asked for, if at all.
        unasked = args.given("enable_prefix_caching") is None
        return (1 if unasked or (is_delta_net(model) and release < _DELTA_PREFIXES_SINCE) else 2) + ahead
    exports = _exports_chunks(model, args, gpu) if is_delta_net(model) else _is_second_generation(model)
    return (3 if exports else 2) + ahead


def _is_second_generation(model: ModelFacts) -> bool:
    """Whether the states are of Mamba-2 mixers, whose kernels hand them out in mid-prefill."""
    layers = model.built.layers if model.built is not None else ()
    return not any(part.name == "conv" and part.outputs for layer in set(layers) for part in layer)


_CHECKPOINTS_SINCE = (0, 30)

_DELTA_PREFIXES_SINCE = (0, 16)
"""Before, vLLM turned prefix caching off for gated delta nets even where it was asked for.

0.13.0 logs "without support for prefix caching: disabling"; `--mamba-cache-mode` is there from 0.16 on.
"""
