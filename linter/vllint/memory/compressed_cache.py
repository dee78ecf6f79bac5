"""What DeepSeek-V4's layers cache: a window, and beyond it compressed tokens with their states.

vLLM 0.33.0 `models/deepseek_v4/attention.py:860`, `compressor.py:179`, `sparse_swa.py:120`.
"""

from __future__ import annotations

from math import ceil

from vllint.memory.cache_groups import Page
from vllint_schemas import EngineArgs, ModelFacts, Unknown
from vllint_schemas.models import Component

_BLOCK = 256
_WINDOW_BLOCK = 64
_ALIGNMENT = 576
"""Bytes that the packed pages of FlashMLA come in multiples of."""

_LATENT = 584
"""Bytes of a token's latent: 448 in FP8, 64 of rope in 16 bits, 8 of scales."""

_SCALES = 4
"""Bytes of the scale of an indexer's key."""

_INDEXED_RATIO, _INDEXED_STATES = 4, 4
_OTHER_RATIO, _OTHER_STATES = 128, 8
"""How many tokens become one, and how many states a block holds: with an indexer, and without."""

_WIDE = 4


def compressed_pages(model: ModelFacts, args: EngineArgs) -> tuple[tuple[Page, ...], ...] | Unknown:
    """Return the pages of each layer, as its matrices tell what it compresses."""
    size, index, window = model.head_dim, model.index_head_dim, model.sliding_window
    if model.built is None or not (size and index and window):
        return Unknown("how the model compresses its cache is not known")
    asked = args.value("kv_cache_dtype")
    if isinstance(asked, Unknown):
        return asked
    if str(asked.value) not in {"None", "auto", "fp8", "fp8_e4m3", "fp8_ds_mla"}:
        return Unknown(f"the compressed cache in `--kv-cache-dtype {asked.value}` is not modelled")
    if args.given("block_size") is not None:
        return Unknown("the compressed cache in blocks of another size is not modelled")
    return tuple(_layer(layer, size, index, window) for layer in model.built.layers)


def _layer(layer: tuple[Component, ...], size: int, index: int, window: int) -> tuple[Page, ...]:
    names = {part.name for part in layer}
    own = Page("sliding", _aligned(_WINDOW_BLOCK * _LATENT), _WINDOW_BLOCK, window, latent=True)
    if "compressor" not in names:
        return (own,)
    if "index_q" not in names:
        ratio, states = _OTHER_RATIO, _OTHER_STATES
        return (own, _kept(ratio, _LATENT), _states(states, ratio, size * 2))
    ratio, states = _INDEXED_RATIO, _INDEXED_STATES
    return (
        own,
        _kept(ratio, _LATENT),
        _states(states, ratio * 2, size * 4),
        _kept(ratio, index + _SCALES),
        _states(states, ratio * 2, index * 4),
    )


def _kept(ratio: int, token: int) -> Page:
    """Return the page of the tokens that a block of so many is compressed to."""
    return Page("full", _aligned(_BLOCK // ratio * token), _BLOCK, latent=True)


def _states(held: int, reach: int, numbers: int) -> Page:
    """Return the page of what is being compressed, in 32 bits."""
    return Page("sliding", _aligned(held * numbers * _WIDE), held, reach, latent=True)


def _aligned(size: int) -> int:
    return ceil(size / _ALIGNMENT) * _ALIGNMENT
