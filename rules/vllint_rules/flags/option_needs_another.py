"""FLG024 option-needs-another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from vllint import (
    Broken,
    Example,
    LaunchFacts,
    Rule,
    Setting,
    broken_requirements,
    either,
    option_table,
    replace_argument,
    set_options,
    wanted,
    written,
)
from vllint_schemas import Applicability, Edit, Finding, Fix, Severity


class OptionNeedsAnother(Rule):
    """An option that needs another one must not stand alone.

    ## What it does

    Finds options that vLLM takes only together with others: the balancing of experts without expert
    parallelism, bound NUMA nodes without `--numa-bind`, logged outputs without logged requests, adapters
    without `--enable-lora`, ranks of replicas without replicas, and so on. Also options that have no effect
    without another.

    ## Why is this bad?

    vLLM refuses the configuration; or, as the message says, it ignores the option, or waits for machines
    that never find it.

    ## Example

    `--enable-log-outputs`

    ## Use instead

    `--enable-log-outputs --enable-log-requests`

    ## Fix safety

    Unsafe: what is added does something by itself. Safe where it only switches on what the option is about.

    ## Since

    0.1.0
    """

    code = "FLG024"
    name = "option-needs-another"
    severity = Severity.ERROR
    stage = "config"
    source = "entrypoints/common/cli_args.py:556"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    tags = ("flags",)

    BAD = (
        Example(
            title="outputs are logged with requests",
            text="vllm serve Qwen/Qwen3-8B --enable-log-outputs\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --enable-log-outputs --enable-log-requests\n",
        ),
        Example(
            title="without the switch",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --numa-bind-nodes=0
      # ~~~~~~~~~~~~~~~~~
      - --port=8001
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --numa-bind-nodes=0
      - --numa-bind
      - --port=8001
""",
        ),
        Example(
            title="two things are missing",
            text="vllm serve Qwen/Qwen3-30B-A3B --enable-eplb\n#                             ~~~~~~~~~~~~~\n",
        ),
        Example(
            title="a key of an option",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-30B-A3B -tp 2 -ep --eplb-config '{\"num_redundant_experts\": 2}'\n"
            "#                                       ~~~~~~~~~~~~~\n",
            fixed="""\
vllm serve Qwen/Qwen3-30B-A3B -tp 2 -ep --eplb-config '{"num_redundant_experts": 2}' --enable-eplb
""",
        ),
        Example(
            title="without effect",
            text="vllm serve Qwen/Qwen3-8B --kv-offloading-backend native\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            title="a value",
            text="vllm serve Qwen/Qwen3-8B --mamba-ssu-algorithm simple\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --mamba-ssu-algorithm simple --mamba-backend flashinfer\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --enable-log-outputs --enable-log-requests\n"),
        Example(
            title="what is not known may be it",
            text='vllm serve Qwen/Qwen3-30B-A3B -tp 2 --enable-eplb "${EXTRA[@]}"\n',
        ),
        Example(text="vllm serve Qwen/Qwen3-30B-A3B -tp 2 --enable-eplb --enable-expert-parallel\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every option that lacks others."""
        broken = sorted(broken_requirements(facts, "needs"), key=lambda found: found.requirement.option)
        for _, group in groupby(broken, key=lambda found: found.requirement.option):
            yield self._finding(facts, tuple(group))

    def _finding(self, facts: LaunchFacts, broken: Sequence[Broken]) -> Finding:
        first = broken[0]
        requirement = first.requirement
        missing = [either([wanted(need) for need in found.requirement.needs]) for found in broken]
        named = written(facts, requirement.option)
        verb = "has no effect without" if requirement.effect == "ignored" else "needs"
        why = f": {requirement.why}" if requirement.why else ""
        return self.finding(
            facts,
            first.argument.flag.span,
            f"{named} {verb} {', and '.join(missing)}{why}{first.caveat}",
            requirement.help or f"add {', and '.join(missing)}; or remove {named}",
            severity=first.severity,
            stage=requirement.stage,
            source=requirement.source,
            fix=_fix(facts, first) if len(broken) == 1 else None,
            subject=f"option={requirement.option.name}",
        )


def _fix(facts: LaunchFacts, broken: Broken) -> Fix | None:
    """Add the one option that is missing, if it is a switch or has one value."""
    requirement, argument = broken.requirement, broken.argument
    need, *others = requirement.needs
    if others or need.key or not need.is_option:
        return None
    option = option_table(facts.release.judged).by_flag.get(f"--{need.dest.replace('_', '-')}")
    if option is None:
        return None
    level = Applicability.SAFE if requirement.safe else Applicability.UNSAFE
    edits: tuple[Edit, ...] | None = None
    title = f"add {wanted(need)}"
    if need.operator == "=" and need.wanted != "*" and "|" not in need.wanted:
        edits = set_options(facts, (Setting(option.flag, need.dest, need.wanted),))
    elif not need.operator and option.nargs == "0" and argument.first >= 0:
        words = facts.launch.argv[argument.first : argument.last + 1]
        if all(word.is_known for word in words):
            edits = replace_argument(facts, argument, (*(word.text for word in words), option.flag))
    return None if edits is None else Fix(title, level, edits)
