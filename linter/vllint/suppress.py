"""`# vllint: ignore[...]` and `# vllint: file-ignore[...]` comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vllint.settings import Settings, is_selected, names_rule
from vllint.sources.directives import Directive, read_directives
from vllint.statements import StatementError
from vllint_schemas import Edit, Finding, Origin, SourceProblem, Span

if TYPE_CHECKING:
    from vllint.rule_index import AnyRule

_COMMENT = re.compile(
    r"(?:^|(?<=\s))(?:#|//)[ \t]*vllint:[ \t]*(?P<scope>file-ignore|ignore)\b"
    r"(?![ \t]*\[[^\]\r\n]*(?:[\r\n]|\Z))"
    r"[ \t]*(?:\[(?P<rules>[^\]\r\n]*)\]|(?P<codes>[A-Z]{3,}\d{3}(?:[ \t]*,?[ \t]*[A-Z]{3,}\d{3})*))?[^\r\n]*"
)
"""Codes may stand without brackets, and brackets must end: to silence every rule where one is named would be
a bad surprise."""

_OURS = re.compile(r"(?:^|(?<=\s))(?:#|//)[ \t]*vllint:[ \t]*(?P<said>[^\r\n]*)", re.MULTILINE)
_UNDERSTOOD = re.compile(r"(?:file-ignore|ignore)\b(?![ \t]*\[[^\]]*$)|(?:.*[\s,])?(?:gpu|vllm)=\S")


class Suppression(NamedTuple):
    """One comment: the rules it names (none: all), the comment's place, and the lines it covers.

    `covers` is `None` for the whole file.
    """

    rules: tuple[str, ...]
    comment: Span
    covers: Span | None

    def holds_for(self, finding: Finding, launch: Span | None) -> bool:
        """Whether the finding is one that the comment speaks of; `launch` if it is about all of a launch."""
        comment = self.comment
        inside = (
            launch is not None and launch.path == comment.path and launch.start <= comment.start <= launch.end
        )
        reached = inside or self.reaches(finding.span)
        return reached and self.names(finding.code, finding.name) is not None

    def reaches(self, span: Span) -> bool:
        """Whether a place is covered."""
        if span.path != self.comment.path:
            return False
        covers = self.covers
        return covers is None or (covers.start <= span.start <= covers.end)

    def names(self, code: str, name: str) -> str | None:
        """Return the selector that means a rule; the empty one for a comment that names none."""
        if not self.rules:
            return ""
        return next((selector for selector in self.rules if names_rule(selector, code, name)), None)


def read_suppressions(text: str, path: str) -> tuple[Suppression, ...]:
    """Return the comments of a file that suppress findings, in order."""
    if "vllint:" not in text:
        return ()
    return tuple(_suppressions(text, path))


def misspelt_comments(text: str, path: str) -> Iterator[SourceProblem]:
    """Yield the comments that are addressed to vllint and say nothing that it understands."""
    for directive in read_directives(text, path):
        yield from _refused_facts(directive)
    for match in _OURS.finditer(text):
        if not _UNDERSTOOD.match(match["said"]):
            message = "the comment says nothing that vllint understands"
            yield SourceProblem("unknown_rule", message, Span(path, match.start(), match.end()))


def _refused_facts(directive: Directive) -> Iterator[SourceProblem]:
    """Yield the card and the release of a comment if they are none."""
    from vllint.hardware.resolve import stated_machine
    from vllint.vllm.version import stated_version

    for fact, check in ((directive.gpu, stated_machine), (directive.vllm, stated_version)):
        if fact is None:
            continue
        try:
            check(fact.value, Origin.DIRECTIVE, "the comment")
        except StatementError as error:
            yield SourceProblem("unknown_fact", str(error), fact.span or directive.span)


def _suppressions(text: str, path: str) -> Iterator[Suppression]:
    for match in _COMMENT.finditer(text):
        listed = match["rules"] or (match["codes"] or "").replace(" ", ",")
        rules = tuple(part.strip() for part in listed.split(",") if part.strip())
        comment = Span(path, match.start(), match.end())
        whole = match["scope"] == "file-ignore"
        yield Suppression(rules, comment, None if whole else _covered(text, path, match.start()))


def _covered(text: str, path: str, start: int) -> Span:
    """Return the lines a comment speaks of: its own, or the next one if it stands alone, and what belongs
    to that line: its continuations and the lines indented below it.
    """
    lines = _lines(text)
    number = next(i for i, (begin, end) in enumerate(lines) if begin <= start <= end)
    first = number
    if not text[lines[number][0] : start].strip():
        first = next((i for i in range(number + 1, len(lines)) if _says_something(text, lines[i])), number)
    last = first
    indent = _indent(text, lines[first])
    for i in range(first + 1, len(lines)):
        continued = text[slice(*lines[i - 1])].rstrip().endswith("\\")
        deeper = _indent(text, lines[i]) > indent or (
            _indent(text, lines[i]) == indent and _is_list_below(text, lines[first], lines[i])
        )
        if _says_something(text, lines[i]) and not continued and not deeper:
            break
        last = i
    return Span(path, lines[first][0], lines[last][1])


def _lines(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    position = 0
    for line in text.splitlines(keepends=True):
        found.append((position, position + len(line.rstrip("\r\n"))))
        position += len(line)
    return found or [(0, 0)]


def _is_list_below(text: str, key: tuple[int, int], line: tuple[int, int]) -> bool:
    """Whether a line is an item of the list that a YAML key starts; it may stand as far left."""
    content = text[slice(*line)].lstrip()
    above = text[slice(*key)].strip()
    return content.startswith("- ") and not above.startswith("- ") and above.split(" #")[0].endswith(":")


def _says_something(text: str, line: tuple[int, int]) -> bool:
    content = text[slice(*line)].strip()
    return bool(content) and not content.startswith("#")


def _indent(text: str, line: tuple[int, int]) -> int:
    content = text[slice(*line)]
    return len(content) - len(content.lstrip(" \t"))


class Verdict(NamedTuple):
    """What is left of the findings, and which comments' selectors silenced something."""

    findings: tuple[Finding, ...]
    used: frozenset[tuple[Suppression, str]]


