"""PAR018 nnodes-mismatch."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, severity_since
from vllint_schemas import Finding, Severity, Unknown

_SIZES = (
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "prefill_context_parallel_size",
    "data_parallel_size",
)


class NnodesMismatch(Rule):
    """Every machine takes the same number of GPUs.

    ## What it does

    Checks that the GPUs of all replicas (tensor, pipeline and prefill context parallel sizes and the data
    parallel size, multiplied) are a multiple of `--nnodes`; and, where each process balances its own load,
    that the machines are a multiple of the replicas.

    ## Why is this bad?

    vLLM refuses the configuration on every machine.

    ## Example

    `--nnodes 3 --tensor-parallel-size 8`

    ## Use instead

    `--nnodes 2 --tensor-parallel-size 8`

    ## Since

    0.1.0
    """

    code = "PAR018"
    name = "nnodes-mismatch"
    severity = Severity.ERROR
    stage = "config"
    source = "engine/arg_utils.py:2406"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/parallelism_scaling.html"
    triggers = frozenset({"nnodes"})
    tags = ("parallelism", "distributed")

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --nnodes 3 -tp 8 --master-addr 10.0.0.1\n"
            "#                                 ~\n",
        ),
        Example(
            title="one GPU on two machines",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --nnodes 2 --master-addr 10.0.0.1\n",
        ),
        Example(
            title="which replica this is, is not clear",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-30B-A3B -tp 4 -dp 3 --nnodes 2 --data-parallel-external-lb"
            " --master-addr 10.0.0.1\n",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B --nnodes 2 -tp 8 --master-addr 10.0.0.1\n"),)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the machines do not divide the GPUs."""
        nodes = facts.args.integer("nnodes")
        sizes = [facts.args.integer(dest) for dest in _SIZES]
        known = [size.value for size in sizes if not isinstance(size, Unknown)]
        if isinstance(nodes, Unknown) or nodes.value < 2 or len(known) < len(_SIZES) or min(known) < 1:
            return
        tensor, pipeline, context, replicas = known
        gpus = tensor * pipeline * context * replicas
        if gpus % nodes.value:
            said = f"{gpus} GPU{'' if gpus == 1 else 's'} in all, no multiple of {nodes.value} machines"
            yield self._finding(facts, said, "take sizes of which the machines have equal parts")
        elif replicas > 1 and nodes.value % replicas and _must_tell_replica(facts):
            said = f"{nodes.value} machines are no multiple of {replicas} replicas, each with its own load"
            yield self._finding(facts, said, "give each process its `--data-parallel-rank`")

    def _finding(self, facts: LaunchFacts, said: str, help: str) -> Finding:
        severity, caveat = severity_since(facts, "0.33.0", "--nnodes")
        return self.finding(
            facts,
            facts.args.place("nnodes") or facts.launch.at,
            f"{said}{caveat}",
            help,
            severity=severity,
            subject="nnodes",
        )


def _must_tell_replica(facts: LaunchFacts) -> bool:
    """Whether vLLM takes the replica's rank from the machine's."""
    balanced, rank = facts.args.is_on("data_parallel_external_lb"), facts.args.value("data_parallel_rank")
    if isinstance(balanced, Unknown) or isinstance(rank, Unknown):
        return False
    return balanced.value and rank.value is None
