"""MEM018 more-requests-than-state-blocks."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, helped, rank_budget, requests_fix, version_key
from vllint_schemas import Finding, RankMemory, Severity, Unknown

_CHECKED_SINCE = (0, 18, 1)
_MIB = 1024**2


class MoreRequestsThanStateBlocks(Rule):
    """A model with recurrent layers needs a block of the cache for each request that runs.

    ## What it does

    Divides what the weights leave of the memory, at best, by the size of a block, and compares the number of
    blocks with `--max-num-seqs`: the one given, or the card's default. Where only what is likely left holds
    too few blocks, it warns.

    ## Why is this bad?

    The states of Mamba and delta net layers are as large as hundreds of tokens, so that there are few blocks.
    Where there are fewer than `--max-num-seqs`, vLLM loads the weights, and then refuses to capture CUDA
    graphs. The default of 1024 on cards of 70 GiB and more is enough to get there.

    ## Example

    Qwen3.5-35B-A3B on one H100: 1024 requests, and less than 360 blocks.

    ## Use instead

    `--max-num-seqs 256`, more cards, or `--enforce-eager`.

    ## Fix safety

    Unsafe: further requests wait. The fix takes the most of a few round numbers with which the launch fits,
    and a shorter context where that is not enough.

    ## Since

    0.1.0
    """

    code = "MEM018"
    name = "more-requests-than-state-blocks"
    severity = Severity.ERROR
    stage = "run"
    source = "config/compilation.py:1525"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    waits_for = frozenset({"PAR001", "PAR004", "MEM001", "MEM002", "MEM006", "MEM008", "SCH001"})
    triggers = frozenset({"memory.tight", "memory.does_not_fit", "memory.unknown"})
    tags = ("memory", "hardware")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3.5-35B-A3B --max-model-len 32768\n#          ~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3.5-35B-A3B --max-model-len 32768 --max-num-seqs 64\n",
            gpu="H100-80GB:1",
            vllm_version="0.33.0",
        ),
    )
    GOOD = (
        Example(
            title="fewer requests",
            text="vllm serve Qwen/Qwen3.5-35B-A3B --max-model-len 32768 --max-num-seqs 64\n",
            gpu="H100-80GB:1",
        ),
        Example(
            title="no CUDA graphs",
            text="vllm serve Qwen/Qwen3.5-35B-A3B --max-model-len 32768 --enforce-eager\n",
            gpu="H100-80GB:1",
        ),
        Example(
            title="a model without states",
            text="vllm serve Qwen/Qwen3-8B --max-model-len 8192\n",
            gpu="H100-80GB:1",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when there are more requests than blocks, even at best."""
        eager, seqs = facts.args.is_on("enforce_eager"), facts.memory.max_num_seqs
        if isinstance(eager, Unknown) or eager.value or isinstance(seqs, Unknown):
            return
        if version_key(facts.release.judged) < _CHECKED_SINCE or _chooses_graphs(facts):
            return
        for rank in facts.memory.ranks:
            most = _most(rank)
            if not rank.state_block or most is None or isinstance(rank.kv, Unknown):
                continue
            blocks, likely = (int(max(0.0, size) // rank.state_block) for size in (most, rank.kv.mid))
            if seqs > blocks:
                yield self._finding(facts, rank, seqs, f"at most {blocks}", Severity.ERROR)
                return
            if seqs > likely:
                yield self._finding(facts, rank, seqs, f"likely no more than {likely}", Severity.WARNING)
                return

    def _finding(
        self, facts: LaunchFacts, rank: RankMemory, seqs: int, blocks: str, severity: Severity
    ) -> Finding:
        place = facts.args.place("max_num_seqs")
        model = facts.model_span
        given = "" if place else " (the default on this card)"
        return self.finding(
            facts,
            place or model or facts.launch.at,
            f"`--max-num-seqs` is {seqs}{given}, and the cache has {blocks} blocks of"
            f" {rank.state_block / _MIB:.0f} MiB for the states of as many requests",
            helped(facts, "lower `--max-num-seqs`, or use more cards"),
            severity=severity,
            fix=requests_fix(facts),
            subject="max_num_seqs",
            budget=rank_budget(rank, facts.memory),
        )


def _most(rank: RankMemory) -> float | None:
    """Return what the cache is at most: what the weights leave, or the size that an option gives it."""
    if not isinstance(rank.budget, Unknown):
        return rank.budget.high - rank.weights.low
    return None if isinstance(rank.kv, Unknown) else rank.kv.high


def _chooses_graphs(facts: LaunchFacts) -> bool:
    """Whether the launch says itself which CUDA graphs there are."""
    return any(facts.args.given(dest) for dest in ("compilation_config", "optimization_level"))
