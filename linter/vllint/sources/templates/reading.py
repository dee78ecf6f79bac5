"""What the renderings of a template have in common, and how they are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vllint.sources.templates.syntax import is_jinja
from vllint.sources.templates.tags import MARK
from vllint_schemas import Container, Kind, Launch, Unknown


def template_kind(kind: Kind | str, text: str) -> Kind:
    """Return the kind of a source that stands in a template: manifests in Go templates are Helm's."""
    return "helm_template" if kind == "kubernetes" and not is_jinja(text) else kind  # type: ignore[return-value]


def launches_once(text: str, readings: Iterable[tuple[Launch, ...]]) -> Iterator[Launch]:
    """Yield the launches of a template's renderings, those that differ in nothing that is known once."""
    seen: set[object] = set()
    for launches in readings:
        for launch in launches:
            key = (
                launch.entry_point,
                launch.extent.start,
                tuple((word.text, word.holes, word.site) for word in launch.argv),
                launch.image and (launch.image.text, launch.image.site),
            )
            if key not in seen:
                seen.add(key)
                yield launch._replace(
                    name=launch.name.replace(MARK, "{{}}"),
                    kind=template_kind(launch.kind, text),
                    container=_limited(launch.container),
                )


def _limited(container: Container | None) -> Container | None:
    """Return what is known of a container in a template: more may be filled in everywhere."""
    if container is None:
        return None
    more = Unknown("what a template fills in may give the container more")
    return container.given_more(more)._replace(health=None)
