"""How pipeline parallelism deals out layers."""

from __future__ import annotations


def layers_per_stage(num_hidden_layers: int, pipeline: int) -> tuple[int, ...]:
    """Return each stage's number of layers (vLLM 0.33.0 `distributed/utils.py:198`).

    What does not divide evenly goes to the stages before the last, the last but one first.
    """
    base, rest = divmod(num_hidden_layers, pipeline)
    stages = [base] * pipeline
    for back in range(2, rest + 2):
        stages[-back] += 1
    return tuple(stages)
