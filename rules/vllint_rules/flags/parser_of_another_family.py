"""FLG022 parser-of-another-family."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint import Example, LaunchFacts, Rule, value_names
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, Severity

_SWITCH, _PARSER = "enable_auto_tool_choice", "tool_call_parser"


class _Family(NamedTuple):
    """Models of one vendor whose calls have one format, and the parsers that read it, the best first."""

    models: re.Pattern[str]
    parsers: tuple[str, ...]


_FAMILIES = (
    _Family(re.compile(r"qwen/qwen3-coder"), ("qwen3_coder", "qwen3_xml")),
    _Family(re.compile(r"qwen/(qwen2\.5-\d|qwq|qwen3-\d)"), ("hermes", "qwen3_json")),
    _Family(
        re.compile(r"meta-llama/(meta-)?llama-3\.[123]-"),
        ("llama3_json", "llama4_json", "llama", "pythonic", "llama4_pythonic"),
    ),
    _Family(re.compile(r"meta-llama/llama-4-"), ("llama4_pythonic", "pythonic", "llama4_json")),
    _Family(re.compile(r"deepseek-ai/deepseek-v3\.1"), ("deepseek_v31",)),
    _Family(re.compile(r"deepseek-ai/deepseek-(v3|r1)(-0\d+)?$"), ("deepseek_v3",)),
    _Family(re.compile(r"moonshotai/kimi-k2"), ("kimi_k2",)),
    _Family(re.compile(r"(zai-org|thudm)/glm-4\.[56]"), ("glm45",)),
)
"""Vendors' own models that vLLM's page on tool calling (docs/features/tool_calling.md) names, and parsers
that read the same format (vLLM `tool_parsers/`)."""


class ParserOfAnotherFamily(Rule):
    """A model writes its tool calls in one format, and another family's parser does not read it.

    ## What it does

    Compares `--tool-call-parser` with the format of vendors' own models that vLLM's documentation names.
    Fine-tuned models and plug-ins' parsers are left alone.

    ## Why is this bad?

    vLLM starts. Calls then come back as text of the answer, and `tool_calls` stays empty.

    ## Example

    `vllm serve Qwen/Qwen3-Coder-30B-A3B-Instruct --enable-auto-tool-choice --tool-call-parser hermes`

    ## Use instead

    `vllm serve Qwen/Qwen3-Coder-30B-A3B-Instruct --enable-auto-tool-choice --tool-call-parser qwen3_coder`

    ## Fix safety

    Unsafe: a chat template of one's own may make the model write the other format.

    ## Since

    0.1.0
    """

    code = "FLG022"
    name = "parser-of-another-family"
    severity = Severity.WARNING
    stage = "run"
    source = "entrypoints/common/cli_args.py:624"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/tool_calling.html"
    waits_for = frozenset({"FLG021"})
    triggers = frozenset({"tool_call_parser"})
    tags = ("flags", "tools")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-Coder-30B-A3B-Instruct --enable-auto-tool-choice"
            " --tool-call-parser hermes\n"
            "#" + " " * 89 + "~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-Coder-30B-A3B-Instruct --enable-auto-tool-choice"
            " --tool-call-parser qwen3_coder\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice --tool-call-parser hermes\n"),
        Example(
            title="a template of one's own",
            text="vllm serve Qwen/Qwen3-Coder-30B-A3B-Instruct --enable-auto-tool-choice"
            " --tool-call-parser hermes --chat-template hermes.jinja\n",
        ),
        Example(
            title="the release has no other",
            text="vllm serve Qwen/Qwen3-Coder-30B-A3B-Instruct --enable-auto-tool-choice"
            " --tool-call-parser hermes\n",
            vllm_version="0.8.5",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a parser that does not read what the model writes."""
        argument, model = facts.args.given(_PARSER), facts.args.model
        if argument is None or not argument.values or not isinstance(model, Located):
            return
        if facts.args.open_ended is not None or facts.args.given(_SWITCH) is None:
            return
        if facts.args.given("chat_template") or facts.args.given("tool_parser_plugin"):
            return
        word, readers = argument.values[-1], _readers(facts, model.value)
        if not readers or not word.is_known or word.text not in _names(facts) or word.text in readers:
            return
        best, place = readers[0], word.text_span
        edits = None if place is None or word.via else (Edit(place, best),)
        yield self.finding(
            facts,
            word.span,
            f"`{model.value}` does not write its tool calls as `{word.text}` reads them",
            f"take `{best}`",
            fix=None if edits is None else Fix(f"write `{best}`", Applicability.UNSAFE, edits),
            subject=f"tool_call_parser={word.text}",
        )


def _names(facts: LaunchFacts) -> frozenset[str]:
    return value_names("tool_call_parser").of(facts.release.judged) or frozenset()


def _readers(facts: LaunchFacts, model: str) -> tuple[str, ...]:
    """Return the parsers of the model's family that the release has; none where the best is not there."""
    family = next((one for one in _FAMILIES if one.models.match(model.lower())), None)
    if family is None or family.parsers[0] not in _names(facts):
        return ()
    return tuple(name for name in family.parsers if name in _names(facts))
