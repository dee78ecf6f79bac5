"""The two forms of a Dockerfile's ENTRYPOINT and CMD: an array of words, or a text for a shell."""

from __future__ import annotations

from dataclasses import replace

from vllint.sources.dockerfile.stages import Stage
from vllint.text.json_tree import parse_json
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Scalar, Sequence
from vllint_schemas import Span, Word


def form_words(arguments: Word, stage: Stage) -> tuple[Word, ...]:
    """Return the words of the exec form (a JSON array), else those of the shell that runs the text."""
    exec_form = _exec_form(arguments)
    if exec_form is not None:
        return exec_form
    site = Span(arguments.site.path, arguments.site.start, arguments.site.start)
    default = (Word.atomic("/bin/sh", site), Word.atomic("-c", site))
    shell = None if stage.shell is None else _exec_form(stage.shell)
    at_site = tuple(replace(Word.atomic(word.text, site), slot=None) for word in shell or ())
    return (*(at_site or default), arguments)


def _exec_form(arguments: Word) -> tuple[Word, ...] | None:
    if not arguments.text.lstrip().startswith("["):
        return None
    try:
        root = parse_json(arguments)
    except YamlProblem:
        return None
    if not isinstance(root, Sequence) or not all(isinstance(item, Scalar) for item in root):
        return None
    return tuple(item.word() for item in root if isinstance(item, Scalar))
