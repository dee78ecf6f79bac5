"""FLG021 parser-unknown."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, NamedValue, Rule, doubtful, near_fix, unknown_name, when_known
from vllint_schemas import Finding, Located, Severity

_SWITCH = "enable_auto_tool_choice"


class ParserUnknown(Rule):
    """The parsers of tool calls and of reasoning must be ones that vLLM has.

    ## What it does

    Looks the values of `--tool-call-parser` and `--reasoning-parser` up in the registries of the release
    that the file runs. With `--tool-parser-plugin` or `--reasoning-parser-plugin`, names may be the
    plug-in's own, and nothing is said. A tool parser is asked for with `--enable-auto-tool-choice` only.

    ## Why is this bad?

    vLLM refuses to start: `invalid tool call parser`, `Reasoning parser ... not found`.

    ## Example

    `--reasoning-parser deepseek-r1`

    ## Use instead

    `--reasoning-parser deepseek_r1`

    ## Fix safety

    Safe where the same name is written as vLLM writes it; else unsafe, since the nearest name may not be
    the one that was meant.

    ## Since

    0.1.0
    """

    code = "FLG021"
    name = "parser-unknown"
    severity = Severity.ERROR
    stage = "run"
    source = "entrypoints/common/cli_args.py:624"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/tool_calling.html"
    triggers = frozenset({"tool_call_parser", "reasoning_parser"})
    tags = ("flags",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --reasoning-parser deepseek-r1\n"
            "#                                           ~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --reasoning-parser deepseek_r1\n",
        ),
        Example(
            title="not yet",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--enable-auto-tool-choice", "--tool-call-parser", "qwen3_json"]
    #                                                                              ~~~~~~~~~~
""",
        ),
        Example(
            title="near a name",
            text="vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice --tool-call-parser=hermez\n",
            fixed="vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice --tool-call-parser=hermes\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice --tool-call-parser hermes\n"),
        Example(
            title="a plug-in's own",
            text="vllm serve Qwen/Qwen3-8B --enable-auto-tool-choice --tool-parser-plugin /plugins/mine.py"
            " --tool-call-parser mine\n",
        ),
        Example(title="none", text="vllm serve Qwen/Qwen3-8B --reasoning-parser ''\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for each parser that the release has not."""
        args = facts.args
        if args.open_ended is not None or facts.launch.kind == "python":
            return
        switched = args.is_on(_SWITCH)
        if isinstance(switched, Located) and switched.value and args.given("tool_parser_plugin") is None:
            yield from self._unknown(facts, "tool_call_parser")
        if args.given("reasoning_parser_plugin") is None:
            yield from self._unknown(facts, "reasoning_parser")

    def _unknown(self, facts: LaunchFacts, dest: NamedValue) -> Iterator[Finding]:
        release = facts.release
        found = unknown_name(facts.args, dest, also=frozenset({"", "none", "None"}))
        if found is None:
            return
        what = "tool call parser" if dest == "tool_call_parser" else "reasoning parser"
        elsewhere = bool(found.others)
        past = f"{when_known(found.others, release.judged)}{release.caveat(elsewhere)}"
        yield self.finding(
            facts,
            found.word.span,
            f"vLLM {release.judged} has no {what} `{found.word.text}`{past}",
            f"did you mean `{found.near}`?" if found.near else "take one of `vllm serve --help=all`",
            severity=Severity.WARNING if doubtful(found, release.stated) else release.severity(elsewhere),
            stage="run" if dest == "tool_call_parser" else "config",
            fix=near_fix(found.word, found.near),
            subject=f"{dest}={found.word.text}",
        )
