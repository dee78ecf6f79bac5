"""LRA007 lora-spec-mnbt."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, set_options, severity_since
from vllint_schemas import Applicability, Finding, Fix, Related, Severity, Unknown

_TOKENS, _SEQUENCES = "max_num_batched_tokens", "max_num_seqs"


class LoraSpecMnbt(Rule):
    """With adapters and speculative decoding a batch must hold the guessed tokens of all sequences.

    ## What it does

    Compares `--max-num-batched-tokens` with `--max-num-seqs` times the guessed tokens of a sequence and one,
    where adapters and speculative decoding are on and all three numbers are given.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `--enable-lora --max-num-seqs 256 --max-num-batched-tokens 512 --spec-method ngram --spec-tokens 3`

    ## Use instead

    `--max-num-batched-tokens 1024`

    ## Fix safety

    Unsafe: a larger batch takes more memory.

    ## Since

    0.1.0
    """

    code = "LRA007"
    name = "lora-spec-mnbt"
    severity = Severity.ERROR
    stage = "config"
    source = "engine/arg_utils.py:2721"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/lora.html"
    tags = ("lora", "speculative-decoding")
    waits_for = frozenset({"SCH005"})
    triggers = frozenset({"enable_lora"})

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --enable-lora --max-num-seqs 256 --max-num-batched-tokens 512"
            " --spec-method ngram --spec-tokens 3\n"
            "#                                                                                  ~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --enable-lora --max-num-seqs 256 --max-num-batched-tokens 1024"
            " --spec-method ngram --spec-tokens 3\n",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --max-num-seqs 256 --max-num-batched-tokens 512"
            " --spec-method ngram --spec-tokens 3\n"
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the batch is too small."""
        lora, guessed = facts.args.is_on("enable_lora"), _guessed(facts)
        tokens, sequences = facts.args.integer(_TOKENS), facts.args.integer(_SEQUENCES)
        if isinstance(lora, Unknown) or not lora.value or guessed is None:
            return
        if isinstance(tokens, Unknown) or isinstance(sequences, Unknown):
            return
        needed = sequences.value * (guessed + 1)
        if not 0 < tokens.value < needed:
            return
        place = facts.args.place(_SEQUENCES)
        edits = set_options(facts, (Setting("--max-num-batched-tokens", _TOKENS, str(needed)),))
        severity, caveat = severity_since(facts, "0.33.0", "--enable-lora")
        yield self.finding(
            facts,
            facts.args.place(_TOKENS) or facts.launch.at,
            f"{tokens.value} batched tokens are fewer than {sequences.value} sequences of {guessed} guessed"
            f" tokens and one, {needed}{caveat}",
            "raise `--max-num-batched-tokens`, or lower `--max-num-seqs` or the guessed tokens",
            severity=severity,
            related=() if place is None else (Related(place, "the sequences"),),
            fix=None
            if edits is None
            else Fix(f"write `--max-num-batched-tokens {needed}`", Applicability.UNSAFE, edits),
            subject=f"{_TOKENS}={tokens.value}",
        )


def _guessed(facts: LaunchFacts) -> int | None:
    """Return how many tokens speculative decoding guesses, `None` where that is not known."""
    own, config = facts.args.value("spec_tokens"), facts.args.value("speculative_config")
    if isinstance(own, Unknown) or isinstance(config, Unknown):
        return None
    content = config.value if isinstance(config.value, dict) else {}
    number = content.get("num_speculative_tokens", own.value)
    return number if type(number) is int else None
