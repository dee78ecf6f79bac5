"""FLG008 boolean-equals."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    FALSE_TEXTS,
    TRUE_TEXTS,
    Example,
    LaunchFacts,
    Mistake,
    Rule,
    ever_took_value,
    option_table,
    remove_argument,
    replace_argument,
)
from vllint_schemas import Applicability, Finding, Fix, Severity


class BooleanEquals(Rule):
    """A switch must not be set with `=`.

    ## What it does

    Finds `--option=value` where the option takes no value.

    ## Why is this bad?

    vLLM prints `ignored explicit argument` and exits, once the image has been pulled.

    ## Example

    `--enforce-eager=true`

    ## Use instead

    `--enforce-eager`; to turn a switch off, its other form, as `--no-enable-prefix-caching`.

    ## Fix safety

    Safe: the fix says the same in vLLM's words. A value that is neither true nor false gets no fix.

    ## Since

    0.1.0
    """

    code = "FLG008"
    name = "boolean-equals"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:520"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"boolean_equals"})
    tags = ("flags",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --enforce-eager=true\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --enforce-eager\n",
        ),
        Example(
            title="off",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--enable-prefix-caching=false"]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--no-enable-prefix-caching"]
""",
        ),
        Example(
            title="off, and there is no word for it but silence",
            vllm_version="0.22.1",
            text="vllm serve Qwen/Qwen3-8B --disable-log-stats=False --port 8001\n",
            fixed="vllm serve Qwen/Qwen3-8B --port 8001\n",
        ),
        Example(title="no truth value", text="vllm serve Qwen/Qwen3-8B --enable-lora=2\n"),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B --enforce-eager\n"),)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every switch with `=`."""
        for mistake in facts.mistakes:
            if mistake.kind == "boolean_equals":
                yield self._with_value(facts, mistake)

    def _with_value(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        flag, value = mistake.flag, mistake.argument.values[0].text
        elsewhere = ever_took_value(flag)
        words = _instead(facts, mistake)
        known = "write it alone, or its opposite" if words is None else None
        help = known or (f"write `{words[0]}`" if words else "leave the option out")
        place = mistake.argument.flag.span.cover(mistake.argument.values[0].span)
        return self.finding(
            facts,
            place,
            f"`{flag}` takes no value, and gets `{value}`{facts.release.caveat(elsewhere)}",
            help,
            severity=facts.release.severity(elsewhere),
            fix=_fix(facts, mistake, words),
            subject=f"flag={flag}",
        )


def _instead(facts: LaunchFacts, mistake: Mistake) -> tuple[str, ...] | None:
    """Return what says the same in vLLM's words, which may be nothing; `None` where that is not clear."""
    option = option_table(facts.release.judged).by_flag.get(mistake.flag)
    value = mistake.argument.values[0]
    if option is None or mistake.flag in option.negations or not value.is_known:
        return None
    if value.text.lower() in TRUE_TEXTS:
        return (mistake.flag,)
    if value.text.lower() in FALSE_TEXTS:
        return () if option.negation is None else (option.negation,)
    return None


def _fix(facts: LaunchFacts, mistake: Mistake, words: tuple[str, ...] | None) -> Fix | None:
    if words is None:
        return None
    if not words:
        edits = remove_argument(facts, mistake.argument)
    else:
        edits = replace_argument(facts, mistake.argument, words)
    title = f"write `{words[0]}`" if words else f"remove `{mistake.flag}`"
    return None if edits is None else Fix(title, Applicability.SAFE, edits)
