"""What one block of one layer's cache takes, layer kind by layer kind."""

from __future__ import annotations

from typing import NamedTuple

from vllint.memory.cached_layers import BY_STRUCTURE, CHUNKED, LayerCache
from vllint.memory.dtypes import NARROW, element_bytes
from vllint.memory.speculation import speculated_tokens
from vllint.release_order import version_key
from vllint_schemas import EngineArgs, Gpu, Located, ModelFacts, Unknown
from vllint_schemas.models import Components
from vllint_schemas.parallel import Parallel

DEFAULT_BLOCK = 16
"""Tokens a block holds (vLLM 0.33.0 `config/cache.py`, `DEFAULT_BLOCK_SIZE`)."""


UNFOLDED = frozenset({"minicpm3"})
"""Model types that cache latents unfolded to heads, values padded to the size of keys."""


class Page(NamedTuple):
    """A block of one layer: its bytes, the tokens it holds, and how far back the layer looks."""

    bytes: float
    tokens: int
    window: int = 0


def pages(
    model: ModelFacts,
    parallel: Parallel,
    args: EngineArgs,
    gpu: Gpu | Unknown,
    kinds: frozenset[LayerCache],
) -> dict[LayerCache, Page] | Unknown:
    """Return the page of each kind of layer on one rank, all of the same size.

    Follows `unify_kv_cache_spec_page_size` (vLLM 0.33.0 `v1/core/kv_cache_planning.py:346`) and, for models
    with recurrent layers, `platforms/interface.py:941`.
    """
    element = _kv_element_bytes(model, args, gpu)
    if isinstance(element, Unknown):
        return element
    block = _block(args)
    if isinstance(block, Unknown):
        return block
    if "state" in kinds:
        return _with_states(model, parallel, args, gpu, element, block, kinds)
    found: dict[LayerCache, Page] = {}
    for kind in kinds:
        token = _token_bytes(model, parallel, element, kind)
        if isinstance(token, Unknown):
            return token
        found[kind] = Page(token * block, block, _window(model, kind))
    return _unified(found)


