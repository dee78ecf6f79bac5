"""How experts are divided: routed ones over all ranks of a layout, shared ones over tensor parallel ranks."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.vllm.obstacle import MEASURE, Obstacle, Remedy, undivided
from vllint_schemas import ModelFacts
from vllint_schemas.parallel import Parallel

KEEP_EXPERTS_WHOLE = Remedy(
    "--enable-expert-parallel", "enable_expert_parallel", "", "keeps each expert whole"
)


RANKS_UP_TO_EXPERTS = frozenset({"ernie4_5_moe", "minimax_m2", "qwen2_moe", "qwen3_moe", "qwen3_next"})
"""Text model types that refuse more tensor parallel ranks than experts, divided or whole (vLLM
`models/qwen3_moe.py:155` and its like)."""


def expert_ranks(parallel: Parallel) -> int:
    """Return how many ranks share one expert: data parallel replicas divide experts, not copy them.

    Source: vLLM `fused_moe/config.py:1106`, flatten_tp_across_dp_and_pcp.
    """
    return 1 if parallel.expert else parallel.tensor * parallel.prefill_context * parallel.data


def expert_obstacles(model: ModelFacts, parallel: Parallel) -> Iterator[Obstacle]:
    """Yield what is wrong with dividing experts in this layout."""
    if not model.num_experts:
        return
    ranks = expert_ranks(parallel)
    for found in undivided(
        "expert size",
        model.moe_intermediate_size,
        ranks,
        "model_executor/layers/fused_moe/config.py:1352",
        words=MEASURE,
        remedy=KEEP_EXPERTS_WHOLE,
    ):
        yield found._replace(arithmetic=found.arithmetic + _factors(parallel, ranks))
    if model.text_model_type in RANKS_UP_TO_EXPERTS and parallel.tensor > model.num_experts:
        arithmetic = f"{parallel.tensor} tensor parallel ranks are more than {model.num_experts} experts"
        yield Obstacle("experts", arithmetic, "model_executor/models/qwen3_moe.py:155", "build")
    # Expert parallelism over replicas spreads tokens, not shared experts, over tensor parallel ranks.
    copied = parallel.expert and parallel.data > 1
    if parallel.tensor > 1 and not copied:
        yield from undivided(
            "shared expert size",
            model.shared_expert_intermediate_size,
            parallel.tensor,
            "model_executor/layers/linear.py:731",
            words=MEASURE,
        )


def _factors(parallel: Parallel, ranks: int) -> str:
    """Say what the ranks are, where it is not the tensor parallel size alone."""
    if ranks == parallel.tensor:
        return ""
    sizes = (
        ("tensor", parallel.tensor),
        ("prefill context", parallel.prefill_context),
        ("data", parallel.data),
    )
    product = " x ".join(f"{size} {name} parallel" for name, size in sizes if size > 1)
    return f" (experts are divided over {product} ranks)"
