"""MEM006 gmu-out-of-range."""

from __future__ import annotations

import math
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, set_options
from vllint_schemas import Applicability, Finding, Fix, Severity, Unknown

_DEST = "gpu_memory_utilization"
_LEAST_PER_CENT = 10


class GmuOutOfRange(Rule):
    """GPU memory utilization is a share of one.

    ## What it does

    Checks that `--gpu-memory-utilization` is above 0 and at most 1.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `--gpu-memory-utilization 90`

    ## Use instead

    `--gpu-memory-utilization 0.9`

    ## Fix safety

    Safe: a number from 10 to 100 is a share of a hundred. Other numbers get no fix.

    ## Since

    0.1.0
    """

    code = "MEM006"
    name = "gmu-out-of-range"
    severity = Severity.ERROR
    stage = "config"
    source = "config/cache.py:215"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    triggers = frozenset({"gpu_memory_utilization"})
    tags = ("memory",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 90\n"
            "#                                                 ~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 0.9\n",
        ),
        Example(
            title="a little more than all",
            text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization=1.2\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 1\n"),
        Example(text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 0.95\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a share that is none."""
        share = facts.args.value(_DEST)
        if isinstance(share, Unknown) or not isinstance(share.value, int | float):
            return
        misread = any(mistake.flag == "--gpu-memory-utilization" for mistake in facts.mistakes)
        if 0 < share.value <= 1 or misread:
            return
        yield self.finding(
            facts,
            facts.args.place(_DEST) or facts.launch.at,
            f"GPU memory utilization {share.value:g} is not above 0 and at most 1",
            "write the share of each GPU's memory that vLLM may use, as 0.9",
            fix=_fix(facts, float(share.value)),
            subject=f"gpu_memory_utilization={share.value:g}",
        )


def _fix(facts: LaunchFacts, share: float) -> Fix | None:
    if not math.isfinite(share) or not _LEAST_PER_CENT <= share <= 100:
        return None
    written = f"{share / 100:g}"
    edits = set_options(facts, (Setting("--gpu-memory-utilization", _DEST, written),))
    return None if edits is None else Fix(f"write `{written}`", Applicability.SAFE, edits)
