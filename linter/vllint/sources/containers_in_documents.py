"""Containers in YAML and JSON that no other reader knows: task definitions of ECS, jobs of GPU clouds.

What names an image of vLLM's and, beside it, arguments or a command, is a container.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.commands import container_starts
from vllint.sources.containers import gpu_number, image_entry_point
from vllint.sources.deployments import Deployment, deployed, listed_variables, mapped_variables, text_of
from vllint.sources.files import Found
from vllint.sources.yaml_words import scalar_word, scalar_words
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import HardwareClaim, Located, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM, AllGpus

_IMAGE = re.compile(r"(?:\w+_)?(?:container|docker)?_?image(?:_?(?:uri|name|url))?", re.I)
_COMMAND = re.compile(r"(?:\w+_)?(?:command|cmd)", re.I)
_ARGUMENTS = re.compile(r"(?:\w+_)?(?:args|arguments|dockerargs)", re.I)
_ENTRY_POINT = re.compile(r"(?:\w+_)?entry_?point", re.I)
_ENVIRONMENT = re.compile(r"(?:\w+_)?env(?:ironment)?(?:_?(?:vars|variables))?", re.I)
_GPUS = re.compile(r"(?:\w+_)?(?:gpus?|gpu_?count|num_?gpus)|nvidia\.com/gpu", re.I)
_REFERENCE = re.compile(r"\$\((\w+)\)")
_FILLED_IN = re.compile(r"\$\{[A-Za-z_][^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_MAX_NODES = 20_000
_MAX_DEPTH = 6


class Container(NamedTuple):
    """The parts of a container, as far as it has them."""

    fields: Mapping
    image: Word
    entry_point: tuple[Word, ...]
    command: tuple[Word, ...]
    arguments: tuple[Word, ...]


def containers(root: Node) -> Iterator[Container]:
    """Yield the containers of vLLM's images below a node, in the order in which they stand."""
    waiting = [root]
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, Mapping):
            found = _container(node)
            if found is not None:
                yield found
            else:
                waiting.extend(value for _, value in reversed(list(node.items())))
        elif isinstance(node, Sequence):
            waiting.extend(reversed(node.entries))


def container_launches(container: Container, path: str) -> Found:
    """Yield what a container starts.

    A command alone is what docker calls one, the words for the image's own program, unless it names a
    program itself; beside arguments it is that program.
    """
    fields = container.fields
    variables = tuple(_variables(_value(fields, _ENVIRONMENT)))
    deployment = Deployment(
        path=path,
        name=text_of(fields.get("name"), "container") or "container",
        kind="command",
        extent=fields.span,
        hardware=HardwareClaim(NO_GPU_CLAIM, _gpu_count(fields, 0)),
        environment=variables,
        image=container.image,
    )
    first, then = container.entry_point, container.command + container.arguments
    if not first and container.command and (container.arguments or _names_program(container.command[0])):
        first, then = container.command, container.arguments
    words = tuple(_filled(word, variables) for word in then)
    around = deployment.surroundings
    yield from deployed(deployment, container_starts(first or None, words, around, container.image.site))


def _container(fields: Mapping) -> Container | None:
    image = scalar_word(_value(fields, _IMAGE))
    if image is None or image_entry_point(image) is None:
        return None
    parts = [_words(_value(fields, name)) for name in (_ENTRY_POINT, _COMMAND, _ARGUMENTS)]
    return Container(fields, image, *parts) if any(parts) else None


def _value(fields: Mapping, name: re.Pattern[str]) -> Node | None:
    """Return the value of the first key of that kind."""
    return next(
        (value for key, value in fields.items() if isinstance(key, Scalar) and name.fullmatch(key.value)),
        None,
    )


def _words(node: Node | None) -> tuple[Word, ...]:
    """Return a list's words, or those of a text without quotes."""
    if isinstance(node, Sequence):
        return scalar_words(node)
    word = scalar_word(node)
    if word is None:
        return ()
    if set(word.text) & set("'\"\\$`|&;<>\n"):
        return (Word.unknown("a text is taken apart as the platform does", word.site, splits=True),)
    from vllint.sources.blank_words import words_at_blanks

    return tuple(words_at_blanks(word))


def _names_program(word: Word) -> bool:
    name = word.text.rsplit("/", 1)[-1]
    return re.fullmatch(r"vllm|python[\d.]*|(?:ba|da|z)?sh|uv", name) is not None


def _variables(node: Node | None) -> Iterator[Variable]:
    """Yield variables: a mapping, a list as of Kubernetes, or a list of mappings with `key` and `value`."""
    yield from mapped_variables(node)
    yield from listed_variables(node)
    for item in node if isinstance(node, Sequence) else ():
        name, value = (
            (scalar_word(item.get(part)) for part in ("key", "value"))
            if isinstance(item, Mapping)
            else (None, None)
        )
        if name is not None and value is not None:
            yield Variable(name.text, value)


def _filled(word: Word, variables: tuple[Variable, ...]) -> Word:
    """Return a word in which `$(NAME)` is what the container's variables say; `${...}` may be filled in."""
    match = _REFERENCE.fullmatch(word.text)
    if match is None:
        return _open(word)
    known = next((variable.value for variable in variables if variable.name == match[1]), None)
    if known is None:
        return Word.unknown(f"`{word.text}` is not set in this file", word.site)
    return replace(known, site=word.site, via=(word.site, *known.via), slot=None)


def _open(word: Word) -> Word:
    """Return a word with a hole for each `${...}`, which some platforms fill in."""
    parts: list[Word] = []
    position = 0
    for match in _FILLED_IN.finditer(word.text):
        site = word.slice(*match.span()).site
        parts += (word.slice(position, match.start()), Word.unknown(f"`{match[0]}` may be filled in", site))
        position = match.end()
    return Word.join((*parts, word.slice(position)), word.site) if position else word


def _gpu_count(node: Node, depth: int) -> Located[int | AllGpus] | Unknown:
    """Return how many GPUs a container asks for, in a field of its own or in those below it."""
    if depth > _MAX_DEPTH:
        return NO_COUNT_CLAIM
    if isinstance(node, Mapping):
        asked = _value(node, _GPUS)
        if text_of(node.get("type"), "") == "GPU":
            asked = node.get("value")
        word = scalar_word(asked)
        number = gpu_number(word.text) if word is not None and word.is_known else None
        if word is not None and number:
            return Located(number, word.span, word.origin, word.via)
    inner = [value for _, value in node.items()] if isinstance(node, Mapping) else ()
    for child in node.entries if isinstance(node, Sequence) else inner:
        found = _gpu_count(child, depth + 1) if isinstance(child, Mapping | Sequence) else NO_COUNT_CLAIM
        if isinstance(found, Located):
            return found
    return NO_COUNT_CLAIM
