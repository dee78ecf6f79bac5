"""How vLLM builds the layers of each family of decoders: what has a bias, a norm, a gate.

Source: vllm/model_executor/models/*.py of 0.33.0, one module per row; every row is checked against the
bytes vLLM really builds or the exact number of parameters of published checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple


class Family(NamedTuple):
    """What a decoder layer has beside its matrices.

    `query_bias` and `output_bias`: `None` follows the config's `attention_bias`. `norms` are vectors of
    the hidden size per layer, `head_norms` what is normed in attention: each head (`head`), all of them
    (`all`) or nothing. `norm_bias` doubles norms that are layer norms. `positions` is the number of rows
    a learned position table has beyond the context length, `None` for no table. `embeddings_copied` and
    `heads_copied` say that every pipeline stage builds one, and not the first or the last alone.
    `never_tied`: the head is built whatever `tie_word_embeddings` says; `always_tied`: it never is.
    `wide_router` keeps the router in 32 bits, `shared_divided` the shared experts divided where tokens are.
    """

    query_bias: bool | None = None
    output_bias: bool | None = None
    mlp_matrices: int = 3
    mlp_bias: bool | None = False
    norms: int = 2
    norm_bias: bool = False
    final_norm: bool = True
    head_norms: Literal["", "head", "all"] = ""
    head_bias: bool = False
    positions: int | None = None
    tied: bool = False
    latent: bool = False
    router_bias: bool = False
    correction_bias: bool = False
    expert_bias: bool = False
    shared_gate: bool = False
    sinks: bool = False
    output_gate: bool = False
    wide_router: bool = False
    shared_divided: bool = False
    extra: int = 0
    embeddings_copied: bool = False
    heads_copied: bool = False
    never_tied: bool = False
    always_tied: bool = False


_LLAMA = Family(mlp_bias=None)
_QWEN3 = Family(output_bias=False, head_norms="head")
_QWEN2 = Family(query_bias=True, output_bias=False)
_PLAIN = Family(query_bias=False, output_bias=False)
_GPT = Family(True, True, mlp_matrices=2, mlp_bias=True, norm_bias=True)
_DEEPSEEK = Family(False, False, latent=True)
_NEXT = _QWEN3._replace(shared_gate=True, output_gate=True)

_BUILT = {
    "llama": _LLAMA,
    "granite": _LLAMA,
    "smollm3": _LLAMA,
    "mistral": _PLAIN,
    "ministral3": _PLAIN,
    "internlm2": _PLAIN,
    "internlm3": _LLAMA,
    "phi3": _PLAIN,
    "exaone": _LLAMA,
    "solar_open": _PLAIN._replace(query_bias=None),
    "cwm": _LLAMA,
    "paddleocr_vl_text": _LLAMA,
    "qwen2_5_omni_text": _QWEN2,
    "qwen3_asr_text": _QWEN3,
    "qwen3_omni_moe_text": _QWEN3,
    "solar": _LLAMA,
    "TeleFLM": _LLAMA,
    "orion": _PLAIN._replace(norm_bias=True),
    "deepseek": _PLAIN._replace(query_bias=None),
    "bailing_moe": Family(output_bias=False, shared_divided=True),
    "bailing_moe_v2": Family(
        output_bias=False, head_norms="head", correction_bias=True, wide_router=True, shared_divided=True
    ),
    "ernie4_5": _LLAMA,
    "helium": _LLAMA,
    "exaone4": _LLAMA._replace(head_norms="head"),
    "minicpm": _PLAIN,
    "qwen2": _QWEN2,
    "qwen2_vl_text": _QWEN2,
    "qwen2_5_vl_text": _QWEN2,
    "seed_oss": _QWEN2,
    "mimo": _QWEN2,
    "qwen3": _QWEN3,
    "qwen3_vl_text": _QWEN3,
    "hunyuan_v1_dense": _QWEN3,
    "gemma": _PLAIN._replace(tied=True),
    "gemma2": Family(norms=4, tied=True),
    "gemma3_text": Family(norms=4, head_norms="head", tied=True),
    "olmo": _PLAIN._replace(norms=0, final_norm=False),
    "olmo2": _LLAMA._replace(head_norms="all"),
    "olmo3": _LLAMA._replace(head_norms="all"),
    "glm": _QWEN2,
    "glm4": _QWEN2._replace(norms=4, query_bias=None),
    "cohere": _PLAIN._replace(norms=1, tied=True),
    "cohere2": _PLAIN._replace(norms=1, tied=True),
    "stablelm": Family(output_bias=False, norm_bias=True),
    "starcoder2": _GPT._replace(tied=True),
    "gpt_neox": _GPT,
    "opt": _GPT._replace(positions=2, tied=True),
    "gpt2": _GPT._replace(positions=0, tied=True),
    "gptj": Family(False, False, mlp_matrices=2, mlp_bias=True, norms=1, norm_bias=True, head_bias=True),
    "chatglm": _QWEN2,
    "phi-msft": _GPT._replace(norms=1, head_bias=True),
    "phi": _GPT._replace(norms=1, head_bias=True),
    "nemotron": Family(mlp_matrices=2, mlp_bias=None, norm_bias=True),
    "arcee": Family(mlp_matrices=2, mlp_bias=None),
    "apertus": Family(mlp_matrices=2, mlp_bias=False, head_norms="head", extra=2),
    "mixtral": _PLAIN,
    "qwen2_moe": _QWEN2._replace(shared_gate=True, shared_divided=True),
    "qwen3_moe": _QWEN3,
    "qwen3_vl_moe_text": _QWEN3,
    "olmoe": _PLAIN._replace(head_norms="all"),
    "granite_swa": _LLAMA,
    "granitemoe": _LLAMA,
    "granitemoe_swa": _LLAMA,
    "granitemoeshared": _LLAMA,
    "ernie4_5_moe": _LLAMA._replace(correction_bias=True, wide_router=True, shared_divided=True),
    "exaone_moe": _PLAIN._replace(head_norms="head", correction_bias=True, shared_divided=True),
    "flex_olmo": _PLAIN._replace(head_norms="all"),
    "mellum": _QWEN3,
    "muse_glimmer_text": _PLAIN._replace(norms=4, output_gate=True),
    "hyperclovax": _LLAMA._replace(norms=4),
    "jais2": _GPT,
    "vaultgemma": Family(tied=True),
    "glm_ocr_text": _QWEN2._replace(norms=4, query_bias=None),
    "glm4v_text": _QWEN2._replace(norms=4, query_bias=None),
    "cohere2_moe": _PLAIN._replace(norms=1, tied=True, shared_divided=True),
    "phimoe": Family(True, True, norm_bias=True, head_bias=True),
    "glm4_moe": Family(output_bias=False, correction_bias=True, wide_router=True, shared_divided=True),
    "glm4v_moe_text": Family(output_bias=False, correction_bias=True, wide_router=True, shared_divided=True),
    "minimax_m2": _PLAIN._replace(head_norms="all", correction_bias=True, wide_router=True),
    "gpt_oss": Family(True, True, router_bias=True, expert_bias=True, sinks=True),
    "llama4_text": _PLAIN,
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK._replace(correction_bias=True),
    "deepseek_v32": _DEEPSEEK._replace(correction_bias=True),
    "kimi_k2": _DEEPSEEK._replace(correction_bias=True),
    "glm4_moe_lite": _DEEPSEEK._replace(correction_bias=True, shared_divided=True),
    "glm_moe_dsa": _DEEPSEEK._replace(correction_bias=True),
    "qwen3_next": _NEXT,
    "qwen3_5_text": _NEXT,
    "qwen3_5_moe_text": _NEXT,
}

_BOTH_COPIED = frozenset(
    [
        "chatglm",
        "gptj",
        "gpt2",
        "gpt_oss",
        "granitemoe",
        "granitemoe_swa",
        "granitemoeshared",
        "internlm2",
        "minicpm",
        "mixtral",
        "olmoe",
        "orion",
        "phimoe",
        "qwen2_moe",
        "qwen3_moe",
        "qwen3_next",
        "qwen3_omni_moe_text",
        "qwen3_vl_moe_text",
        "stablelm",
    ]
)
_EMBEDDINGS_COPIED = _BOTH_COPIED | frozenset(
    ["cohere", "cohere2", "gemma", "gemma2", "gemma3_text", "opt", "qwen3_5_moe_text", "qwen3_5_text"]
)
"""Whose modules build embeddings, or heads too, without asking for their rank in the pipeline."""

_NEVER_TIED = frozenset(
    [
        "deepseek",
        "deepseek_v2",
        "deepseek_v3",
        "deepseek_v32",
        "glm4_moe",
        "glm4_moe_lite",
        "glm4v_moe_text",
        "glm_moe_dsa",
        "gpt_oss",
        "kimi_k2",
        "minimax_m2",
        "olmoe",
        "phimoe",
        "qwen3_next",
    ]
)
"""Whose modules do not ask for `tie_word_embeddings`."""

_ALWAYS_TIED = frozenset(["cohere", "cohere2", "cohere2_moe", "gemma2"])
"""Whose modules take the embeddings for a head and do not ask."""

FAMILIES: Mapping[str, Family] = {
    kind: family._replace(
        embeddings_copied=kind in _EMBEDDINGS_COPIED,
        heads_copied=kind in _BOTH_COPIED,
        never_tied=kind in _NEVER_TIED,
        always_tied=kind in _ALWAYS_TIED,
    )
    for kind, family in _BUILT.items()
}
"""By the model type of the text part."""
