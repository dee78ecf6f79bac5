"""QNT001 bf16-on-old-gpu."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import FLOAT16_REFUSED, Example, LaunchFacts, Rule, Setting, set_options
from vllint_schemas import Applicability, Finding, Fix, ModelFacts, Severity, Unknown

_FIRST_CAPABILITY = (8, 0)


class Bf16OnOldGpu(Rule):
    """Bfloat16 needs an Ampere GPU or a newer one.

    ## What it does

    Looks for `--dtype bfloat16` on NVIDIA GPUs with a compute capability below 8.0, as T4, V100 and
    RTX 2080 Ti. Nothing is said of `auto`, which falls back to another type by itself.

    ## Why is this bad?

    Each worker refuses the type when it starts.

    ## Example

    `vllm serve Qwen/Qwen3-1.7B --dtype bfloat16` on a T4

    ## Use instead

    `vllm serve Qwen/Qwen3-1.7B --dtype half`

    ## Fix safety

    Unsafe: float16 has a smaller range. Gemma 2, Gemma 3 and GLM-4-0414 models do not run in it and get
    float32.

    ## Since

    0.1.0
    """

    code = "QNT001"
    name = "bf16-on-old-gpu"
    severity = Severity.ERROR
    stage = "build"
    source = "platforms/cuda.py:650"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    needs = ("gpu",)
    waits_for = frozenset({"QNT004"})
    triggers = frozenset({"dtype"})
    tags = ("quantization",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-1.7B --dtype bfloat16\n#                                  ~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-1.7B --dtype half\n",
            gpu="T4:1",
        ),
        Example(
            title="a model that does not run in float16",
            text="vllm serve google/gemma-2-2b --dtype bfloat16\n",
            fixed="vllm serve google/gemma-2-2b --dtype float32\n",
            gpu="T4:1",
        ),
        Example(
            title="a model that is not known",
            text="vllm serve /models/chat --dtype bfloat16\n",
            gpu="T4:1",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-1.7B --dtype bfloat16\n", gpu="A10G:1"),
        Example(text="vllm serve Qwen/Qwen3-1.7B --dtype auto\n", gpu="T4:1"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for bfloat16 on a card without it."""
        dtype, gpu = facts.args.value("dtype"), facts.gpu.value
        capability = gpu.compute_capability
        if facts.args.given("dtype") is None or isinstance(dtype, Unknown) or dtype.value != "bfloat16":
            return
        if capability is None or capability >= _FIRST_CAPABILITY:
            return
        release, instead = facts.release, _instead(facts.maybe_model)
        yield self.finding(
            facts,
            facts.args.place("dtype") or facts.launch.at,
            f"{gpu.name} has compute capability {capability[0]}.{capability[1]}, and bfloat16 needs 8.0"
            f"{release.caveat(False)}",
            _help(facts.maybe_model, instead),
            severity=release.severity(False),
            fix=_fix(facts, instead),
            subject="dtype=bfloat16",
        )


def _instead(model: ModelFacts | Unknown) -> str | None:
    """Return the type that both the card and the model bear, if the model is known."""
    if isinstance(model, Unknown) or model.model_type is None:
        return None
    if model.model_type not in FLOAT16_REFUSED:
        return "half"
    # Quantized linear layers, as those of GPTQ, may not take float32.
    return "float32" if model.quantized is False else None


def _help(model: ModelFacts | Unknown, instead: str | None) -> str:
    if instead is not None:
        return f"write `{instead}`"
    if isinstance(model, ModelFacts) and model.model_type in FLOAT16_REFUSED:
        return "take a newer GPU, or the model without quantization in `float32`"
    return "write `auto`, and vLLM takes a type that the GPU has"


def _fix(facts: LaunchFacts, instead: str | None) -> Fix | None:
    edits = None if instead is None else set_options(facts, (Setting("--dtype", "dtype", instead),))
    return None if edits is None else Fix(f"write `{instead}`", Applicability.UNSAFE, edits)
