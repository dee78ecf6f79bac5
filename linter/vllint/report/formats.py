"""The output formats by name; a format's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, cast

from vllint_schemas import Severity
from vllint_schemas.report import ReportDocument, ReportedFinding

if TYPE_CHECKING:
    from vllint.report.rules import RuleInfo

Detail = Literal["quiet", "normal", "verbose"]
"""How much reports for people say: errors and warnings only, advice in short, or everything."""


class RenderOptions(NamedTuple):
    """What a report may depend on besides its document.

    `rules` are wanted by formats with `needs_rules`. `folder` is the working directory, relative to the
    repository's root, for formats whose readers start there. `category` names this analysis among others.
    `files` are all that were judged, `problems` what vllint could not do. `failing` are the findings that
    fail the run; without it, warnings and errors do. `line_hashes` are GitHub's names for lines, by path and
    number, for formats with `needs_line_hashes`. `detail` is for the formats that people read.
    """

    colour: bool = False
    rules: tuple[RuleInfo, ...] = ()
    folder: str = ""
    category: str = "vllint"
    files: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    failing: frozenset[ReportedFinding] | None = None
    line_hashes: Mapping[str, Mapping[int, str]] = MappingProxyType({})
    detail: Detail = "normal"

    def fails(self, finding: ReportedFinding) -> bool:
        """Whether a finding fails the run."""
        if self.failing is None:
            return finding.severity.rank >= Severity.WARNING.rank
        return finding in self.failing

    def is_advice(self, finding: ReportedFinding) -> bool:
        """Whether a finding neither is an error or a warning nor fails the run."""
        return finding.severity is Severity.INFO and not self.fails(finding)

    def from_root(self, path: str) -> str:
        """Return a path as readers that start at the repository's root know it."""
        folder = self.folder.strip("/")
        return f"{folder}/{path}" if folder and not is_absolute(path) else path


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
    needs_line_hashes: bool = False
    needs_launches: bool = False


FORMATS: Mapping[str, Format] = {
    "full": Format("vllint.report.full", "findings with the lines they stand in"),
    "concise": Format("vllint.report.concise", "one line for each finding"),
    "json": Format(
        "vllint.report.json_report", "everything that is known, for programs", needs_launches=True
    ),
    "sarif": Format(
        "vllint.report.sarif", "SARIF 2.1.0, for code scanning", needs_rules=True, needs_line_hashes=True
    ),
    "github": Format("vllint.report.github", "annotations of a GitHub workflow's run"),
    "gitlab": Format("vllint.report.gitlab", "GitLab's code quality report"),
    "junit": Format("vllint.report.junit", "JUnit XML, a suite for each file"),
}


def renderer(name: str) -> Renderer:
    """Return the `render` of the format called `name`; KeyError if there is none."""
    return cast("Renderer", import_module(FORMATS[name].module).render)


def is_absolute(path: str) -> bool:
    """Whether a path of a report lies outside of the working directory: `/srv/a.yaml`, `C:/a.yaml`."""
    return path.startswith("/") or path[1:3] == ":/"
