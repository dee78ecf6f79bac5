"""The words that Ray's `engine_kwargs` stand for: Python keywords of vLLM's engine and server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Word


def engine_words(arguments: Mapping) -> Iterator[Word]:
    """Yield the options that keywords stand for; their names are Python's, so that none is text to edit."""
    for key, value in arguments.items():
        if isinstance(key, Scalar):
            yield from _option(key, value)


def _option(key: Scalar, value: Node) -> Iterator[Word]:
    name = key.value.replace("_", "-")
    if isinstance(value, Sequence):
        yield Word.atomic(f"--{name}", key.span)
        yield from _items(value)
        return
    if isinstance(value, Mapping):
        from vllint.vllm.config_file import plain

        yield Word.atomic(f"--{name}", key.span)
        yield Word.atomic(json.dumps(plain(value), default=str), value.span)
        return
    content = value.resolved()
    if content is None or content is False:
        yield from _unset(name, key) if content is False else ()
        return
    yield Word.atomic(f"--{name}", key.span)
    word = scalar_word(value)
    if content is not True and word is not None:
        yield replace(word, slot=None)


def _items(value: Sequence) -> Iterator[Word]:
    from vllint.vllm.config_file import plain

    for item in value:
        word = scalar_word(item)
        yield Word.atomic(json.dumps(plain(item), default=str), item.span) if word is None else word


def _unset(name: str, key: Scalar) -> Iterator[Word]:
    """Yield what switches an option off, if that has a name; `False` of other options is their default."""
    from vllint.vllm.options import releases_with

    if releases_with(f"--no-{name}"):
        yield Word.atomic(f"--no-{name}", key.span)
    elif not releases_with(f"--{name}"):
        yield Word.atomic(f"--{name}", key.span)
