"""PAR005 gpus-idle."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, best_layout, layout_fix
from vllint_schemas import EntryPoint, Finding, Related, Severity, Span, Unknown


class GpusIdle(Rule):
    """A launch should use the GPUs it reserves.

    ## What it does

    Compares the GPUs that tensor, pipeline and data parallelism occupy with those the launch is given. A
    machine that several launches of one file share counts as used by all of them.

    ## Why is this bad?

    vLLM uses one GPU unless it is told otherwise. The others are paid for and do nothing.

    ## Example

    `vllm serve mistralai/Mistral-7B-Instruct-v0.3` on an instance with four GPUs uses one.

    ## Use instead

    `--data-parallel-size 4` for four copies of a model that fits one GPU, `--tensor-parallel-size` for one
    that does not.

    ## Fix safety

    Unsafe: more copies take more host memory and change how requests are spread.

    ## Since

    0.1.0
    """

    code = "PAR005"
    name = "gpus-idle"
    severity = Severity.WARNING
    stage = "run"
    source = "config/parallel.py:1060"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/data_parallel_deployment.html"
    needs = ("arguments", "gpu_count")
    waits_for = frozenset({"FLG001", "FLG025", "FLG036", "PAR001", "PAR004", "PAR008", "PAR011"})
    tags = ("parallelism", "hardware", "cost")

    BAD = (
        Example(
            text="vllm serve mistralai/Mistral-7B-Instruct-v0.3 --max-model-len 8192\n~~~~~~~~~~\n",
            fixed="vllm serve mistralai/Mistral-7B-Instruct-v0.3 --max-model-len 8192"
            " --data-parallel-size 4\n",
            gpu="A10G:4",
        ),
        Example(
            title="endpoint",
            path="endpoint.yaml",
            text="""\
name: chat
provider: {vendor: aws, region: us-east-1}
compute: {accelerator: gpu, instanceType: nvidia-a10g, instanceSize: x4}
model:
  repository: mistralai/Mistral-7B-Instruct-v0.3
  image:
    vLLM:
      url: vllm/vllm-openai:v0.22.1
      tensorParallelSize: 1
      #                   ~
""",
            fixed="""\
name: chat
provider: {vendor: aws, region: us-east-1}
compute: {accelerator: gpu, instanceType: nvidia-a10g, instanceSize: x4}
model:
  repository: mistralai/Mistral-7B-Instruct-v0.3
  image:
    vLLM:
      url: vllm/vllm-openai:v0.22.1
      tensorParallelSize: 1
      dataParallelSize: 4
""",
        ),
        Example(
            title="compose, no size written",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, mistralai/Mistral-7B-Instruct-v0.3]
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 4, capabilities: [gpu]}]}}}
    #                                                                     ~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, mistralai/Mistral-7B-Instruct-v0.3, "--data-parallel-size", "4"]
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 4, capabilities: [gpu]}]}}}
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve mistralai/Mistral-7B-Instruct-v0.3 --data-parallel-size 4\n", gpu="A10G:4"),
        Example(title="a variable that may hold all of the options", text="vllm serve $ARGS\n", gpu="A10G:4"),
        Example(
            title="two servers share the machine",
            text="CUDA_VISIBLE_DEVICES=0 vllm serve Qwen/Qwen3-8B --port 8000 &\n"
            "CUDA_VISIBLE_DEVICES=1 vllm serve Qwen/Qwen3-8B --port 8001\n",
            gpu="A10G:2",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when GPUs are left over."""
        layout, count, mates = facts.parallel, facts.gpu_count, facts.machine_mates
        if (
            _chooses_its_gpus(facts)
            or isinstance(mates, Unknown)
            or layout.nodes > 1
            or facts.launch.nodes is not None
            or layout.data_local < layout.data
        ):
            return
        used = layout.gpus_needed_here
        idle = count.value - used - mates
        if idle <= 0:
            return
        place = _place(facts)
        reserved = () if count.span in (None, place) else (Related(count.span, f"{count.value:,} GPUs here"),)
        yield self.finding(
            facts,
            place,
            f"{'at least ' if facts.gpu_mates else ''}{idle:,} of {count.value:,} GPUs sit idle:"
            f" the launch uses {used}{_shared(mates, facts.gpu_mates)}{_cost(facts, idle, count.value)}",
            _help(facts),
            related=reserved,
            fix=layout_fix(facts, best_layout(facts, count.value)) if mates == 0 else None,
            subject=f"gpus_used={used}",
        )


def _chooses_its_gpus(facts: LaunchFacts) -> bool:
    """Whether the launch says itself which GPUs it takes, or another program starts the ranks."""
    executor = facts.args.value("distributed_executor_backend")
    started_elsewhere = isinstance(executor, Unknown) or executor.value == "external_launcher"
    return started_elsewhere or facts.args.given("device_ids") is not None


def _place(facts: LaunchFacts) -> Span:
    """Return where the sizes are written; without any, where the GPUs are reserved."""
    place = facts.args.place("tensor_parallel_size") or facts.args.place("data_parallel_size")
    count = facts.gpu_count.span
    if place is None and count is not None and count.path == facts.launch.at.path:
        return count
    return place or facts.launch.at


def _help(facts: LaunchFacts) -> str:
    if facts.launch.entry_point is EntryPoint.LLM:
        return "raise `tensor_parallel_size`, or run one process for each GPU"
    return (
        "raise `--data-parallel-size` for more copies of the model, or `--tensor-parallel-size` to spread"
        " one over more GPUs"
    )


def _shared(mates: int, on_the_same: tuple[str, ...]) -> str:
    """Say what other launches use, at most where some take GPUs that this one takes too."""
    if not mates:
        return ""
    return f" and the file's other launches {mates}{' at most' if on_the_same else ''}"


def _cost(facts: LaunchFacts, idle: int, count: int) -> str:
    """Say what the idle GPUs cost, where the machine's price is known."""
    price = facts.hardware.price_usd_hour
    instance = facts.hardware.instance
    if price is None or instance is None:
        return ""
    return f"; of the instance's ${price:,.2f} an hour, ${price * idle / count:,.2f} buy nothing"
