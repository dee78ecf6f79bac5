"""dstack services, tasks and dev environments (`core/models/configurations.py`, `resources.py` of 0.22.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint.sources.commands import Script, Start, container_starts
from vllint.sources.deployments import (
    Deployment,
    deployed,
    installed_release,
    listed_variables,
    mapped_variables,
    platform_card,
    several_nodes,
    text_of,
    whole_number,
    with_devices_of_slices,
)
from vllint.sources.files import Document, Found
from vllint.sources.yaml_words import scalar_word, scalar_words
from vllint.text.yaml.nodes import Mapping, Node, Sequence
from vllint_schemas import HardwareClaim, Located, Origin, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_TYPES = frozenset({"service", "task", "dev-environment"})
_RANGE = re.compile(r"\d*\.\.\d*")
_MEMORY = re.compile(r"(?i)(?:\d+(?:\.\d+)?\s*[mgt]b?)?(?:\.\.)?(?:\d+(?:\.\d+)?\s*[mgt]b?)?")
_VENDORS = frozenset({"nvidia", "amd", "google", "intel", "tenstorrent", "tpu"})


def recognises(root: Node) -> bool:
    """Whether a document is a configuration of dstack."""
    if not isinstance(root, Mapping) or text_of(root.get("type"), "") not in _TYPES:
        return False
    return any(root.get(key) is not None for key in ("commands", "image", "replicas", "init"))


def launches(document: Document) -> Found:
    """Yield the servers that the commands start, those of each group of replicas."""
    root = document.root
    if not isinstance(root, Mapping):
        return
    groups = root.get("replicas")
    listed = [group for group in groups if isinstance(group, Mapping)] if isinstance(groups, Sequence) else []
    for part in listed or [root]:
        yield from _launches(document, root, part)


def _launches(document: Document, root: Mapping, part: Mapping) -> Found:
    """Yield the servers of one group; what it does not say, the whole does."""

    def given(key: str) -> Node | None:
        own = part.get(key)
        return root.get(key) if own is None else own

    hardware = _hardware(given("resources"))
    lines = given("commands")
    commands = scalar_words(lines) if isinstance(lines, Sequence) else ()
    at = commands[0].site if commands else root.span
    variables = given("env")
    environment = (
        *(mapped_variables(variables) or listed_variables(variables)),
        *_own_variables(hardware, Word.atomic("", at)),
    )
    name = text_of(part.get("name"), text_of(root.get("name"), "service"))
    deployment = Deployment(
        path=document.file.path,
        name=name,
        kind="dstack",
        extent=root.span,
        hardware=hardware,
        environment=environment,
        image=scalar_word(given("image")),
        release=installed_release(*commands),
        nodes=several_nodes(scalar_word(root.get("nodes"))),
    )
    yield from deployed(deployment, _starts(given("entrypoint"), commands, deployment))


def _starts(
    entrypoint: Node | None, commands: tuple[Word, ...], deployment: Deployment
) -> Iterator[Start | Script]:
    """Return what runs: the commands as lines of a script, or the image's own entry point."""
    around = deployment.surroundings
    entry = scalar_word(entrypoint)
    if not commands:
        at = deployment.image.site if deployment.image is not None else deployment.extent
        yield from container_starts((entry,) if entry is not None else None, (), around, at)
        return
    parts: list[Word] = []
    for command in commands:
        parts += (Word.atomic("\n", command.site), command) if parts else (command,)
    yield Script(Word.join(parts, commands[0].site.cover(commands[-1].site)), around)


def _hardware(resources: Node | None) -> HardwareClaim:
    """Return the claim of `resources.gpu`: a number, `H100:4`, `nvidia:A100:80GB:2`, or a mapping."""
    gpu = resources.get("gpu") if isinstance(resources, Mapping) else None
    if isinstance(gpu, Mapping):
        names = gpu.get("name")
        name = scalar_word(names)
        if isinstance(names, Sequence):
            listed = scalar_words(names)
            name = listed[0] if len(listed) == 1 else None
        count = _count(scalar_word(gpu.get("count")), gpu_given=True)
        return with_devices_of_slices(HardwareClaim(_card(name, scalar_word(gpu.get("memory"))), count))
    word = scalar_word(gpu)
    if word is None:
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    return with_devices_of_slices(_of_tokens(word))


def _of_tokens(word: Word) -> HardwareClaim:
    if word.holes:
        return HardwareClaim(Unknown(word.reason), Unknown(word.reason))
    name: Word | None = None
    count: Word | None = None
    memory: Word | None = None
    position = 0
    for token in word.text.split(":"):
        part = word.slice(position, position + len(token)) if token else None
        position += len(token) + 1
        if part is None or token.strip().lower() in _VENDORS:
            continue
        text = token.strip()
        if text.isdecimal() or _RANGE.fullmatch(text):
            count = part
        elif _MEMORY.fullmatch(text):
            memory = part
        else:
            name = part
    claim = HardwareClaim(_card(name, memory), _count(count, gpu_given=True))
    if isinstance(claim.gpu_count, Located) and count is None:
        return claim._replace(gpu_count=Located(1, word.span))
    return claim


def _card(name: Word | None, memory: Word | None) -> Located[str] | Unknown:
    """Return the card; the memory that must be there tells an 80 GB card from a 40 GB one."""
    if name is None:
        return Unknown("any card of enough memory may be given") if memory is not None else NO_GPU_CLAIM
    if "," in name.text:
        return Unknown(f"any of the cards {name.text} may be given")
    if memory is None or memory.text.find("..") >= 0:
        return platform_card(name, "dstack")
    return Located(f"{name.text} {memory.text}", name.span)


def _count(word: Word | None, gpu_given: bool) -> Located[int] | Unknown:
    if word is None:
        return Located(1) if gpu_given else NO_COUNT_CLAIM
    first, dots, last = word.text.partition("..")
    if dots and first != last:
        return Unknown(f"any number of cards in `{word.text}` may be given")
    return whole_number(word.slice(0, len(first)) if dots else word)


def _own_variables(hardware: HardwareClaim, nothing: Word) -> Iterator[Variable]:
    """Yield the variables that dstack sets."""
    count = hardware.gpu_count
    for name in ("DSTACK_GPUS_NUM", "DSTACK_GPUS_PER_NODE"):
        if isinstance(count, Located):
            yield Variable(name, Word.atomic(str(count.value), count.span or nothing.site, Origin.PLATFORM))
        else:
            yield Variable(name, Word.unknown(count.reason, nothing.site))
