"""MEM003 kv-cache-tight."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, helped, memory_fix, rank_budget
from vllint_schemas import GIB, Finding, RankMemory, Severity, Unknown


class KvCacheTight(Rule):
    """The KV cache should hold a request of full length with room to spare.

    ## What it does

    Estimates what weights, activations, CUDA graphs and libraries leave for the KV cache, and reports
    launches where one request of `--max-model-len` tokens likely does not fit, or barely does.

    ## Why is this bad?

    vLLM refuses to start when one request of full length does not fit. Where it barely fits, long requests
    run one at a time and push others out.

    ## Example

    `vllm serve meta-llama/Llama-3.3-70B-Instruct -tp 2 --max-model-len 32768` on two cards of 80 GB.

    ## Use instead

    A shorter `--max-model-len`, `--kv-cache-dtype fp8`, fewer `--max-num-seqs`, or more cards.

    ## Fix safety

    Unsafe: the fix spreads the model over the GPUs that the launch has already, gives vLLM the usual share of
    the card, lets fewer requests run at once, or shortens the context: the first of these with which the
    launch fits.

    ## Since

    0.1.0
    """

    code = "MEM003"
    name = "kv-cache-tight"
    severity = Severity.WARNING
    stage = "run"
    source = "v1/core/kv_cache_planning.py:78"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    waits_for = frozenset({"PAR001", "PAR004", "MEM001", "MEM002", "MEM006", "MEM008", "MEM018", "SCH001"})
    triggers = frozenset(
        {
            "memory.tight",
            "memory.does_not_fit",
            "memory.unknown",
            "kv_cache_memory_bytes",
            "num_gpu_blocks_override",
        }
    )
    tags = ("memory", "hardware")

    BAD = (
        Example(
            title="a shorter context fits",
            text="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 40000\n"
            "#                                                           ~~~~~\n",
            fixed="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 20480\n",
            gpu="A10G:1",
        ),
        Example(
            text="vllm serve meta-llama/Llama-3.3-70B-Instruct -tp 2 --max-model-len 32768\n"
            "                                                                   ~~~~~\n",
            gpu="H100:2",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve meta-llama/Llama-3.3-70B-Instruct -tp 4 --max-model-len 32768\n", gpu="H100:4"
        ),
        Example(
            title="a model without a KV cache",
            text="vllm serve BAAI/bge-m3 --gpu-memory-utilization 0.05\n",
            gpu="T4:1",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the likely estimate leaves too little."""
        rank = min(facts.memory.ranks, key=_room, default=None)
        if rank is None or isinstance(rank.kv, Unknown) or isinstance(rank.kv_needed, Unknown):
            return
        # Without a cache nothing is compared with vLLM's share of the card.
        if rank.kv_needed == 0 or rank.kv_needed <= rank.kv.mid:
            return
        place = facts.args.place("max_model_len")
        model = facts.model_span
        length = facts.memory.max_model_len
        tokens = "" if isinstance(length, Unknown) else f" of {length:,} tokens"
        low, mid, high = (max(0.0, bound) / GIB for bound in rank.kv)
        yield self.finding(
            facts,
            place or model or facts.launch.at,
            f"likely too little memory for one request{tokens}: it needs {rank.kv_needed / GIB:.1f} GiB of KV"
            f" cache on each GPU, about {mid:.1f} GiB are left ({low:.1f} to {high:.1f})",
            helped(facts, "lower `--max-model-len` or `--max-num-seqs`, or use more or larger cards"),
            fix=memory_fix(facts),
            subject="max_model_len",
            budget=rank_budget(rank, facts.memory),
        )


def _room(rank: RankMemory) -> float:
    if isinstance(rank.kv, Unknown) or isinstance(rank.kv_needed, Unknown):
        return float("inf")
    return rank.kv.mid - rank.kv_needed
