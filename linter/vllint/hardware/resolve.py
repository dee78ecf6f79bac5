"""What a launch runs on: from directives, the file's own claim, the command line and settings."""

from __future__ import annotations

from typing import NamedTuple

from vllint.statements import StatementError
from vllint_schemas import Gpu, Hardware, HardwareClaim, Instance, Located, Origin, Span, Unknown
from vllint_schemas.launch import NO_COUNT_CLAIM


class Machine(NamedTuple):
    """A machine as people state it: a card's name, how many of them there are, or both."""

    gpu: Located[str] | None
    gpu_count: Located[int] | None


def parse_machine(text: str, span: Span | None, origin: Origin) -> Machine | None:
    """Read `CARD` or `CARD:N`; `None` when `N` is not a whole number above 0."""
    name, colon, number = text.rpartition(":")
    if not colon:
        return Machine(Located(text, span, origin), None)
    if not number.isdecimal() or int(number) < 1 or not name:
        return None
    card_span = count_span = None
    if span is not None:
        card_span = Span(span.path, span.start, span.start + len(name))
        count_span = Span(span.path, span.end - len(number), span.end)
    return Machine(Located(name, card_span, origin), Located(int(number), count_span, origin))


def stated_machine(text: str, origin: Origin, where: str) -> Machine:
    """Return a machine that the user states; raises StatementError, naming `where`, for what is unknown."""
    machine = parse_machine(text, None, origin)
    if machine is None or machine.gpu is None:
        raise StatementError(f"{where}: `{text}` is not `CARD` or `CARD:N`, as `H100:8`")
    from vllint.hardware.cards import find_card, suggest_cards

    card = find_card(machine.gpu.value)
    if isinstance(card, Unknown):
        close = suggest_cards(machine.gpu.value)
        hint = f"; did you mean {', '.join(f'`{name}`' for name in close)}?" if close else "."
        raise StatementError(f"{where}: {card.reason}{hint} Any card goes as `name@48GiB`.")
    return machine


def resolve_hardware(
    claim: HardwareClaim, launch_machine: Machine | None, machines: tuple[Machine, ...]
) -> Hardware:
    """Return the card and the count, each known or unknown on its own.

    `launch_machine` is stated for this launch and beats the file; `machines` are stated for the file or
    the run, the strongest first: their card holds where the file names none, their count is what `all`
    and launches without a claim get.
    """
    instance = _instance(claim)
    stated = (launch_machine, *machines) if launch_machine else machines
    gpu = _gpu(claim, instance, stated)
    count = launch_machine.gpu_count if launch_machine is not None else None
    price = instance.price_usd_hour if instance is not None else None
    return Hardware(gpu, count or _count(claim, instance, machines), instance, price)


def _instance(claim: HardwareClaim) -> Instance | None:
    if claim.instance is None:
        return None
    from vllint.hardware.instances import find_hf_instance, find_instance

    name, blank, size = claim.instance.value.partition(" ")
    found = find_hf_instance(claim.provider, name, size) if blank else find_instance(name, claim.provider)
    return found if isinstance(found, Instance) else None


def _gpu(
    claim: HardwareClaim, instance: Instance | None, stated: tuple[Machine, ...]
) -> Located[Gpu] | Unknown:
    """Return the card: directives first, then the file's claim, then what is stated from outside."""
    names = [machine.gpu for machine in stated if machine.gpu is not None]
    own = claim.gpu if isinstance(claim.gpu, Located) else None
    if instance is not None and claim.instance is not None:
        own = Located(instance.gpu, claim.instance.span, claim.instance.origin, claim.instance.via)
    if own is not None:
        outside = [name for name in names if name.origin is not Origin.DIRECTIVE]
        names = [name for name in names if name.origin is Origin.DIRECTIVE] + [own] + outside
    if not names:
        if claim.instance is not None:
            return Unknown(f"the instance `{claim.instance.value}` is not in the table")
        return claim.gpu if isinstance(claim.gpu, Unknown) else Unknown("no card is named")
    name = names[0]
    from vllint.hardware.cards import find_card

    card = find_card(name.value)
    if isinstance(card, Unknown):
        return card
    return Located(card, name.span, name.origin, name.via)


def _count(
    claim: HardwareClaim, instance: Instance | None, machines: tuple[Machine, ...]
) -> Located[int] | Unknown:
    """Return the file's number; "all" and silence give the stated machine's, "all" else the instance's."""
    own = claim.gpu_count
    if isinstance(own, Located) and isinstance(own.value, int):
        return Located(own.value, own.span, own.origin, own.via)
    if isinstance(own, Unknown) and own != NO_COUNT_CLAIM:
        return own
    for machine in machines:
        if machine.gpu_count is not None:
            return machine.gpu_count
    if isinstance(own, Located) and instance is not None and claim.instance is not None:
        named = claim.instance
        return Located(instance.gpu_count, named.span, named.origin, named.via)
    if isinstance(own, Located):
        return Unknown("the file takes all GPUs of a machine it does not name")
    return own
