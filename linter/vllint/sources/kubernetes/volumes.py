"""Files that a container sees because ConfigMaps and Secrets are mounted in it."""

from __future__ import annotations

from collections.abc import Mapping as Variables

from vllint.sources.kubernetes.cluster import Cluster, settings_of
from vllint.sources.kubernetes.fields import mappings_in, text_at
from vllint.sources.kubernetes.pods import Pod
from vllint.text.yaml.nodes import Mapping, Sequence
from vllint_schemas import Unknown, Word

_NAMES = (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName"))


def mounted_text(path: str, container: Mapping, pod: Pod, cluster: Cluster) -> Word | Unknown | None:
    """Return the text of the file at `path` in the container; `None` where none of these is mounted."""
    mounts = sorted(
        mappings_in(container.get("volumeMounts")), key=lambda mount: -len(text_at(mount, "mountPath"))
    )
    for mount in mounts:
        place, part = text_at(mount, "mountPath").rstrip("/"), text_at(mount, "subPath").strip("/")
        if path != place and not path.startswith(f"{place}/"):
            continue
        inside = "/".join(filter(None, (part, path[len(place) :].strip("/"))))
        return _volume_text(text_at(mount, "name"), inside, pod, cluster)
    return None


def _volume_text(name: str, inside: str, pod: Pod, cluster: Cluster) -> Word | Unknown | None:
    for volume in mappings_in(pod.spec.get("volumes")):
        if text_at(volume, "name") != name:
            continue
        projected = volume.get("projected")
        sources = projected.get("sources") if isinstance(projected, Mapping) else None
        found = None
        for source in mappings_in(sources) if sources is not None else (volume,):
            text = _source_text(source, inside, pod, cluster)
            found = text if isinstance(text, Word) or found is None else found
        return found
    return None


def _source_text(source: Mapping, inside: str, pod: Pod, cluster: Cluster) -> Word | Unknown | None:
    """Return the file `inside` a volume of a ConfigMap or Secret; projected sources name both alike."""
    for field, kind, name_key in _NAMES:
        given = source.get(field)
        if not isinstance(given, Mapping):
            continue
        name = text_at(given, name_key) or text_at(given, "name")
        found = settings_of(cluster, kind, name, pod.namespace)
        if isinstance(found, Unknown):
            return found
        return _file(given, inside, found)
    return None


def _file(given: Mapping, inside: str, texts: Variables[str, Word]) -> Word | None:
    """Return a key's text by its file name, which `items` may change; keys they leave out are no files."""
    items = given.get("items")
    if not isinstance(items, Sequence):
        return texts.get(inside)
    for item in mappings_in(items):
        if text_at(item, "path").strip("/") == inside:
            return texts.get(text_at(item, "key"))
    return None
