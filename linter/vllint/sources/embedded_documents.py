"""YAML documents and systemd units that stand within another text: fenced blocks, here-documents."""

from __future__ import annotations

from vllint.sources.files import Document, File, Found
from vllint.sources.formats import DOCUMENT_FORMATS, reader
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Mapping, Node, Scalar, scalar_of
from vllint.text.yaml.tree import parse_yaml
from vllint_schemas import Launch, SourceProblem, Span, Word

_OF_SERVICES = frozenset(
    {"container_name", "restart", "runtime", "ipc", "shm_size", "gpus", "deploy", "depends_on"}
)
"""Keys that Compose's services have and other containers have not."""


def document_launches(text: Word, file: File) -> Found:
    """Yield the launches of documents in `text`, of none if it is no YAML; `file` holds them.

    What stands beside the file says nothing about them.
    """
    try:
        roots = tuple(map(_with_services, parse_yaml(text)))
    except YamlProblem:
        return
    alone = file._replace(neighbour=lambda name: None, env_files=(), rendered=text)
    marked = f"{text.text}\nservices:"
    for root in roots:
        for form in DOCUMENT_FORMATS:
            if form.may_be(marked) and reader(form.module).recognises(root):
                yield from map(_as_excerpt, reader(form.module).launches(Document(root, roots, alone)))
                break


def _with_services(root: Node) -> Node:
    """Return services that are shown without the rest of their Compose file as that has them."""
    services = [value for _, value in root.items()] if isinstance(root, Mapping) else []
    if not isinstance(root, Mapping) or not services or not all(map(_is_service, services)):
        return root
    place = Span(root.span.path, root.span.start, root.span.start)
    return root.with_entries(((scalar_of(Word.atomic("services", place)), root),))


def _is_service(node: Node) -> bool:
    if not isinstance(node, Mapping) or not isinstance(node.get("image"), Scalar) or node.get("args"):
        return False
    return any(isinstance(key, Scalar) and key.value in _OF_SERVICES for key, _ in node.items())


def is_unit(text: str) -> bool:
    """Whether a text has the section of a service with its command, or of a quadlet's container."""
    return ("[Service]" in text and "ExecStart" in text) or ("[Container]" in text and "Image=" in text)


def unit_launches(text: Word, file: File) -> Found:
    """Yield what the commands of a systemd unit start that stands in `text`, a part of `file`."""
    from vllint.sources import systemd

    alone = file._replace(neighbour=lambda name: None, rendered=text)
    yield from map(_as_excerpt, systemd.launches(alone))


def _as_excerpt(found: Launch | SourceProblem) -> Launch | SourceProblem:
    """Leave out what a container lacks: an excerpt shows the parts of a file that it is about."""
    return found._replace(container=None, together=None) if isinstance(found, Launch) else found
