"""The variables of a container, and `$(NAME)` in its words.

Follows the kubelet: `makeEnvironmentVariables` (`pkg/kubelet/kubelet_pods.go`) and `Expand`
(`third_party/forked/golang/expansion/expand.go`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Variables
from dataclasses import replace

from vllint.sources.kubernetes.cluster import Cluster, settings_of
from vllint.sources.kubernetes.fields import mappings_in, text_at
from vllint.sources.kubernetes.pods import Pod
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint_schemas import Span, Unknown, Variable, Word

_REFERENCE = re.compile(r"\$(?:(?P<escaped>\$)|\((?P<name>[^)]*)\))")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a shell takes for a variable's name: it does not see others."""

_CONSTANT_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_BLANK = re.compile(r"\s")
_SOURCES = (
    ("configMapKeyRef", "ConfigMap"),
    ("secretKeyRef", "Secret"),
)


def container_environment(container: Mapping, pod: Pod, cluster: Cluster) -> tuple[Variable, ...]:
    """Return a container's variables: those of `envFrom`, and those of `env` in their place and after."""
    own = container.get("env")
    named = {name.value for item in mappings_in(own) if isinstance(name := item.get("name"), Scalar)}
    taken_over: dict[str, Word] = {variable.name: variable.value for variable in pod.variables}
    for item in mappings_in(container.get("envFrom")):
        taken_over.update(_all_of(item, pod, cluster))
    kept = (Variable(name, word) for name, word in taken_over.items() if name not in named)
    return (*kept, *_own(own, taken_over, pod, cluster))


def expanded(word: Word, variables: Variables[str, Word]) -> Word:
    """Replace `$(NAME)` by the variable and `$$` by one dollar, from left to right.

    What `variables` do not define stays as it reads; but a name that whatever creates the pod may define
    is a hole, except in the text of a script, where it reads as a command's output.
    """
    if "$$" not in word.text and "$(" not in word.text:
        return word
    is_script = _BLANK.search(word.text) is not None
    parts: list[Word] = []
    position = 0
    for match in _REFERENCE.finditer(word.text):
        parts.append(word.slice(position, match.start()))
        parts.append(_replacement(word, match, variables, is_script))
        position = match.end()
    parts.append(word.slice(position))
    joined = Word.join(parts, word.site)
    return replace(joined, slot=word.slot, via=word.via + joined.via)


def _replacement(word: Word, match: re.Match[str], variables: Variables[str, Word], is_script: bool) -> Word:
    use = word.slice(*match.span())
    if match["escaped"]:
        return Word.atomic("$", use.site)
    name = match["name"]
    value = variables.get(name)
    if value is not None:
        return used_at(value, use.site)
    if (_CONSTANT_NAME if is_script else _VARIABLE_NAME).fullmatch(name):
        return Word.unknown(f"`$({name})` is not in the container's `env`", use.site)
    return use


def used_at(value: Word, site: Span) -> Word:
    """Return a word that stands elsewhere as it is used at `site`."""
    return replace(value, site=site, via=(site, *value.via), slot=None)


def _own(
    env: Node | None, taken_over: Variables[str, Word], pod: Pod, cluster: Cluster
) -> Iterator[Variable]:
    """Yield the variables of `env`; each may name those before it."""
    seen = dict(taken_over)
    for item in mappings_in(env):
        name = item.get("name")
        if not isinstance(name, Scalar):
            continue
        value, source = scalar_word(item.get("value")), item.get("valueFrom")
        if isinstance(source, Mapping) and (value is None or not value.text):
            word = _from_elsewhere(name.value, item, source, pod, cluster)
        elif value is None:
            word = Word("", (), name.span)
        else:
            word = expanded(value, seen)
        seen[name.value] = word
        yield Variable(name.value, word)


def _from_elsewhere(name: str, item: Mapping, source: Mapping, pod: Pod, cluster: Cluster) -> Word:
    """Return what `valueFrom` gives: a key of a ConfigMap or Secret, or what only the cluster knows."""
    site = source.span
    field = source.get("fieldRef")
    path = field.get("fieldPath") if isinstance(field, Mapping) else None
    if isinstance(path, Scalar):
        return Word.unknown(f"`{name}` is the pod's own `{path.value}`", item.span)
    for reference_key, kind in _SOURCES:
        reference = source.get(reference_key)
        if isinstance(reference, Mapping):
            key, text = text_at(reference, "name"), text_at(reference, "key")
            found = settings_of(cluster, kind, key, pod.namespace)
            if isinstance(found, Unknown):
                return Word.unknown(f"`{name}` comes from elsewhere: {found.reason}", item.span)
            value = found.get(text)
            if value is None:
                return Word.unknown(f"the {kind} `{key}` here has no `{text}`", item.span)
            return _shown(kind, key, name, used_at(value, site))
    return Word.unknown(f"`{name}` comes from elsewhere in the cluster", item.span)


def _all_of(item: Mapping, pod: Pod, cluster: Cluster) -> Iterator[tuple[str, Word]]:
    """Yield the variables that an item of `envFrom` gives; of what is not at hand, none."""
    prefix = text_at(item, "prefix")
    for reference_key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        reference = item.get(reference_key)
        if not isinstance(reference, Mapping):
            continue
        name = text_at(reference, "name")
        found = settings_of(cluster, kind, name, pod.namespace)
        if isinstance(found, Unknown):
            continue
        for key, value in found.items():
            if _NAME.fullmatch(f"{prefix}{key}"):
                yield f"{prefix}{key}", _shown(kind, name, key, used_at(value, reference.span))


def _shown(kind: str, holder: str, name: str, value: Word) -> Word:
    """Return a value; one that a Secret keeps under a secret's name is not read."""
    from vllint.redact import names_secret

    if kind == "Secret" and names_secret(name):
        return Word.unknown(f"the Secret `{holder}` keeps `{name}`", value.site)
    return value
