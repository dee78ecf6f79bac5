"""Which attention backends vLLM takes for a model on a card.

The table `vllint_schemas/data/attention_backends.json` is written by `scripts/tables/attention_backends.py`,
which asks the backends of one release.
"""

import json
from functools import cache
from typing import Any, Literal, NamedTuple

from vllint.tables import table_path
from vllint_schemas import EngineArgs, Launch, ModelFacts, Unknown

AttentionKind = Literal["plain", "latent", "sparse"]

_OWN_BACKENDS = (
    "deepseek_v4",
    "gemma3n",
    "gemma4",
    "hy_v4",
    "laguna",
    "mimo_v2",
    "minicpm3",
    "minimax_m3",
    "step3p5",
    "step5",
)
"""How types of models begin that choose a backend themselves, or whose heads are of several sizes."""

_NATIVE_FP8 = (8, 9)
_TRITON = frozenset({"TRITON_ATTN", "TRITON_MLA"})
"""Backends that refuse an FP8 cache on cards without FP8 of their own as they are built
(vLLM 0.33.0 `v1/attention/backends/triton_attn.py:514`, `mla/triton_mla.py:204`)."""


_SEES_IMAGES_WHOLE = frozenset({"gemma3"})
"""Types of models in which the tokens of an image see each other
(vLLM 0.33.0 `transformers_utils/model_arch_config_convertor.py`, `is_mm_prefix_lm`), each tried."""

_SINKS = frozenset({"gpt_oss"})
"""Types of models whose every layer has sinks (vLLM 0.33.0 `model_executor/models/gpt_oss.py`)."""

_WITH_IMAGES_WHOLE = frozenset({"TRITON_ATTN", "FLEX_ATTENTION"})
_FLASH_ATTENTION_4 = (10, 0)
"""From where on FlashAttention lets them (vLLM 0.33.0 `v1/attention/backends/flash_attn.py:449`)."""

_WITHOUT_IMAGES = ("language_model_only", "limit_mm_per_prompt")
CHANGE_ATTENTION = ("hf_overrides", "runner", "task", "convert")
"""Options that may give a model other attention than its configuration says."""


class Attention(NamedTuple):
    """What a model asks of a backend: the kind of attention, and the size of a head in its cache.

    `images_whole` says that the tokens of an image see each other, before and after, `sinks` that heads
    learn how much to attend to nothing. `dtype` is the type of its numbers, `block_size` the number of tokens
    in a block of its cache where one is asked for; `None` where they are not known or not asked for.
    """

    kind: AttentionKind
    head_size: int
    images_whole: bool = False
    sinks: bool = False
    dtype: str | None = None
    block_size: int | None = None


def attends_otherwise(args: EngineArgs, launch: Launch, attention: Attention) -> bool:
    """Whether options or variables make a model attend in another way than its configuration says."""
    if attention.images_whole and any(args.given(dest) is not None for dest in _WITHOUT_IMAGES):
        return True
    if args.open_ended is not None:
        return True
    config = args.value("attention_config")
    if isinstance(config, Unknown) or (isinstance(config.value, dict) and set(config.value) - {"backend"}):
        return True
    return any(variable.name == "VLLM_MLA_DISABLE" for variable in launch.env)


def attention_of(model: ModelFacts) -> Attention | None:
    """Return what all attention layers of a model ask of a backend; `None` where it is not known."""
    types = (model.model_type or "", model.text_model_type or "")
    if any(name.startswith(_OWN_BACKENDS) for name in types) or model.encoder_only is not False:
        return None
    if model.global_head_dim is not None and model.global_head_dim != model.head_dim:
        return None
    if model.num_full_attention_layers == 0:
        return None
    rank, rope = model.kv_lora_rank, model.qk_rope_head_dim
    if rank == 0:
        whole, sinks = model.model_type in _SEES_IMAGES_WHOLE, model.model_type in _SINKS
        return None if model.head_dim is None else Attention("plain", model.head_dim, whole, sinks)
    if rank is None or rope is None:
        return None
    return Attention("sparse" if model.index_topk else "latent", rank + rope)


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(table_path("attention_backends.json").read_text(encoding="utf-8"))
    return table


def tabled_release() -> str:
    """Return the release whose backends are known."""
    release: str = _table()["release"]
    return release


