"""MEM018 more-requests-than-state-blocks."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, set_options, version_key
from vllint_schemas import Applicability, Finding, Fix, Located, RankMemory, Severity, Unknown

_CHECKED_SINCE = (0, 18, 1)
_ROUNDED_TO = 8
_MIB = 1024**2


class MoreRequestsThanStateBlocks(Rule):
    """A model with recurrent layers needs a block of the cache for each request that runs.

    ## What it does

    Divides what the weights leave of the memory, at best, by the size of a block, and compares the number of
    blocks with `--max-num-seqs`: the one given, or the card's default.

    ## Why is this bad?

    The states of Mamba and delta net layers are as large as hundreds of tokens, so that there are few blocks.
    Where there are fewer than `--max-num-seqs`, vLLM loads the weights, and then refuses to capture CUDA
    graphs. The default of 1024 on cards of 70 GiB and more is enough to get there.

    ## Example

    Qwen3.5-35B-A3B on one H100: 1024 requests, and less than 360 blocks.

    ## Use instead

    `--max-num-seqs 256`, more cards, or `--enforce-eager`.

    ## Fix safety

    Unsafe: further requests wait. The fix takes four fifths of the blocks that are likely there.

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
    waits_for = frozenset({"PAR001", "PAR004", "MEM001", "MEM002", "MEM006", "SCH001"})
    tags = ("memory", "hardware")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3.5-35B-A3B --max-model-len 32768\n#          ~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3.5-35B-A3B --max-model-len 32768 --max-num-seqs 40\n",
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
            left = _most(rank)
            if not rank.state_block or left is None or seqs <= (blocks := int(left // rank.state_block)):
                continue
            place = facts.args.place("max_num_seqs")
            model = facts.args.model.span if isinstance(facts.args.model, Located) else None
            given = "" if place else " (the default on this card)"
            likely = rank.kv.mid if not isinstance(rank.kv, Unknown) else left
            yield self.finding(
                facts,
                place or model or facts.launch.at,
                f"`--max-num-seqs` is {seqs}{given}, and the cache has at most {blocks} blocks of"
                f" {rank.state_block / _MIB:.0f} MiB for the states of as many requests",
                "lower `--max-num-seqs`, or use more cards",
                fix=_fix(facts, likely / rank.state_block),
                subject="max_num_seqs",
            )
            return


def _most(rank: RankMemory) -> float | None:
    """Return what the cache is at most: what the weights leave, or the size that an option gives it."""
    if not isinstance(rank.budget, Unknown):
        return rank.budget.high - rank.weights.low
    return None if isinstance(rank.kv, Unknown) else rank.kv.high


def _chooses_graphs(facts: LaunchFacts) -> bool:
    """Whether the launch says itself which CUDA graphs there are."""
    return any(facts.args.given(dest) for dest in ("compilation_config", "optimization_level"))


def _fix(facts: LaunchFacts, blocks: float) -> Fix | None:
    fitting = int(blocks * 0.8) // _ROUNDED_TO * _ROUNDED_TO
    if fitting < _ROUNDED_TO:
        return None
    title = f"use `--max-num-seqs {fitting}`"
    edits = set_options(facts, (Setting("--max-num-seqs", "max_num_seqs", str(fitting)),))
    if edits is None:
        return Fix(title, Applicability.DISPLAY)
    return Fix(title, Applicability.UNSAFE, edits)
