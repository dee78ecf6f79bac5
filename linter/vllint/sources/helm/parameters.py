"""Single values set beside those of a chart: Argo CD's `helm.parameters`, as `helm --set` has them."""

from __future__ import annotations

import re

from vllint.sources.kubernetes.fields import mappings_in
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence, scalar_of, sequence_of
from vllint_schemas import Word

_STEP = re.compile(r"\[(?P<index>\d+)\]|\.?(?P<key>(?:\\.|[^.\[\]\\])+)")
_MAX_STEPS = 20


def with_parameters(values: Mapping, parameters: Node | None) -> Mapping:
    """Return values with those that `parameters` set: `name: a.b[0].c` and `value`."""
    for parameter in mappings_in(parameters):
        name, value = parameter.get("name"), parameter.get("value")
        steps = _steps(name.value) if isinstance(name, Scalar) else []
        if isinstance(value, Scalar) and isinstance(name, Scalar) and steps:
            changed = _with(values, steps, value, name.word())
            values = changed if isinstance(changed, Mapping) else values
    return values


def _steps(name: str) -> list[str | int]:
    """Return the keys and indices that a name is made of; none where it is no such name."""
    steps: list[str | int] = []
    position = 0
    while position < len(name) and len(steps) < _MAX_STEPS:
        match = _STEP.match(name, position)
        if match is None:
            return []
        steps.append(re.sub(r"\\(.)", r"\1", match["key"]) if match["key"] else int(match["index"]))
        position = match.end()
    return steps if position == len(name) else []


def _with(node: Node, steps: list[str | int], value: Scalar, name: Word) -> Node:
    """Return a node in which what the steps lead to is `value`; items that a list lacks are not added."""
    if not steps:
        return value
    step, *rest = steps
    if isinstance(step, int):
        if not isinstance(node, Sequence) or step >= len(node.entries):
            return node
        entries = list(node.entries)
        entries[step] = _with(entries[step], rest, value, name)
        return sequence_of(tuple(entries), node)
    if not isinstance(node, Mapping):
        return node
    key = scalar_of(Word.atomic(step, name.site))
    old = node.get(step)
    new = _with(node.with_entries(()) if old is None and rest else old or value, rest, value, name)
    kept = tuple((one, other) for one, other in node.items() if getattr(one, "value", None) != step)
    return node.with_entries((*kept, (key, new)))
