"""How a launch spreads over GPUs."""

from __future__ import annotations

from typing import NamedTuple


class Parallel(NamedTuple):
    """The sizes of each kind of parallelism. `data_local` are the data parallel replicas on this machine.

    `nodes` counts the machines that the launch itself names (`--nnodes`).
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    data_local: int = 1
    prefill_context: int = 1
    expert: bool = False
    nodes: int = 1

    @property
    def gpus_per_replica(self) -> int:
        """GPUs that hold one copy of the model."""
        return self.tensor * self.pipeline * self.prefill_context

    @property
    def gpus_needed(self) -> int:
        """GPUs of all replicas on all machines."""
        return self.gpus_per_replica * self.data

    @property
    def gpus_needed_here(self) -> int:
        """GPUs needed on one machine."""
        if self.nodes > 1:
            return -(-self.gpus_needed // self.nodes)
        return self.gpus_per_replica * self.data_local