def suppress(
    findings: Sequence[Finding],
    suppressions: Sequence[Suppression],
    extents: Mapping[str, tuple[Span, Span]],
) -> Verdict:
    """Take out the findings that a comment speaks of.

    `extents` are the launches' by id: the word that stands for the launch, and all of it. A finding about
    a launch as a whole is silenced by a comment anywhere in the launch.
    """
    kept: list[Finding] = []
    used: set[tuple[Suppression, str]] = set()
    for finding in findings:
        at, extent = extents.get(finding.launch or "", (None, None))
        whole = extent if finding.span == at else None
        holding = [one for one in suppressions if one.holds_for(finding, whole)]
        for one in holding:
            used.add((one, one.names(finding.code, finding.name) or ""))
        if not holding:
            kept.append(finding)
    return Verdict(tuple(kept), frozenset(used))


def idle_suppressions(
    suppressions: Sequence[Suppression],
    used: frozenset[tuple[Suppression, str]],
    rules: Sequence[AnyRule],
    judging: Sequence[AnyRule],
    settings: Settings,
    text: str,
) -> Iterator[SourceProblem]:
    """Yield the comments that silence nothing, or name no rule.

    Nothing can be told of rules that are not selected, nor of those that could not judge every launch:
    only `judging` did.
    """
    for one in suppressions:
        for selector in one.rules or ("",):
            meant = [rule for rule in rules if not selector or names_rule(selector, rule.code, rule.name)]
            if not meant:
                yield SourceProblem("unknown_rule", f"there is no rule `{selector}`", one.comment)
            elif (one, selector) not in used and all(
                rule in judging and is_selected(settings, rule.code, rule.name, rule.preview)
                for rule in meant
            ):
                what = f"`{selector}`" if selector else "anything"
                message = f"nothing here needs {what} to be suppressed"
                yield SourceProblem("unused_suppression", message, one.comment, _removal(one, selector, text))


def _removal(one: Suppression, selector: str, text: str) -> tuple[Edit, ...]:
    """Take the selector out of the comment, or the whole comment if it names nothing else."""
    comment = one.comment
    written = text[comment.start : comment.end]
    if len(one.rules) > 1:
        match = re.search(
            rf"(?:,[ \t]*{re.escape(selector)}(?=[ \t]*[,\]])|{re.escape(selector)}[ \t]*,[ \t]*)", written
        )
        if match is None:
            return ()
        return (Edit(Span(comment.path, comment.start + match.start(), comment.start + match.end()), ""),)
    line_start = max(text.rfind("\n", 0, comment.start), text.rfind("\r", 0, comment.start)) + 1
    lead = text[line_start : comment.start]
    start = line_start if not lead.strip() else line_start + len(lead.rstrip())
    end = comment.end
    if not lead.strip():
        end += len(text[end : end + 2]) - len(text[end : end + 2].lstrip("\r\n"))
    return (Edit(Span(comment.path, start, end), ""),)
