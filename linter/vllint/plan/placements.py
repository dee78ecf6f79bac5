"""The ways to spread a model over machines, before anything is known against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vllint.plan.machines import Machines
from vllint_schemas.parallel import Parallel


class Placement(NamedTuple):
    """A layout, and over how many machines it is spread: by its stages, or whole copies on each."""

    layout: Parallel
    nodes: int = 1

    @property
    def gpus_per_node(self) -> int:
        """GPUs in use on each of its machines."""
        return self.layout.gpus_needed // self.nodes

    @property
    def spans_machines(self) -> bool:
        """Whether one copy of the model lies on several machines."""
        return self.layout.nodes > 1


SIZES = {
    "tensor_parallel_size": "tensor",
    "pipeline_parallel_size": "pipeline",
    "data_parallel_size": "data",
}
"""The options that say how a model is spread, and the sizes that they set."""


def placements(machines: Machines, experts: Sequence[bool], fixed: Mapping[str, int]) -> Iterator[Placement]:
    """Yield every placement on the machines: tensor parallel ranks never part, whatever lies between them.

    `experts` are the ways to take of expert parallelism, `fixed` the sizes that the user chose, by the names
    in `SIZES`.
    """
    for tensor in _sizes(fixed, "tensor", machines.gpus_per_node):
        for pipeline in _sizes(fixed, "pipeline", machines.gpus // tensor):
            for data in _sizes(fixed, "data", machines.gpus // (tensor * pipeline)):
                for placed in _spread(tensor, pipeline, data, machines):
                    for expert in experts:
                        if not expert or tensor * data > 1 or len(experts) == 1:
                            yield placed._replace(layout=placed.layout._replace(expert=expert))


def _sizes(fixed: Mapping[str, int], name: str, most: int) -> Iterator[int]:
    if name in fixed:
        yield from (size for size in (fixed[name],) if size <= most)
    else:
        yield from range(1, most + 1)


def _spread(tensor: int, pipeline: int, data: int, machines: Machines) -> Iterator[Placement]:
    """Yield the layout on the fewest machines that take it in equal parts."""
    layout = Parallel(tensor=tensor, pipeline=pipeline, data=data, data_local=data)
    for nodes in range(1, machines.nodes + 1):
        if layout.gpus_needed > nodes * machines.gpus_per_node:
            continue
        if nodes == 1:
            yield Placement(layout)
            return
        if data == 1 and pipeline % nodes == 0:
            yield Placement(layout._replace(nodes=nodes), nodes)
            return
        if data % nodes == 0:
            yield Placement(layout._replace(data_local=data // nodes), nodes)
            return


def describe(placement: Placement) -> str:
    """Return a layout's sizes as people write them: `TP 2 x PP 2 x DP 2, EP`."""
    layout = placement.layout
    sizes = (("TP", layout.tensor), ("PP", layout.pipeline), ("DP", layout.data))
    words = " x ".join(f"{name} {size}" for name, size in sizes if size > 1) or "TP 1"
    return f"{words}, EP" if layout.expert else words
