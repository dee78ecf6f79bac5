"""SPC016 mtp-without-layers."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, part_of_json, releases
from vllint_schemas import Finding, Located, Severity

_WITHOUT_MTP = frozenset(
    {
        "arcee",
        "chatglm",
        "cohere",
        "cohere2",
        "deepseek_v2",
        "falcon",
        "falcon_h1",
        "flex_olmo",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3_text",
        "glm",
        "glm4",
        "gpt2",
        "gpt_neox",
        "gpt_oss",
        "gptj",
        "granite",
        "granitemoe",
        "lfm2",
        "llama",
        "llama4",
        "llava",
        "llava_next",
        "llava_onevision",
        "mamba2",
        "minicpm3",
        "mistral",
        "mixtral",
        "mllama",
        "olmo",
        "olmo2",
        "olmo3",
        "olmoe",
        "opt",
        "paligemma",
        "phi",
        "phi3",
        "phimoe",
        "qwen2_5_vl",
        "qwen2_vl",
        "qwen3",
        "qwen3_moe",
        "qwen3_vl",
        "qwen3_vl_moe",
        "seed_oss",
        "smollm3",
        "stablelm",
        "starcoder2",
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
