"""Launches on platforms that give cards, variables and an image to a command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vllint.sources.commands import Script, Start, Surroundings
from vllint.sources.files import Found
from vllint.sources.shell import broken_shell, inner_script_starts, started_launch
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint.vllm.version import image_version
from vllint_schemas import HardwareClaim, Kind, Launch, Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_PINNED = re.compile(r"(?m)^[^#\n]*?\bvllm(?:\[[^\]\n]*\])?===?([0-9][0-9A-Za-z.+]*)")
_TEMPLATE = re.compile(r"\.(?:tpl|tmpl|template)$")
_FIELD = re.compile(r"(?<![$\\{])\{[A-Za-z_]\w*\}(?!\})")
_TPU_SLICE = re.compile(r"(?:tpu-)?v\d+[a-z]*-\d+(?:x\d+)*", re.IGNORECASE)
_CARDS = re.compile(r"(?P<card>[^:]+?)\s*(?::\s*(?P<count>\d+))?")

NO_RELEASE = Unknown("the file does not name a vLLM release")


class Deployment(NamedTuple):
    """What a platform is told about a server but its command."""

    path: str
    name: str
    kind: Kind
    extent: Span
    hardware: HardwareClaim
    environment: tuple[Variable, ...] = ()
    image: Word | None = None
    release: Located[str] | Unknown = NO_RELEASE
    nodes: Located[int] | Unknown | None = None

    @property
    def surroundings(self) -> Surroundings:
        """What the deployment's command runs in."""
        around = Surroundings(gpu_count=self.hardware.gpu_count, image=self.image)
        return around.with_variables(self.environment)


def deployed(deployment: Deployment, found: Iterable[Start | Script]) -> Found:
    """Yield the launches of what a deployment's command starts."""
    for one in found:
        if isinstance(one, Start):
            yield _launch(deployment, one, one.at, NO_RELEASE)
            continue
        for inner in inner_script_starts(one):
            if inner.broken:
                yield broken_shell(inner)
            else:
                yield _launch(deployment, inner.start, inner.extent, inner.pinned)


def _launch(deployment: Deployment, start: Start, extent: Span, pinned: Located[str] | Unknown) -> Launch:
    around = start.surroundings
    count = around.gpu_count
    stated = deployment.hardware.gpu_count
    if isinstance(count, Located) and count.value == "all" and isinstance(stated, Located):
        count = stated
    whole = deployment.extent.cover(extent) if extent.path == deployment.path else deployment.extent
    claim = deployment.hardware._replace(gpu_count=count)
    launch = started_launch(start, deployment.kind, deployment.path, deployment.name, whole, claim, pinned)
    return launch._replace(
        vllm_version=_release(deployment, around.image, pinned),
        env=tuple(dict.fromkeys(around.environment)),
        nodes=deployment.nodes,
    )


def _release(
    deployment: Deployment, image: Word | None, pinned: Located[str] | Unknown
) -> Located[str] | Unknown:
    """Return the release that a script installs, else the deployment's, else the image's."""
    for release in (pinned, deployment.release):
        if isinstance(release, Located):
            return release
    return deployment.release if image is None else image_version(image)


def installed_release(*texts: Word | None) -> Located[str] | Unknown:
    """Return the release that the last `vllm==...` of the texts names, comments left out."""
    for text in reversed(texts):
        matches = list(_PINNED.finditer(text.text)) if text is not None else []
        if text is not None and matches:
            part = text.slice(*matches[-1].span(1))
            return Located(part.text, part.text_span, part.origin, part.via)
    return NO_RELEASE


def platform_card(name: Word, provider: str) -> Located[str] | Unknown:
    """Return the card that a platform gives under `name`; a name the table lacks may be a card's own."""
    if not name.is_known:
        return Unknown(name.reason)
    from vllint.hardware.instances import find_instance

    found = find_instance(name.text, provider)
    card = name.text if isinstance(found, Unknown) else found.gpu
    return Located(card, name.span, name.origin, name.via)


def instance_claim(name: Word | None, provider: str) -> HardwareClaim:
    """Return the claim of a machine named by its type: the type tells the card and how many there are."""
    if name is None:
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    if not name.is_known:
        return HardwareClaim(Unknown(name.reason), Unknown(name.reason))
    from vllint.hardware.instances import find_instance

    found = find_instance(name.text, provider)
    instance = Located(name.text, name.span, name.origin, name.via)
    if isinstance(found, Unknown):
        return HardwareClaim(found, found, instance, provider)
    count = Located(found.gpu_count, name.span, name.origin, name.via)
    return HardwareClaim(NO_GPU_CLAIM, count, instance, provider)


