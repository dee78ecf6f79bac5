"""SCH018 human-readable-int."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, option_table
from vllint_schemas import Finding, Severity

_SMALL = r"(\d+(?:\.\d+)?)k"


class HumanReadableInt(Rule):
    """A small `k` counts thousands, a capital one 1,024.

    ## What it does

    Finds lengths of context that are written with a small `k`.

    ## Why is this bad?

    `--max-model-len 32k` is 32,000 tokens, and `32K` is 32,768: models' lengths are powers of two, and the
    difference is lost in silence.

    ## Example

    `--max-model-len 32k`

    ## Use instead

    `--max-model-len 32K`, or the number itself, whichever is meant.

    ## Since

    0.1.0
    """

    code = "SCH018"
    name = "human-readable-int"
    severity = Severity.INFO
    stage = "advice"
    source = "utils/argparse_utils.py:30"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"max_model_len"})
    tags = ("flags", "scheduling")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --max-model-len 32k\n"
            "#                                        ~~~\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --max-model-len 32K\n"),
        Example(title="no power of two", text="vllm serve Qwen/Qwen3-8B --max-model-len 30k\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a length that reads as a power of two and is none."""
        argument = facts.args.given("max_model_len")
        if argument is None or not argument.values or not argument.values[-1].is_known:
            return
        if any(mistake.argument is argument for mistake in facts.mistakes):
            return
        option = option_table(facts.release.judged).by_flag.get(argument.option)
        word = argument.values[-1]
        match = re.fullmatch(_SMALL, word.text.strip())
        if match is None or option is None or not option.kind.startswith("human_readable"):
            return
        number = match[1]
        if not number.isdecimal() or int(number) & (int(number) - 1):
            return
        yield self.finding(
            facts,
            word.span,
            f"`{word.text}` is {int(number) * 1000:,} tokens; `{number}K` would be {int(number) * 1024:,}",
            f"write `{number}K` or the number itself, whichever is meant",
            subject="max_model_len",
        )
