"""SUP001 unused-suppression."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, Rule
from vllint_schemas import Applicability, Finding, Fix, Severity, SourceProblem


class UnusedSuppression(Rule):
    """A comment that suppresses a finding must have one to suppress.

    ## What it does

    Reports `# vllint: ignore[...]` and `# vllint: file-ignore[...]` comments, or the rules they name, that
    silence nothing.

    ## Why is this bad?

    Such comments are left behind when what they excused is mended. The next mistake of the kind, on the
    same line, would go unseen.

    ## Example

    `vllm serve Qwen/Qwen3-8B -tp 2  # vllint: ignore[PAR001] odd on purpose`

    ## Use instead

    The line without the comment.

    ## Fix safety

    Safe: the fix removes the comment, or the rule's name from it.

    ## Since

    0.1.0
    """

    code = "SUP001"
    name = "unused-suppression"
    severity = Severity.WARNING
    stage = "advice"
    source = ""
    since = "0.1.0"
    tags = ("suppressions",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B -tp 2  # vllint: ignore[SUP001] nothing to see\n"
            "                                ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B -tp 2\n",
        ),
        Example(
            title="a comment of its own",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n    # vllint: ignore[SUP001]\n"
            "    ~~~~~~~~~~~~~~~~~~~~~~~~\n    command: Qwen/Qwen3-8B\n",
            fixed="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n    command: Qwen/Qwen3-8B\n",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B -tp 2  # two cards\n"),)

    def check_source(self, problem: SourceProblem) -> Iterator[Finding]:
        """Yield a finding for a comment that does nothing."""
        if problem.kind != "unused_suppression":
            return
        fix = Fix("remove it", Applicability.SAFE, problem.edits) if problem.edits else None
        yield self.source_finding(problem, "remove it", fix)
