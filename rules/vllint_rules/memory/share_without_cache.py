"""MEM010 share-without-cache."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Finding, Located, Severity

_DEST = "gpu_memory_utilization"
_MUCH = 0.5
"""A share that hardly leaves room for another server on the card."""


class ShareWithoutCache(Rule):
    """A model without a KV cache does not take the share of the card that it asks for.

    ## What it does

    Finds encoders, as BERT and its kin, that are given half of a card or more by `--gpu-memory-utilization`.

    ## Why is this bad?

    An encoder keeps no KV cache: it takes its weights and the largest step, whatever the share. Of the share
    only the check at start-up is left, that so much of the card is free. On a card that others use as well,
    vLLM refuses to start for want of memory that it would not take.

    ## Example

    `vllm serve BAAI/bge-m3 --gpu-memory-utilization 0.9`

    ## Use instead

    A share near to what the model takes, as 0.1, where others use the card.

    ## Since

    0.1.0
    """

    code = "MEM010"
    name = "share-without-cache"
    severity = Severity.INFO
    stage = "advice"
    source = "v1/core/kv_cache_planning.py:1552"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("model",)
    triggers = frozenset({"gpu_memory_utilization"})
    waits_for = frozenset({"MEM001", "MEM004", "MEM006", "MEM007"})
    preview = True
    tags = ("memory",)

    BAD = (
        Example(
            text="vllm serve BAAI/bge-m3 --gpu-memory-utilization 0.9\n"
            "#                                               ~~~\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve BAAI/bge-m3 --gpu-memory-utilization 0.1\n"),
        Example(
            title="a decoder that embeds keeps a KV cache",
            text="vllm serve Qwen/Qwen3-Embedding-4B --gpu-memory-utilization 0.9\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield advice for a share that is only asked for."""
        place, share = facts.args.place(_DEST), facts.args.value(_DEST)
        if facts.model.encoder_only is not True or place is None or not isinstance(share, Located):
            return
        if not isinstance(share.value, int | float) or share.value < _MUCH:
            return
        yield self.finding(
            facts,
            place,
            f"`{facts.model.id}` keeps no KV cache: {share.value:g} of the card must be free for it to start,"
            " and stays unused",
            "ask for less where others use the card as well",
            subject=_DEST,
        )