def _unified(found: dict[LayerCache, Page]) -> dict[LayerCache, Page]:
    """Make pages equal: smaller ones hold more tokens where that divides evenly, else are padded."""
    largest = max(page.bytes for page in found.values())
    return {
        kind: Page(largest, page.tokens * int(largest // page.bytes), page.window)
        if largest % page.bytes == 0
        else page._replace(bytes=largest)
        for kind, page in found.items()
    }


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
        return (model.kv_lora_rank + model.qk_rope_head_dim) * element + _index_bytes(model)
    if kind_of(model) in BY_STRUCTURE and model.built is not None:
        return _built_token_bytes(model.built, parallel, element, kind)
    heads, size = model.num_key_value_heads, model.head_dim
    if kind == "full":
        heads = model.num_global_key_value_heads or heads
        size = model.global_head_dim or size
    if not heads or not size:
        return Unknown("the model's KV heads are not known")
    if kind_of(model) in UNFOLDED and model.qk_nope_head_dim and model.qk_rope_head_dim:
        size = model.qk_nope_head_dim + model.qk_rope_head_dim
    elif model.v_head_dim and model.v_head_dim != size:
        return Unknown("keys and values differ in size, which is not modelled")
    return 2 * max(1, heads // parallel.tensor) * size * element


def _built_token_bytes(
    built: Components, parallel: Parallel, element: float, kind: LayerCache
) -> float | Unknown:
    """Return the cache of one token by the matrices that make keys and values."""
    wanted = {"k", "v"} if kind == "full" else {"k_window", "v_window"}
    for layer in built.layers:
        found = [part for part in layer if part.name in wanted]
        if found:
            return sum(
                part.outputs // part.units * max(1, part.units // parallel.tensor) * element for part in found
            )
    return Unknown("what a layer caches is not known")


def kind_of(model: ModelFacts) -> str:
    """Return the model type of the text part."""
    return model.text_model_type or model.model_type or ""


def _index_bytes(model: ModelFacts) -> float:
    """Return a token's key of the sparse indexer: FP8, with a 32-bit scale for each block of 128."""
    size = model.index_head_dim or 0
    indexed = model.indexed_layers
    share = sum(indexed) / len(indexed) if indexed else 1.0
    return (size + size / 128 * 4) * share


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
        return {"state": Page(state, block)}
    token = _token_bytes(model, parallel, element, "full")
    if isinstance(token, Unknown):
        return token
    aligned = max(block, DEFAULT_BLOCK)
    if _exports_chunks(model, args, gpu):
        aligned = max(aligned, _DELTA_CHUNK)
    tokens = max(block, aligned * int(-(-state // (aligned * token))))
    page = Page(tokens * token, tokens)
    return dict.fromkeys(("full", "state"), page)


_DELTA_CHUNK = 64
"""Tokens of a chunk of the delta rule (vLLM 0.33.0 `mamba/gdn/qwen_gdn_linear_attn.py:736`)."""


def _exports_chunks(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> bool:
    """Whether FlashInfer's kernels of the delta rule hand out states in mid-prefill: on Hopper and later."""
    if not is_delta_net(model) or not keeps_checkpoints(args) or isinstance(gpu, Unknown):
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
    heads, size, states = model.mamba_num_heads, model.mamba_head_dim, model.mamba_d_state
    groups, kernel = model.mamba_n_groups, model.mamba_d_conv
    if not (heads and size and states and groups and kernel):
        return Unknown("the model's recurrent states are not known in full")
    if groups % parallel.tensor:
        groups = parallel.tensor if groups == 1 else groups + parallel.tensor - groups % parallel.tensor
    convolved = heads * size + 2 * groups * states
    kept = kernel - 1 + speculated_tokens(args)
    return (convolved * kept * 2 + heads * size * states * element) / parallel.tensor


def _delta_bytes(model: ModelFacts, parallel: Parallel, element: float, ahead: int) -> float | Unknown:
    keys, values = model.linear_num_key_heads, model.linear_num_value_heads
    key_size, value_size = model.linear_key_head_dim, model.linear_value_head_dim
    kernel = model.linear_conv_kernel_dim
    if not (keys and values and key_size and value_size and kernel):
        return Unknown("the model's recurrent states are not known in full")
    convolved = 2 * keys * key_size + values * value_size
    return (convolved * (kernel - 1 + ahead) * 2 + values * value_size * key_size * element) / parallel.tensor


_STATE_ELEMENTS = {"auto": None, "float32": 4.0, "float16": 2.0, "bfloat16": 2.0}
_WIDE_STATES = frozenset({"nemotron_h", "qwen3_5_text", "qwen3_5_moe_text"})
"""Model types whose configs ask for states in 32 bits (`mamba_ssm_dtype`, `mamba_ssm_cache_dtype`)."""


def _state_element(model: ModelFacts, args: EngineArgs) -> float | Unknown:
    asked = args.value("mamba_ssm_cache_dtype")
    if isinstance(asked, Unknown):
        return asked
    width = _STATE_ELEMENTS.get(str(asked.value))
    if width is not None:
        return width
    return 4.0 if model.text_model_type in _WIDE_STATES else 2.0


_FP8 = frozenset({"FP8", "FLOAT8", "FP8_E4M3"})


def _kv_element_bytes(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> float | Unknown:
    """Return the bytes of one number in the cache (vLLM 0.33.0 `utils/torch_utils.py:498`)."""
    dtype = args.value("kv_cache_dtype")
    if isinstance(dtype, Unknown):
        return dtype
    name = str(dtype.value)
    scheme = model.quantization.kv_cache if model.quantization is not None and name == "auto" else None
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
    return Unknown(f"the size of `--kv-cache-dtype {name}` is not modelled")


def states_per_request(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> int:
    """Return how many blocks of states a request holds (vLLM 0.33.0 `v1/kv_cache_interface.py:1135`)."""
    ahead = speculated_tokens(args)
    if not keeps_checkpoints(args):
        return 1 + ahead
    if version_key(args.vllm_version) < _CHECKPOINTS_SINCE:
        # Until then prefixes of such models are cached only when that is asked for.
        return (1 if args.given("enable_prefix_caching") is None else 2) + ahead
    exports = _exports_chunks(model, args, gpu) if is_delta_net(model) else True
    return (3 if exports else 2) + ahead


_CHECKPOINTS_SINCE = (0, 30)
