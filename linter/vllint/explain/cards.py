"""A graphics card, or a machine with some."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.explain.rows import gib, row
from vllint.hardware.cards import find_card
from vllint.hardware.instances import hf_instances
from vllint.report.colours import Palette
from vllint.vllm.options import option_table
from vllint.vllm.releases import releases
from vllint_schemas import Gpu, Instance, Unknown

_ENDPOINTS_SHOWN = 6


def card_lines(card: Gpu, colours: Palette) -> Iterator[str]:
    """Yield what is known of a card."""
    yield colours.paint(colours.strong, card.name)
    yield from row("vendor", card.vendor)
    yield from row("memory", *_memory(card))
    if card.compute_capability is not None:
        yield from row("capability", "compute capability {}.{}".format(*card.compute_capability))
    if card.nvlink is not None:
        yield from row("NVLink", "yes" if card.nvlink else "no")
    offers = [instance for instance in hf_instances() if _is_same(instance, card)]
    if offers:
        more = f", and {len(offers) - _ENDPOINTS_SHOWN} more" if len(offers) > _ENDPOINTS_SHOWN else ""
        yield from row("endpoints", f"{', '.join(map(_offer, offers[:_ENDPOINTS_SHOWN]))}{more}")


def instance_lines(instance: Instance, colours: Palette) -> Iterator[str]:
    """Yield what is known of a machine, and of its cards."""
    yield colours.paint(colours.strong, instance.name)
    yield from row("provider", instance.provider)
    yield from row("cards", f"{instance.gpu_count} x {instance.gpu}")
    if instance.price_usd_hour is not None:
        yield from row("price", f"${instance.price_usd_hour:,.2f} an hour")
    card = find_card(instance.gpu)
    if not isinstance(card, Unknown):
        yield from card_lines(card, colours)


def _memory(card: Gpu) -> Iterator[str]:
    if isinstance(card.memory_bytes, Unknown):
        yield f"not known: {card.memory_bytes.reason}"
        return
    low, high = card.memory_low_bytes, card.memory_high_bytes
    spread = ""
    if isinstance(low, int) and isinstance(high, int) and gib(low) != gib(high):
        spread = f" ({gib(low)} to {gib(high)})"
    yield f"{gib(card.memory_bytes)}{spread}, as CUDA reports it"
    if card.vendor == "nvidia":
        share = option_table(releases()[-1]).by_flag["--gpu-memory-utilization"].default
        taken = gib(card.memory_bytes * share)
        yield f"vLLM {releases()[-1]} takes {taken} of it, unless told otherwise ({share})"


def _is_same(instance: Instance, card: Gpu) -> bool:
    found = find_card(instance.gpu)
    return not isinstance(found, Unknown) and found.name == card.name


def _offer(instance: Instance) -> str:
    price = "" if instance.price_usd_hour is None else f" (${instance.price_usd_hour:,.2f} an hour)"
    return f"{instance.name}{price}"
