"""Kustomizations: the objects that one of them makes of its resources.

Follows Kustomize's `Kustomization`: `resources`, `patches` and its two older names, `images`. Names keep
what they are in the resources: nothing here depends on prefixes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath
from typing import NamedTuple

from vllint.sources.files import File
from vllint.sources.kubernetes.cluster import KUSTOMIZATIONS, documents_of, objects
from vllint.sources.kubernetes.fields import mappings_in, text_at
from vllint.sources.kubernetes.patches import strategic_merge, with_operations
from vllint.sources.yaml_words import scalar_word
from vllint.text.source import SourceText
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence, scalar_of, sequence_of
from vllint.text.yaml.tree import parse_yaml
from vllint.vllm.version import split_image
from vllint_schemas import Word

_MAX_DEPTH = 5
_KEYED_API = frozenset({"v1", "apps/v1", "batch/v1"})
_CHANGES = ("patches", "patchesStrategicMerge", "patchesJson6902", "images")
_CONTAINER_LISTS = frozenset({"containers", "initContainers"})


class _Patch(NamedTuple):
    """The documents of a patch, what they aim at where that is said, and the mapping that names them."""

    documents: tuple[Node, ...]
    target: Mapping | None
    place: Mapping


class _Folder(NamedTuple):
    """A folder with a kustomization: its path from the file being read, and those that led here."""

    path: str
    file: File
    above: tuple[str, ...] = ()

    def read(self, name: str) -> SourceText | None:
        """Return a file of the folder, by a path from it."""
        path = normpath(f"{self.path}{name}")
        if path == _name(self.file.path):
            return self.file.source
        source = self.file.neighbour(path)
        same_name = _name(name) == _name(self.file.path)
        return (
            self.file.source if same_name and source is not None and source.text == self.file.text else source
        )


def is_kustomization(root: Node) -> bool:
    """Whether a document is a kustomization, which need not name its kind."""
    if not isinstance(root, Mapping):
        return False
    if root.get("kind") is not None:
        return text_at(root, "kind") in {"Kustomization", "Component"}
    return isinstance(root.get("resources"), Sequence) and any(root.get(key) is not None for key in _CHANGES)


def overlaid_objects(file: File) -> tuple[Mapping, ...]:
    """Return the objects of the kustomization that a file is, or that names it as a patch; else none."""
    folder = _Folder("", file) if _name(file.path) in KUSTOMIZATIONS else _naming(file)
    return () if folder is None else _built(folder)


def is_patch(file: File) -> bool:
    """Whether the kustomization beside a file, or in a folder above it, names it as a patch."""
    return _naming(file) is not None


def _naming(file: File) -> _Folder | None:
    """Return the folder of the kustomization that names a file as a patch."""
    for folder in (_Folder(path, file) for path in ("", "../", "../../")):
        kustomization = _kustomization(folder)
        for path in _patch_paths(kustomization) if kustomization is not None else ():
            if _name(path) == _name(file.path) and folder.read(path) == file.source:
                return folder
    return None


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _patch_paths(kustomization: Mapping) -> tuple[str, ...]:
    """Return the files that hold patches."""
    entries = (
        *mappings_in(kustomization.get("patches")),
        *mappings_in(kustomization.get("patchesJson6902")),
    )
    older = kustomization.get("patchesStrategicMerge")
    paths = [text_at(entry, "path") for entry in entries]
    paths += [item.value for item in older if isinstance(item, Scalar)] if isinstance(older, Sequence) else []
    return tuple(paths)


def _kustomization(folder: _Folder) -> Mapping | None:
    for name in KUSTOMIZATIONS:
        source = folder.read(name)
        roots = documents_of(source) if source is not None else ()
        if roots and isinstance(roots[0], Mapping):
            return roots[0]
    return None


def _built(folder: _Folder) -> tuple[Mapping, ...]:
    """Return what a folder's kustomization makes."""
    kustomization = _kustomization(folder)
    if kustomization is None or len(folder.above) > _MAX_DEPTH or folder.path in folder.above:
        return ()
    made = [found for key in ("resources", "bases") for found in _resources(kustomization.get(key), folder)]
    for patch in _patches(kustomization, folder):
        made = _patched(made, patch)
    for image in mappings_in(kustomization.get("images")):
        made = [_with_image(found, image) for found in made]
    return tuple(found for found in made if isinstance(found, Mapping))


def _resources(items: Node | None, folder: _Folder) -> Iterator[Node]:
    for item in items if isinstance(items, Sequence) else ():
        if not isinstance(item, Scalar) or "://" in item.value or item.value.startswith("github.com/"):
            continue
        if item.value.endswith((".yaml", ".yml")):
            source = folder.read(item.value)
            yield from objects(documents_of(source)) if source is not None else ()
            continue
        path = normpath(f"{folder.path}{item.value}") + "/"
        yield from _built(_Folder(path, folder.file, (*folder.above, folder.path)))


