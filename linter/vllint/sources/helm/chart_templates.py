"""A chart's own templates, rendered with the values of a file that stands beside them."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.files import Document, File, Found
from vllint.sources.kubernetes import manifests
from vllint.sources.templates.reading import launches_once
from vllint.sources.templates.syntax import Definition, Node, parse_template
from vllint.sources.templates.tags import MARK
from vllint.sources.templates.text import Known, renderings
from vllint.sources.templates.values import Scope
from vllint.text.source import SourceText
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Mapping, Scalar
from vllint.text.yaml.tree import parse_source, parse_yaml
from vllint_schemas import Launch, Span, Word

_DEFAULTS = "values.yaml"
_MAX_TEMPLATES = 60
_MAX_DEPTH = 20


def chart_launches(values: Mapping, file: File) -> Found:
    """Yield what the templates of the chart make of `values`, whose file stands at the chart's top."""
    names = file.neighbour("templates/")
    if names is None:
        return
    known = _known(values, file)
    found: list[Launch] = []
    for name in names.text.split("\n")[:_MAX_TEMPLATES]:
        source = file.neighbour(f"templates/{name}") if name.endswith((".yaml", ".yml")) else None
        if source is not None and "containers" in source.text:
            found.extend(_template_launches(source, file, known))
    for launch in launches_once("", (tuple(found),)):
        here = values.span
        at = launch.at if launch.at.path == file.path else _image_place(launch, file.path) or _key(here)
        yield launch._replace(path=file.path, kind="helm_values", extent=here, at=at)


def _key(span: Span) -> Span:
    return Span(span.path, span.start, span.start)


def _image_place(launch: Launch, path: str) -> Span | None:
    """Return the place in the values that names the launch's image."""
    runs = launch.image.runs if launch.image is not None else ()
    return next((run.source for run in runs if run.source.path == path and len(run.source)), None)


def _known(values: Mapping, file: File) -> Known:
    texts = {file.path: file.source.text}
    defaults = None
    if file.path.rpartition("/")[2] != _DEFAULTS:
        defaults = _root(file.neighbour(_DEFAULTS), texts)
    chart = _root(file.neighbour("Chart.yaml"), texts)
    scope = Scope(values if defaults is None else merged(defaults, values), chart)
    return Known(scope, texts, dict(_helpers(file)))


def _helpers(file: File) -> Iterator[tuple[str, tuple[Word, tuple[Node, ...]]]]:
    """Yield the chart's own templates to include, by their names."""
    source = file.neighbour("templates/_helpers.tpl")
    if source is None:
        return
    whole = Word.verbatim(source.text, source.path, 0)
    for node in parse_template(source.text):
        if isinstance(node, Definition):
            yield node.name, (whole, node.nodes)


def _root(source: SourceText | None, texts: dict[str, str]) -> Mapping | None:
    try:
        roots = () if source is None else parse_source(source)
    except YamlProblem:
        # What such a file says is as unknown as what a missing one does.
        return None
    if source is not None:
        texts[source.path] = source.text
    return next((root for root in roots if isinstance(root, Mapping)), None)


def merged(defaults: Mapping, values: Mapping, depth: int = 0) -> Mapping:
    """Return values over a chart's own: mappings are merged, all else is replaced, null takes away."""
    own = {key.value: (key, value) for key, value in values.items() if isinstance(key, Scalar)}
    entries = {key.value: (key, value) for key, value in defaults.items() if isinstance(key, Scalar)}
    for name, (key, value) in own.items():
        base = entries.get(name)
        if base is not None and isinstance(value, Mapping) and isinstance(base[1], Mapping):
            inner = merged(base[1], value, depth + 1) if depth < _MAX_DEPTH else value
            entries[name] = (key, inner)
        else:
            entries[name] = (key, value)
    return values.with_entries(tuple(entries.values()))


def _template_launches(source: SourceText, file: File, known: Known) -> Iterator[Launch]:
    """Yield the launches of one template."""
    whole = Word.verbatim(source.text, source.path, 0)
    template = File(source, file.neighbour)
    for word in renderings(whole, known=known):
        try:
            roots = parse_yaml(word)
        except YamlProblem:
            # Values that the template was not made for, or texts that do not go together.
            continue
        for root in roots:
            if manifests.recognises(root):
                for found in manifests.launches(Document(root, roots, template)):
                    if isinstance(found, Launch):
                        yield found._replace(name=found.name.replace(MARK, "").strip("/-") or "vllm")