def with_devices_of_slices(claim: HardwareClaim) -> HardwareClaim:
    """Return a claim in which slices of TPUs, as `v5litepod-4`, are no devices: each has several."""
    if not isinstance(claim.gpu, Located) or _TPU_SLICE.fullmatch(claim.gpu.value) is None:
        return claim
    return claim._replace(gpu_count=Unknown(f"`{claim.gpu.value}` is a slice of several TPU chips"))


def counted_cards(text: Word, provider: str) -> HardwareClaim:
    """Read `H100:8` or `H100`, which is one card."""
    return with_devices_of_slices(_counted_cards(text, provider))


def _counted_cards(text: Word, provider: str) -> HardwareClaim:
    if not text.is_known:
        return HardwareClaim(Unknown(text.reason), Unknown(text.reason))
    match = _CARDS.fullmatch(text.text.strip())
    if match is None:
        reason = Unknown(f"`{text.text}` is not `CARD:NUMBER`")
        return HardwareClaim(reason, reason)
    shift = len(text.text) - len(text.text.lstrip())
    start, end = match.span("card")
    card = platform_card(text.slice(start + shift, end + shift), provider)
    if match["count"] is None:
        return HardwareClaim(card, Located(1, text.span, text.origin, text.via))
    start, end = match.span("count")
    number = text.slice(start + shift, end + shift)
    return HardwareClaim(card, Located(int(match["count"]), number.span, text.origin, text.via))


def several_nodes(word: Word | None) -> Located[int] | Unknown | None:
    """Return how many machines there are; `None` for one."""
    if word is None or word.text == "1":
        return None
    return whole_number(word)


def whole_number(word: Word | None, missing: Unknown = NO_COUNT_CLAIM) -> Located[int] | Unknown:
    """Read a number of cards above 0."""
    if word is None:
        return missing
    if not word.is_known:
        return Unknown(word.reason)
    text = word.text.strip()
    if not text.isdecimal() or int(text) < 1:
        return Unknown(f"`{text}` is not a number of cards")
    return Located(int(text), word.span, word.origin, word.via)


def mapped_variables(node: Node | None) -> tuple[Variable, ...]:
    """Return the variables of a mapping `NAME: value`; one without a value is passed on from outside."""
    if not isinstance(node, Mapping):
        return ()
    return tuple(
        _variable(key, value)
        for key, value in node.items()
        if isinstance(key, Scalar) and isinstance(value, Scalar)
    )


def _variable(key: Scalar, value: Scalar) -> Variable:
    if value.resolved() is None:
        return Variable(key.value, Word.unknown(f"`{key.value}` is given when it is deployed", value.span))
    word = scalar_word(value)
    return Variable(key.value, value.word() if word is None else word)


def listed_variables(node: Node | None) -> Iterator[Variable]:
    """Yield the variables of a list: `NAME=value`, `NAME`, or mappings with `name` and `value`."""
    if not isinstance(node, Sequence):
        return
    for item in node:
        word = scalar_word(item)
        if word is not None:
            name, equals, _ = word.text.partition("=")
            given = word.slice(len(name) + 1) if equals else None
            unknown = Word.unknown(f"`{name}` is passed on from the environment", word.site)
            yield Variable(name, unknown if given is None else given)
        elif isinstance(item, Mapping):
            name_node, value = item.get("name"), item.get("value")
            if isinstance(name_node, Scalar) and isinstance(value, Scalar):
                yield _variable(name_node, value)


def deployed_text(node: Node | None) -> Word | None:
    """Return a scalar's word; `{name}` in a template's file is filled in before it is deployed."""
    word = scalar_word(node)
    if word is None or "{" not in word.text or not _TEMPLATE.search(word.site.path):
        return word
    parts: list[Word] = []
    position = 0
    for match in _FIELD.finditer(word.text):
        parts.append(word.slice(position, match.start()))
        site = word.slice(*match.span()).site
        parts.append(Word.unknown(f"`{match.group()}` is filled in later", site, splits=True))
        position = match.end()
    return Word.join((*parts, word.slice(position)), word.site)


def text_of(node: Node | None, default: str) -> str:
    """Return a scalar's text."""
    return node.value if isinstance(node, Scalar) and node.value else default
