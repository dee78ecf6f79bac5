"""FLG007 boolean-with-value."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    FALSE_TEXTS,
    Example,
    LaunchFacts,
    Mistake,
    Rule,
    ever_took_value,
    option_table,
    remove_argument,
    rename_flag,
)
from vllint_schemas import Applicability, Argument, Edit, Finding, Fix, Severity


class BooleanWithValue(Rule):
    """A switch must not be followed by true or false.

    ## What it does

    Finds `true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off` after an option that takes no value; in the
    file of `--config`, such a text instead of YAML's own `true`.

    ## Why is this bad?

    The word is no value but a second positional argument, and vLLM exits with `unrecognized arguments`.
    Without a model before it, the word itself is taken for the model. The api_server module takes one
    positional argument and forgets it: there `--enforce-eager false` starts, and is on.

    ## Example

    `vllm serve Qwen/Qwen3-8B --enforce-eager True`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --enforce-eager`; to turn a switch off, its other form, as
    `--no-enable-prefix-caching`.

    ## Fix safety

    Safe: the fix says the same in vLLM's words.

    ## Since

    0.1.0
    """

    code = "FLG007"
    name = "boolean-with-value"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:520"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"boolean_with_value"})
    tags = ("flags",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --enforce-eager True --port 8001\n"
            "#                                        ~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --enforce-eager --port 8001\n",
        ),
        Example(
            title="off",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --enable-prefix-caching
      - "false"
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --no-enable-prefix-caching
""",
        ),
        Example(
            title="off, and there is no word for it but silence",
            vllm_version="0.22.1",
            text="vllm serve Qwen/Qwen3-8B --disable-log-stats false\n",
            fixed="vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="accepted and on",
            text="python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B --enforce-eager false\n",
            fixed="python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B --no-enforce-eager\n",
        ),
        Example(
            title="text in a config file",
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --config config.yaml\n",
            text='enforce-eager: "true"\n',
            fixed="enforce-eager: true\n",
        ),
        Example(
            title="text in a config file, off",
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --config config.yaml\n",
            text="enable-prefix-caching: 0\n",
            fixed="no-enable-prefix-caching: true\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --enforce-eager --no-enable-prefix-caching\n"),
        Example(
            title="older releases had some switches with values",
            vllm_version="0.7.3",
            text="vllm serve Qwen/Qwen3-8B --enable-chunked-prefill False\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every switch with a value."""
        for mistake in facts.mistakes:
            if mistake.kind == "boolean_with_value":
                yield self._with_value(facts, mistake)

    def _with_value(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        argument = mistake.argument
        flag, value = argument.option, argument.values[0]
        elsewhere = ever_took_value(flag)
        severity, effect = facts.release.severity(elsewhere), ""
        if not mistake.refused:
            as_model = not facts.launch.entry_point.takes_model_as_option
            severity = Severity.WARNING if as_model or _means_off(argument) else Severity.INFO
            effect = "; that is then the model" if as_model else "; that is ignored, and the option on"
        other = _opposite(facts, argument)
        off = f"write `{other}`" if other else "leave the option out"
        return self.finding(
            facts,
            value.span,
            f"`{flag}` takes no value, and gets `{value.text}`{effect}{facts.release.caveat(elsewhere)}",
            off if _means_off(argument) else f"write `{flag}` alone",
            severity=severity,
            fix=_fix(facts, argument, other),
            subject=f"flag={flag}",
        )


def _means_off(argument: Argument) -> bool:
    return argument.values[0].text.lower() in FALSE_TEXTS


def _opposite(facts: LaunchFacts, argument: Argument) -> str | None:
    """Return the spelling that turns the switch off; `None` where there is none."""
    return option_table(facts.release.judged).by_flag[argument.option].negation


def _fix(facts: LaunchFacts, argument: Argument, other: str | None) -> Fix | None:
    written = argument.flag.text.replace("_", "-")
    if written not in option_table(facts.release.judged).by_flag[argument.option].aliases:
        # `--no-x false` may mean either.
        return None
    if argument.first < 0:
        edits = _in_file(facts, argument, other)
    elif not _means_off(argument):
        edits = _without_value(facts, argument)
    elif other is None:
        edits = remove_argument(facts, argument)
    else:
        renamed, shortened = rename_flag(facts, argument, other), _without_value(facts, argument)
        edits = None if renamed is None or shortened is None else (*renamed, *shortened)
    title = "turn the switch off" if _means_off(argument) else "leave the value out"
    return None if edits is None else Fix(title, Applicability.SAFE, edits)


def _without_value(facts: LaunchFacts, argument: Argument) -> tuple[Edit, ...] | None:
    return remove_argument(facts, argument._replace(first=argument.last))


def _in_file(facts: LaunchFacts, argument: Argument, other: str | None) -> tuple[Edit, ...] | None:
    """Write YAML's own `true` for a text, behind the key that says what was meant."""
    value = Edit(argument.values[0].site, "true")
    if not _means_off(argument):
        return (value,)
    renamed = None if other is None else rename_flag(facts, argument, other)
    return None if renamed is None else (*renamed, value)
