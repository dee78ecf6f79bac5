"""PRF018 batch-beyond-cache."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Band, Finding, Severity, Unknown

_SHORT = 128
"""Tokens of a request, prompt and answer together, that hardly any use stays below."""


class BatchBeyondCache(Rule):
    """More requests at once than the KV cache holds are set aside for nothing.

    ## What it does

    Divides the tokens that the KV cache holds, at best, by the `--max-num-seqs` that is given. It speaks
    where 128 tokens are not left for each request.

    ## Why is this bad?

    So many requests never run at once: vLLM lets them wait, or throws out those that run and computes them
    again. Meanwhile the room to sample for all of them, and the CUDA graphs of their batch sizes, are taken
    off the KV cache.

    ## Example

    `--max-num-seqs 1024` where the cache holds 20,000 tokens: 20 for each.

    ## Use instead

    As many as the cache holds of requests of the usual length.

    ## Since

    0.1.0
    """

    code = "PRF018"
    name = "batch-beyond-cache"
    severity = Severity.INFO
    stage = "advice"
    source = "v1/core/kv_cache_utils.py"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/optimization.html"
    needs = ("arguments", "model", "gpu", "memory")
    triggers = frozenset({"max_num_seqs"})
    waits_for = frozenset({"PAR001", "PAR004", "MEM001", "MEM002", "MEM003", "MEM008", "MEM011", "MEM018"})
    tags = ("performance", "memory", "hardware")

    BAD = (
        Example(
            text="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 8192 --max-num-seqs 1024\n"
            "#                                                                               ~~~~\n",
            gpu="A10G:1",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 8192 --max-num-seqs 64\n",
            gpu="A10G:1",
        ),
        Example(
            title="the default is vLLM's own choice",
            text="vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 8192\n",
            gpu="A10G:1",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield advice where the cache is too small for the batch."""
        place, seqs = facts.args.place("max_num_seqs"), facts.memory.max_num_seqs
        tokens = _tokens(facts)
        if place is None or isinstance(seqs, Unknown) or tokens is None or tokens.high >= _SHORT * seqs:
            return
        fitting = max(8, int(tokens.mid / (4 * _SHORT)) // 8 * 8)
        yield self.finding(
            facts,
            place,
            f"the KV cache holds about {tokens.mid:,.0f} tokens (at most {tokens.high:,.0f}): for {seqs:,}"
            f" requests at once that is {tokens.mid / seqs:,.0f} each",
            f"lower `--max-num-seqs`: at {4 * _SHORT} tokens each, {fitting} run at once",
            subject="max_num_seqs",
        )


def _tokens(facts: LaunchFacts) -> Band | None:
    """Return what the fullest rank's cache holds, where tokens are what bounds the requests."""
    found = [rank.kv_tokens for rank in facts.memory.ranks]
    known = [band for band in found if not isinstance(band, Unknown)]
    if not known or len(known) < len(found) or any(rank.state_block for rank in facts.memory.ranks):
        return None
    return min(known, key=lambda band: band.mid)
