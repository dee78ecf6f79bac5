"""PRF001 dp-vs-tp."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, best_layout, describe, memory_verdict
from vllint_schemas import Applicability, Finding, Fix, Severity, Unknown
from vllint_schemas.parallel import Parallel

_REQUESTS = 8
"""Requests of full length that each copy must hold at once, at worst, for the advice to be given."""

_SPREAD = 4
"""How many times too wide the model must be spread over NVLink; two GPUs lose little to it."""

_CHOSEN = ("decode_context_parallel_size", "speculative_config", "performance_mode", "kv_transfer_config")
"""Options that say the layout was thought about, or is for latency."""


class DpVsTp(Rule):
    """Copies of a small model serve more requests than one copy cut in pieces.

    ## What it does

    Looks for dense models on several GPUs of a known card where fewer GPUs hold a copy with much room: the
    weights, and the KV cache of eight requests of the full context length by the estimate's worst case. Cards
    with NVLink, or that may have it, must be four times as many as needed: over two of them little is lost.

    ## Why is this bad?

    Under tensor parallelism the GPUs exchange results twice in every layer. Where one GPU would do, copies
    of the model exchange nothing and answer more requests in the same time. A single request is slower.

    ## Example

    `vllm serve Qwen/Qwen2.5-7B-Instruct -tp 4` on four GPUs of 80 GB.

    ## Use instead

    `vllm serve Qwen/Qwen2.5-7B-Instruct -tp 1 -dp 4`, unless the latency of single requests counts most.

    ## Since

    0.1.0
    """

    code = "PRF001"
    name = "dp-vs-tp"
    severity = Severity.INFO
    stage = "advice"
    source = ""
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/data_parallel_deployment.html"
    needs = ("arguments", "model", "gpu", "memory")
    waits_for = frozenset({"PAR001", "PAR004", "PAR005", "PAR009", "MEM001", "MEM002", "MEM003"})
    triggers = frozenset({"tensor_parallel_size"})
    tags = ("performance", "parallelism", "hardware")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 4\n"
            "#                                                          ~\n",
            gpu="H100:4",
        ),
        Example(
            title="over PCIe",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, Qwen/Qwen3-8B, --max-model-len, "8192", --tensor-parallel-size, "2"]
    #                                                                                   ~
""",
            gpu="L40S:2",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen2.5-7B-Instruct -tp 1 -dp 4\n", gpu="H100:4"),
        Example(
            title="two GPUs with NVLink", text="vllm serve Qwen/Qwen2.5-7B-Instruct -tp 2\n", gpu="H100:2"
        ),
        Example(title="too large for one GPU", text="vllm serve Qwen/Qwen2.5-72B -tp 4\n", gpu="H100:4"),
        Example(
            title="fits one GPU, with little room for requests",
            text="vllm serve Qwen/Qwen3-32B -tp 2\n",
            gpu="H100:2",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield advice when less tensor parallelism leaves much room."""
        layout, place = facts.parallel, facts.args.place("tensor_parallel_size")
        if place is None or not _is_plain(facts):
            return
        gpus = layout.gpus_needed_here
        better = best_layout(facts, gpus)
        if better is None or better.tensor >= layout.tensor or better.gpus_needed_here != gpus:
            return
        if memory_verdict(facts, better) != "fits" or _requests(facts, better) < _REQUESTS:
            return
        if layout.tensor // better.tensor < _SPREAD and facts.gpu.value.nvlink is not False:
            return
        words = f"`--tensor-parallel-size {better.tensor} --data-parallel-size {better.data}`"
        fit = "GPU holds" if better.tensor == 1 else "GPUs hold"
        yield self.finding(
            facts,
            place,
            f"{better.tensor} {fit} `{facts.model.id}` with room to spare, and it is spread over"
            f" {layout.tensor}",
            f"for throughput take {words}: {describe(better)}; keep it if the latency of single requests"
            " counts most",
            fix=Fix(f"use {words}", Applicability.DISPLAY),
            subject=f"tensor_parallel_size={layout.tensor}",
        )


def _is_plain(facts: LaunchFacts) -> bool:
    """Whether a dense model is spread by tensor parallelism alone, on one machine, without other wishes."""
    layout, args = facts.parallel, facts.args
    return (
        facts.model.num_experts == 0
        and layout.tensor > 1
        and layout.pipeline == layout.prefill_context == layout.nodes == 1
        and layout.data == layout.data_local
        and args.open_ended is None
        and not any(args.given(dest) for dest in _CHOSEN)
    )


def _requests(facts: LaunchFacts, layout: Parallel) -> float:
    """Return a lower bound of the full-length requests that a GPU holds under less tensor parallelism.

    Weights and cache grow at most as the tensor parallel size shrinks.
    """
    growth = facts.parallel.tensor / layout.tensor
    least: list[float] = []
    for rank in facts.memory.ranks:
        if isinstance(rank.kv, Unknown) or isinstance(rank.kv_needed, Unknown) or not rank.kv_needed:
            return 0.0
        left = rank.kv.low - rank.weights.high * (growth - 1)
        least.append(left / (rank.kv_needed * growth))
    return min(least, default=0.0)
