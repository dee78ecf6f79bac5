"""MEM001 weights-do-not-fit."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    fitting_instances,
    fitting_tensor_parallel,
    helped,
    memory_fix,
    rank_budget,
)
from vllint_schemas import (
    GIB,
    Applicability,
    Band,
    Finding,
    Fix,
    Gpu,
    Located,
    RankMemory,
    Related,
    Severity,
    Unknown,
)


class WeightsDoNotFit(Rule):
    """The weights on each GPU must fit the memory vLLM may use.

    ## What it does

    Estimates the weights that each rank holds under the launch's layout and compares the optimistic bound
    with the card's memory, as CUDA reports it, times `--gpu-memory-utilization`.

    ## Why is this bad?

    vLLM downloads and loads the weights first and runs out of memory then.

    ## Example

    A model of 70 billion parameters in 16 bits has 131 GiB of weights; an 80 GB card has 79.

    ## Use instead

    More GPUs with a `--tensor-parallel-size` to match, larger cards, or a quantized checkpoint.

    ## Fix safety

    Where the launch already has enough GPUs, the fix spreads the model over them, and shortens the context
    where that is not enough: unsafe. Where it needs others, the finding names them and changes nothing.

    ## Since

    0.1.0
    """

    code = "MEM001"
    name = "weights-do-not-fit"
    severity = Severity.ERROR
    stage = "run"
    source = "v1/core/kv_cache_planning.py:58"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    waits_for = frozenset({"PAR001", "PAR004", "MEM006", "MEM008"})
    triggers = frozenset({"memory.does_not_fit"})
    tags = ("memory", "hardware")

    BAD = (
        Example(
            title="one card",
            text="vllm serve meta-llama/Llama-3.3-70B-Instruct --max-model-len 8192\n"
            "#          ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
            gpu="H100:1",
        ),
        Example(
            title="cards enough, spread too thin",
            text="vllm serve meta-llama/Llama-3.3-70B-Instruct --max-model-len 8192 -tp 1 -dp 4\n"
            "#          ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve meta-llama/Llama-3.3-70B-Instruct --max-model-len 8192 -tp 4 -dp 1\n",
            gpu="H100:4",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve meta-llama/Llama-3.3-70B-Instruct --max-model-len 8192 -tp 4\n", gpu="H100:4"
        ),
        Example(
            title="the card is not known",
            text="vllm serve meta-llama/Llama-3.3-70B-Instruct\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the fullest rank's weights exceed the budget even at best."""
        if facts.memory.verdict != "does_not_fit":
            return
        rank = max(facts.memory.ranks, key=lambda rank: rank.weights.low)
        room = _room(rank, facts.gpu.value)
        if room is None or rank.weights.low < room.high:
            return
        model, gpu, fix = facts.model, facts.gpu, _fix(facts)
        place = facts.model_span
        yield self.finding(
            facts,
            place or facts.launch.at,
            f"the weights of `{model.id}` do not fit: {_arithmetic(rank, room, facts)}",
            helped(facts, "use more or larger cards, or a quantized checkpoint", fix is None),
            related=_related(facts, gpu),
            fix=fix,
            subject=f"model={model.id}",
            budget=rank_budget(rank, facts.memory),
        )


def _room(rank: RankMemory, gpu: Gpu) -> Band | None:
    """Return what the weights must fit: all of the card where its share bounds no cache."""
    if isinstance(rank.budget, Unknown) or rank.kv_needed == 0:
        return _whole_card(gpu)
    return rank.budget


def _whole_card(gpu: Gpu) -> Band | None:
    """Return the memory of the card, if it is known."""
    low, mid, high = gpu.memory_low_bytes, gpu.memory_bytes, gpu.memory_high_bytes
    if isinstance(low, Unknown) or isinstance(mid, Unknown) or isinstance(high, Unknown):
        return None
    return Band(low, mid, high)


def _arithmetic(rank: RankMemory, room: Band, facts: LaunchFacts) -> str:
    layout, gpu = facts.parallel, facts.gpu.value
    total = gpu.memory_bytes
    share = facts.args.value("gpu_memory_utilization")
    used = share.value if isinstance(share, Located) else None
    shared = isinstance(total, int) and used and room == rank.budget
    card = f"{total / GIB:.1f} GiB x {used}" if shared and isinstance(total, int) else "the card"
    spread = f" over {layout.gpus_per_replica} GPUs" if layout.gpus_per_replica > 1 else ""
    return (
        f"about {rank.weights.mid / GIB:.1f} GiB (at least {rank.weights.low / GIB:.1f}) on each GPU{spread},"
        f" `{gpu.name}` gives vLLM {room.mid / GIB:.1f} GiB ({card})"
    )


def _related(facts: LaunchFacts, gpu: Located[Gpu]) -> tuple[Related, ...]:
    return () if gpu.span is None else (Related(gpu.span, f"`{gpu.value.name}` here"),)


def _fix(facts: LaunchFacts) -> Fix | None:
    """Make it fit the GPUs there are; else say what it needs."""
    fix = memory_fix(facts)
    if fix is not None:
        return fix
    needs = "; ".join((*_cards(facts), *_instances(facts)))
    return Fix(needs, Applicability.DISPLAY) if needs else None


def _cards(facts: LaunchFacts) -> Iterator[str]:
    """Say how many of the same cards hold the model with its context: barely, and with room."""
    for room in fitting_tensor_parallel(facts):
        fit = "hold it with little room" if room.verdict == "tight" else "hold it"
        size = room.tensor
        yield f"{size} x `{facts.gpu.value.name}` with `--tensor-parallel-size {size}` {fit}"


def _instances(facts: LaunchFacts) -> Iterator[str]:
    """Name the platform's cheapest instance that holds the model, where the platform is known."""
    if facts.launch.platform is None:
        return
    for offer in fitting_instances(facts)[:1]:
        price = offer.instance.price_usd_hour
        cost = "" if price is None else f", ${price:,.2f} an hour"
        yield (
            f"the cheapest instance that holds it with room is `{offer.instance.name}`"
            f" (`tensorParallelSize: {offer.tensor}`{cost})"
        )
