"""CTR018 device-ids-vs-cuda-visible."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import (
    Applicability,
    Container,
    Edit,
    Finding,
    Fix,
    Located,
    Related,
    Severity,
    Unknown,
    Word,
)


class DeviceIdsVsCudaVisible(Rule):
    """A container numbers its GPUs from 0, whichever they are outside.

    ## What it does

    Compares `CUDA_VISIBLE_DEVICES` with the number of GPUs that a container is handed by `device_ids`,
    `count`, `--gpus` or `nvidia.com/gpu`.

    ## Why is this bad?

    A container that is handed the GPUs 2 and 3 sees them as 0 and 1. `CUDA_VISIBLE_DEVICES=2,3` then names
    GPUs that it does not have: CUDA hides the first number that it cannot find and all behind it, and vLLM
    cannot start.

    ## Example

    `device_ids: ["2", "3"]` together with `CUDA_VISIBLE_DEVICES=2,3`.

    ## Use instead

    `device_ids: ["2", "3"]` alone.

    ## Fix safety

    Safe where the variable repeats `device_ids`: it is renumbered, so that the same GPUs are meant. Where
    the container is handed a number of GPUs, whichever come first, the fix is unsafe.

    ## Since

    0.1.0
    """

    code = "CTR018"
    name = "device-ids-vs-cuda-visible"
    severity = Severity.WARNING
    stage = "config"
    source = "platforms/interface.py:288"
    since = "0.1.0"
    url = "https://docs.docker.com/compose/how-tos/gpu-support/"
    waits_for = frozenset({"CTR024"})
    triggers = frozenset({"$CUDA_VISIBLE_DEVICES"})
    tags = ("containers", "hardware")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --tensor-parallel-size 2
    environment:
      - CUDA_VISIBLE_DEVICES=2,3
      #                      ~~~
    deploy: {resources: {reservations: {devices: [{device_ids: ["2", "3"], capabilities: [gpu]}]}}}
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --tensor-parallel-size 2
    environment:
      - CUDA_VISIBLE_DEVICES=0,1
    deploy: {resources: {reservations: {devices: [{device_ids: ["2", "3"], capabilities: [gpu]}]}}}
""",
        ),
        Example(
            title="a count",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment: {CUDA_VISIBLE_DEVICES: "1"}
    #                                    ~
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    environment: {CUDA_VISIBLE_DEVICES: "0"}
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}
""",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --tensor-parallel-size 2
    environment: [CUDA_VISIBLE_DEVICES=1,0]
    deploy: {resources: {reservations: {devices: [{device_ids: ["2", "3"], capabilities: [gpu]}]}}}
""",
        ),
        Example(
            title="all GPUs keep their numbers",
            text="docker run --gpus all -e CUDA_VISIBLE_DEVICES=2,3 vllm/vllm-openai Qwen/Qwen3-8B -tp 2\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the variable names a GPU that the container does not have."""
        container = facts.launch.container
        count = container.gpu_count if container is not None else None
        value = _variable(facts)
        if container is None or value is None or not isinstance(count, Located) or count.value == "all":
            return
        numbers = [part.strip() for part in value.text.split(",") if part.strip()]
        if not numbers or not all(number.isdecimal() for number in numbers):
            return
        missing = [number for number in numbers if int(number) >= count.value]
        if not missing:
            return
        left = numbers.index(missing[0])
        yield self.finding(
            facts,
            value.span,
            _message(numbers, missing[0], count.value, left, container.device_ids),
            "leave `CUDA_VISIBLE_DEVICES` out: the container sees the GPUs it is handed and no others",
            severity=Severity.ERROR if left < _needed(facts) else Severity.WARNING,
            related=() if count.span is None else (Related(count.span, _handed(count.value)),),
            fix=_fix(container, value, numbers, count.value),
            subject="CUDA_VISIBLE_DEVICES",
        )


def _variable(facts: LaunchFacts) -> Word | None:
    values = [variable.value for variable in facts.launch.env if variable.name == "CUDA_VISIBLE_DEVICES"]
    return values[-1] if values and values[-1].is_known else None


def _needed(facts: LaunchFacts) -> int:
    layout = facts.maybe_parallel
    return 1 if isinstance(layout, Unknown) else layout.gpus_needed_here


def _handed(count: int) -> str:
    return "1 GPU is handed out here" if count == 1 else f"{count} GPUs are handed out here"


def _message(
    numbers: list[str], missing: str, count: int, left: int, ids: Located[tuple[str, ...]] | None
) -> str:
    inside = "0" if count == 1 else f"0 to {count - 1}"
    outside = f" (outside: {', '.join(ids.value)})" if ids is not None else ""
    seen = "no GPU" if left == 0 else f"only the first {left}"
    return (
        f"`CUDA_VISIBLE_DEVICES={','.join(numbers)}` names a GPU {missing} that the container does not have:"
        f" its own numbers are {inside}{outside}, so that vLLM sees {seen}"
    )


def _fix(container: Container, value: Word, numbers: list[str], count: int) -> Fix | None:
    """Write the numbers that the same GPUs have inside."""
    place = value.text_span
    if place is None or value.via or len(set(numbers)) != len(numbers) or len(numbers) > count:
        return None
    ids = container.device_ids
    if ids is not None and all(number in ids.value for number in numbers):
        inside = ",".join(str(ids.value.index(number)) for number in numbers)
        return Fix(f"write `{inside}`", Applicability.SAFE, (Edit(place, inside),))
    inside = ",".join(str(number) for number in range(len(numbers)))
    return Fix(f"write `{inside}`", Applicability.UNSAFE, (Edit(place, inside),))
