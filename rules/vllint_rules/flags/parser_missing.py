"""FLG020 parser-missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, replace_argument, set_options, value_names
from vllint_schemas import Applicability, Argument, EntryPoint, Finding, Fix, Located, Severity, Unknown

_SWITCH, _PARSER = "enable_auto_tool_choice", "tool_call_parser"

_PARSERS = (
    (r"qwen3-coder", "qwen3_coder"),
    (r"qwen2\.5|qwq|qwen3-\d|hermes", "hermes"),
    (r"llama-3\.[123]", "llama3_json"),
    (r"llama-4", "llama4_pythonic"),
    (r"mistral|ministral", "mistral"),
    (r"deepseek-v3\.1", "deepseek_v31"),
    (r"deepseek-(v3|r1)(-0\d+)?$", "deepseek_v3"),
    (r"gpt-oss", "openai"),
    (r"kimi-k2", "kimi_k2"),
    (r"glm-4\.[56]", "glm45"),
)
"""Parsers that vLLM's page on tool calling (docs/features/tool_calling.md) names for families of models."""


class ParserMissing(Rule):
    """Tools that a model may call by itself need a parser, and a parser needs them.

    ## What it does

    Finds `--enable-auto-tool-choice` without `--tool-call-parser`, and the parser without the switch.

    ## Why is this bad?

    Without the parser vLLM refuses to start. Without the switch it starts, leaves the parser unused, and
    answers requests that offer tools with an error (400), but for gpt-oss and Mistral's tokenizer.

    ## Example

    `--enable-auto-tool-choice`

    ## Use instead

    `--enable-auto-tool-choice --tool-call-parser hermes`

    ## Fix safety

    Unsafe: the parser is that of the model's family, which a fine-tuned model may have left; and the switch
    changes what the server answers.

    ## Since

    0.1.0
    """

    code = "FLG020"
    name = "parser-missing"
    severity = Severity.ERROR
    stage = "validate"
    source = "entrypoints/common/cli_args.py:553"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/tool_calling.html"
    triggers = frozenset({"enable_auto_tool_choice", "tool_call_parser"})
    tags = ("flags", "tools")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice --tool-call-parser hermes\n",
        ),
        Example(
            title="a model whose parser nobody named",
            text="vllm serve acme/agent --enable-auto-tool-choice\n",
        ),
        Example(
            title="without the switch",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --tool-call-parser
      # ~~~~~~~~~~~~~~~~~~
      - hermes
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --tool-call-parser
      - hermes
      - --enable-auto-tool-choice
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice --tool-call-parser hermes\n"),
        Example(
            title="what is not known may be the parser",
            text='vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice "${EXTRA[@]}"\n',
        ),
        Example(title="neither", text="vllm serve Qwen/Qwen3-8B\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for one of the two without the other."""
        if facts.launch.entry_point not in {EntryPoint.SERVE, EntryPoint.API_SERVER}:
            return
        switch, parser = facts.args.given(_SWITCH), facts.args.given(_PARSER)
        enabled, name = facts.args.is_on(_SWITCH), facts.args.value(_PARSER)
        if isinstance(enabled, Unknown) or isinstance(name, Unknown):
            return
        if switch is not None and enabled.value and not name.value:
            yield self._without_parser(facts, switch)
        if parser is not None and switch is None and name.value:
            yield self._without_switch(facts, parser, str(name.value))

    def _without_parser(self, facts: LaunchFacts, switch: Argument) -> Finding:
        name = _parser_of(facts)
        edits = None if name is None else set_options(facts, (Setting("--tool-call-parser", _PARSER, name),))
        fix = None if edits is None else Fix(f"add `--tool-call-parser {name}`", Applicability.UNSAFE, edits)
        return self.finding(
            facts,
            switch.flag.span,
            f"`--enable-auto-tool-choice` needs `--tool-call-parser`{facts.release.caveat(elsewhere=False)}",
            "name the parser of the model's format of calls" + (f", here `{name}`" if name else ""),
            severity=facts.release.severity(elsewhere=False),
            fix=fix,
            subject="enable_auto_tool_choice",
        )

    def _without_switch(self, facts: LaunchFacts, parser: Argument, name: str) -> Finding:
        edits = None
        if parser.first >= 0:
            words = facts.launch.argv[parser.first : parser.last + 1]
            added = (*(word.text for word in words), "--enable-auto-tool-choice")
            edits = replace_argument(facts, parser, added)
        return self.finding(
            facts,
            parser.flag.span,
            f"the parser `{name}` is not used without `--enable-auto-tool-choice`",
            "add it, lest requests that offer tools are refused; or remove the parser",
            severity=Severity.WARNING,
            stage="run",
            source="renderers/online_renderer.py:274",
            fix=None
            if edits is None
            else Fix("add `--enable-auto-tool-choice`", Applicability.UNSAFE, edits),
            subject="tool_call_parser",
        )


def _parser_of(facts: LaunchFacts) -> str | None:
    """Return the parser of the model's family, if the release has it."""
    model = facts.args.model
    if not isinstance(model, Located):
        return None
    found = next((name for pattern, name in _PARSERS if re.search(pattern, model.value.lower())), None)
    names = value_names("tool_call_parser").of(facts.release.judged)
    return found if found is not None and names is not None and found in names else None
