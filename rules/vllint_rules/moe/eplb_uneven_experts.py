"""MOE004 eplb-uneven-experts."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, releases
from vllint_schemas import Finding, Related, Severity, Unknown

_BALANCED, _CONFIG = "enable_eplb", "eplb_config"
_REDUNDANT = "num_redundant_experts"


class EplbUnevenExperts(Rule):
    """The load balancer of experts needs as many on each rank.

    ## What it does

    Checks, where `--enable-eplb` is given, that the model's experts together with the redundant ones of
    `--eplb-config` are a multiple of the ranks of expert parallelism: tensor times data parallel size.

    ## Why is this bad?

    vLLM refuses to build the model: `EPLB currently only supports even distribution of experts across
    ranks`. Without the load balancer it spreads the remainder.

    ## Example

    `vllm serve Qwen/Qwen3-30B-A3B -dp 3 --enable-expert-parallel --enable-eplb`: 128 experts, 3 ranks.

    ## Use instead

    `--eplb-config.num_redundant_experts 1`, which makes 129.

    ## Since

    0.1.0
    """

    code = "MOE004"
    name = "eplb-uneven-experts"
    severity = Severity.ERROR
    stage = "build"
    source = "model_executor/layers/fused_moe/layer.py:275"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/expert_parallel_deployment.html"
    needs = ("arguments", "model")
    waits_for = frozenset({"PAR001"})
    triggers = frozenset({"enable_eplb"})
    tags = ("moe", "parallelism")

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-30B-A3B -dp 3 --enable-expert-parallel --enable-eplb\n"
            "#                                                            ~~~~~~~~~~~~~\n",
        ),
        Example(
            title="redundant experts that do not make it even",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-30B-A3B -tp 8 --enable-expert-parallel --enable-eplb"
            " --eplb-config.num_redundant_experts 2\n",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-30B-A3B -dp 3 --enable-expert-parallel --enable-eplb"
            " --eplb-config.num_redundant_experts 1\n",
            vllm_version="0.33.0",
        ),
        Example(text="vllm serve Qwen/Qwen3-30B-A3B -dp 3 --enable-expert-parallel\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for experts that the ranks cannot share evenly."""
        switch, redundant = facts.args.given(_BALANCED), _redundant(facts)
        layout, experts = facts.parallel, facts.model.num_experts
        balanced = facts.args.is_on(_BALANCED)
        if switch is None or isinstance(balanced, Unknown) or not balanced.value:
            return
        if not layout.expert or not experts or redundant is None:
            return
        ranks = layout.tensor * layout.prefill_context * layout.data
        left = (experts + redundant) % ranks
        if not left:
            return
        certain = facts.release.judged == releases()[-1]
        named = facts.model_span
        more = f" and {redundant} redundant ones" if redundant else ""
        yield self.finding(
            facts,
            switch.flag.span,
            f"{experts} experts{more} are no multiple of {ranks} ranks, and the load balancer needs"
            f" as many on each{facts.release.caveat(False)}",
            f"set `--eplb-config.{_REDUNDANT} {redundant + ranks - left}`, or leave `--enable-eplb` out",
            severity=facts.release.severity(False) if certain else Severity.WARNING,
            related=() if named is None else (Related(named, "the model"),),
            subject=f"{_BALANCED}={ranks}",
        )


def _redundant(facts: LaunchFacts) -> int | None:
    """Return how many experts are asked for twice; `None` where that is not known."""
    found = facts.args.value(_CONFIG)
    if isinstance(found, Unknown) or facts.args.given(_REDUNDANT) is not None:
        return None
    number = found.value.get(_REDUNDANT, 0) if isinstance(found.value, dict) else 0
    return number if isinstance(number, int) and not isinstance(number, bool) else None
