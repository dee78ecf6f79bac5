"""The words of the commands that a plan proposes."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.plan.placements import Placement
from vllint_schemas import EngineArgs

HEAD = "HEAD_ADDRESS"
"""The variable that holds the address of the first of several machines."""


def layout_words(placement: Placement, args: EngineArgs, node: int = 0) -> tuple[str, ...]:
    """Return the options of a layout on the machine numbered `node`, without those that `args` hold."""
    return (*_sizes(placement, args), *_machine(placement, node))


def _sizes(placement: Placement, args: EngineArgs) -> Iterator[str]:
    layout = placement.layout
    for dest, size in (
        ("tensor_parallel_size", layout.tensor),
        ("pipeline_parallel_size", layout.pipeline),
        ("data_parallel_size", layout.data),
    ):
        if size > 1 and args.given(dest) is None:
            yield from (f"--{dest.replace('_', '-')}", str(size))
    if layout.expert and args.given("enable_expert_parallel") is None:
        yield "--enable-expert-parallel"


def _machine(placement: Placement, node: int) -> Iterator[str]:
    """Yield what tells the machines of a server apart (vLLM 0.33.0 `entrypoints/cli/serve.py`)."""
    if placement.nodes == 1:
        return
    if placement.spans_machines:
        yield from ("--nnodes", str(placement.nodes), "--node-rank", str(node), "--master-addr", f"${HEAD}")
    else:
        local = placement.layout.data_local
        yield from ("--data-parallel-size-local", str(local), "--data-parallel-address", f"${HEAD}")
        if node:
            yield from ("--data-parallel-start-rank", str(node * local))
    if node:
        yield "--headless"
