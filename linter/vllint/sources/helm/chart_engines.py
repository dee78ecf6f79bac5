"""What a chart makes of its values: the pod whose container starts vLLM, read as Kubernetes' own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vllint.sources.files import Document, File, Found
from vllint.text.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence, scalar_of, sequence_of
from vllint_schemas import Container, Launch, Located, Span, Unknown, Word

OPEN_ENDED = "the chart's template may add options of its own"


class Engine(NamedTuple):
    """A server as a chart's values give it; `values` are the part of them that is its own.

    `command` and `args` are scalars, `None` where the image's own command runs. `settings` are keys of the
    pod (`nodeSelector`, `affinity`), `container` keys of the container, as the chart writes them.
    `grouped` says that pods hold the model together, `certain` that a command of its own starts vLLM,
    `says_nothing` that the values hold no more of the server than its image.
    """

    values: Mapping
    name: str
    image: Word | None
    command: tuple[Node, ...] | None
    args: tuple[Node, ...]
    at: Span | None = None
    environment: tuple[Node, ...] = ()
    container: tuple[tuple[str, Node], ...] = ()
    settings: tuple[tuple[str, Node], ...] = ()
    grouped: bool = False
    certain: bool = True
    says_nothing: bool = False


def engine_launches(engine: Engine, file: File) -> Found:
    """Yield what an engine's pod starts."""
    from vllint.sources.kubernetes import manifests

    pod = _pod(engine)
    for found in manifests.launches(Document(pod, (pod,), file)):
        if not isinstance(found, Launch):
            yield found
            continue
        hardware = found.hardware
        if engine.grouped:
            hardware = hardware._replace(gpu_count=Unknown("the pods of a group hold the model together"))
        yield found._replace(
            name=engine.name,
            kind="helm_values",
            hardware=hardware,
            at=found.at if engine.at is None else engine.at,
            extent=engine.values.span,
            container=_limited(found.container),
        )


def _limited(container: Container | None) -> Container | None:
    """Return what values say of a container: the chart's templates give it more."""
    if container is None:
        return None
    more = Unknown("the chart's template gives the container more than its values say")
    return container.given_more(more)


def _pod(engine: Engine) -> Mapping:
    values = engine.values
    written: list[tuple[str, Node]] = [("name", text_at(engine.name, engine.at or values.span))]
    image = engine.image or Word.unknown("the values do not name the image", values.span)
    written.append(("image", scalar_of(image)))
    if engine.command is not None:
        written.append(("command", sequence_of(engine.command, values)))
    written.append(("args", sequence_of(engine.args, values)))
    if engine.environment:
        written.append(("env", sequence_of(engine.environment, values)))
    container = made_mapping(values, (*written, *engine.container))
    containers = sequence_of((container,), values)
    spec = made_mapping(values, (*engine.settings, ("containers", containers)))
    kind, version = text_at("Pod", values.span), text_at("v1", values.span)
    return made_mapping(values, (("apiVersion", version), ("kind", kind), ("spec", spec)))


def made_mapping(like: Mapping, entries: Iterable[tuple[str, Node]]) -> Mapping:
    """Return a mapping of the entries that stands where `like` does."""
    return like.with_entries(tuple((text_at(name, like.span), value) for name, value in entries))


def text_at(text: str, place: Span) -> Scalar:
    """Return a scalar that stands for the source at `place`."""
    return scalar_of(Word.atomic(text, place))


def option(flag: str, key: Node, value: Node | None = None) -> tuple[Node, ...]:
    """Return the words that a field stands for: its option, and its value as it is written."""
    name = text_at(flag, key.span)
    return (name,) if value is None else (name, *(_plain(node) for node in (value,)))


def _plain(value: Node) -> Node:
    """Return a field's value without its slot: a field is no place for other options."""
    if not isinstance(value, Scalar):
        return value
    word = value.word()
    return scalar_of(Word(word.text, word.runs, word.site, word.holes, word.origin, word.via))


def open_end(place: Span) -> Scalar:
    """Return the word that stands for the options that a template may add."""
    return scalar_of(Word.unknown(OPEN_ENDED, place, splits=True))


def named_variables(node: Node | None) -> Iterator[Node]:
    """Yield the items of an `env` list, or of a mapping of names to values as such items."""
    if isinstance(node, Sequence):
        yield from node
    elif isinstance(node, Mapping):
        for name, value in node.items():
            yield variable(node, name, value)


def variable(around: Mapping, name: Node, value: Node) -> Node:
    """Return an item of `env`; a mapping as a value says where in the cluster it comes from."""
    key = "value" if isinstance(value, Scalar) else "valueFrom"
    entries: tuple[Entry, ...] = (
        (text_at("name", around.span), name),
        (text_at(key, around.span), value),
    )
    return around.with_entries(entries)


def text_of(node: Node | None) -> str | None:
    """Return the text of a scalar that says something; `None` for what is empty, null or no scalar."""
    if not isinstance(node, Scalar) or node.resolved() is None or not node.value.strip():
        return None
    return node.value


def is_on(node: Node | None) -> bool:
    """Whether a template's `if` holds for a value: not false, null, zero, or empty."""
    if isinstance(node, Scalar):
        return node.resolved() not in (None, False, 0, 0.0, "")
    return node is not None and bool(len(node.children()))


def located_count(node: Node | None) -> Located[int] | None:
    """Return a whole number that a field states; `None` for anything else."""
    if not isinstance(node, Scalar) or not node.value.isdecimal():
        return None
    word = node.word()
    return Located(int(node.value), word.span, word.origin, word.via)
