"""The objects that a pod refers to: in its own file, in the files beside it, made by a kustomization."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Variables
from functools import lru_cache
from typing import NamedTuple

from vllint.sources.files import File
from vllint.sources.kubernetes.container import Service, namespace_of, services_of
from vllint.sources.kubernetes.fields import text_at
from vllint.sources.yaml_words import scalar_word
from vllint.text.source import SourceText
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint.text.yaml.tree import parse_source
from vllint_schemas import Unknown, Word

_MAX_FILES = 60
"""How many manifests of a folder are looked into: in a larger one, names do not say what belongs together."""

_MAX_DEPTH = 8
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class Cluster(NamedTuple):
    """What is known of the objects around a pod: those of its file, and the file itself."""

    roots: tuple[Node, ...]
    file: File


def settings_of(cluster: Cluster, kind: str, name: str, namespace: str) -> Variables[str, Word] | Unknown:
    """Return the texts of a ConfigMap or Secret by their keys; `kind` is one of the two."""
    if not name:
        return Unknown(f"no {kind} is named")
    generated = tuple(_generated(cluster.file, kind, name))
    found = [*(_settings(root) for root in find_all(cluster, kind, name, namespace)), *generated]
    if not found:
        return Unknown(f"the {kind} `{name}` is not at hand")
    return found[0] if len(found) == 1 else Unknown(f"there are several objects called `{name}`")


def find_all(cluster: Cluster, kind: str, name: str, namespace: str) -> tuple[Mapping, ...]:
    """Return the objects of a kind and name: the file's own, else those of the files around it."""
    own = tuple(_named(cluster.roots, kind, name, namespace))
    if own:
        return own[-1:]
    return tuple(
        found
        for roots in documents_beside(cluster.file, (kind, name))
        for found in _named(roots, kind, name, namespace)
    )


def services_around(cluster: Cluster, name: str) -> Iterator[Service]:
    """Yield the Services of the file, and those called `name` in the files around it."""
    yield from services_of(cluster.roots)
    for roots in documents_beside(cluster.file, ("Service", f"name: {name}\n")):
        yield from (service for service in services_of(roots) if service.name.value == name)


def documents_beside(file: File, marks: tuple[str, ...]) -> Iterator[tuple[Node, ...]]:
    """Yield the documents of each file around `file` that holds all of `marks`."""
    for source in _files_around(file):
        if all(mark in source.text for mark in marks):
            yield documents_of(source)


def kustomization_beside(file: File) -> Mapping | None:
    """Return the kustomization of the file's folder."""
    for name in KUSTOMIZATIONS:
        source = file.source if file.path.rpartition("/")[2] == name else file.neighbour(name)
        roots = documents_of(source) if source is not None else ()
        if roots:
            return roots[0] if isinstance(roots[0], Mapping) else None
    return None


@lru_cache(maxsize=64)
def documents_of(source: SourceText) -> tuple[Node, ...]:
    """Return the documents of a file; none of one that is no YAML."""
    try:
        return tuple(parse_source(source))
    except YamlProblem:
        # What is wrong with it is said where that file is checked.
        return ()


def _files_around(file: File) -> Iterator[SourceText]:
    """Yield the manifests of the file's folder, and those that its kustomization lists."""
    own = file.path.rpartition("/")[2]
    listing = file.neighbour("./")
    names = [name for name in listing.text.split("\n") if _is_yaml(name)] if listing is not None else []
    if len(names) > _MAX_FILES:
        names = []
    for name in (*names, *_listed_elsewhere(file)):
        source = file.neighbour(name) if name != own else None
        if source is not None:
            yield source


def _listed_elsewhere(file: File) -> Iterator[str]:
    kustomization = kustomization_beside(file)
    resources = kustomization.get("resources") if kustomization is not None else None
    for item in resources if isinstance(resources, Sequence) else ():
        if isinstance(item, Scalar) and "/" in item.value.removeprefix("./") and _is_yaml(item.value):
            yield item.value


def _is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _named(roots: Iterable[Node], kind: str, name: str, namespace: str) -> Iterator[Mapping]:
    for root in objects(roots):
        metadata, kind_node = root.get("metadata"), root.get("kind")
        named = metadata.get("name") if isinstance(metadata, Mapping) else None
        if not isinstance(kind_node, Scalar) or kind_node.value != kind:
            continue
        own = namespace_of(root)
        if (
            isinstance(named, Scalar)
            and named.value == name
            and (not own or not namespace or own == namespace)
        ):
            yield root


def objects(roots: Iterable[Node], depth: int = 0) -> Iterator[Mapping]:
    """Yield the objects of documents, those in lists included."""
    for root in roots:
        if not isinstance(root, Mapping) or depth > _MAX_DEPTH:
            continue
        items = root.get("objects") if text_at(root, "kind") == "Template" else root.get("items")
        if isinstance(items, Sequence):
            yield from objects(items, depth + 1)
        else:
            yield root


def _settings(root: Mapping) -> Variables[str, Word]:
    """Return what a ConfigMap's `data`, or a Secret's `data` and `stringData`, hold."""
    kind = root.get("kind")
    is_secret = isinstance(kind, Scalar) and kind.value == "Secret"
    found: dict[str, Word] = {}
    for field in ("data", "stringData"):
        entries = root.get(field)
        for key, value in entries.items() if isinstance(entries, Mapping) else ():
            word = scalar_word(value)
            if isinstance(key, Scalar) and word is not None:
                found[key.value] = _decoded(word) if is_secret and field == "data" else word
    return found


def _decoded(word: Word) -> Word:
    try:
        text = base64.b64decode("".join(word.text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return Word.unknown("the Secret's value is no text in base64", word.site)
    return Word.atomic(text, word.site) if word.is_known else word


def _generated(file: File, kind: str, name: str) -> Iterator[Variables[str, Word]]:
    """Yield what the folder's kustomization generates under a name."""
    kustomization = kustomization_beside(file)
    generators = kustomization.get(_GENERATORS[kind]) if kustomization is not None else None
    for generator in generators if isinstance(generators, Sequence) else ():
        named = generator.get("name") if isinstance(generator, Mapping) else None
        if isinstance(generator, Mapping) and isinstance(named, Scalar) and named.value == name:
            yield dict(_generated_texts(generator, file))


_GENERATORS = {"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}


def _generated_texts(generator: Mapping, file: File) -> Iterator[tuple[str, Word]]:
    """Yield the keys of a generator: of `envs`, of `files` by name, of `literals` (Kustomize's order)."""
    for path in _texts(generator, "envs"):
        source = file.neighbour(path.text)
        if source is not None:
            from vllint.sources.env_files import read_raw_env_file

            yield from read_raw_env_file(source).items()
    for item in _texts(generator, "files"):
        key, equals, path_text = item.text.rpartition("=")
        source = file.neighbour(path_text)
        if source is not None:
            whole = Word.verbatim(source.text, source.path, 0)
            yield key if equals else path_text.rpartition("/")[2], whole
    for item in _texts(generator, "literals"):
        key, equals, _ = item.text.partition("=")
        if equals:
            yield key, item.slice(len(key) + 1)


def _texts(node: Mapping, key: str) -> Iterator[Word]:
    items = node.get(key)
    for item in items if isinstance(items, Sequence) else ():
        word = scalar_word(item)
        if word is not None:
            yield word
