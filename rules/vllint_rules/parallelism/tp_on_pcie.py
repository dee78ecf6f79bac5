"""PAR026 tp-on-pcie."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, has_trait, memory_verdict
from vllint_schemas import Applicability, Finding, Fix, Related, Severity, Unknown

_LEAST = 4
"""The least tensor parallel size to speak of: two cards exchange little."""


class TpOnPcie(Rule):
    """Cards without NVLink are better used by pipeline stages than by wide tensor parallelism.

    ## What it does

    Looks for a tensor parallel size of four or more on cards of one machine that are known to have no NVLink,
    such as L4, L40S, A10G and RTX 4090, for models that vLLM can cut into stages.

    ## Why is this bad?

    Under tensor parallelism the cards exchange results twice in every layer, here over PCIe. Pipeline stages
    exchange them once per stage: many requests at a time go through faster, a single one slower.

    ## Example

    `vllm serve Qwen/Qwen2.5-72B-Instruct -tp 8` on eight L40S.

    ## Use instead

    `vllm serve Qwen/Qwen2.5-72B-Instruct -tp 1 -pp 8`, or `-tp 2 -pp 4`, if throughput counts: measure both.

    ## Since

    0.1.0
    """

    code = "PAR026"
    name = "tp-on-pcie"
    severity = Severity.INFO
    stage = "advice"
    source = ""
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/parallelism_scaling.html"
    needs = ("arguments", "model", "gpu", "gpu_count")
    waits_for = frozenset({"PRF001", "PAR001", "PAR004", "PAR005", "MEM001", "MEM002"})
    triggers = frozenset({"tensor_parallel_size"})
    tags = ("performance", "parallelism", "hardware")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen2.5-72B-Instruct --tensor-parallel-size 8\n"
            "#                                                           ~\n",
            gpu="L40S:8",
        ),
    )
    GOOD = (
        Example(title="NVLink", text="vllm serve Qwen/Qwen2.5-72B-Instruct -tp 8\n", gpu="H100:8"),
        Example(title="stages", text="vllm serve Qwen/Qwen2.5-72B-Instruct -tp 2 -pp 4\n", gpu="L40S:8"),
        Example(title="two cards", text="vllm serve Qwen/Qwen2.5-32B-Instruct -tp 2\n", gpu="L40S:2"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield advice for wide tensor parallelism over PCIe."""
        layout, place = facts.parallel, facts.args.place("tensor_parallel_size")
        alone = layout.pipeline == layout.prefill_context == layout.nodes == 1 and not layout.expert
        if place is None or layout.tensor < _LEAST or not alone or facts.gpu.value.nvlink is not False:
            return
        if facts.gpu_count.value < layout.tensor or not _does_stages(facts):
            return
        staged = layout._replace(tensor=1, pipeline=layout.tensor)
        if memory_verdict(facts, staged) == "does_not_fit":
            return
        words = f"`--tensor-parallel-size 1 --pipeline-parallel-size {layout.tensor}`"
        card = facts.gpu
        yield self.finding(
            facts,
            place,
            f"`{card.value.name}` has no NVLink: {layout.tensor} cards exchange results twice per layer over"
            " PCIe",
            f"for throughput measure {words} as well; keep it if the latency of single requests counts most",
            related=() if card.span is None else (Related(card.span, "the cards"),),
            fix=Fix(f"use {words}", Applicability.DISPLAY),
            subject=f"tensor_parallel_size={layout.tensor}",
        )


def _does_stages(facts: LaunchFacts) -> bool:
    """Whether vLLM can cut the model into as many stages as there are ranks now."""
    layers = facts.model.num_hidden_layers
    decode = facts.args.value("decode_context_parallel_size")
    shares = not isinstance(decode, Unknown) and decode.value not in (None, 1)
    enough = layers is not None and layers >= facts.parallel.tensor
    return enough and not shares and has_trait(facts.model.architecture, "pipeline_parallel") is True
