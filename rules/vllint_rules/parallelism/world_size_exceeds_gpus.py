"""PAR004 world-size-exceeds-gpus."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, best_layout, layout_fix
from vllint_schemas import Finding, Related, Severity, Span, Unknown
from vllint_schemas.parallel import Parallel

_OLDER_RAY = "--worker-use-ray"


class WorldSizeExceedsGpus(Rule):
    """A launch must not ask for more GPUs than there are.

    ## What it does

    Multiplies tensor, pipeline, context and data parallel sizes, and compares the product with the GPUs
    that the launch is given: by the file itself, or by what is stated about the machine.

    ## Why is this bad?

    vLLM starts one process for each rank and refuses to start when a rank finds no GPU. Releases before
    0.11.1 turned to Ray instead and waited without end.

    ## Example

    `-tp 2 -dp 4` on four GPUs needs 2 x 4 = 8.

    ## Use instead

    `-tp 2 -dp 2`, or `-tp 1 -dp 4` where the model fits one GPU.

    ## Fix safety

    Unsafe: fewer replicas serve fewer requests. The fix uses all GPUs there are, keeps the context length
    where memory can be judged, and takes the least tensor parallelism that does.

    ## Since

    0.1.0
    """

    code = "PAR004"
    name = "world-size-exceeds-gpus"
    severity = Severity.ERROR
    stage = "config"
    source = "config/parallel.py:1071"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/parallelism_scaling.html"
    needs = ("arguments", "gpu_count")
    tags = ("parallelism", "hardware")

    BAD = (
        Example(
            text="vllm serve mistralai/Mistral-7B-Instruct-v0.3 -tp 2 -dp 4\n"
            "#                                                       ~\n",
            fixed="vllm serve mistralai/Mistral-7B-Instruct-v0.3 -tp 1 -dp 4\n",
            gpu="A10G:4",
        ),
        Example(
            title="compose",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --tensor-parallel-size 4
    #                                                     ~
    deploy:
      resources:
        reservations:
          devices:
            - {driver: nvidia, count: 2, capabilities: [gpu]}
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --tensor-parallel-size 2
    deploy:
      resources:
        reservations:
          devices:
            - {driver: nvidia, count: 2, capabilities: [gpu]}
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve mistralai/Mistral-7B-Instruct-v0.3 -tp 2 -dp 2\n", gpu="A10G:4"),
        Example(
            title="Ray places ranks on other machines",
            text="vllm serve Qwen/Qwen3-8B -tp 8 --distributed-executor-backend ray\n",
            gpu="A10G:4",
        ),
        Example(
            title="as releases up to 0.6 have it",
            vllm_version="0.5.5",
            text="vllm serve Qwen/Qwen2-7B-Instruct -tp 4 --worker-use-ray\n",
            gpu="A10G:2",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the ranks on this machine outnumber its GPUs."""
        layout, count = facts.parallel, facts.gpu_count
        if layout.gpus_needed_here <= count.value or _spans_machines(facts):
            return
        place = _place(facts, layout)
        early = layout.gpus_per_replica > count.value and not _chooses_executor(facts)
        related = () if count.span is None else (Related(count.span, f"{_gpus(count.value)} here"),)
        yield self.finding(
            facts,
            place,
            f"needs {_gpus(layout.gpus_needed_here)}{_factors(layout)} but gets {count.value}",
            "lower the sizes so that their product is the number of GPUs, or give it more GPUs",
            stage="config" if early else "run",
            source=self.source if early else "v1/worker/gpu_worker.py:488",
            related=related,
            fix=layout_fix(facts, best_layout(facts, count.value)),
            subject=f"gpus_needed={layout.gpus_needed_here}",
        )


def _chooses_executor(facts: LaunchFacts) -> bool:
    """Whether the executor is named, or follows from the nodes: vLLM counts the GPUs where it chooses one."""
    return any(facts.args.given(dest) for dest in ("distributed_executor_backend", "nnodes"))


def _spans_machines(facts: LaunchFacts) -> bool:
    """Whether ranks may run elsewhere: Ray, an external launcher, or several nodes."""
    words = (word.text.replace("_", "-") for word in facts.launch.argv)
    if facts.launch.nodes is not None or _OLDER_RAY in words:
        return True
    backend = facts.args.value("distributed_executor_backend")
    data_backend = facts.args.value("data_parallel_backend")
    if isinstance(backend, Unknown) or isinstance(data_backend, Unknown):
        return True
    return "ray" in (backend.value, data_backend.value) or backend.value == "external_launcher"


def _place(facts: LaunchFacts, layout: Parallel) -> Span:
    """Return the largest factor that the file states, else the launch."""
    factors = (
        (layout.tensor, "tensor_parallel_size"),
        (layout.data_local, "data_parallel_size"),
        (layout.pipeline, "pipeline_parallel_size"),
    )
    stated = [(size, place) for size, dest in factors if (place := facts.args.place(dest)) is not None]
    return max(stated, key=lambda item: item[0])[1] if stated else facts.launch.at


def _factors(layout: Parallel) -> str:
    """Spell the product out, after a blank: `(tensor 2 x data 4)`."""
    factors = (
        ("tensor", layout.tensor),
        ("pipeline", layout.pipeline),
        ("prefill context", layout.prefill_context),
        ("data", layout.data_local),
    )
    written = " x ".join(f"{name} {size}" for name, size in factors if size > 1)
    return f" ({written})" if written else ""


def _gpus(number: int) -> str:
    return "1 GPU" if number == 1 else f"{number} GPUs"
