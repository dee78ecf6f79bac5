"""A rule: its page, and its examples with what vllint says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc

from vllint.explain.rows import row
from vllint.report.cells import visible
from vllint.report.colours import Palette
from vllint.rule import Example, Rule
from vllint.testing import finding_of, fix_levels, marked
from vllint_schemas import Applicability

FIX_WORDS: Mapping[Applicability, str] = {
    Applicability.SAFE: "safe",
    Applicability.UNSAFE: "unsafe",
    Applicability.DISPLAY: "by hand",
}


def rule_lines(rule: Rule, colours: Palette) -> Iterator[str]:
    """Yield a rule's facts, its page and its examples."""
    title = colours.severity(rule.severity.value, f"{rule.severity}[{rule.code}]")
    yield f"{title} {colours.paint(colours.strong, rule.name)}"
    for name, value in _facts(rule):
        yield from row(name, value)
    yield ""
    for line in cleandoc(rule.__doc__ or "").splitlines():
        heading = line.removeprefix("## ")
        yield visible(line) if heading == line else colours.paint(colours.strong, visible(heading))
    yield ""
    yield colours.paint(colours.strong, "Examples, all of them tested")
    for example in rule.BAD:
        yield from _bad(rule, example, colours)
    for example in rule.GOOD:
        yield from _shown(example, "nothing to say")


def group_lines(group: str, rules: Sequence[Rule], colours: Palette) -> Iterator[str]:
    """Yield a line for each rule whose code starts with `group`."""
    yield colours.paint(colours.strong, f"{group}: {len(rules)} rules")
    for rule in rules:
        yield from row(rule.code, f"{rule.name}: {cleandoc(rule.__doc__ or '').partition(chr(10))[0]}")


def fixes_in_words(rule: Rule) -> str:
    """Return `safe, by hand`, or `none`."""
    return ", ".join(FIX_WORDS[level] for level in fix_levels(rule)) or "none"


def _facts(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "severity", f"{rule.severity}{', in preview: runs with --preview' if rule.preview else ''}"
    yield "fix", fixes_in_words(rule)
    if rule.needs:
        yield "judged from", ", ".join(need.replace("_", " ") for need in rule.needs)
    if rule.source:
        yield "in vLLM", rule.source
    if rule.url:
        yield "documents", rule.url
    if rule.tags:
        yield "tags", ", ".join(rule.tags)


def _bad(rule: Rule, example: Example, colours: Palette) -> Iterator[str]:
    yield from _shown(example, "found")
    found = finding_of(rule, example)
    if found is None:
        return
    first, *rest = found.message.splitlines()
    yield f"    {colours.severity(found.severity.value, found.severity.value)}: {visible(first)}"
    yield from (f"    {visible(line)}" for line in rest)
    if found.help:
        yield f"    help: {visible(found.help)}"
    if found.fix is not None:
        yield f"    fix ({FIX_WORDS[found.fix.applicability]}): {visible(found.fix.title)}"


def _shown(example: Example, verdict: str) -> Iterator[str]:
    """Yield an example under what is to be said of it, with the command that reads it and what is stated."""
    stated = [
        *([example.command] if example.command else []),
        *([f"--gpu {example.gpu}"] if example.gpu else []),
        *([f"--vllm-version {example.vllm_version}"] if example.vllm_version else []),
    ]
    conditions = f" ({', '.join(stated)})" if stated else ""
    yield ""
    yield f"  {verdict}{f': {example.title}' if example.title else ''}{conditions}"
    yield from (f"    | {visible(line)}".rstrip() for line in marked(example).text.splitlines())
