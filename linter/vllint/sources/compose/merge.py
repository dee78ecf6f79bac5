"""How Compose lays one service over another, for `extends` and override files.

Rules: compose-go `override/merge.go` and `override/uncity.go`; Compose Specification, "Merge".
"""

from __future__ import annotations

from vllint.text.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence, sequence_of

_Path = tuple[str, ...]

_REPLACED = frozenset({("command",), ("entrypoint",), ("healthcheck", "test"), ("extends",)})
"""Values of which only the later one counts, whatever they are."""

_LISTED = frozenset(
    {("environment",), ("env_file",), ("tmpfs",), ("build", "args"), ("labels",), ("dns",), ("extra_hosts",)}
)
"""Values that are lists, however they are written: the later one is added to the earlier one."""

_UNIQUE = frozenset({("volumes",), ("configs",), ("secrets",), ("ports",), ("devices",)})
"""Lists of which an item replaces an earlier one for the same place in the container."""


def merge_service(base: Mapping, over: Mapping) -> Mapping:
    """Return the service `over` with what it takes over from `base`; it stands where `over` does."""
    return over.with_entries(_merged_entries(base, over, ()))


def _merged_entries(base: Mapping, over: Mapping, path: _Path) -> tuple[Entry, ...]:
    entries = {key.value: (key, value) for key, value in base.items() if isinstance(key, Scalar)}
    for key, value in over.items():
        if not isinstance(key, Scalar):
            continue
        earlier = entries.get(key.value)
        if value.tag == "!reset":
            entries.pop(key.value, None)
        elif earlier is None or key.value.startswith("x-"):
            entries[key.value] = (key, value)
        else:
            entries[key.value] = (key, _merged(earlier[1], value, (*path, key.value)))
    return tuple(entries.values())


def _merged(base: Node, over: Node, path: _Path) -> Node:
    if path in _REPLACED or over.tag == "!override":
        return over
    if isinstance(over, Scalar) and over.resolved() is None:
        return base
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return over.with_entries(_merged_entries(base, over, path))
    if path == ("depends_on",):
        return _depends_on(base, over)
    if path in _LISTED or (isinstance(base, Sequence) and isinstance(over, Sequence)):
        return sequence_of(_unique(_items(base) + _items(over), path), over)
    return over


def _items(node: Node) -> tuple[Node, ...]:
    """Return a list's items; a mapping of `environment` is one item that sets several variables."""
    return node.entries if isinstance(node, Sequence) else (node,)


def _unique(items: tuple[Node, ...], path: _Path) -> tuple[Node, ...]:
    if path not in _UNIQUE:
        return items
    return tuple({_place(item, path): item for item in items}.values())


def _place(item: Node, path: _Path) -> object:
    """Return what tells an item from the others of its list: where it goes in the container."""
    if isinstance(item, Mapping):
        target = item.get("target")
        published = item.get("published") if path == ("ports",) else None
        named = tuple(node.value for node in (target, published) if isinstance(node, Scalar))
        return named or id(item)
    if not isinstance(item, Scalar):
        return id(item)
    if path in {("volumes",), ("devices",)}:
        parts = item.value.split(":")
        return (parts[1] if len(parts) > 1 else parts[0],)
    return (item.value,)


def _depends_on(base: Node, over: Node) -> Node:
    """Return what a service waits for: a name in a list stands for its start, not its health."""
    if isinstance(over, Mapping):
        return over
    if not isinstance(base, Mapping):
        return sequence_of(_items(base) + _items(over), over)
    listed = {item.value for item in _items(over) if isinstance(item, Scalar)}
    kept = (
        entry for entry in base.items() if not (isinstance(entry[0], Scalar) and entry[0].value in listed)
    )
    return base.with_entries(tuple(kept))
