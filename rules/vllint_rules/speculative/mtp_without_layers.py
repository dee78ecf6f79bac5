"""SPC016 mtp-without-layers."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, part_of_json, releases
from vllint_schemas import Finding, Located, Severity

_WITHOUT_MTP = frozenset(
    {
        "afmoe",
        "apertus",
        "arcee",
        "aria",
        "axk1",
        "blip-2",
        "bloom",
        "chatglm",
        "cohere",
        "cohere2",
        "cohere2_moe",
        "cohere2_vision",
        "cohere_compass",
        "deepseek_v2",
        "diffusion_gemma",
        "ernie4_5",
        "exaone4",
        "falcon",
        "falcon_h1",
        "falcon_mamba",
        "flex_olmo",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3_text",
        "gemma3n",
        "gemma4",
        "gemma4_text",
        "gemma4_unified",
        "glm",
        "glm4",
        "glm4v",
        "glm4v_moe",
        "gpt2",
        "gpt_bigcode",
        "gpt_neox",
        "gpt_oss",
        "gptj",
        "granite",
        "granite4_vision",
        "granite_swa",
        "granitemoe",
        "granitemoe_swa",
        "granitemoehybrid",
        "hrm_text",
        "hunyuan_v1_dense",
        "hunyuan_v1_moe",
        "hyperclovax",
        "idefics3",
        "internvl",
        "jais2",
        "jamba",
        "kimi_k2",
        "kimi_k25",
        "kimi_linear",
        "kimi_vl",
        "laguna",
        "lfm2",
        "lfm2_moe",
        "lfm2_vl",
        "llama",
        "llama4",
        "llama4_text",
        "llava",
        "llava_next",
        "llava_onevision",
        "mamba",
        "mamba2",
        "mellum",
        "minicpm3",
        "minicpmv4_6",
        "minimax_m2",
        "ministral3",
        "mistral",
        "mistral3",
        "mixtral",
        "mllama",
        "molmo2",
        "muse_glimmer",
        "nemotron",
        "olmo",
        "olmo2",
        "olmo3",
        "olmo_hybrid",
        "olmoe",
        "opt",
        "ovis",
        "paddleocr_vl",
        "paligemma",
        "phi",
        "phi3",
        "phimoe",
        "qianfan_ocr",
        "qwen2",
        "qwen2_5_vl",
        "qwen2_moe",
        "qwen2_vl",
        "qwen3",
        "qwen3_asr",
        "qwen3_moe",
        "qwen3_omni_moe",
        "qwen3_vl",
        "qwen3_vl_moe",
        "seed_oss",
        "shieldgemma2",
        "smollm3",
        "smolvlm",
        "stablelm",
        "starcoder2",
        "step3_vl",
        "vaultgemma",
        "zamba2",
    }
)
"""Model types that vLLM 0.33.0 finds no MTP layers in; each was tried. Their checkpoints have none."""

_OTHER_DRAFTS = frozenset({"model", "draft_model"})


class MtpWithoutLayers(Rule):
    """Multi-token prediction needs a checkpoint that has layers for it.

    ## What it does

    Looks for the method `mtp` in `--speculative-config`, without another model as the draft, for types of
    models whose checkpoints hold no layers for it.

    ## Why is this bad?

    vLLM refuses the configuration: `Unsupported speculative method: 'mtp'`.

    ## Example

    `vllm serve Qwen/Qwen3-8B --speculative-config '{"method": "mtp", "num_speculative_tokens": 1}'`

    ## Use instead

    The method `ngram`, or an `eagle3` draft that was trained for the model. Qwen3-Next, Qwen3.5, DeepSeek-V3,
    GLM-4.5 and MiMo have layers for `mtp`.

    ## Since

    0.1.0
    """

    code = "SPC016"
    name = "mtp-without-layers"
    severity = Severity.ERROR
    stage = "config"
    source = "config/speculative.py:1499"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/spec_decode/"
    needs = ("model",)
    triggers = frozenset({"speculative_config"})
    tags = ("speculative",)

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "mtp", "num_speculative_tokens": 1}\'\n'
            "#                                                          ~~~\n",
        ),
    )
    GOOD = (
        Example(
            title="layers for it",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-Next-80B-A3B-Instruct --speculative-config"
            ' \'{"method": "mtp", "num_speculative_tokens": 1}\'\n',
        ),
        Example(
            title="no layers needed",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "ngram", "num_speculative_tokens": 3}\'\n',
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for the method on a model without layers for it."""
        argument, release = facts.args.given("speculative_config"), facts.release
        written = (
            argument.value.value if argument is not None and isinstance(argument.value, Located) else None
        )
        if argument is None or not isinstance(written, dict) or _OTHER_DRAFTS & written.keys():
            return
        method = written.get("method")
        if not isinstance(method, str) or not (method == "mtp" or method.endswith("_mtp")):
            return
        if facts.model.model_type not in _WITHOUT_MTP or facts.args.given("hf_overrides") is not None:
            return
        if release.judged != releases()[-1] or facts.args.open_ended is not None:
            return
        part = part_of_json(argument.values[-1], ("method",))
        yield self.finding(
            facts,
            part.span if part is not None else argument.values[-1].span,
            f"`{facts.model.id}` has no layers for multi-token prediction{release.caveat(False)}",
            "take `ngram`, or an `eagle3` draft that was trained for the model",
            severity=release.severity(False),
            subject=f"method={method}",
        )
