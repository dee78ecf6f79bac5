"""PAR008 pp-executor-unsupported."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, remove_argument
from vllint_schemas import Applicability, Finding, Fix, Related, Severity, Unknown

_WITH_PIPELINES = frozenset({"ray", "mp", "external_launcher"})
_DEST = "distributed_executor_backend"


class PpExecutorUnsupported(Rule):
    """Pipeline parallelism needs an executor of several processes.

    ## What it does

    Checks that `--distributed-executor-backend` is `mp`, `ray` or `external_launcher`, or not given, where
    there are several pipeline stages.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `-pp 2 --distributed-executor-backend uni`

    ## Use instead

    `-pp 2`: vLLM takes `mp` by itself.

    ## Fix safety

    Unsafe: the executor may have been chosen, and the pipeline be the mistake.

    ## Since

    0.1.0
    """

    code = "PAR008"
    name = "pp-executor-unsupported"
    severity = Severity.ERROR
    stage = "config"
    source = "engine/arg_utils.py:2920"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/parallelism_scaling.html"
    needs = ("arguments",)
    triggers = frozenset({"distributed_executor_backend"})
    tags = ("parallelism",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B -pp 2 --distributed-executor-backend uni\n"
            "#                                                             ~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B -pp 2\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B -pp 2 --distributed-executor-backend ray\n"),
        Example(text="vllm serve Qwen/Qwen3-8B --distributed-executor-backend uni\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for stages without processes."""
        argument, backend = facts.args.given(_DEST), facts.args.value(_DEST)
        stages = facts.parallel.pipeline
        if stages == 1 or argument is None or isinstance(backend, Unknown):
            return
        name = backend.value
        # A name with a dot is a class, which may say of itself that it does pipelines.
        if not isinstance(name, str) or name in _WITH_PIPELINES or "." in name:
            return
        place = facts.args.place("pipeline_parallel_size")
        edits = remove_argument(facts, argument)
        yield self.finding(
            facts,
            facts.args.place(_DEST) or facts.launch.at,
            f"the executor `{name}` runs no pipeline, and there are {stages} stages",
            "leave the executor to vLLM, or take `mp` or `ray`",
            related=() if place is None else (Related(place, "the stages"),),
            fix=None if edits is None else Fix("leave it to vLLM", Applicability.UNSAFE, edits),
            subject=f"distributed_executor_backend={name}",
        )