def _patches(kustomization: Mapping, folder: _Folder) -> Iterator[_Patch]:
    for key in ("patches", "patchesJson6902"):
        for entry in mappings_in(kustomization.get(key)):
            target, text = entry.get("target"), entry.get("patch")
            documents = _documents(text if text is not None else entry.get("path"), folder, text is not None)
            yield _Patch(documents, target if isinstance(target, Mapping) else None, entry)
    older = kustomization.get("patchesStrategicMerge")
    for item in older if isinstance(older, Sequence) else ():
        inline = isinstance(item, Scalar) and "\n" in item.value
        yield _Patch(_documents(item, folder, inline), None, kustomization)


def _documents(node: Node | None, folder: _Folder, inline: bool) -> tuple[Node, ...]:
    """Return the documents of a patch, written in the kustomization or in a file of its own."""
    if not isinstance(node, Scalar):
        return ()
    if not inline:
        source = folder.read(node.value)
        return documents_of(source) if source is not None else ()
    try:
        return tuple(parse_yaml(node.word()))
    except YamlProblem:
        # Kustomize says so; what the patch would change is not known, and is left alone.
        return ()


def _patched(made: list[Node], patch: _Patch) -> list[Node]:
    for document in patch.documents:
        aimed = [index for index, found in enumerate(made) if _is_aimed_at(found, document, patch.target)]
        if patch.target is None and len(aimed) != 1:
            continue
        for index in aimed:
            found = made[index]
            changed = _changed(found, document, patch.place) if isinstance(found, Mapping) else None
            made = [*made[:index], found if changed is None else changed, *made[index + 1 :]]
    return made


def _changed(found: Mapping, document: Node, place: Mapping) -> Mapping | None:
    if isinstance(document, Sequence):
        return with_operations(found, document, place)
    if isinstance(document, Mapping):
        return strategic_merge(found, document, text_at(found, "apiVersion") in _KEYED_API)
    return None


def _is_aimed_at(found: Node, document: Node, target: Mapping | None) -> bool:
    """Whether a patch is for an object; what aims by labels is not followed."""
    if target is None:
        same_kind = text_at(found, "kind") == text_at(document, "kind")
        return same_kind and text_at(found, "metadata", "name") == text_at(document, "metadata", "name")
    if target.get("labelSelector") is not None or target.get("annotationSelector") is not None:
        return False
    pairs = ((text_at(target, "kind"), ("kind",)), (text_at(target, "name"), ("metadata", "name")))
    return all(not wanted or _matches(wanted, text_at(found, *path)) for wanted, path in pairs)


def _matches(pattern: str, text: str) -> bool:
    """Whether a target's pattern, most often a plain name, is all of a text."""
    if re.fullmatch(r"[\w.-]*|\.\*|[\w-]+\.\*", pattern) is None:
        return False
    return re.fullmatch(pattern, text) is not None


def _with_image(node: Node, image: Mapping) -> Node:
    """Return an object with another image in the containers that have the one named."""
    if isinstance(node, Sequence):
        items = tuple(_with_image(item, image) for item in node)
        unchanged = all(new is old for new, old in zip(items, node, strict=True))
        return node if unchanged else sequence_of(items, node)
    if not isinstance(node, Mapping):
        return node
    entries = tuple(_entry_with_image(key, value, image) for key, value in node.items())
    unchanged = all(new[1] is old[1] for new, old in zip(entries, node.items(), strict=True))
    return node if unchanged else node.with_entries(entries)


def _entry_with_image(key: Node, value: Node, image: Mapping) -> Entry:
    if isinstance(key, Scalar) and key.value in _CONTAINER_LISTS and isinstance(value, Sequence):
        items = tuple(_container_with_image(item, image) for item in value)
        unchanged = all(new is old for new, old in zip(items, value, strict=True))
        return (key, value if unchanged else sequence_of(items, value))
    return (key, _with_image(value, image))


def _container_with_image(container: Node, image: Mapping) -> Node:
    entry = container.entry("image") if isinstance(container, Mapping) else None
    word = scalar_word(entry[1]) if entry is not None else None
    if not isinstance(container, Mapping) or entry is None or word is None or not word.is_known:
        return container
    repository = split_image(word.text).repository
    if text_at(image, "name") not in {repository, word.text.partition(":")[0]}:
        return container
    changed = _renamed(word, image)
    others = tuple(item for item in container.items() if item[0] is not entry[0])
    return image.with_entries((*others, (entry[0], scalar_of(changed))))


def _renamed(word: Word, image: Mapping) -> Word:
    """Return an image's name with `newName` and `newTag` or `digest` of a kustomization."""
    name, tag, digest = (scalar_word(image.get(key)) for key in ("newName", "newTag", "digest"))
    base = word.text.partition("@")[0]
    colon = base.rfind(":") if ":" in base.rpartition("/")[2] else len(base)
    parts = [name if name is not None else word.slice(0, colon)]
    if digest is not None:
        parts += [Word.atomic("@", image.span), digest]
    elif tag is not None:
        parts += [Word.atomic(":", image.span), tag]
    else:
        parts.append(word.slice(colon))
    return Word.join(parts, image.span)
