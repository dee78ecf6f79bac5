"""MEM008 utilization-too-low."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, least_share, rank_budget, share_fix
from vllint_schemas import GIB, Finding, Located, RankMemory, Severity, Unknown

_DEST = "gpu_memory_utilization"


class UtilizationTooLow(Rule):
    """The share of the card that vLLM is given must hold the model and one request.

    ## What it does

    Finds launches that do not fit `--gpu-memory-utilization`, even at best, and fit the card with a larger
    share, up to 0.9 of it.

    ## Why is this bad?

    The share is all that vLLM takes, of a card that is otherwise empty, too. It loads the weights and then
    refuses to start: `No available memory for the cache blocks`, as if the card were too small.

    ## Example

    `vllm serve meta-llama/Llama-3.1-8B-Instruct --gpu-memory-utilization 0.15` on a card of 80 GB: 12 GiB for
    15 GiB of weights.

    ## Use instead

    A share that holds the weights, the largest step and the KV cache of a request, as 0.5.

    ## Fix safety

    Unsafe: vLLM takes more of the card, which something else may use. The fix writes the least share with
    which the launch fits; there is none where another server of the file takes of the same GPUs.

    ## Since

    0.1.0
    """

    code = "MEM008"
    name = "utilization-too-low"
    severity = Severity.ERROR
    stage = "run"
    source = "v1/core/kv_cache_planning.py:58"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    triggers = frozenset({"gpu_memory_utilization"})
    waits_for = frozenset({"PAR001", "PAR004", "MEM006", "SCH001"})
    tags = ("memory", "hardware")

    BAD = (
        Example(
            text="vllm serve meta-llama/Llama-3.1-8B-Instruct --gpu-memory-utilization 0.15"
            " --max-model-len 8192\n"
            "#                                                                    ~~~~\n",
            fixed="vllm serve meta-llama/Llama-3.1-8B-Instruct --gpu-memory-utilization 0.29"
            " --max-model-len 8192\n",
            gpu="H100:1",
        ),
        Example(
            title="another server takes the rest",
            path="compose.yaml",
            text="""\
services:
  chat:
    image: vllm/vllm-openai:v0.33.0
    command: --model meta-llama/Llama-3.1-8B-Instruct --gpu-memory-utilization 0.15 --max-model-len 8192
    #                                                                          ~~~~
    deploy: {resources: {reservations: {devices: [{device_ids: ["0"], capabilities: [gpu]}]}}}
  embeddings:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-Embedding-4B --gpu-memory-utilization 0.6 --max-model-len 8192
    depends_on: {chat: {condition: service_healthy}}
    deploy: {resources: {reservations: {devices: [{device_ids: ["0"], capabilities: [gpu]}]}}}
""",
            gpu="H100:1",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve meta-llama/Llama-3.1-8B-Instruct --gpu-memory-utilization 0.5"
            " --max-model-len 8192\n",
            gpu="H100:1",
        ),
        Example(
            title="a model without a KV cache takes what it needs",
            text="vllm serve BAAI/bge-m3 --gpu-memory-utilization 0.01\n",
            gpu="H100:1",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding where the share is all that is missing."""
        place, share = facts.args.place(_DEST), facts.args.value(_DEST)
        if facts.memory.verdict != "does_not_fit" or place is None or not isinstance(share, Located):
            return
        least = least_share(facts)
        rank = max(facts.memory.ranks, key=lambda rank: rank.weights.low)
        if least is None or least <= share.value or isinstance(rank.budget, Unknown) or _holds_one(rank):
            return
        yield self.finding(
            facts,
            place,
            f"{share.value:g} of `{facts.gpu.value.name}` is {rank.budget.mid / GIB:.1f} GiB, too little for"
            f" {_what(rank)}; the launch fits with {least:g}",
            "raise it, as far as nothing else takes of the card",
            fix=share_fix(facts),
            subject=_DEST,
            budget=rank_budget(rank, facts.memory),
        )


def _holds_one(rank: RankMemory) -> bool:
    """Whether a request has room, so that states of many are what has not."""
    return not isinstance(rank.kv, Unknown) and rank.kv.high >= (
        rank.kv_needed if not isinstance(rank.kv_needed, Unknown) else 0
    )


def _what(rank: RankMemory) -> str:
    weights = f"{rank.weights.mid / GIB:.1f} GiB of weights"
    if isinstance(rank.kv_needed, Unknown):
        return f"{weights} and the KV cache"
    return f"{weights} and {rank.kv_needed / GIB:.1f} GiB of KV cache for one request"
