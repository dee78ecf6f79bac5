"""The KV pool by peers' published formulas, per GPU, given the weights that vLLM logged.

Each is written after the source its docstring names (versions as of August 2026). Sizes are in GiB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

GIB = 1024**3
MIB = 1024**2


class Case(NamedTuple):
    """What the formulas take: the card, its share, the logged weights, and the model's shape."""

    total: float
    nominal: float
    utilization: float
    weights: float
    tensor: int
    tokens: int
    hidden: int
    intermediate: int
    architecture: str
    experts: bool
    multimodal: bool


def llm_d_planner(case: Case) -> float:
    """Return llm-d-planner's pool (`src/planner/capacity_planner.py` at e50305a)."""
    by_name = (("Llama", 4.8), ("Qwen2", 5.6), ("Qwen3", 5.6), ("Pixtral", 2.5), ("Mistral3", 2.5))
    activation = 8.0 if case.experts else 2.5 if case.multimodal else 5.5
    for name, size in by_name:
        if case.architecture.startswith(name) and not case.experts:
            activation = size
            break
    libraries = 0.15 if case.tensor == 1 else 0.6
    return max(0.0, case.utilization * case.total - case.weights - activation - libraries)


def kaito(case: Case) -> float:
    """Return kaito's pool (`nodesestimator/estimator.go` at 056b828): 2.3 GiB and 5 % of the weights."""
    return case.utilization * case.total - 2.3 - 1.05 * case.weights


def aiconfigurator(case: Case) -> float:
    """Return aiconfigurator's pool (`_get_memory_usage` at 095f58a): of nominal memory, without its 2 %."""
    by_size = {1: 22, 2: 13, 4: 10, 8: 10} if case.experts else {1: 11, 2: 6.5, 4: 5, 8: 5}
    activation = 2 * case.tokens * case.hidden * by_size[min(8, case.tensor)] / GIB
    collectives = {1: 0, 2: 342, 4: 392, 8: 392}[min(8, case.tensor)] * MIB / GIB
    return case.nominal * case.utilization - case.weights - activation - collectives - 3.5


def gpu_calculator(case: Case) -> float:
    """Return LLM-GPU-Calc's pool (`app.py`), with 1 GiB beside PyTorch."""
    activation = case.tokens * (18 * case.hidden + 4 * case.intermediate) / GIB
    return case.utilization * case.total - case.weights - 1.0 - activation


def kvfit(case: Case) -> float:
    """Return kvfit's pool (`kvfit/planner.py` 0.3.0): nominal memory, no overhead by design."""
    return case.utilization * case.nominal - case.weights


def gpustack(case: Case) -> float:
    """Return what gpustack's claim leaves (`estimate_model_vram` at 47277d7): it predicts no pool itself."""
    return case.utilization * case.total - 1.2 * case.weights - 2.0 / case.tensor


FORMULAS: dict[str, Callable[[Case], float]] = {
    "aiconfigurator": aiconfigurator,
    "kaito": kaito,
    "LLM-GPU-Calc": gpu_calculator,
    "llm-d-planner": llm_d_planner,
    "kvfit": kvfit,
    "gpustack (what its claim leaves)": gpustack,
}
