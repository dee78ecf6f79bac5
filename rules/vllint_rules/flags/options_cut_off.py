"""FLG038 options-cut-off."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, keeps_blank
from vllint_schemas import Applicability, Edit, Finding, Fix, Related, Severity, Span, Word

_MOST_SHOWN = 4
_ENDED = re.compile(r"(?:^|[ \t])#|\\[ \t]")
"""A comment, or a backslash that escapes a blank: a backslash at the line's end mends neither."""


class OptionsCutOff(Rule):
    """A backslash joins lines only as the last character of a line, and comments end them.

    ## What it does

    Finds options that stand on lines of their own right behind a command that starts vLLM: a comment between
    the lines, a blank behind the backslash or a forgotten backslash has ended the command before them.

    ## Why is this bad?

    The shell starts vLLM without these options, and takes them for another command, which it does not find
    once the server has ended. Nothing tells that the model runs with other settings than those written. What
    stands behind a backslash on its line goes to vLLM, which refuses it: then it is an error.

    ## Example

    `--max-model-len 8192 \\\\`, a line with a comment, then `--port 8001`.

    ## Use instead

    Comments above the command, and backslashes without anything behind them.

    ## Fix safety

    Unsafe: the options take effect then, as they never did. There is a fix for blanks behind a backslash, and
    for a missing backslash.

    ## Since

    0.1.0
    """

    code = "FLG038"
    name = "options-cut-off"
    severity = Severity.WARNING
    stage = "run"
    source = ""
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/cli/serve.html"
    triggers = frozenset({"launch.cut_off"})
    tags = ("flags", "shell")

    BAD = (
        Example(
            title="a comment between the lines",
            text="vllm serve Qwen/Qwen3-8B \\\n  --max-model-len 8192 \\\n  # the port\n  --port 8001\n"
            "# ~~~~~~~~~~~\n",
        ),
        Example(
            title="a comment behind the backslash",
            text="vllm serve Qwen/Qwen3-8B --max-model-len 8192 \\ # enough\n  --port 8001\n# ~~~~~~~~~~~\n",
        ),
        Example(
            title="a blank behind the backslash",
            text="vllm serve Qwen/Qwen3-8B \\ \n  --port 8001\n# ~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B \\\n  --port 8001\n",
        ),
        Example(
            title="no backslash",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    gpus: all
    entrypoint: ["bash", "-c"]
    command:
      - |
        exec vllm serve Qwen/Qwen3-8B \\
          --max-model-len 8192
          --port 8001
        # ~~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    gpus: all
    entrypoint: ["bash", "-c"]
    command:
      - |
        exec vllm serve Qwen/Qwen3-8B \\
          --max-model-len 8192 \\
          --port 8001
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B \\\n  --max-model-len 8192 \\\n  --port 8001\n"),
        Example(
            title="another command",
            text="vllm serve Qwen/Qwen3-8B \\\n  --port 8001\necho --done\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when options stand behind the command."""
        words = facts.launch.cut_off
        if not words:
            return
        text = facts.sources.get(words[0].site.path, "")
        options = [word.text for word in words if word.text.startswith("-")]
        more = f" and {len(options) - _MOST_SHOWN} more" if len(options) > _MOST_SHOWN else ""
        shown = ", ".join(f"`{option}`" for option in options[:_MOST_SHOWN])
        are = (
            "is no option of the command above it"
            if len(options) == 1
            else "are no options of the command above"
        )
        kept = any(
            mistake.kind == "unexpected_word" and keeps_blank(mistake.argument.flag)
            for mistake in facts.mistakes
        )
        then = "vLLM refuses what stands behind the backslash" if kept else "vLLM starts without"
        yield self.finding(
            facts,
            words[0].site.cover(words[-1].site),
            f"{shown}{more} {are}: the command has ended before, and {then}",
            "put a backslash at the very end of each line but the last, and comments above the command",
            related=(Related(facts.launch.at, "the command that starts vLLM"),),
            fix=_fix(text, words[0]),
            severity=Severity.ERROR if kept else self.severity,
            subject=f"cut_off={options[0]}",
        )


def _fix(text: str, first: Word) -> Fix | None:
    """Join the lines where nothing but blanks, and perhaps a backslash before them, stand between."""
    start = first.site.start
    line_start = text.rfind("\n", 0, start) + 1
    if line_start == 0 or text[line_start:start].strip():
        return None
    before = text[text.rfind("\n", 0, line_start - 1) + 1 : line_start - 1]
    kept = before.rstrip()
    if not kept or _ENDED.search(kept):
        return None
    place = Span(first.site.path, line_start - 1 - (len(before) - len(kept)), line_start - 1)
    if kept.endswith("\\"):
        return Fix("take out the blanks behind the backslash", Applicability.UNSAFE, (Edit(place, ""),))
    return Fix("end the line before with a backslash", Applicability.UNSAFE, (Edit(place, " \\"),))
