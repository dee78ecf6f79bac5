"""MEM002 kv-cache-too-small-for-max-len."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, helped, memory_fix, rank_budget, releases
from vllint_schemas import (
    GIB,
    Finding,
    RankMemory,
    Related,
    Severity,
    Unknown,
)


class KvCacheTooSmallForMaxLen(Rule):
    """One request of full length must fit the KV cache.

    ## What it does

    Takes the weights off the memory vLLM may use and compares what is left, at best, with the KV cache that
    one request of `--max-model-len` tokens needs.

    ## Why is this bad?

    vLLM checks just that at start-up, after loading the weights, and refuses to start.

    ## Example

    A model of 8 billion parameters with 131,072 tokens on a card of 24 GB: 16 GiB of KV cache beside 15 GiB
    of weights.

    ## Use instead

    A shorter `--max-model-len`, `--kv-cache-dtype fp8`, or more cards.

    ## Fix safety

    Unsafe: the fix spreads the model over the GPUs that the launch has already, gives vLLM the usual share of
    the card, lets fewer requests run at once, or shortens the context: the first of these with which the
    launch fits.

    ## Since

    0.1.0
    """

    code = "MEM002"
    name = "kv-cache-too-small-for-max-len"
    severity = Severity.ERROR
    stage = "run"
    source = "v1/core/kv_cache_planning.py:78"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    waits_for = frozenset({"PAR001", "PAR004", "MEM001", "MEM006", "MEM008", "SCH001"})
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
            text="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 131072\n"
            "                                                            ~~~~~~\n",
            fixed="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 20480\n",
            gpu="A10G:1",
        ),
    )
    GOOD = (
        Example(text="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 16384\n", gpu="A10G:1"),
        Example(
            title="as much as fits", text="vllm serve Qwen/Qwen3-8B --max-model-len auto\n", gpu="A10G:1"
        ),
        Example(
            title="a model without a KV cache",
            text="vllm serve BAAI/bge-m3 --gpu-memory-utilization 0.01\n",
            gpu="T4:1",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when a request needs more than the weights leave at best."""
        for rank in facts.memory.ranks:
            left = _most(facts, rank)
            if isinstance(rank.kv_needed, Unknown) or left is None or rank.kv_needed <= left:
                continue
            if rank.kv_needed == 0:
                # Without a cache nothing is compared with vLLM's share of the card.
                continue
            place = facts.args.place("max_model_len")
            model = facts.model_span
            yield self.finding(
                facts,
                place or model or facts.launch.at,
                f"one request of {_length(facts)} tokens needs {rank.kv_needed / GIB:.1f} GiB of KV cache"
                f" on each GPU, and {_left(rank)}",
                helped(facts, "lower `--max-model-len`, or use more or larger cards"),
                related=() if facts.gpu.span is None else (Related(facts.gpu.span, _card(facts)),),
                fix=memory_fix(facts),
                subject="max_model_len",
                budget=rank_budget(rank, facts.memory),
            )
            return


def _length(facts: LaunchFacts) -> str:
    length = facts.memory.max_model_len
    return "its" if isinstance(length, Unknown) else f"{length:,}"


def _most(facts: LaunchFacts, rank: RankMemory) -> float | None:
    """Return what the cache is at most: what the weights leave, or the size that an option gives it."""
    if not isinstance(rank.budget, Unknown):
        return rank.budget.high - rank.weights.low
    # Other releases compare a request with what was free, whatever number of blocks is asked for.
    given = facts.args.given("kv_cache_memory_bytes") or facts.release.judged == releases()[-1]
    return rank.kv.high if given and not isinstance(rank.kv, Unknown) else None


def _left(rank: RankMemory) -> str:
    """Spell out what is left for it."""
    if isinstance(rank.budget, Unknown):
        return "less" if isinstance(rank.kv, Unknown) else f"the options give it {rank.kv.mid / GIB:.2f} GiB"
    left = (rank.budget.high - rank.weights.low) / GIB
    if isinstance(rank.kv, Unknown):
        return f"at most {left:.1f} GiB are left beside the weights alone"
    likely = max(0.0, rank.kv.mid) / GIB
    return f"at most {left:.1f} GiB are left beside the weights alone, likely {likely:.1f} beside all else"


def _card(facts: LaunchFacts) -> str:
    return f"`{facts.gpu.value.name}` here"
