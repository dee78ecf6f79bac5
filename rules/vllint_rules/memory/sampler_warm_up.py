"""MEM011 sampler-warm-up."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    Setting,
    beside_the_share,
    fits_with,
    sampled_again,
    set_options,
    version_key,
)
from vllint_schemas import GIB, Applicability, Finding, Fix, Located, Severity, Unknown

_SINCE, _UNTIL = (0, 8), (0, 30)
"""Releases that sample for all requests once more when the cache has the rest of the card."""

_FEWER = 256


class SamplerWarmUp(Rule):
    """Sampling for many requests at once takes memory, and before 0.30 not all of it is set aside.

    ## What it does

    Finds launches that likely fit with 256 requests at once, and not with the `--max-num-seqs` they have:
    the one given, or the card's default.

    ## Why is this bad?

    The logits of a request are one number for each row of the vocabulary, and sampling sorts them. When the
    KV cache has been allocated, vLLM before 0.30 samples for all requests once more, beside its share of the
    card: `CUDA out of memory occurred when warming up sampler with 1024 dummy requests`.

    ## Example

    `--max-num-seqs 1024` on a card of 24 GB, for a vocabulary of 152,064 rows.

    ## Use instead

    `--max-num-seqs 256`, or a lower `--gpu-memory-utilization`.

    ## Fix safety

    Unsafe: further requests wait.

    ## Since

    0.1.0
    """

    code = "MEM011"
    name = "sampler-warm-up"
    severity = Severity.WARNING
    stage = "run"
    source = "v1/worker/gpu_worker.py"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    waits_for = frozenset(
        {"PAR001", "PAR004", "MEM001", "MEM002", "MEM003", "MEM006", "MEM007", "MEM008", "MEM018", "SCH001"}
    )
    triggers = frozenset({"memory.tight"})
    preview = True
    tags = ("memory", "hardware")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-4B --max-model-len 8192 --max-num-seqs 1024\n"
            "#                                                            ~~~~\n",
            fixed="vllm serve Qwen/Qwen3-4B --max-model-len 8192 --max-num-seqs 256\n",
            gpu="A10G:1",
            vllm_version="0.17.1",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-4B --max-model-len 8192 --max-num-seqs 256\n",
            gpu="A10G:1",
            vllm_version="0.17.1",
        ),
        Example(
            title="it is set aside",
            text="vllm serve Qwen/Qwen3-4B --max-model-len 8192 --max-num-seqs 1024\n",
            gpu="A10G:1",
            vllm_version="0.33.0",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding where fewer requests make a tight launch fit."""
        seqs, release = facts.memory.max_num_seqs, version_key(facts.release.judged)
        if facts.memory.verdict != "tight" or not isinstance(seqs, int) or seqs <= _FEWER:
            return
        if not _SINCE <= release < _UNTIL or not fits_with(facts, {"max_num_seqs": _FEWER}):
            return
        rest, taken = beside_the_share(facts), sampled_again(facts)
        if isinstance(rest, Unknown) or rest.least + taken <= rest.left:
            return
        place, model = facts.args.place("max_num_seqs"), facts.args.model
        yield self.finding(
            facts,
            place or (model.span if isinstance(model, Located) else None) or facts.launch.at,
            f"sampling for {seqs:,} requests takes about {taken / GIB:.1f} GiB once more when the KV cache is"
            f" allocated, and {(rest.left - rest.least) / GIB:.1f} GiB of the card are left then",
            f"lower `--max-num-seqs`: with {_FEWER} it likely fits",
            fix=_fix(facts, seqs),
            subject="max_num_seqs",
        )


def _fix(facts: LaunchFacts, seqs: int) -> Fix | None:
    edits = set_options(facts, (Setting("--max-num-seqs", "max_num_seqs", str(_FEWER)),))
    title = f"use `--max-num-seqs {_FEWER}`: at most {_FEWER} requests run at once instead of {seqs:,}"
    return None if edits is None else Fix(title, Applicability.UNSAFE, edits)
