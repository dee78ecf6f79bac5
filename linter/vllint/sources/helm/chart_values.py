"""Values of a chart that is at hand: what its templates start, whatever names the values have."""

from __future__ import annotations

import re

from vllint.sources.files import Document, Found
from vllint.sources.helm.chart_templates import chart_launches
from vllint.text.yaml.nodes import Mapping, Node
from vllint_schemas import Launch

_NAME = re.compile(r"(?:^|[-_.])values(?:[-_.][\w.-]*)?\.ya?ml$")


def recognises(root: Node) -> bool:
    """Whether a document is a file of values, by its name; a manifest is none."""
    name = root.span.path.rpartition("/")[2]
    return isinstance(root, Mapping) and root.get("apiVersion") is None and _NAME.search(name) is not None


def launches(document: Document) -> Found:
    """Yield what the templates beside the file start, of which the values decide some words."""
    assert isinstance(document.root, Mapping)
    path = document.file.path
    for found in chart_launches(document.root, document.file):
        words = found.argv if isinstance(found, Launch) else ()
        if any(run.source.path == path for word in words for run in word.runs):
            yield found
