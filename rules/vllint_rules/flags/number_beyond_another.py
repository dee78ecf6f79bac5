"""FLG040 number-beyond-another."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Broken, Example, LaunchFacts, Rule, Setting, broken_requirements, number_of, set_options
from vllint_schemas import Applicability, Finding, Fix, Related, Severity


class NumberBeyondAnother(Rule):
    """A number that another one limits must stay within it.

    ## What it does

    Compares numbers of which vLLM wants one to be at least, at most, or below the other: adapters kept on the
    CPU and in a batch, the rank of a machine and the number of machines, sequences that run and sequences at
    all, a long prompt's share of a step and the context.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `--enable-lora --max-loras 8 --max-cpu-loras 4`

    ## Use instead

    `--enable-lora --max-loras 8 --max-cpu-loras 8`

    ## Fix safety

    Unsafe: either number may be the wrong one.

    ## Since

    0.1.0
    """

    code = "FLG040"
    name = "number-beyond-another"
    severity = Severity.ERROR
    stage = "config"
    source = "config/lora.py:124"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    tags = ("flags",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --enable-lora --max-loras 8 --max-cpu-loras 4\n"
            "#                                                                    ~\n",
            fixed="vllm serve Qwen/Qwen3-8B --enable-lora --max-loras 8 --max-cpu-loras 8\n",
        ),
        Example(
            title="machines are counted from zero",
            text="vllm serve Qwen/Qwen3-8B -tp 8 --nnodes 2 --node-rank 2 --master-addr 10.0.0.1\n"
            "#                                                     ~\n",
        ),
        Example(
            title="the model's own context",
            text="vllm serve Qwen/Qwen3-8B --long-prefill-token-threshold 65536\n",
            fixed="vllm serve Qwen/Qwen3-8B --long-prefill-token-threshold 40960\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --enable-lora --max-loras 4 --max-cpu-loras 8\n"),
        Example(
            title="no adapters, so that nobody looks",
            text="vllm serve Qwen/Qwen3-8B --max-loras 8 --max-cpu-loras 4\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every number that is beyond its limit."""
        for broken in broken_requirements(facts, "number"):
            yield self._finding(facts, broken)

    def _finding(self, facts: LaunchFacts, broken: Broken) -> Finding:
        requirement = broken.requirement
        dest = requirement.option.dest
        value, limit = number_of(facts, dest), number_of(facts, requirement.limit)
        flag = f"--{dest.replace('_', '-')}"
        named = f"{limit}"
        place = None
        if isinstance(requirement.limit, str):
            place = facts.args.place(requirement.limit)
            named = f"`--{requirement.limit.replace('_', '-')}`, {limit}"
            if place is None and requirement.limit == "max_model_len":
                named = f"the model's context, {limit}"
        relation, within = {
            "at_least": ("is less than", f"at least {limit}"),
            "at_most": ("is more than", f"at most {limit}"),
            "below": ("is not below", f"a number from 0 to {(limit or 1) - 1}"),
            "unlike": ("is the same as", f"another number than {limit}"),
            "multiple_of": ("is no multiple of", f"a multiple of {limit}"),
        }[requirement.relation]
        edits = None
        if requirement.relation in {"at_least", "at_most"}:
            edits = set_options(facts, (Setting(flag, dest, f"{limit}"),))
        return self.finding(
            facts,
            facts.args.place(dest) or facts.launch.at,
            f"`{flag} {value}` {relation} {named}{broken.caveat}",
            f"write {within}",
            severity=broken.severity,
            stage=requirement.stage,
            source=requirement.source,
            related=() if place is None else (Related(place, "the other number"),),
            fix=None if edits is None else Fix(f"write `{flag} {limit}`", Applicability.UNSAFE, edits),
            subject=f"{dest}={value}",
        )
