"""What else would make a launch fit, at the cost of precision or of more cards: proved, and never applied."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.facts import LaunchFacts
from vllint.layouts import fitting_tensor_parallel
from vllint.memory.estimate import known_card
from vllint.remedies import fits_with
from vllint.vllm.attention_backends import attention_of, chosen_backend
from vllint_schemas import Unknown

_NATIVE_FP8 = (8, 9)


def ways_out(facts: LaunchFacts, cards: bool = True) -> tuple[str, ...]:
    """Return in words what would make the launch fit, each way with its price; more `cards` if asked for."""
    return (*_narrow_cache(facts), *_narrow_weights(facts), *(_more_cards(facts) if cards else ()))


def helped(facts: LaunchFacts, otherwise: str, cards: bool = True) -> str:
    """Return the ways out as help; `otherwise` where none is proved."""
    ways = ways_out(facts, cards)
    return f"it would fit with {', or '.join(ways)}" if ways else otherwise


def _narrow_cache(facts: LaunchFacts) -> Iterator[str]:
    if _takes_narrow_cache(facts) and fits_with(facts, {"kv_cache_dtype": "fp8"}):
        yield "`--kv-cache-dtype fp8` (a KV cache of 8 bits, which costs precision)"


def _takes_narrow_cache(facts: LaunchFacts) -> bool:
    """Whether the cache is as wide as the model now, and the card is known to take one of FP8 for it."""
    gpu, asked = known_card(facts.hardware.gpu), facts.args.given("kv_cache_dtype")
    if isinstance(gpu, Unknown) or gpu.compute_capability is None or asked is not None:
        return False
    attention = attention_of(facts.model)
    if attention is None or attention.kind == "sparse" or facts.args.given("attention_backend") is not None:
        return False
    choice = chosen_backend(attention, "fp8", gpu.compute_capability)
    return choice is not None and choice.backend is not None and choice.obstacle is None


def _narrow_weights(facts: LaunchFacts) -> Iterator[str]:
    model, gpu = facts.model, known_card(facts.hardware.gpu)
    asked = facts.args.given("quantization") or facts.args.given("load_format")
    if isinstance(gpu, Unknown) or model.quantized is not False or asked is not None:
        return
    if gpu.compute_capability is None or gpu.compute_capability < _NATIVE_FP8:
        return
    if fits_with(facts, {"quantization": "fp8"}):
        yield "`--quantization fp8` (weights of 8 bits, which costs precision)"


def _more_cards(facts: LaunchFacts) -> Iterator[str]:
    """Yield how many of the same cards hold a copy of the model with room."""
    for room in fitting_tensor_parallel(facts):
        if room.verdict == "fits" and room.tensor > facts.parallel.tensor:
            cards = room.tensor * facts.parallel.pipeline
            yield f"`--tensor-parallel-size {room.tensor}` on {cards} x `{facts.gpu.value.name}`"
