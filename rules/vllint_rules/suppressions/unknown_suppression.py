"""SUP002 unknown-suppression."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, Rule
from vllint_schemas import Finding, Severity, SourceProblem


class UnknownSuppression(Rule):
    """A comment for vllint must name rules, cards and releases that exist.

    ## What it does

    Reports names in `# vllint: ignore[...]` that are no rule's code, beginning of a code, or name; cards and
    releases in `# vllint: gpu=... vllm=...` that are none; and other comments for vllint that say nothing.

    ## Why is this bad?

    The comment suppresses nothing, and the finding it was meant for stays; or it states nothing, and what it
    was meant for is not checked.

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
            title="no end",
            text="vllm serve Qwen/Qwen3-8B  # vllint: ignore[PAR001\n"
            "#                         ~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            title="no release",
            text="# vllint: vllm=newest\n#              ~~~~~~\nvllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="no card",
            text="# vllint: gpu=H1000:8\n#             ~~~~~~~\nvllm serve Qwen/Qwen3-8B -tp 8\n",
        ),
        Example(
            title="misspelt",
            text="vllm serve Qwen/Qwen3-8B  # vllint: ignor[PAR001]\n"
            "#                         ~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B\n"),)

    def check_source(self, problem: SourceProblem) -> Iterator[Finding]:
        """Yield a finding for a name that means no rule, and for a fact that is none."""
        if problem.kind == "unknown_fact":
            yield self.source_finding(problem, "write facts as `# vllint: gpu=H100:8 vllm=0.33.0`")
        if problem.kind == "unknown_rule":
            yield self.source_finding(
                problem, "write `ignore[CODE]`, with a rule's code or name, or facts, as `gpu=H100:8`"
            )
