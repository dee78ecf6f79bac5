"""SRC001 unparsed-file."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, Rule
from vllint_schemas import Finding, Severity, SourceProblem


class UnparsedFile(Rule):
    """A file that launches vLLM must be readable.

    ## What it does

    Reports files that mention vLLM and cannot be parsed as what their name says.

    ## Why is this bad?

    What cannot be read is not checked, and the tool that runs the file will most likely stumble too.

    ## Example

    A compose file with a tab in its indentation.

    ## Use instead

    Mend the syntax at the place named.

    ## Since

    0.1.0
    """

    code = "SRC001"
    name = "unparsed-file"
    severity = Severity.WARNING
    stage = "container"
    source = ""
    since = "0.1.0"
    tags = ("source",)

    BAD = (
        Example(
            path="compose.yaml",
            text='services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n    command: ["--model"\n'
            "    ports: 8000\n#   ~\n",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n    command: [Qwen/Qwen3-8B]\n",
        ),
    )

    def check_source(self, problem: SourceProblem) -> Iterator[Finding]:
        """Yield a finding for a file that is broken."""
        if problem.kind == "not_parsed":
            mend = "save it as UTF-8" if "utf-8" in problem.message else "mend the syntax"
            yield self.source_finding(problem, f"{mend}, or pass the file over with `exclude`")