@cache
def judged_backends() -> frozenset[str]:
    """Return the backends that the table judges: those that some card takes for some attention."""
    return frozenset(
        name
        for kinds in _table()["capabilities"].values()
        for kind in kinds.values()
        for name in kind["backends"]
    )


def backend_obstacle(
    backend: str, attention: Attention, cache_dtype: str, capability: tuple[int, int]
) -> str | None:
    """Return what keeps a backend from serving the attention on a card; `None` for nothing known."""
    if backend in _table()["elsewhere"]:
        return "is one of vision towers, and none of a language model"
    kinds = _table()["capabilities"].get(f"{capability[0]}.{capability[1]}")
    if kinds is None or backend not in judged_backends():
        return None
    found = kinds[attention.kind]["backends"].get(backend)
    if found is None:
        return _why_missing(backend, attention.kind, capability)
    if attention.head_size in _table()["head_sizes"] and attention.head_size not in found["head_sizes"]:
        return f"does not take heads of size {attention.head_size}"
    lacking = _lacking(backend, found, attention, capability)
    if lacking is not None:
        return lacking
    if cache_dtype not in found["kv_cache_dtypes"]:
        return f"does not take a KV cache of `{cache_dtype}`"
    return (
        "takes FP8 from compute capability 8.9 on" if _lacks_fp8(backend, cache_dtype, capability) else None
    )


def _lacking(
    backend: str, found: dict[str, Any], attention: Attention, capability: tuple[int, int]
) -> str | None:
    """Return what a backend that takes the kind of attention and the heads lacks all the same."""
    if not _takes_images(backend, attention, capability):
        return "does not let the tokens of an image see each other"
    if attention.sinks and not found["sinks"]:
        return "does not take attention sinks"
    if attention.dtype is not None and attention.dtype not in found["dtypes"]:
        return f"does not take `{attention.dtype}`"
    size, taken = attention.block_size, found["block_sizes"]
    if size is not None and taken and all(size % one != 0 for one in taken):
        return f"does not take blocks of {size} tokens, but multiples of {min(taken)}"
    return None


def _takes_images(backend: str, attention: Attention, capability: tuple[int, int]) -> bool:
    if not attention.images_whole or backend in _WITH_IMAGES_WHOLE:
        return True
    return backend == "FLASH_ATTN" and capability >= _FLASH_ATTENTION_4


def _lacks_fp8(backend: str, cache_dtype: str, capability: tuple[int, int]) -> bool:
    return backend in _TRITON and cache_dtype.startswith("fp8") and capability < _NATIVE_FP8


_KIND_IN_WORDS = {
    "plain": "attention that is not latent (MLA)",
    "latent": "latent attention (MLA)",
    "sparse": "sparse latent attention",
}


def _why_missing(backend: str, kind: AttentionKind, capability: tuple[int, int]) -> str:
    """Say whether no card has the backend for such attention, or only this one has not."""
    holders = [name for name, kinds in _table()["capabilities"].items() if backend in kinds[kind]["backends"]]
    if not holders:
        return f"does not take {_KIND_IN_WORDS[kind]}"
    names = " and ".join((", ".join(holders[:-1]), holders[-1])) if len(holders) > 1 else holders[0]
    return f"takes compute capability {names}, not {capability[0]}.{capability[1]}"


class Choice(NamedTuple):
    """What vLLM chooses by itself: a backend, or none; and what keeps the last one it tried from serving."""

    backend: str | None
    obstacle: str | None


def chosen_backend(attention: Attention, cache_dtype: str, capability: tuple[int, int]) -> Choice | None:
    """Return which backend vLLM takes when none is asked for; `None` where that is not known."""
    kinds = _table()["capabilities"].get(f"{capability[0]}.{capability[1]}")
    if kinds is None or attention.head_size not in _table()["head_sizes"]:
        return None
    kind = kinds[attention.kind]
    order = kind["automatic"]["fp8" if cache_dtype.startswith("fp8") else "auto"]
    for backend in order:
        found = kind["backends"].get(backend)
        if found is None or attention.head_size not in found["head_sizes"]:
            continue
        if _lacking(backend, found, attention, capability) is not None:
            continue
        if cache_dtype in found["kv_cache_dtypes"]:
            return Choice(backend, backend_obstacle(backend, attention, cache_dtype, capability))
    return Choice(None, None)
