"""FLG004 deprecated-flag."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, option_table, removed_option
from vllint_schemas import Argument, Finding, Origin, Severity

_SUCCESSORS = {
    "--log-config-file": "write `--logging-config.pylogging_config_file`",
    "--mamba-cache-mode": "leave it out: the cache follows `--enable-prefix-caching`",
    "--disable-cascade-attn": "leave it out: there is no cascade attention any more",
    "--ir-op-priority": "leave it out",
    "--dcp-kv-cache-interleave-size": "write `--cp-kv-cache-interleave-size`",
    "--allow-deprecated-quantization": "take a checkpoint of another method",
    "--guided-decoding-backend": "write `--structured-outputs-config.backend`",
    "--task": "write `--runner` and `--convert`",
}
"""What vLLM advises instead (`engine/arg_utils.py:456`)."""


class DeprecatedFlag(Rule):
    """Deprecated options go with one of the next releases.

    ## What it does

    Finds options that the release that the file runs still takes and calls deprecated.

    ## Why is this bad?

    vLLM prints a warning now, and a later release refuses to start.

    ## Example

    `--mamba-cache-mode align`

    ## Use instead

    What the message advises: here nothing, since the option has no effect any more.

    ## Since

    0.1.0
    """

    code = "FLG004"
    name = "deprecated-flag"
    severity = Severity.INFO
    stage = "advice"
    source = "engine/arg_utils.py:456"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"option.deprecated"})
    tags = ("flags",)

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --disable-cascade-attn\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
    )
    GOOD = (Example(vllm_version="0.33.0", text="vllm serve Qwen/Qwen3-8B --enable-prefix-caching\n"),)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every option that is to go."""
        release = facts.release
        for argument in facts.args.arguments:
            option = option_table(release.judged).by_flag.get(argument.option)
            if option is None or not option.deprecated or argument.flag.origin is Origin.PLATFORM:
                continue
            yield self.finding(
                facts,
                argument.flag.span,
                f"`{option.flag}` is deprecated in vLLM {release.judged} and will go",
                _advice(facts, option.flag, argument),
                subject=f"flag={option.flag}",
            )


def _advice(facts: LaunchFacts, flag: str, argument: Argument) -> str:
    """Say what to write instead, for the value that is given where that is known."""
    removal, values = removed_option(flag), argument.values
    given = values[0].text if len(values) == 1 and values[0].is_known else ""
    if removal is None or given not in removal.by_value:
        return _SUCCESSORS.get(flag, "see the release's notes for what takes its place")
    words = [word.partition("=") for word in removal.by_value[given]]
    written = [f"{name} {value}" for name, _, value in words]
    return f"write {' '.join(f'`{one}`' for one in written)}" if written else "leave it out"
