"""LRA001 max-lora-rank-invalid."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Mistake, Rule, accepting_releases, option_table
from vllint_schemas import Applicability, Edit, Finding, Fix, Severity


class MaxLoraRankInvalid(Rule):
    """The largest rank of adapters must be one that vLLM has kernels for.

    ## What it does

    Looks the value of `--max-lora-rank` up in the release's list: 8, 16, 32, 64, 128, 256, 320 and 512,
    and 1 in newer releases.

    ## Why is this bad?

    vLLM prints `invalid choice` and exits, once the image has been pulled.

    ## Example

    `--max-lora-rank 24`

    ## Use instead

    `--max-lora-rank 32`: adapters of a lower rank are served as well.

    ## Fix safety

    Safe: the next larger rank is written, which serves the same adapters with a little more memory.

    ## Since

    0.1.0
    """

    code = "LRA001"
    name = "max-lora-rank-invalid"
    severity = Severity.ERROR
    stage = "parse"
    source = "config/lora.py:24"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/lora.html"
    triggers = frozenset({"wrong_value"})
    tags = ("flags", "lora")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --enable-lora --max-lora-rank 24\n"
            "#                                                      ~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --enable-lora --max-lora-rank 32\n",
        ),
        Example(
            title="beyond all",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: Qwen/Qwen3-8B --enable-lora --max-lora-rank=1024
""",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B --enable-lora --max-lora-rank 64\n"),)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a rank that the release does not take."""
        for mistake in facts.mistakes:
            if mistake.kind == "wrong_value" and mistake.argument.dest == "max_lora_rank":
                yield self._invalid(facts, mistake)

    def _invalid(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        word, release = mistake.argument.values[-1], facts.release
        ranks = _ranks(facts, mistake)
        larger = next((rank for rank in ranks if word.text.isdecimal() and rank > int(word.text)), None)
        others = accepting_releases(mistake.argument.option, word.text)
        place = word.text_span
        fix = None
        if larger is not None and place is not None and not word.via:
            fix = Fix(f"write `{larger}`", Applicability.SAFE, (Edit(place, str(larger)),))
        return self.finding(
            facts,
            word.span,
            f"`--max-lora-rank` does not take `{word.text}`{release.caveat(bool(others))}",
            f"it takes {', '.join(map(str, ranks))}",
            severity=release.severity(bool(others)),
            fix=fix,
            subject="max_lora_rank",
        )


def _ranks(facts: LaunchFacts, mistake: Mistake) -> list[int]:
    option = option_table(facts.release.judged).by_flag.get(mistake.argument.option)
    choices = option.choices if option is not None and option.choices else ()
    return sorted(choice for choice in choices if isinstance(choice, int))
