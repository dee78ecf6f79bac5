"""What reports say about the rules themselves."""

from __future__ import annotations

from typing import NamedTuple


class RuleInfo(NamedTuple):
    """A rule's entry in a report: `severity` is `error`, `warning` or `info`, `docs_markdown` its page."""

    code: str
    name: str
    summary: str
    docs_markdown: str
    severity: str
    url: str
    tags: tuple[str, ...] = ()
