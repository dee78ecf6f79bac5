"""The YAML file of `--config`: the words vLLM makes of it.

Follows `FlexibleArgumentParser.load_config_file` (vLLM 0.33.0 `utils/argparse_utils.py:606`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vllint.text.source import SourceText
from vllint.text.yaml_nodes import Mapping, Node, Scalar, Sequence
from vllint.text.yaml_tree import YamlProblem, parse_source
from vllint_schemas import ConfigFile, Span, Unknown, Word


def read_config_file(source: SourceText) -> ConfigFile | Unknown:
    """Return the words of a config file; `Unknown` for a file that vLLM cannot load."""
    if source.path.rsplit(".", 1)[-1] not in {"yaml", "yml"}:
        return Unknown(f"`{source.path}` is not named .yaml or .yml")
    try:
        roots = parse_source(source)
    except YamlProblem as problem:
        return Unknown(f"`{source.path}` cannot be read: {problem.message}")
    root = roots[0] if len(roots) == 1 else None
    if not isinstance(root, Mapping):
        return Unknown(f"`{source.path}` does not hold a mapping of options")
    words: list[Word] = []
    dropped: list[Word] = []
    for key, value in root.items():
        if not isinstance(key, Scalar):
            return Unknown(f"`{source.path}` has a key that is no name")
        if isinstance(value, Scalar) and value.resolved() is False:
            dropped.append(key.word())
        else:
            words.extend(_words(key, value))
    return ConfigFile(source.path, tuple(words), tuple(dropped))


def _words(key: Scalar, value: Node) -> Iterator[Word]:
    """Yield an option and its values: `true` is the bare option, a list several words, a mapping JSON."""
    before = Span(key.span.path, key.span.start, key.span.start)
    flag = Word.join((Word.atomic("--", before), key.word()), key.span)
    if isinstance(value, Sequence):
        if len(value):
            yield flag
            yield from (_item(item) for item in value)
        return
    if isinstance(value, Mapping):
        yield flag
        yield Word.atomic(json.dumps(_plain(value)), value.span)
        return
    yield flag
    if value.resolved() is not True:
        yield _item(value)


def _item(node: Node) -> Word:
    """Return what Python's `str` makes of a value; text that reads the same keeps its places."""
    if not isinstance(node, Scalar):
        return Word.atomic(str(_plain(node)), node.span)
    text = str(node.resolved())
    word = node.word()
    return word if word.text == text else Word.atomic(text, node.span)


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.resolved()
    if isinstance(node, Sequence):
        return [_plain(item) for item in node]
    return {str(_plain(key)): _plain(value) for key, value in node.items()}
