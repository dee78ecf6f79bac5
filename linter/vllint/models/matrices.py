"""Weights as vLLM's parallel layers hold them: divided by columns or rows, or copied.

Source: vllm/model_executor/layers/linear.py of 0.33.0.
"""

from __future__ import annotations

from collections.abc import Iterable

from vllint_schemas.models import Component, Components

VOCABULARY_PADDING = 64
"""Rows of embedding and head come in multiples of it. vllm/.../vocab_parallel_embedding.py."""


def linear(inputs: int, outputs: int, bias: bool = True) -> int:
    """Return the elements of a matrix that is neither divided nor quantized, with its bias."""
    return inputs * outputs + (outputs if bias else 0)


def columns(name: str, inputs: int, outputs: int, bias: bool = False) -> list[Component]:
    """Return a matrix divided by its outputs, and its bias with it (`ColumnParallelLinear`)."""
    matrix = Component(name, inputs * outputs, "even", quantizable=True, outputs=outputs)
    return [matrix, Component(f"{name}_bias", outputs, "even")] if bias else [matrix]


def rows(name: str, inputs: int, outputs: int, bias: bool = False) -> list[Component]:
    """Return a matrix divided by its inputs, whose bias every rank has (`RowParallelLinear`)."""
    matrix = Component(name, inputs * outputs, "even", quantizable=True, outputs=outputs, by_inputs=True)
    return [matrix, copied(f"{name}_bias", outputs)] if bias else [matrix]


def replicated(name: str, inputs: int, outputs: int, bias: bool = False) -> list[Component]:
    """Return a matrix that every rank has whole (`ReplicatedLinear`)."""
    matrix = Component(name, inputs * outputs, "none", quantizable=True, outputs=outputs)
    return [matrix, copied(f"{name}_bias", outputs)] if bias else [matrix]


def heads(name: str, inputs: int, outputs: int, units: int, bias: bool = False) -> list[Component]:
    """Return a matrix divided by heads, which ranks share if there are more of them (`QKVParallelLinear`)."""
    matrix = Component(name, inputs * outputs, "key_value", quantizable=True, units=units, outputs=outputs)
    return [matrix, Component(f"{name}_bias", outputs, "key_value", units=units)] if bias else [matrix]


def experts_of(name: str, experts: int, hidden: int, width: int, matrices: int = 3) -> list[Component]:
    """Return routed experts: matrices in, of which a gated one has two, and the one out (`FusedMoE`)."""
    inner = experts * width * (matrices - 1)
    return [
        Component(name, hidden * inner, "expert", quantizable=True, outputs=inner),
        Component(
            name,
            experts * hidden * width,
            "expert",
            quantizable=True,
            outputs=experts * hidden,
            by_inputs=True,
        ),
    ]


def divided(name: str, elements: int, width: int = 0) -> Component:
    """Return weights that are divided and never quantized, of `width` bytes where not the model's."""
    return Component(name, elements, "even", width=width)


def copied(name: str, elements: int, width: int = 0) -> Component:
    """Return weights that every rank has and no method quantizes."""
    return Component(name, elements, "none", width=width)


def total_of(components: Iterable[Component]) -> tuple[Component, ...]:
    """Return the components with equal ones counted together."""
    counted: dict[Component, Component] = {}
    for component in components:
        kind = component._replace(elements=0, outputs=0)
        so_far = counted.get(kind, kind)
        counted[kind] = kind._replace(
            elements=so_far.elements + component.elements, outputs=so_far.outputs + component.outputs
        )
    return tuple(counted.values())


def padded(vocabulary: int) -> int:
    """Return the rows of an embedding table."""
    return -(-vocabulary // VOCABULARY_PADDING) * VOCABULARY_PADDING


def table(name: str, vocabulary: int, hidden: int) -> Component:
    """Return a table divided by rows (`VocabParallelEmbedding`, `ParallelLMHead`)."""
    return Component(name, padded(vocabulary) * hidden, "vocabulary", quantizable=name == "head")


def model_of(
    vocabulary: int, hidden: int, layers: tuple[tuple[Component, ...], ...], *, norm: int, tied: bool
) -> Components:
    """Return a decoder: an embedding, its layers, a last norm of so many elements, a head."""
    return Components(
        (table("embedding", vocabulary, hidden),),
        layers,
        (copied("final_norm", norm),) if norm else (),
        (table("head", vocabulary, hidden),),
        tied,
    )
