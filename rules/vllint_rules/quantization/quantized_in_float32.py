"""QNT005 quantized-in-float32."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import FLOAT16_REFUSED, Example, LaunchFacts, Rule, given_otherwise, releases
from vllint_schemas import Finding, Gpu, Located, Severity, Unknown

_WITHOUT_FLOAT32 = frozenset(
    {"awq", "gptq", "fp8", "modelopt", "modelopt_fp4", "deepseek_v4_fp8", "mxfp4", "gpt_oss_mxfp4"}
)
_IN_BFLOAT16_ALONE = frozenset({"mxfp4", "gpt_oss_mxfp4"})
"""Methods whose `get_supported_act_dtypes` leaves float32 out, and float16 as well; compressed-tensors' takes
both. Each was tried on vLLM 0.33.0."""

_FLOAT32, _FLOAT16 = frozenset({"float32", "float"}), frozenset({"float16", "half"})
_FIRST_WITH_BFLOAT16 = (8, 0)


class QuantizedInFloat32(Rule):
    """A quantized checkpoint does not run in float32.

    ## What it does

    Looks at the type in which an AWQ, GPTQ, FP8, ModelOpt or MXFP4 checkpoint runs: that of `--dtype`, which
    must be bfloat16 for gpt-oss, or float32 where vLLM falls back to it, for Gemma 2, Gemma 3 and GLM-4 on
    cards without bfloat16.

    ## Why is this bad?

    vLLM refuses the configuration on the machine.

    ## Example

    `vllm serve Qwen/Qwen3-8B-FP8 --dtype float32`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B-FP8`: vLLM takes the checkpoint's type.

    ## Since

    0.1.0
    """

    code = "QNT005"
    name = "quantized-in-float32"
    severity = Severity.ERROR
    stage = "config"
    source = "config/vllm.py:939"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/quantization/index.html"
    needs = ("model",)
    waits_for = frozenset({"QNT002", "QNT004", "QNT006", "QNT008", "QNT009"})
    triggers = frozenset({"model.quantization"})
    tags = ("quantization",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B-FP8 --dtype float32\n"
            "#                                    ~~~~~~~\n",
        ),
        Example(
            title="neither in float16",
            vllm_version="0.33.0",
            text="vllm serve openai/gpt-oss-20b --dtype half\n#                                     ~~~~\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B-FP8 --dtype bfloat16\n"),
        Example(title="not quantized", text="vllm serve Qwen/Qwen3-8B --dtype float32\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a quantized checkpoint that would run in float32."""
        how = facts.model.quantization
        if how is None or how.method not in _WITHOUT_FLOAT32 or facts.args.open_ended is not None:
            return
        if given_otherwise(facts.args, ("quantization", "hf_overrides")):
            return
        asked = facts.args.value("dtype")
        if isinstance(asked, Unknown):
            return
        fallback = asked.value == "auto" and _falls_back(facts)
        refused = _FLOAT32 | _FLOAT16 if how.method in _IN_BFLOAT16_ALONE else _FLOAT32
        if asked.value not in refused and not fallback:
            return
        dtype = "float16" if asked.value in _FLOAT16 else "float32"
        is_tabled = facts.release.judged == releases()[-1] and not facts.release.doubt
        place = None if fallback else facts.args.place("dtype")
        why = (
            f" (`{facts.gpu.value.name}` has no bfloat16, and the model bears no float16)" if fallback else ""
        )
        yield self.finding(
            facts,
            place or facts.model_span or facts.launch.at,
            f"`{facts.model.id}` is quantized with `{how.method}`, which does not run in {dtype}{why}"
            f"{facts.release.caveat(False)}",
            "take a newer GPU, or the model without quantization" if fallback else "leave `--dtype` out",
            severity=Severity.ERROR if is_tabled else Severity.WARNING,
            subject=f"dtype={dtype}",
        )


def _falls_back(facts: LaunchFacts) -> bool:
    """Whether the card has no bfloat16 and the model bears no float16 (vLLM `config/model.py:2420`)."""
    gpu: Located[Gpu] | Unknown = facts.hardware.gpu
    if isinstance(gpu, Unknown) or gpu.value.compute_capability is None:
        return False
    refused = {facts.model.model_type, facts.model.text_model_type} & FLOAT16_REFUSED
    return bool(refused) and gpu.value.compute_capability < _FIRST_WITH_BFLOAT16
