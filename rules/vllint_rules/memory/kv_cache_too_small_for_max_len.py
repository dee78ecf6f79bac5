"""MEM002 kv-cache-too-small-for-max-len."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, fitting_length, set_options
from vllint_schemas import (
    GIB,
    Applicability,
    Finding,
    Fix,
    Located,
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

    Unsafe: longer requests are refused then. The fix takes the length that likely fits, less a tenth.

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
    waits_for = frozenset({"PAR001", "PAR004", "MEM001", "MEM006", "SCH001"})
    tags = ("memory", "hardware")

    BAD = (
        Example(
            text="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 131072\n"
            "                                                            ~~~~~~\n",
            fixed="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 27776\n",
            gpu="A10G:1",
        ),
    )
    GOOD = (
        Example(text="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 16384\n", gpu="A10G:1"),
        Example(
            title="as much as fits", text="vllm serve Qwen/Qwen3-8B --max-model-len auto\n", gpu="A10G:1"
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when a request needs more than the weights leave at best."""
        for rank in facts.memory.ranks:
            if isinstance(rank.kv_needed, Unknown) or isinstance(rank.budget, Unknown):
                continue
            if rank.kv_needed <= rank.budget.high - rank.weights.low:
                continue
            place = facts.args.place("max_model_len")
            model = facts.args.model.span if isinstance(facts.args.model, Located) else None
            yield self.finding(
                facts,
                place or model or facts.launch.at,
                f"one request of {_length(facts)} tokens needs {rank.kv_needed / GIB:.1f} GiB of KV cache"
                f" on each GPU, and {_left(rank)}",
                "lower `--max-model-len`, halve the cache with `--kv-cache-dtype fp8`, or use more cards",
                related=() if facts.gpu.span is None else (Related(facts.gpu.span, _card(facts)),),
                fix=_fix(facts),
                subject="max_model_len",
            )
            return


def _length(facts: LaunchFacts) -> str:
    length = facts.memory.max_model_len
    return "its" if isinstance(length, Unknown) else f"{length:,}"


def _left(rank: RankMemory) -> str:
    """Spell out what is left for it."""
    if isinstance(rank.budget, Unknown):
        return "less is left"
    left = (rank.budget.high - rank.weights.low) / GIB
    if isinstance(rank.kv, Unknown):
        return f"at most {left:.1f} GiB are left beside the weights"
    likely = max(0.0, rank.kv.mid) / GIB
    return f"at most {left:.1f} GiB are left beside the weights, likely {likely:.1f}"


def _card(facts: LaunchFacts) -> str:
    return f"`{facts.gpu.value.name}` here"


def _fix(facts: LaunchFacts) -> Fix | None:
    length = fitting_length(facts)
    if length is None:
        return None
    title = f"use `--max-model-len {length}`"
    edits = set_options(facts, (Setting("--max-model-len", "max_model_len", str(length)),))
    if edits is None:
        return Fix(title, Applicability.DISPLAY)
    return Fix(title, Applicability.UNSAFE, edits)
