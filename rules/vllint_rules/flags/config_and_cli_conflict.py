"""FLG019 config-and-cli-conflict."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, option_table
from vllint_schemas import Argument, Finding, Located, Related, Severity


class ConfigAndCliConflict(Rule):
    """The command line overrules the config file.

    ## What it does

    Finds options that the file of `--config` sets to one value and the command line to another.

    ## Why is this bad?

    The command line counts, wherever `--config` stands: who changes the file wonders why nothing happens.

    ## Example

    `vllm serve Qwen/Qwen3-8B --config config.yaml --max-model-len 8192`, where the file has
    `max-model-len: 4096`.

    ## Use instead

    One of the two.

    ## Since

    0.1.0
    """

    code = "FLG019"
    name = "config-and-cli-conflict"
    severity = Severity.INFO
    stage = "advice"
    source = "utils/argparse_utils.py:523"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/serve_args.html"
    triggers = frozenset({"--config"})
    tags = ("flags", "config")

    BAD = (
        Example(
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --max-model-len 8192 --config config.yaml\n",
            text="port: 8001\nmax-model-len: 4096\n~~~~~~~~~~~~~\n",
        ),
    )
    GOOD = (
        Example(
            title="the same",
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --max-model-len 4096 --config config.yaml\n",
            text="max-model-len: 4096\n",
        ),
        Example(
            title="collected",
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --middleware a.B --config config.yaml\n",
            text="middleware: c.D\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every key that the command line overrules."""
        known = option_table(facts.release.judged).by_flag
        for argument in facts.args.arguments:
            counting = facts.args.given(argument.dest)
            if argument.first >= 0 or counting is None or counting.first < 0:
                continue
            option = known.get(argument.option)
            if option is not None and option.action != "append" and _differ(argument, counting):
                yield self._overruled(facts, argument, counting)

    def _overruled(self, facts: LaunchFacts, argument: Argument, counting: Argument) -> Finding:
        name = argument.flag.text.removeprefix("--")
        return self.finding(
            facts,
            argument.flag.slice(2).span,
            f"`{name}` has no effect: the command line sets `{argument.option}` to something else",
            "keep one of them",
            related=(Related(counting.flag.span, "this one counts"),),
            subject=f"flag={argument.option}",
        )


def _differ(one: Argument, other: Argument) -> bool:
    """Whether both values are known, differ, and stand for the whole option."""
    if not isinstance(one.value, Located) or not isinstance(other.value, Located):
        return False
    whole = "." not in one.flag.text and "." not in other.flag.text.partition("=")[0]
    return whole and bool(one.value.value != other.value.value)
