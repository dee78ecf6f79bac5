"""QNT004 quant-min-capability."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint import Example, LaunchFacts, Rule, releases
from vllint_schemas import Finding, Located, Severity, Span

_LEAST_CAPABILITY = {
    "auto_awq": (7, 5),
    "awq": (7, 5),
    "awq_marlin": (7, 5),
    "deepseek_v4_fp8": (7, 5),
    "experts_int8": (8, 0),
    "fp8": (7, 5),
    "gpt_oss_mxfp4": (8, 0),
    "mxfp4": (8, 0),
}
"""Method -> least compute capability in vLLM 0.33.0, `get_min_capability` of its configuration; earlier
releases ask for as much or more. Compressed-tensors are refused later, by scheme, of which one takes 7.0; of
ModelOpt's checkpoints vLLM reads some as not quantized."""

_LEAST_OF_MARLIN = (7, 5)
_MARLIN = frozenset({"gptq", "auto_gptq"})
"""Methods whose only kernels in vLLM 0.33.0 are Marlin's (`utils/marlin_utils.py:170`); earlier releases had
others for older cards."""

_MARLIN_SOURCE = "model_executor/layers/quantization/utils/marlin_utils.py:170"

_AWQ = frozenset({"awq", "awq_marlin", "auto_awq"})


class _Method(NamedTuple):
    """A method of quantization, and where the launch asks for it."""

    name: str
    place: Span | None


class QuantMinCapability(Rule):
    """A quantization method needs a GPU with kernels for it.

    ## What it does

    Compares the compute capability of the GPU with the least that the checkpoint's quantization method
    takes, or that of `--quantization` where the checkpoint is not quantized: 7.5 for AWQ, GPTQ and FP8,
    8.0 for MXFP4 (gpt-oss) and `experts_int8`.

    ## Why is this bad?

    vLLM refuses the configuration on the machine, after the image has been pulled.

    ## Example

    `vllm serve openai/gpt-oss-20b` on a T4, whose compute capability is 7.5.

    ## Use instead

    A newer GPU, or a checkpoint of another method.

    ## Since

    0.1.0
    """

    code = "QNT004"
    name = "quant-min-capability"
    severity = Severity.ERROR
    stage = "config"
    source = "config/vllm.py:931"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/quantization/index.html"
    needs = ("gpu", "model")
    waits_for = frozenset({"QNT006", "QNT008"})
    triggers = frozenset({"quantization", "model.quantization"})
    tags = ("quantization",)

    BAD = (
        Example(
            title="MXFP4 on Turing",
            text="vllm serve openai/gpt-oss-20b\n#          ~~~~~~~~~~~~~~~~~~\n",
            gpu="T4:2",
        ),
        Example(
            title="FP8 on Volta",
            text="vllm serve Qwen/Qwen3-1.7B --quantization fp8\n"
            "#                                         ~~~\n",
            gpu="V100 32GB:1",
        ),
        Example(
            title="AWQ on Volta",
            text="vllm serve Qwen/Qwen3-8B-AWQ -q awq\n",
            gpu="V100 32GB:1",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B-AWQ -q awq\n", gpu="T4:1"),
        Example(text="vllm serve Qwen/Qwen3-1.7B --quantization fp8\n", gpu="T4:1"),
        Example(text="vllm serve openai/gpt-oss-20b\n", gpu="A100:1"),
        Example(
            title="ModelOpt's checkpoints are not judged",
            text="vllm serve Qwen/Qwen3-32B-FP8-Static-PerTensor\n",
            gpu="T4:8",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a method that the card is too old for."""
        gpu, method = facts.gpu.value, _method(facts)
        if gpu.compute_capability is None or method is None or facts.args.given("revision") is not None:
            return
        by_kernel = _takes_marlin(facts, method.name)
        least = _LEAST_OF_MARLIN if by_kernel else _LEAST_CAPABILITY.get(method.name)
        if least is None or gpu.compute_capability >= least:
            return
        has = ".".join(map(str, gpu.compute_capability))
        yield self.finding(
            facts,
            method.place or facts.launch.at,
            f"{gpu.name} has compute capability {has}, and `{method.name}` needs {least[0]}.{least[1]}"
            f"{facts.release.caveat(by_kernel)}",
            "take a newer GPU, or a checkpoint of another method",
            severity=facts.release.severity(by_kernel),
            stage="build" if by_kernel else None,
            source=_MARLIN_SOURCE if by_kernel else None,
            subject=f"quantization={method.name}",
        )


def _takes_marlin(facts: LaunchFacts, method: str) -> bool:
    """Whether the release has but Marlin's kernels for the checkpoint."""
    release, written = facts.release, facts.model.quantization
    is_packed = written is not None and written.method == "gptq" and written.bits in (4, 8)
    return method in _MARLIN and is_packed and release.judged == releases()[-1]


def _method(facts: LaunchFacts) -> _Method | None:
    """Return the method that vLLM takes, if the checkpoint or the option settles it."""
    argument, model, written = facts.args.given("quantization"), facts.args.model, facts.model.quantization
    if facts.args.open_ended is not None:
        return None
    if argument is None:
        named = model.span if isinstance(model, Located) else None
        return None if written is None else _Method(written.method, named)
    if not argument.values or not argument.values[-1].is_known:
        return None
    word = argument.values[-1]
    name = word.text.lower()
    # What vLLM may make of an AWQ name needs as much; any other way it is refused as a mismatch.
    settled = facts.model.quantized is False or name in _AWQ
    return _Method(name, word.span) if settled or (written and written.method == name) else None
