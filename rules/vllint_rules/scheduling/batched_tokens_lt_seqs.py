"""SCH005 batched-tokens-lt-seqs."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, set_options
from vllint_schemas import Applicability, Finding, Fix, Related, Severity, Unknown

_TOKENS, _SEQUENCES = "max_num_batched_tokens", "max_num_seqs"


class BatchedTokensLtSeqs(Rule):
    """A batch must have room for a token of each sequence.

    ## What it does

    Compares `--max-num-batched-tokens` with `--max-num-seqs` where both are given. Where only the tokens
    are, vLLM lowers the sequences by itself.

    ## Why is this bad?

    vLLM refuses the configuration: every running sequence needs at least one token in a step.

    ## Example

    `--max-num-seqs 1024 --max-num-batched-tokens 512`

    ## Use instead

    `--max-num-seqs 1024 --max-num-batched-tokens 2048`

    ## Fix safety

    Unsafe: the fix lowers the sequences to the tokens, as vLLM does when it may; more tokens take more
    memory.

    ## Since

    0.1.0
    """

    code = "SCH005"
    name = "batched-tokens-lt-seqs"
    severity = Severity.ERROR
    stage = "config"
    source = "config/scheduler.py:331"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/optimization.html"
    triggers = frozenset({"max_num_batched_tokens"})
    tags = ("scheduling",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --max-num-seqs 1024 --max-num-batched-tokens 512\n"
            "#                                                                     ~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --max-num-seqs 512 --max-num-batched-tokens 512\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --max-num-seqs 1024 --max-num-batched-tokens 2k\n"),
        Example(
            title="vLLM lowers the sequences", text="vllm serve Qwen/Qwen3-8B --max-num-batched-tokens 64\n"
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when both are given and the tokens are fewer."""
        given = facts.args.given(_TOKENS), facts.args.given(_SEQUENCES)
        tokens, sequences = facts.args.integer(_TOKENS), facts.args.integer(_SEQUENCES)
        if None in given or isinstance(tokens, Unknown) or isinstance(sequences, Unknown):
            return
        if not 0 < tokens.value < sequences.value:
            return
        place, other = facts.args.place(_TOKENS), facts.args.place(_SEQUENCES)
        edits = set_options(facts, (Setting("--max-num-seqs", _SEQUENCES, str(tokens.value)),))
        title = f"write `--max-num-seqs {tokens.value}`"
        yield self.finding(
            facts,
            place or facts.launch.at,
            f"{tokens.value:,} batched tokens are fewer than {sequences.value:,} sequences, which need one"
            " each",
            f"raise `--max-num-batched-tokens` to {sequences.value} or more, or lower `--max-num-seqs`",
            related=() if other is None else (Related(other, "the sequences"),),
            fix=None if edits is None else Fix(title, Applicability.UNSAFE, edits),
            subject=f"max_num_batched_tokens={tokens.value}",
        )
