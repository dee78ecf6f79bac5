"""What profiling feeds multimodal models: the largest picture, and videos.

`memory_overheads.py` writes it into its table.
"""

from __future__ import annotations

DUMMY_ITEMS = {
    # Qwen's processors: up to 16384 tokens of 2 x 2 patches, two frames of 14 x 14 or 16 x 16 pixels each.
    "qwen2_vl": (16384, 4, 1176),
    "qwen2_5_vl": (16384, 4, 1176),
    "qwen3_vl": (16384, 4, 1536),
    "qwen3_vl_moe": (16384, 4, 1536),
    "qwen3_5": (16384, 4, 1536),
    "qwen3_5_moe": (16384, 4, 1536),
    # Gemma 3: 896 x 896 pixels in patches of 14, pooled to 256 tokens.
    "gemma3": (256, 16, 588),
    # Gemma 4: 280 soft tokens between two more, pooled of 9 patches of 16 x 16 each (`gemma4_mm.py:281`).
    "gemma4": (282, 9, 768),
    # Pixtral and Mistral 3: 1540 x 1540 in patches of 14, merged 2 x 2.
    "mistral3": (3025, 4, 588),
}
"""Model type -> tokens of the largest picture, patches per token, numbers per patch (their processors)."""

SIXTEEN_FRAMES = {"item": (131072, 4, 1176), "since": "0.8", "until": "0.10", "last": "0.9.2"}
"""Each two frames as large as the largest picture."""

TWO_HOURS = {"item": (153600, 4, 1536), "since": "0.11", "until": "0.12", "last": "0.11.2"}
"""A start-up of 0.11.0 logs 1 video of 153600 tokens, one of 0.13.0 a picture of 16384."""

MANY_FRAMES = {"item": (2496, 8, 768), "since": "0", "until": None, "last": None}
"""32 frames of 70 soft tokens and 8 more, pooled of 9 patches each (`gemma4_mm.py:289` of 0.33.0)."""

DUMMY_VIDEOS = {
    "gemma4": MANY_FRAMES,
    "qwen2_vl": SIXTEEN_FRAMES,
    "qwen2_5_vl": SIXTEEN_FRAMES,
    "qwen3_vl": TWO_HOURS,
    "qwen3_vl_moe": TWO_HOURS,
}
"""The same of the video that is fed, or once was: since which release, until which, and the last that did."""
