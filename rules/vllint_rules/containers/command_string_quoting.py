"""CTR006 command-string-quoting."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Edit, Finding, Fix, Severity, SlotKind, Span, Word

_OPTION = re.compile(r"--[A-Za-z0-9._-]+=")
_KEY = re.compile(r"(?:command|entrypoint)[\"']?[ \t]*:[ \t]*(\S)")
_ESCAPED = re.compile(r"\\(?=\")")
_SHOWN = 40
_LONGEST = 4000


class CommandStringQuoting(Rule):
    """JSON in a command must be in quotes.

    ## What it does

    Finds JSON that stands unquoted in the string of a compose file's `command`, or in a shell command.

    ## Why is this bad?

    Compose splits a string as a shell does: it takes quotes away and splits at blanks. What reads as
    `{"temperature": 0.7}` reaches vLLM as `{temperature:` and `0.7}`, and vLLM refuses both.

    ## Example

    ```yaml
    command: >
      --model Qwen/Qwen3-8B --override-generation-config {"temperature": 0.7}
    ```

    ## Use instead

    ```yaml
    command: >
      --model Qwen/Qwen3-8B --override-generation-config '{"temperature": 0.7}'
    ```

    ## Fix safety

    Safe: quotes are put around the JSON, which is then what it reads as.

    ## Since

    0.1.0
    """

    code = "CTR006"
    name = "command-string-quoting"
    severity = Severity.ERROR
    stage = "parse"
    source = "engine/arg_utils.py:250"
    since = "0.1.0"
    url = "https://docs.docker.com/reference/compose-file/services/#command"
    tags = ("containers", "flags")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: >
      --model Qwen/Qwen3-8B --override-generation-config {"temperature": 0.7}
      #                                                  ~~~~~~~~~~~~~~~~~~~~
      --max-model-len 8192
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: >
      --model Qwen/Qwen3-8B --override-generation-config '{"temperature": 0.7}'
      --max-model-len 8192
""",
        ),
        Example(
            title="in a quoted string",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: "--model Qwen/Qwen3-8B --override-generation-config {\\"temperature\\": 0.7}"
    #                                                            ~~~~~~~~~~~~~~~~~~~~~~
""",
        ),
        Example(
            title="shell",
            text='vllm serve Qwen/Qwen3-8B --override-generation-config={"temperature":0.7}\n'
            "#                                                     ~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --override-generation-config='{\"temperature\":0.7}'\n",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: >
      --model Qwen/Qwen3-8B --override-generation-config '{"temperature": 0.7}'
""",
        ),
        Example(
            title="quotes that are escaped",
            text='vllm serve Qwen/Qwen3-8B --hf-overrides {\\"rope_theta\\":1000000.0}\n',
        ),
        Example(
            title="a list needs no quotes of a shell",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["--model", "Qwen/Qwen3-8B", "--override-generation-config", '{"temperature": 0.7}']
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for each JSON object that loses its quotes."""
        end = -1
        for word in facts.launch.argv:
            text = facts.sources.get(word.site.path)
            if word.slot is None or word.slot.kind is not SlotKind.SHELL or text is None or word.via:
                continue
            written = _json_written(text, word)
            if written is None or written.start < end or written.path != facts.launch.path:
                continue
            end = written.end
            raw = text[written.start : written.end]
            if raw in word.text or raw.replace('\\"', '"') in word.text:
                continue
            yield self.finding(
                facts,
                written,
                f"the JSON stands unquoted: splitting the command takes its quotes, and vLLM gets"
                f" `{_shown(word.text)}`",
                "put single quotes around it, or write the command as a list",
                fix=_fix(facts, text, written),
                subject="json",
            )


def _json_written(text: str, word: Word) -> Span | None:
    """Return where an object of JSON starts as a word, or behind `--option=`, and where it ends."""
    start = word.site.start
    option = _OPTION.match(text, start)
    start = option.end() if option is not None else start
    if not text.startswith("{", start):
        return None
    end = _json_end(text, start) or _json_end_in_quotes(text, start)
    return None if end is None else Span(word.site.path, start, end)


def _json_end(text: str, start: int) -> int | None:
    """Return where the JSON that starts at `start` ends, if it says anything."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return None
    return end if value else None


def _json_end_in_quotes(text: str, start: int) -> int | None:
    """Return where JSON ends whose quotes are escaped, as in a double quoted scalar of YAML."""
    part = text[start : start + _LONGEST]
    end = _json_end(part.replace('\\"', '"'), 0)
    if end is None or '\\"' not in part:
        return None
    for place in _ESCAPED.finditer(part):
        if place.start() < end:
            end += 1
    return start + end


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _fix(facts: LaunchFacts, text: str, written: Span) -> Fix | None:
    """Put single quotes around the JSON, where they stand for themselves."""
    if "'" in text[written.start : written.end] or not _is_bare(facts, text, written):
        return None
    edits = (
        Edit(Span(written.path, written.start, written.start), "'"),
        Edit(Span(written.path, written.end, written.end), "'"),
    )
    return Fix("put quotes around it", Applicability.SAFE, edits)


def _is_bare(facts: LaunchFacts, text: str, written: Span) -> bool:
    """Whether the command itself is in no quotes."""
    if facts.launch.kind != "compose":
        before = text[facts.launch.extent.start : written.start]
        return "'" not in before and '"' not in before
    keys = list(_KEY.finditer(text, facts.launch.extent.start, written.start))
    return bool(keys) and keys[-1][1] not in "\"'[" and not facts.launch.in_script
