"""Which runtime serves a KServe InferenceService, and the names that KServe fills into it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice

from vllint.sources.kubernetes.cluster import Cluster, find_all, objects
from vllint.sources.kubernetes.container import namespace_of
from vllint.sources.kubernetes.fields import below, mappings_in, text_at
from vllint.sources.kubernetes.pods import name_of
from vllint.sources.resource_pods import with_fields
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence, scalar_of, sequence_of
from vllint_schemas import Origin, Span, Word

_KINDS = ("ServingRuntime", "ClusterServingRuntime")
_GROUP = "serving.kserve.io/"
_MAX_OBJECTS = 500
_PLACEHOLDER = re.compile(r"\{\{-?\s*(?P<field>\.[A-Za-z.]+)\s*-?\}\}")


def runtime_of(service: Mapping, cluster: Cluster) -> Mapping | None:
    """Return the specification of the one runtime that serves a service; `None` where that is not certain."""
    model = below(service, "spec", "predictor", "model")
    name = text_at(model, "runtime")
    if name:
        namespace = namespace_of(service)
        found = [*find_all(cluster, _KINDS[0], name, namespace), *find_all(cluster, _KINDS[1], name, "")]
    else:
        form = text_at(model, "modelFormat", "name")
        found = [one for one in _own(cluster) if _selects(one, form)]
    found = [one for one in found if _is_runtime(one)]
    spec = found[0].get("spec") if len(found) == 1 else None
    return spec if isinstance(spec, Mapping) else None


def services_with(runtime: Mapping, cluster: Cluster) -> bool:
    """Whether a service in the file of a runtime is served by it."""
    spec = runtime.get("spec")
    for one in _own(cluster):
        if text_at(one, "kind") == "InferenceService" and _may_name(one, runtime):
            found = runtime_of(one, cluster)
            if found is not None and spec is not None and found.span == spec.span:
                return True
    return False


def _own(cluster: Cluster) -> tuple[Mapping, ...]:
    """Return the objects of the file, as far as anyone would look."""
    return tuple(islice(objects(cluster.roots), _MAX_OBJECTS))


def _may_name(service: Mapping, runtime: Mapping) -> bool:
    name = text_at(service, "spec", "predictor", "model", "runtime")
    return name in {"", name_of(runtime)}


def _is_runtime(resource: Mapping) -> bool:
    return text_at(resource, "kind") in _KINDS and text_at(resource, "apiVersion").startswith(_GROUP)


def _selects(runtime: Mapping, form: str) -> bool:
    """Whether KServe takes a runtime by itself for models of a format."""
    formats = below(runtime, "spec", "supportedModelFormats")
    return any(
        text_at(one, "name").lower() == form.lower() and text_at(one, "autoSelect") == "true"
        for one in mappings_in(formats)
    )


def with_names(node: Mapping, name: Word | None) -> Mapping:
    """Return a runtime's specification with `{{.Name}}` filled in by the service's `name`, where known.

    What KServe fills in never splits a word.
    """
    filled = _filled(node, name)
    return filled if isinstance(filled, Mapping) else node


def taken_over(container: Mapping, model: Mapping) -> Mapping:
    """Return a runtime's container as a service's `model` names it: its `args` are written elsewhere."""
    args, place = container.get("args"), model.get("runtime") or below(model, "modelFormat", "name")
    if not isinstance(args, Sequence) or place is None:
        return container
    items = tuple(_used(item, place.span) if isinstance(item, Scalar) else item for item in args)
    return with_fields(container, ("args", sequence_of(items, args)))


def _used(item: Scalar, site: Span) -> Scalar:
    word = item.word()
    return scalar_of(replace(word, origin=Origin.VARIABLE, via=(site, *word.via)))


def _filled(node: Node, name: Word | None) -> Node:
    if isinstance(node, Mapping):
        return node.with_entries(tuple((key, _filled(value, name)) for key, value in node.items()))
    if isinstance(node, Sequence):
        return sequence_of(tuple(_filled(item, name) for item in node), node)
    return scalar_of(_replaced(node.word(), name)) if "{{" in node.value else node


def _replaced(word: Word, name: Word | None) -> Word:
    parts: list[Word] = []
    position = 0
    for match in _PLACEHOLDER.finditer(word.text):
        use = word.slice(*match.span())
        known = name if match["field"] == ".Name" else None
        if known is None:
            value = Word.unknown(f"KServe fills in `{match.group()}`", use.site)
        else:
            value = replace(known, site=use.site, via=(use.site, *known.via), slot=None)
        parts += (word.slice(position, match.start()), value)
        position = match.end()
    if not parts:
        return word
    joined = Word.join((*parts, word.slice(position)), word.site)
    return replace(joined, slot=word.slot, via=word.via + joined.via)
