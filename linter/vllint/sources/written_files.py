"""Files that a shell script writes or hands on as here-documents: manifests, compose files, units."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from vllint.discover import has_marker
from vllint.sources.commands import Script, Surroundings, starts_in
from vllint.sources.files import File
from vllint.sources.image_families import OWN_OPTIONS
from vllint_schemas import Launch, Word

_MARKS = ("apiVersion:", "services:", "[Service]", "[Container]")
_MAX_DEPTH = 3
_MAX_TEXTS = 40
_MAX_LENGTH = 60_000
_MAX_HOLES = 500
"""Bounds on the texts of a script that are read, and on each of them; real ones are far below."""


def may_write(script: str) -> bool:
    """Whether a script may hold a here-document that is a file of a format of its own."""
    return "<<" in script and any(mark in script for mark in _MARKS)


def written_launches(script: Word, file: File) -> Iterator[Launch]:
    """Yield the launches of the files that `script` writes, as launches of the script's own file."""
    seen: set[tuple[object, ...]] = set()
    for text in islice(_texts(script, 0), _MAX_TEXTS):
        for launch in _launches(text, file):
            content = (launch.name, launch.extent, tuple((word.text, word.runs) for word in launch.argv))
            if content not in seen:
                seen.add(content)
                yield launch


def _launches(text: Word, file: File) -> Iterator[Launch]:
    from vllint.sources.embedded_documents import document_launches, is_unit, unit_launches

    found = unit_launches(text, file) if is_unit(text.text) else document_launches(text, file)
    for launch in found:
        if isinstance(launch, Launch):
            yield launch._replace(kind="shell", path=file.path)


def _texts(script: Word, depth: int) -> Iterator[Word]:
    """Yield the here-documents of a script and of the scripts within it that name vLLM."""
    from vllint.text.shell.commands import evaluate

    scripts = _MAX_TEXTS
    for command in evaluate(script, {}):
        text = command.stdin
        if text is not None and _is_file(text):
            yield text
        elif depth < _MAX_DEPTH and scripts and any("<<" in word.text for word in command.words):
            scripts -= 1
            for found in starts_in(command.words, Surroundings()):
                if isinstance(found, Script):
                    yield from _texts(found.text, depth + 1)


def _is_file(text: Word) -> bool:
    """Whether a text that has to do with vLLM has the marks of a format of its own."""
    if len(text.text) > _MAX_LENGTH or len(text.holes) > _MAX_HOLES or not _is_about_vllm(text):
        return False
    return any(mark in text.text for mark in _MARKS)


def _is_about_vllm(text: Word) -> bool:
    """Whether a text names vLLM, itself or by a variable, or has what only vLLM takes."""
    if has_marker(text.text.encode(errors="replace")) or any(option in text.text for option in OWN_OPTIONS):
        return True
    return any("vllm" in hole.reason.lower() for hole in text.holes)
