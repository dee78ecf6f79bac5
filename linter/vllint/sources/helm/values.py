"""Helm values: of charts that are known by their schema, and of others the parts that are a server's.

Values stand in files of their own, in Flux' `HelmRelease`, Argo CD's `Application`, K3s' `HelmChart` and
helmfiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.files import Document, Found
from vllint.sources.helm import modelservice_chart, production_stack
from vllint.sources.helm.chart_engines import Engine, engine_launches
from vllint.sources.helm.own_charts import engine_of, folded, image_of, shared_gpus
from vllint.sources.helm.parameters import with_parameters
from vllint.sources.kubernetes.fields import below, mappings_in
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Word

_RELEASES = frozenset({"HelmRelease", "Application", "ApplicationSet", "HelmChart", "HelmChartConfig"})
_LISTS = frozenset({"models", "instances", "engines", "servers", "deployments", "llms", "catalog"})
"""Keys of several servers, which share the image that stands beside them."""

_MAX_DEPTH = 12
_MAX_PARTS = 5000


def recognises(root: Node) -> bool:
    """Whether a document holds values that start vLLM."""
    return next((True for values in _values(root) for _ in _engines(values)), False)


def launches(document: Document) -> Found:
    """Yield the launches of all values in a document."""
    for values in _values(document.root):
        engines = tuple(_engines(values))
        if values is document.root and not all(engine.certain for engine in engines):
            from vllint.sources.helm.chart_templates import chart_launches

            rendered = tuple(chart_launches(values, document.file))
            if rendered:
                yield from rendered
                continue
        for engine in engines:
            if not engine.says_nothing:
                yield from engine_launches(engine, document.file)


def _values(root: Node) -> Iterator[Mapping]:
    """Yield the values in a document: those of a release, or the document itself."""
    if not isinstance(root, Mapping):
        return
    kind = root.get("kind")
    if root.get("apiVersion") is not None and isinstance(kind, Scalar):
        if kind.value in _RELEASES:
            yield from _of_release(root)
        return
    releases = root.get("releases")
    if isinstance(releases, Sequence):
        for release in mappings_in(releases):
            yield from mappings_in(release.get("values"))
        return
    yield root


def _of_release(root: Mapping) -> Iterator[Mapping]:
    spec = root.get("spec")
    template = below(spec, "template", "spec")
    for holder in (spec, template):
        for values in (below(holder, "values"), below(holder, "valuesContent")):
            yield from _mapping(values)
        for source in (below(holder, "source"), *mappings_in(below(holder, "sources"))):
            for name in ("valuesObject", "values"):
                for values in _mapping(below(source, "helm", name)):
                    yield with_parameters(values, below(source, "helm", "parameters"))


def _mapping(node: Node | None) -> Iterator[Mapping]:
    """Yield a mapping, or the one that a text holds as YAML."""
    if isinstance(node, Mapping):
        yield node
    if not isinstance(node, Scalar) or not node.value.strip():
        return
    from vllint.text.yaml.builder import YamlProblem
    from vllint.text.yaml.tree import parse_yaml

    try:
        roots = parse_yaml(node.word())
    except YamlProblem:
        # Argo CD fills in placeholders of such a text before it reads it.
        return
    yield from (root for root in roots if isinstance(root, Mapping))


class _Place(NamedTuple):
    """A part of the values, the key it stands at, and the image that parts around it give it."""

    part: Mapping
    key: Scalar | None
    image: Word | None
    depth: int


def _engines(values: Mapping) -> Iterator[Engine]:
    """Yield the servers in a chart's values, those of charts within it included.

    What the values as a whole ask for in GPUs is for their only server.
    """
    found = list(_below(_Place(values, None, None, 0), [_MAX_PARTS]))
    if len(found) == 1 and found[0].values is not values:
        engine = found[0]
        container, settings = (
            (*part, *((name, value) for name, value in given if not any(name == own for own, _ in part)))
            for part, given in zip((engine.container, engine.settings), shared_gpus(values), strict=True)
        )
        found = [engine._replace(container=container, settings=settings)]
    yield from found


def _below(place: _Place, left: list[int]) -> Iterator[Engine]:
    """Yield the servers of a part; what only may be one gives way to those in it."""
    left[0] -= 1
    if place.depth > _MAX_DEPTH or left[0] < 0:
        return
    known = _known_chart(place.part)
    if known is not None:
        yield from known
        return
    own = engine_of(place.part, place.key, place.image)
    if own is not None and own.command is not None and own.certain:
        yield own
        return
    found = False
    for child in _children(place):
        for engine in _below(child, left):
            found = found or not engine.says_nothing
            yield engine
    if own is not None and not found:
        yield own


def _known_chart(values: Mapping) -> Iterator[Engine] | None:
    specs = production_stack.model_specs(values)
    if specs is not None:
        return production_stack.engines(values, specs)
    if modelservice_chart.is_modelservice(values):
        return modelservice_chart.engines(values)
    return None


def _children(place: _Place) -> Iterator[_Place]:
    """Yield the mappings below a part, those in lists under the names they have there."""
    image = image_of(place.part) or place.image
    for key, value in place.part.items():
        name = key if isinstance(key, Scalar) else None
        shared = image if folded(key) in _LISTS else None
        if isinstance(value, Mapping):
            kept = place.image if place.key is not None and folded(place.key) in _LISTS else shared
            yield _Place(value, name, kept, place.depth + 1)
        for item in mappings_in(value) if isinstance(value, Sequence) else ():
            own = item.get("name")
            yield _Place(item, own if isinstance(own, Scalar) else name, shared, place.depth + 1)
