"""SRC002 unrendered-template."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, Rule
from vllint_schemas import Finding, Severity, SourceProblem


class UnrenderedTemplate(Rule):
    """A template is checked after rendering.

    ## What it does

    Says that a file is a template of Helm, Jinja or the like, which is no YAML until it is rendered.

    ## Why is this bad?

    Nothing in the file has been checked.

    ## Example

    A Helm template with `{{- if .Values.gpu }}` on a line of its own.

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
            text="services:\n  vllm:\n    image: vllm/vllm-openai\n{{- if .gpu }}\n    gpus: all\n"
            "{{- end }}\n",
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
