"""Every scalar of real deployment files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from vllint.text.source import decode
from vllint.text.yaml.scalars import scalar_runs
from vllint.text.yaml.tree import Node, Scalar, YamlProblem, parse_source

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("VLLINT_SHARED", ROOT.parent / "shared")) / "corpus" / "files"


def scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    else:
        for child in node.children():
            yield from scalars(child)


def values(node: yaml.Node) -> Iterator[str]:
    if isinstance(node, yaml.ScalarNode):
        yield node.value
    for entry in node.value if isinstance(node, yaml.CollectionNode) else ():
        for child in entry if isinstance(entry, tuple) else (entry,):
            yield from values(child)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of deployment files is not at hand")
def test_every_scalar_of_the_corpus_has_an_exact_map() -> None:
    count = 0
    for path in sorted(path for path in CORPUS.rglob("*") if path.suffix in (".yaml", ".yml")):
        source = decode(path.name, path.read_bytes())
        try:
            roots = parse_source(source)
        except YamlProblem:
            with pytest.raises(yaml.YAMLError):
                list(yaml.compose_all(source.text, Loader=yaml.CSafeLoader))
            continue
        theirs = [value for root in yaml.compose_all(source.text, yaml.CSafeLoader) for value in values(root)]
        ours = [node for root in roots for node in scalars(root)]
        assert [node.word().text for node in ours] == theirs, path
        for node in ours:
            assert_exact(node, source.text)
        count += len(ours)
    assert count > 10_000


def assert_exact(node: Scalar, text: str) -> None:
    word, span = node.word(), node.span
    assert scalar_runs(text, span.path, span.start, span.end, node.style, node.value) == word.runs
    for run in word.runs:
        if run.verbatim:
            read_there = text[run.source.start : run.source.end]
            assert read_there == word.text[run.start : run.start + run.length]
    assert sum(run.length for run in word.runs) == len(word.text)
