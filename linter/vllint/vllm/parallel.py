"""From the options to the sizes of parallelism."""

from __future__ import annotations

from vllint_schemas import EngineArgs, Located, Unknown
from vllint_schemas.parallel import Parallel


def parallel_sizes(args: EngineArgs) -> Parallel | Unknown:
    """Return the layout that the options ask for; `Unknown` when one of its sizes is not known.

    Defaults follow vLLM 0.33.0 `engine/arg_utils.py:2380-2530`: every replica is local unless the options
    say how many are.
    """
    sizes: dict[str, int] = {}
    for field, dest in _SIZES.items():
        size = _size(args, dest)
        if isinstance(size, Unknown):
            return size
        sizes[field] = size
    local = _local_replicas(args, sizes["data"])
    if isinstance(local, Unknown):
        return local
    expert = args.is_on("enable_expert_parallel")
    if isinstance(expert, Unknown):
        return expert
    return Parallel(**sizes, data_local=local, expert=expert.value)


_SIZES = {
    "tensor": "tensor_parallel_size",
    "pipeline": "pipeline_parallel_size",
    "prefill_context": "prefill_context_parallel_size",
    "data": "data_parallel_size",
    "nodes": "nnodes",
}


def _size(args: EngineArgs, dest: str) -> int | Unknown:
    """Return a size; releases without the option behave as 1."""
    found = args.value(dest)
    if isinstance(found, Located) and found.value is None:
        return 1
    found = args.integer(dest)
    if isinstance(found, Unknown):
        return found
    if found.value < 1:
        return Unknown(f"`{dest}` is {found.value}")
    return found.value


def _local_replicas(args: EngineArgs, data: int) -> int | Unknown:
    for dest in ("data_parallel_rank", "data_parallel_external_lb"):
        found = args.value(dest)
        if isinstance(found, Unknown):
            return found
        if found.value is not None and found.value is not False:
            return 1
    local = args.value("data_parallel_size_local")
    if isinstance(local, Unknown):
        return local
    return local.value if isinstance(local.value, int) and local.value > 0 else data
