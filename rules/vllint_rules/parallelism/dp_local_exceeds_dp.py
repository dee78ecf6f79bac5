"""PAR011 dp-local-exceeds-dp."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, set_options
from vllint_schemas import Applicability, Finding, Fix, Related, Severity, Unknown

_ALL, _LOCAL = "data_parallel_size", "data_parallel_size_local"


class DpLocalExceedsDp(Rule):
    """The replicas of a machine are some of all replicas.

    ## What it does

    Compares `--data-parallel-size-local`, the replicas on this machine, with `--data-parallel-size`, the
    replicas on all of them, which is 1 where it is not given.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `--data-parallel-size 2 --data-parallel-size-local 4`

    ## Use instead

    `--data-parallel-size 4 --data-parallel-size-local 4`

    ## Fix safety

    Unsafe: the fix makes as many replicas as are asked for here, which may not be all of them.

    ## Since

    0.1.0
    """

    code = "PAR011"
    name = "dp-local-exceeds-dp"
    severity = Severity.ERROR
    stage = "config"
    source = "config/parallel.py:545"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/data_parallel_deployment.html"
    triggers = frozenset({"data_parallel_size_local"})
    tags = ("parallelism",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B -dp 2 --data-parallel-size-local 4\n"
            "#                                                         ~\n",
            fixed="vllm serve Qwen/Qwen3-8B -dp 4 --data-parallel-size-local 4\n",
        ),
        Example(
            title="one replica in all",
            text="vllm serve Qwen/Qwen3-8B -dpl 2\n",
            fixed="vllm serve Qwen/Qwen3-8B -dpl 2 --data-parallel-size 2\n",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B -dp 4 -dpl 2\n"),)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when there are more here than in all."""
        every, local = facts.args.integer(_ALL), facts.args.integer(_LOCAL)
        if isinstance(every, Unknown) or isinstance(local, Unknown) or local.value <= every.value:
            return
        place = facts.args.place(_ALL)
        edits = set_options(facts, (Setting("--data-parallel-size", _ALL, str(local.value)),))
        title = f"write `--data-parallel-size {local.value}`"
        yield self.finding(
            facts,
            facts.args.place(_LOCAL) or facts.launch.at,
            f"{local.value} data parallel replicas on this machine are more than {every.value} in all",
            f"raise `--data-parallel-size` to {local.value} or more",
            related=() if place is None else (Related(place, "all replicas"),),
            fix=None if edits is None else Fix(title, Applicability.UNSAFE, edits),
            subject=f"data_parallel_size_local={local.value}",
        )
