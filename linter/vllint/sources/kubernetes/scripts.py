"""Scripts that a ConfigMap holds for pods that are not at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint.sources.commands import Script, Surroundings
from vllint.sources.files import Found
from vllint.sources.kubernetes.cluster import Cluster, documents_beside, objects
from vllint.sources.kubernetes.fields import mappings_in, text_at
from vllint.sources.kubernetes.pods import name_of, pods
from vllint.sources.process_launches import process_launches
from vllint.sources.templates.tags import with_placeholders_unknown
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint_schemas import Word

_SCRIPT_NAME = re.compile(r"\.(?:sh|bash)$")
_SHEBANG = re.compile(r"\s*#!.*\b(?:ba|da|z|k)?sh\b")


def kept_script_launches(root: Mapping, cluster: Cluster) -> Found:
    """Yield what the scripts of a document's ConfigMaps start, where no pod at hand mounts them."""
    for found in objects((root,)):
        if text_at(found, "kind") != "ConfigMap" or _is_mounted(name_of(found), cluster):
            continue
        for name, text in _scripts(found):
            script = Script(with_placeholders_unknown(text), Surroundings(shell=name))
            launch_name = f"{name_of(found)}/{name.text}"
            yield from process_launches((script,), "kubernetes", launch_name, name.site.cover(text.site))


def _scripts(config_map: Mapping) -> Iterator[tuple[Word, Word]]:
    """Yield the keys and texts of the shell scripts that name vLLM."""
    data = config_map.get("data")
    for key, value in data.items() if isinstance(data, Mapping) else ():
        if not isinstance(key, Scalar) or not isinstance(value, Scalar) or "vllm" not in value.value:
            continue
        if _SCRIPT_NAME.search(key.value) or _SHEBANG.match(value.value):
            name, text = scalar_word(key), scalar_word(value)
            if name is not None and text is not None:
                yield name, text


def _is_mounted(name: str, cluster: Cluster) -> bool:
    if any(_mounts(root, name) for root in cluster.roots):
        return True
    beside = documents_beside(cluster.file, (name, "containers:"))
    return any(_mounts(root, name) for roots in beside for root in roots)


def _mounts(root: Node, name: str) -> bool:
    """Whether a pod of a document has a volume of the ConfigMap."""
    if not isinstance(root, Mapping):
        return False
    for pod in pods(root):
        for volume in mappings_in(pod.spec.get("volumes")):
            projected = volume.get("projected")
            sources = projected.get("sources") if isinstance(projected, Mapping) else None
            for source in (volume, *mappings_in(sources)):
                given = source.get("configMap")
                if isinstance(given, Mapping) and text_at(given, "name") == name:
                    return True
    return False
