"""MEM007 utilization-too-high."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, beside_the_share, fits_with, set_options
from vllint_schemas import GIB, Applicability, Finding, Fix, Located, Severity, Unknown

_USUAL_SHARE = 0.92
_DEST = "gpu_memory_utilization"


class UtilizationTooHigh(Rule):
    """The card must hold more than vLLM's share of it.

    ## What it does

    Estimates what stands beside the share of `--gpu-memory-utilization`: the CUDA context with
    NCCL and, before 0.20, CUDA graphs. It speaks where the rest of the card is too small for the least that
    start-up logs show of it.

    ## Why is this bad?

    The share is of the whole card, and checked against what is free once the context stands: `Free memory
    on device cuda:0 ... is less than desired GPU memory utilization`. What passes the check can run out of
    memory while graphs are captured.

    ## Example

    `--gpu-memory-utilization 0.99` on a card of 24 GB: 0.2 GiB are left for a context of 0.4 at least.

    ## Use instead

    `--gpu-memory-utilization 0.92`

    ## Fix safety

    Unsafe: the KV cache gets smaller. There is a fix where the launch fits with 0.92.

    ## Since

    0.1.0
    """

    code = "MEM007"
    name = "utilization-too-high"
    severity = Severity.WARNING
    stage = "run"
    source = "v1/worker/utils.py:761"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    waits_for = frozenset({"PAR001", "PAR004", "MEM001", "MEM002", "MEM006", "MEM009"})
    triggers = frozenset({"gpu_memory_utilization"})
    tags = ("memory", "hardware")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 0.99 --max-model-len 8192\n"
            "#                                                 ~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 0.92 --max-model-len 8192\n",
            gpu="A10G:1",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 0.92 --max-model-len 8192\n",
            gpu="A10G:1",
        ),
        Example(text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 0.95\n", gpu="H200:1"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding where the rest of the card is likely smaller than what it must hold."""
        place, share = facts.args.place(_DEST), facts.args.value(_DEST)
        if place is None or not isinstance(share, Located) or not isinstance(share.value, int | float):
            return
        rest = beside_the_share(facts)
        if share.value <= _USUAL_SHARE or isinstance(rest, Unknown) or rest.left >= rest.least:
            return
        yield self.finding(
            facts,
            place,
            f"`--gpu-memory-utilization {share.value:g}` leaves {rest.left / GIB:.1f} GiB of"
            f" `{facts.gpu.value.name}`, and the CUDA context and what else stands beside it take at least"
            f" {rest.least / GIB:.1f}",
            f"take {_USUAL_SHARE} or less",
            fix=_fix(facts),
            subject=_DEST,
        )


def _fix(facts: LaunchFacts) -> Fix | None:
    if not fits_with(facts, {"gpu_memory_utilization": _USUAL_SHARE}):
        return None
    edits = set_options(facts, (Setting("--gpu-memory-utilization", _DEST, f"{_USUAL_SHARE}"),))
    title = f"write `{_USUAL_SHARE}`: the KV cache gets what that leaves"
    return None if edits is None else Fix(title, Applicability.UNSAFE, edits)
