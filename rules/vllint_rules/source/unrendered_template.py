"""SRC002 unrendered-template."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, Rule
from vllint_schemas import Finding, Severity, SourceProblem


class UnrenderedTemplate(Rule):
    """A template is checked after rendering.

    ## What it does

    Says that a file is a template of Helm, Jinja or the like of which nothing can be read until it is
    rendered. Most templates are read as far as they are literal, and then this rule says nothing.

    ## Why is this bad?

    Nothing in the file has been checked.

    ## Example

    A template that is broken, or whose lines come from other templates.

    ## Use instead

    Check what it renders to: `helm template . | vllint check - --stdin-filename out.yaml`.

    ## Since

    0.1.0
    """

    code = "SRC002"
    name = "unrendered-template"
    severity = Severity.INFO
    stage = "advice"
    source = ""
    since = "0.1.0"
    tags = ("source",)

    BAD = (
        Example(
            path="template.yaml",
            text="services:\n{{- range .Services }}\n  {{ .name }}:\n    image: vllm/vllm-openai\n"
            "  {{- .rest | nindent 4 }}\n{{- end }\n",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai\n    command: '{{ model }}'\n",
        ),
    )

    def check_source(self, problem: SourceProblem) -> Iterator[Finding]:
        """Yield a finding for a template."""
        if problem.kind == "not_rendered":
            yield self.source_finding(
                problem,
                "render it, and check that: `helm template . | vllint check - --stdin-filename out.yaml`",
            )
