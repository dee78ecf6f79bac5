"""The YAML file of `--config`: the words vLLM makes of it.

Follows `FlexibleArgumentParser.load_config_file` (vLLM 0.33.0 `utils/argparse_utils.py:606`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vllint.text.source import SourceText
from vllint.text.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from vllint.text.yaml.tree import YamlProblem, parse_yaml
from vllint_schemas import ConfigFile, ConfigProblem, Span, Unknown, Word

SUFFIXES = frozenset({"yaml", "yml"})
"""What a config file's name must end with, in lower case; vLLM refuses any other name."""


def read_config_file(source: SourceText) -> ConfigFile | Unknown:
    """Return the words of a config file, or why vLLM stumbles; `Unknown` for what it does not open."""
    return read_config_text(Word.verbatim(source.text, source.path, 0), source.path)


def read_config_text(text: Word, path: str) -> ConfigFile | Unknown:
    """Return the words of a config file called `path` with a text that may stand within another file."""
    if path.rsplit(".", 1)[-1] not in SUFFIXES:
        return Unknown(f"`{path}` is not named .yaml or .yml")
    if not text.is_known:
        return Unknown(text.reason)
    try:
        roots = parse_yaml(text)
    except YamlProblem as problem:
        return _refused(path, ConfigProblem("not_parsed", problem.message, problem.span))
    beginning = Span(text.site.path, text.site.start, text.site.start)
    if len(roots) > 1:
        message = "expected a single document in the stream"
        return _refused(path, ConfigProblem("several_documents", message, _place(roots[1])))
    if not roots or not isinstance(roots[0], Mapping):
        place = _place(roots[0]) if roots else beginning
        name = _python_type(roots[0] if roots else None)
        message = f"'{name}' object has no attribute 'items'"
        return _refused(path, ConfigProblem("not_a_mapping", message, place))
    return _read(path, roots[0].items())


def _refused(path: str, problem: ConfigProblem) -> ConfigFile:
    return ConfigFile(path, (), (), (problem,))


def _read(path: str, entries: tuple[Entry, ...]) -> ConfigFile:
    words: list[Word] = []
    dropped: list[Word] = []
    problems: list[ConfigProblem] = []
    for key, value in entries:
        name = key.resolved() if isinstance(key, Scalar) else None
        if not isinstance(key, Scalar) or not isinstance(name, str):
            message = f'can only concatenate str (not "{_python_type(key)}") to str'
            problems.append(ConfigProblem("key_not_text", message, _place(key)))
        elif isinstance(value, Scalar) and value.resolved() is False:
            dropped.append(key.word())
        else:
            problems += _mappings_in_list(value)
            words += option_words(key, value)
    return ConfigFile(path, tuple(words), tuple(dropped), tuple(problems))


def _mappings_in_list(value: Node) -> Iterator[ConfigProblem]:
    """Yield the mappings in a list: vLLM passes Python's `repr` of them on, which is no JSON."""
    if isinstance(value, Sequence):
        for item in value:
            if isinstance(item, Mapping):
                yield ConfigProblem("list_of_mappings", str(plain(item)), item.span)


def _place(node: Node) -> Span:
    """Return where to point for a node: its first line would be too much of it."""
    return node.span if isinstance(node, Scalar) else Span(node.span.path, node.span.start, node.span.start)


def _python_type(node: Node | None) -> str:
    if node is None:
        return "NoneType"
    return type(plain(node)).__name__


def option_words(key: Scalar, value: Node) -> Iterator[Word]:
    """Yield the option that a key stands for, and its values: `true` has none, a list several."""
    before = Span(key.span.path, key.span.start, key.span.start)
    flag = Word.join((Word.atomic("--", before), key.word()), key.span)
    if isinstance(value, Sequence):
        if len(value):
            yield flag
            yield from (_item(item) for item in value)
        return
    if isinstance(value, Mapping):
        yield flag
        yield Word.atomic(json.dumps(plain(value)), value.span)
        return
    yield flag
    if value.resolved() is not True:
        yield _item(value)


def _item(node: Node) -> Word:
    """Return what Python's `str` makes of a value; text that reads the same keeps its places."""
    if not isinstance(node, Scalar):
        return Word.atomic(str(plain(node)), node.span)
    text = str(node.resolved())
    word = node.word()
    return word if word.text == text else Word.atomic(text, node.span)


def plain(node: Node) -> Any:
    """Return what PyYAML makes of a node, with texts for keys."""
    if isinstance(node, Scalar):
        return node.resolved()
    if isinstance(node, Sequence):
        return [plain(item) for item in node]
    return {str(plain(key)): plain(value) for key, value in node.items()}
