"""SUP002 unknown-suppression."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, Rule
from vllint_schemas import Finding, Severity, SourceProblem


class UnknownSuppression(Rule):
    """A comment that suppresses findings must name rules that exist.

    ## What it does

    Reports names in `# vllint: ignore[...]` that are no rule's code, beginning of a code, or name.

    ## Why is this bad?

    The comment suppresses nothing, and the finding it was meant for stays.

    ## Example

    `# vllint: ignore[PAR01]`

    ## Use instead

    `# vllint: ignore[PAR001]`, or the rule's name.

    ## Since

    0.1.0
    """

    code = "SUP002"
    name = "unknown-suppression"
    severity = Severity.WARNING
    stage = "advice"
    source = ""
    since = "0.1.0"
    tags = ("suppressions",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B  # vllint: ignore[XYZ999]\n"
            "                          ~~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            title="misspelt",
            text="vllm serve Qwen/Qwen3-8B  # vllint: ignor[PAR001]\n"
            "#                         ~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B\n"),)

    def check_source(self, problem: SourceProblem) -> Iterator[Finding]:
        """Yield a finding for a name that means no rule."""
        if problem.kind == "unknown_rule":
            yield self.source_finding(
                problem, "write `ignore[CODE]`, with a rule's code or name, or facts, as `gpu=H100:8`"
            )
