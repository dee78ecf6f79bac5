"""QNT002 fp16-forbidden-model."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import FLOAT16_REFUSED, Example, LaunchFacts, Rule, remove_argument, version_key
from vllint_schemas import Applicability, Argument, Finding, Fix, Located, Related, Severity, Unknown

_FIRST_RELEASE = (0, 10)
"""The first release that is known to refuse them all."""


class Fp16ForbiddenModel(Rule):
    """Some models are not stable in float16.

    ## What it does

    Looks for `--dtype half` or `float16` with Gemma 2, Gemma 3 and GLM-4-0414 models.

    ## Why is this bad?

    Their activations leave float16's range, so vLLM refuses the configuration.

    ## Example

    `vllm serve google/gemma-3-27b-it --dtype half`

    ## Use instead

    `vllm serve google/gemma-3-27b-it`: vLLM takes bfloat16, or float32 on GPUs that do not have it, as T4.

    ## Fix safety

    Unsafe: float32 takes twice the memory.

    ## Since

    0.1.0
    """

    code = "QNT002"
    name = "fp16-forbidden-model"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:2416"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    needs = ("model",)
    triggers = frozenset({"dtype"})
    tags = ("quantization",)

    BAD = (
        Example(
            text="vllm serve google/gemma-3-27b-it --dtype half\n"
            "#                                        ~~~~\n",
            fixed="vllm serve google/gemma-3-27b-it\n",
        ),
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["google/gemma-2-9b-it", "--dtype", "float16", "--port", "8001"]
    #                                             ~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["google/gemma-2-9b-it", "--port", "8001"]
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve google/gemma-3-27b-it --dtype bfloat16\n"),
        Example(text="vllm serve google/gemma-3-27b-it --dtype auto\n", gpu="T4:8"),
        Example(text="vllm serve Qwen/Qwen3-8B --dtype half\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for float16 that the model does not bear."""
        argument, dtype = facts.args.given("dtype"), facts.args.value("dtype")
        if argument is None or isinstance(dtype, Unknown) or dtype.value not in ("half", "float16"):
            return
        release, model = facts.release, facts.args.model
        if facts.model.model_type not in FLOAT16_REFUSED or version_key(release.judged) < _FIRST_RELEASE:
            return
        yield self.finding(
            facts,
            facts.args.place("dtype") or facts.launch.at,
            f"`{facts.model.id}` (`{facts.model.model_type}`) does not run in float16{release.caveat(False)}",
            "leave the option out: vLLM takes bfloat16 where the GPU has it, and float32 elsewhere",
            severity=release.severity(False),
            related=(Related(model.span, "the model"),)
            if isinstance(model, Located) and model.span is not None
            else (),
            fix=_fix(facts, argument),
            subject=f"dtype={dtype.value}",
        )


def _fix(facts: LaunchFacts, argument: Argument) -> Fix | None:
    """Leave the type to vLLM, unless it may take float32, which quantized layers may refuse."""
    gpu = facts.hardware.gpu
    capability = None if isinstance(gpu, Unknown) else gpu.value.compute_capability
    if facts.model.quantized is not False and (capability is None or capability < (8, 0)):
        return None
    edits = remove_argument(facts, argument)
    return None if edits is None else Fix("leave the option out", Applicability.UNSAFE, edits)
