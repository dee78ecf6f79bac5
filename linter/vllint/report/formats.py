"""The output formats by name; a format's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from vllint.report.rules import RuleInfo
from vllint_schemas.report import ReportDocument


class RenderOptions(NamedTuple):
    """What a report may depend on besides its document.

    `rules` are wanted by formats with `needs_rules`. `folder` is the working directory, relative to the
    repository's root, for formats whose readers start there. `category` names this analysis among others.
    """

    colour: bool = False
    rules: tuple[RuleInfo, ...] = ()
    folder: str = ""
    category: str = "vllint"


DEFAULTS = RenderOptions()


class Renderer(Protocol):
    """Turns a document into text; `sources` maps paths to the decoded texts that frames quote."""

    def __call__(
        self, document: ReportDocument, sources: Mapping[str, str], options: RenderOptions = ...
    ) -> str:
        """Return the whole report, ending in a line break unless it is empty."""
        ...


class Format(NamedTuple):
    """An output format: the module with its `render`, and what it says of itself in `--help`."""

    module: str
    summary: str
    needs_rules: bool = False
    needs_launches: bool = False


FORMATS: Mapping[str, Format] = {
    "full": Format("vllint.report.full", "findings with the lines they stand in"),
    "concise": Format("vllint.report.concise", "one line for each finding"),
    "json": Format(
        "vllint.report.json_report", "everything that is known, for programs", needs_launches=True
    ),
    "sarif": Format("vllint.report.sarif", "SARIF 2.1.0, for code scanning", needs_rules=True),
}


def renderer(name: str) -> Renderer:
    """Return the `render` of the format called `name`; KeyError if there is none."""
    return cast("Renderer", import_module(FORMATS[name].module).render)
