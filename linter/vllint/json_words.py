"""JSON in a word: where its parts stand, what was meant by text that is no JSON, and how to write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from vllint.facts import LaunchFacts
from vllint_schemas import ConfigFile, Edit, SlotKind, Span, Word

_BARE_WORD = r"(?<=[{,:\[])(\s*)([A-Za-z_][\w./+-]*)(\s*)(?=[,:}\]])"
_LITERALS = frozenset({"true", "false", "null"})
_SCRIPTS = frozenset({"shell", "command"})
_TRAILING = re.compile(r",(\s*[}\]])")


def part_of_json(word: Word, path: tuple[str | int, ...], key: bool = False) -> Word | None:
    """Return the part of a word's JSON that `path` leads to, or the last key of the path itself.

    `None` where the word is no JSON as it stands, or has no such part.
    """
    from vllint.text.json_tree import parse_json
    from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
    from vllint.text.yaml.tree import YamlProblem

    try:
        node: Node = parse_json(replace(word, slot=None))
    except YamlProblem:
        return None
    name: Node = node
    for step in path:
        if isinstance(node, Mapping):
            found = [
                (one, value) for one, value in node.items() if isinstance(one, Scalar) and one.value == step
            ]
            if not found:
                return None
            name, node = found[-1]
        elif isinstance(node, Sequence) and isinstance(step, int):
            name = node = list(node)[step]
        else:
            return None
    part = name if key else node
    return part.word() if isinstance(part, Scalar) else Word.atomic("", part.span)


def loses_its_quotes(facts: LaunchFacts, word: Word) -> bool:
    """Whether JSON stands unquoted where the command is split, so that quotes and blanks are lost."""
    text = facts.sources.get(word.site.path, "")
    start = word.site.start
    written = text[start : word.site.end].partition("=")[0]
    start += len(written) + 1 if written.startswith("--") else 0
    if not text.startswith("{", start):
        return False
    try:
        json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return False
    return word.slot is None or word.slot.kind is SlotKind.SHELL


def mended_json(text: str) -> str | None:
    """Return the JSON that a text was meant for, if there is one way to read it as an object or a list."""
    for meant in _readings(text.strip()):
        try:
            value = json.loads(meant)
        except ValueError:
            continue
        if isinstance(value, dict | list) and value:
            return json.dumps(value, ensure_ascii=False)
    return None


def _readings(text: str) -> Iterator[str]:
    """Yield a text without quotes it kept, doubled braces and backslashes, then as Python and as words."""
    plain = text
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        plain = text[1:-1]
        yield plain
    if '\\"' in plain:
        yield plain.replace('\\"', '"')
    if plain.startswith("{{") and plain.endswith("}}"):
        plain = plain.replace("{{", "{").replace("}}", "}")
        yield plain
    python = _python(plain)
    if python is not None:
        yield python
    if "'" in plain and '"' not in plain:
        yield plain.replace("'", '"')
    plain = _TRAILING.sub(r"\1", plain)
    yield plain
    if '"' not in plain and "'" not in plain:
        yield re.sub(_BARE_WORD, _quoted, plain)


def _quoted(match: re.Match[str]) -> str:
    before, word, after = match.groups()
    if word in {"True", "False"}:
        word = word.lower()
    return f"{before}{word if word in _LITERALS else json.dumps(word)}{after}"


def _python(text: str) -> str | None:
    """Return a dictionary of Python as JSON; texts are its only keys."""
    import ast

    try:
        value = ast.literal_eval(text)
        return json.dumps(value, ensure_ascii=False) if _has_text_keys(value) else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _has_text_keys(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_text_keys(item) for key, item in value.items())
    return all(map(_has_text_keys, value)) if isinstance(value, list | tuple) else True


def write_json(facts: LaunchFacts, word: Word, text: str) -> Edit | None:
    """Return the edit that writes JSON in the place of a value; `None` where it cannot be quoted there."""
    if word.via or "'" in text:
        return None
    if _in_config(facts, word):
        return Edit(word.site, text)
    place, source = word.text_span, facts.sources.get(word.site.path, "")
    if place is None:
        return None
    before, after = source[place.start - 1 : place.start], source[place.end : place.end + 1]
    if before == after == "'" and not _is_escaped(source, place.start - 1):
        return Edit(place, text)
    if before == after == '"' and not _is_escaped(source, place.start - 1) and _is_open(facts, word):
        return Edit(Span(place.path, place.start - 1, place.end + 1), f"'{text}'")
    bare = before in {" ", "=", "\t"} and (not after or after.isspace())
    if bare and _slot_kind(word) is SlotKind.SHELL and _is_open(facts, word):
        return Edit(place, f"'{text}'")
    return None


def _in_config(facts: LaunchFacts, word: Word) -> bool:
    config = facts.args.config
    return isinstance(config, ConfigFile) and any(word is one for one in config.words)


def _is_escaped(source: str, at: int) -> bool:
    return source[max(0, at - 1) : at] == "\\"


def _slot_kind(word: Word) -> SlotKind | None:
    return word.slot.kind if word.slot is not None else SlotKind.SHELL


def _is_open(facts: LaunchFacts, word: Word) -> bool:
    """Whether single quotes may stand there: in a list's item, or a script that is in no quotes itself."""
    if _slot_kind(word) in {SlotKind.BLOCK_ITEM, SlotKind.FLOW_ITEM}:
        return True
    if _slot_kind(word) is not SlotKind.SHELL or facts.launch.in_script:
        return False
    return facts.launch.kind in _SCRIPTS
