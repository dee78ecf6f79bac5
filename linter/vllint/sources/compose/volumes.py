"""What a compose service mounts: `volumes`, `configs`, `secrets` and `tmpfs`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from collections.abc import Mapping as Variables

from vllint.sources.compose.project import Project
from vllint.sources.interpolation import interpolate
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Mount, Word

_VARIABLE = r"\$\{(?:[^{}]|\$\{[^{}]*\})*\}|\$\w+|\{\{.*?\}\}"


def mounts(service: Mapping, project: Project) -> Iterator[Mount]:
    """Yield the bind mounts of `volumes`, in the short form `SOURCE:TARGET` and the long one."""
    for item in _items(service, "volumes"):
        if isinstance(item, Scalar):
            source, colon, rest = _text(item, project.variables).partition(":")
            target = rest.partition(":")[0]
        else:
            origin, place = (_known(item, key, project.variables) for key in ("source", "target"))
            source, colon, target = origin or "", place or "", place or ""
        if colon and target and source.startswith((".", "/", "~")):
            yield Mount(_relative(project.place(item, source)) if source.startswith(".") else source, target)
    for target, entry in _configs(service, project):
        file = _known(entry, "file", project.variables)
        if file is not None:
            yield Mount(_relative(project.place(entry, file)), target)


def config_text(service: Mapping, target: str, project: Project) -> Word | None:
    """Return the text that `configs` put at `target`, where the compose file holds it."""
    for place, entry in _configs(service, project):
        content = entry.get("content")
        if place == target and isinstance(content, Scalar):
            return interpolate(content.word(), project.variables)
    return None


def _relative(place: str) -> str:
    """Return a place beside the file in the form that tells it from a volume's name."""
    return place if place.startswith((".", "/")) else f"./{posixpath.normpath(place)}"


def _configs(service: Mapping, project: Project) -> Iterator[tuple[str, Mapping]]:
    """Yield the places in the container at which `configs` are mounted, and what is mounted there."""
    for item in _items(service, "configs"):
        name = item.value if isinstance(item, Scalar) else _known(item, "source", project.variables)
        place = f"/{name}" if isinstance(item, Scalar) else _known(item, "target", project.variables)
        entry = None if name is None else project.top_level("configs", name)
        if isinstance(entry, Mapping):
            yield place or f"/{name}", entry


def mount_targets(service: Mapping) -> Iterator[str]:
    """Yield the places in the container at which something is mounted; `?` stands for a variable."""
    for name in ("volumes", "tmpfs", "configs", "secrets"):
        for item in _items(service, name):
            target = item.get("target") if isinstance(item, Mapping) else item
            if isinstance(target, Scalar):
                text = re.sub(_VARIABLE, "?", target.value)
                yield volume_target(text) if target is item and name != "tmpfs" else text


def volume_target(volume: str) -> str:
    """Return the place in `SOURCE:TARGET[:MODE]`, or in `TARGET` alone."""
    parts = [part for part in volume.split(":") if part]
    paths = [part for part in parts if part.startswith(("/", "?"))]
    if len(parts) == 1:
        return parts[0]
    return paths[-1] if paths else "?"


def _items(service: Mapping, key: str) -> tuple[Node, ...]:
    node = service.get(key)
    if isinstance(node, Sequence):
        return node.entries
    return () if node is None else (node,)


def _known(item: Node, key: str, variables: Variables[str, Word]) -> str | None:
    node = item.get(key) if isinstance(item, Mapping) else None
    return (_text(node, variables) or None) if isinstance(node, Scalar) else None


def _text(node: Scalar, variables: Variables[str, Word]) -> str:
    """Return a scalar's text, variables replaced; empty when it is not wholly known."""
    word = interpolate(node.word(), variables)
    return word.text if word.is_known else ""
