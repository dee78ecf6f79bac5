"""How Kustomize lays patches over an object: strategic merges, and lists of JSON operations.

Merge keys are those of the Kubernetes API (`patchMergeKey` in its OpenAPI); RFC 6902 for operations.
"""

from __future__ import annotations

from collections.abc import Sequence as Keys

from vllint.sources.kubernetes.fields import text_at
from vllint.text.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence, sequence_of

_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "resourceClaims": "name",
}
"""Lists whose items are merged by a key of theirs; other lists are replaced."""


def strategic_merge(base: Mapping, patch: Mapping, keyed: bool) -> Mapping:
    """Return `base` with what `patch` changes; each mapping that it touches stands where the patch does.

    `keyed` says that the API has merge keys for the object; lists of others are replaced.
    """
    if text_at(patch, "$patch") == "replace":
        return patch
    entries = {key.value: (key, value) for key, value in base.items() if isinstance(key, Scalar)}
    for key, value in patch.items():
        if not isinstance(key, Scalar) or key.value.startswith("$"):
            continue
        if isinstance(value, Scalar) and value.plain and value.resolved() is None:
            entries.pop(key.value, None)
            continue
        earlier = entries.get(key.value)
        merged = value if earlier is None else _merged(earlier[1], value, key.value, keyed)
        entries[key.value] = (key, merged)
    return patch.with_entries(tuple(entries.values()))


def _merged(base: Node, patch: Node, field: str, keyed: bool) -> Node:
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        return strategic_merge(base, patch, keyed)
    merge_key = _MERGE_KEYS.get(field) if keyed else None
    if isinstance(base, Sequence) and isinstance(patch, Sequence) and merge_key is not None:
        return sequence_of(_merged_items(base, patch, merge_key), patch)
    return patch


def _merged_items(base: Sequence, patch: Sequence, merge_key: str) -> tuple[Node, ...]:
    """Return the items of both lists: new ones stand in front (Kustomize's `MergeOptionsListPrepend`)."""
    changes = {text_at(item, merge_key): item for item in patch if isinstance(item, Mapping)}
    kept: list[Node] = []
    for item in base:
        change = changes.pop(text_at(item, merge_key), None) if isinstance(item, Mapping) else None
        if change is None or not isinstance(item, Mapping):
            kept.append(item)
        elif text_at(change, "$patch") != "delete":
            kept.append(strategic_merge(item, change, keyed=True))
    return (*changes.values(), *kept)


def with_operations(target: Mapping, operations: Sequence, place: Mapping) -> Mapping | None:
    """Return `target` after JSON operations; what they touch stands at `place`. `None` if one fails."""
    changed: Node | None = target
    for operation in operations:
        kind, path = text_at(operation, "op"), text_at(operation, "path")
        value = operation.get("value") if isinstance(operation, Mapping) else None
        keys = [key.replace("~1", "/").replace("~0", "~") for key in path.split("/")[1:]]
        if kind not in {"add", "replace", "remove"} or not keys or (kind != "remove" and value is None):
            return None
        changed = _operated(changed, keys, kind, value, place)
    return changed if isinstance(changed, Mapping) else None


def _operated(
    node: Node | None, keys: Keys[str], kind: str, value: Node | None, place: Mapping
) -> Node | None:
    """Return a node with one operation done below it; `None` where its path leads nowhere."""
    if isinstance(node, Mapping):
        entries = _changed_entries(node, keys, kind, value, place)
        return None if entries is None else place.with_entries(entries)
    if isinstance(node, Sequence):
        items = _changed_items(node, keys, kind, value, place)
        return None if items is None else sequence_of(items, place)
    return None


def _changed_entries(
    node: Mapping, keys: Keys[str], kind: str, value: Node | None, place: Mapping
) -> tuple[Entry, ...] | None:
    entry = node.entry(keys[0])
    others = tuple(item for item in node.items() if entry is None or item[0] is not entry[0])
    if len(keys) > 1:
        below = _operated(entry[1], keys[1:], kind, value, place) if entry is not None else None
        return None if below is None or entry is None else (*others, (entry[0], below))
    if kind == "remove":
        return others if entry is not None else None
    key = entry[0] if entry is not None else _key(keys[0], place)
    return None if value is None else (*others, (key, value))


def _key(text: str, place: Mapping) -> Scalar:
    from vllint.text.yaml.nodes import scalar_of
    from vllint_schemas import Word

    return scalar_of(Word.atomic(text, place.span))


def _changed_items(
    node: Sequence, keys: Keys[str], kind: str, value: Node | None, place: Mapping
) -> tuple[Node, ...] | None:
    items, at = node.entries, keys[0]
    if len(keys) == 1 and at == "-" and kind == "add" and value is not None:
        return (*items, value)
    if not at.isdecimal() or int(at) >= len(items) + (kind == "add" and len(keys) == 1):
        return None
    index = int(at)
    if len(keys) > 1:
        below = _operated(items[index], keys[1:], kind, value, place)
        return None if below is None else (*items[:index], below, *items[index + 1 :])
    inserted = () if value is None or kind == "remove" else (value,)
    return (*items[:index], *inserted, *items[index + (kind != "add") :])
