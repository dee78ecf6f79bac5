"""FLG012 bad-json."""

from __future__ import annotations

import json
from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Mistake,
    Rule,
    loses_its_quotes,
    mended_json,
    option_table,
    write_json,
)
from vllint_schemas import Applicability, Argument, Finding, Fix, Located, Severity, Word

_OWN_RULES = frozenset({"limit_mm_per_prompt"})
"""Options whose values have a rule to themselves."""

_TEXT_IS_NONE = frozenset({"hf_overrides", "additional_config"})
"""Options of which the parser takes any text, and the configuration only objects (`config/model.py:307`)."""

_SHOWN = 60


class BadJson(Rule):
    """An option that takes JSON must be given JSON.

    ## What it does

    Reads the values of options that take JSON, and finds texts that are none: Python's `True`, `None` and
    single quotes, quotes that were kept or lost on the way, braces that a template has left doubled, names
    without quotes.

    ## Why is this bad?

    vLLM exits with `cannot be converted to <function loads>` or `Invalid JSON`, once the image has been
    pulled.

    ## Example

    `--hf-overrides "{'rope_theta': 1000000.0}"`

    ## Use instead

    `--hf-overrides '{"rope_theta": 1000000.0}'`

    ## Fix safety

    Safe: offered where the text reads as one object or list only, which is then written as JSON.

    ## Since

    0.1.0
    """

    code = "FLG012"
    name = "bad-json"
    severity = Severity.ERROR
    stage = "parse"
    source = "engine/arg_utils.py:302"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"wrong_value", "hf_overrides", "additional_config"})
    tags = ("flags", "json")

    BAD = (
        Example(
            title="Python",
            text="vllm serve Qwen/Qwen3-8B --override-generation-config \"{'temperature': 0.5, 'x': True}\"\n"
            "#                                                      ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B"
            ' --override-generation-config \'{"temperature": 0.5, "x": true}\'\n',
        ),
        Example(
            title="quotes that are kept",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --speculative-config
      - "'{method: ngram, num_speculative_tokens: 3}'"
      #  ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --speculative-config
      - '{"method": "ngram", "num_speculative_tokens": 3}'
""",
        ),
        Example(
            title="braces of a template",
            text="vllm serve Qwen/Qwen3-8B --compilation-config '{{\"cudagraph_capture_sizes\": [1, 2]}}'\n",
            fixed="vllm serve Qwen/Qwen3-8B --compilation-config '{\"cudagraph_capture_sizes\": [1, 2]}'\n",
        ),
        Example(title="no JSON at all", text="vllm serve Qwen/Qwen3-8B --speculative-config ngram\n"),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --override-generation-config '{\"temperature\": 0.5}'\n"),
        Example(
            title="a number with a unit",
            text="vllm serve Qwen/Qwen3-8B --eplb-config '{\"window_size\": 1k}'\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every value that should be JSON and is not."""
        for mistake in facts.mistakes:
            word = _no_json(facts, mistake)
            if word is not None:
                yield self._bad(facts, mistake.argument, word)
        for argument in facts.args.arguments:
            value = argument.value.value if isinstance(argument.value, Located) else None
            if argument.dest in _TEXT_IS_NONE and isinstance(value, str) and facts.launch.kind != "python":
                yield self._bad(facts, argument, argument.values[-1], stage="config")

    def _bad(self, facts: LaunchFacts, argument: Argument, word: Word, stage: str = "parse") -> Finding:
        meant = mended_json(word.text)
        edit = None if meant is None else write_json(facts, word, meant)
        shown = word.text if len(word.text) <= _SHOWN else f"{word.text[:_SHOWN]}…"
        return self.finding(
            facts,
            word.span,
            f"`{argument.option}` takes JSON, and `{shown}` is none",
            f"write `'{meant}'`" if meant else "write JSON: names and texts in double quotes, `true`, `null`",
            stage="config" if stage == "config" else "parse",
            fix=None if edit is None else Fix("write JSON", Applicability.SAFE, (edit,)),
            subject=f"flag={argument.option}",
        )


def _no_json(facts: LaunchFacts, mistake: Mistake) -> Word | None:
    """Return the value of a mistake that should be JSON and is not, unless another rule speaks of it."""
    option = option_table(facts.release.judged).by_flag.get(mistake.argument.option)
    if mistake.kind != "wrong_value" or option is None or not option.kind.startswith("json"):
        return None
    word = mistake.argument.values[-1]
    if mistake.argument.dest in _OWN_RULES or _is_json(word.text) or loses_its_quotes(facts, word):
        return None
    return word


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
