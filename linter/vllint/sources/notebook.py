"""Jupyter notebooks: what their Python cells build and start, and the shell commands in them.

The code stands in JSON texts, so that nothing of it can be edited in place: words are shown where they stand,
and have no fixes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.deployments import installed_release
from vllint.sources.files import File, Found
from vllint.sources.python.excerpts import excerpt_launches, placed
from vllint.sources.python.source import parsed
from vllint.sources.shell import shell_launches
from vllint.text.json_tree import parse_json
from vllint.text.lines import line_extents
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Launch, Located, Span, Unknown, Word

_SHELL_CELL = re.compile(r"%%(?:bash|sh|script (?:ba)?sh)\b[^\n]*\n?")
_PYTHON_CELL = re.compile(r"%%(?:time|timeit|capture|prun|writefile\s+\S+\.py)\b[^\n]*\n?")
_COMMAND = re.compile(r"[ \t]*(?:!{1,2}|%(?=(?:pip|uv|conda)\b))[ \t]*(?=\S)")
_MAGIC = re.compile(r"[ \t]*(?:[!%?]|[\w., \t]+=[ \t]*[!%])")
_FIELD = re.compile(r"(?<![$\\{])\{[A-Za-z_]\w*\}(?!\})")
_MAX_CELLS = 2000


class _Code(NamedTuple):
    """A notebook's code: the Python of its cells, and the commands that they hand to a shell."""

    python: list[Word]
    shell: list[Word]


def recognises(file: File) -> bool:
    """Whether the file is a notebook, as its name says."""
    return True


def launches(file: File) -> Found:
    """Yield the servers and engines that a notebook's cells start."""
    try:
        root = parse_json(file.whole)
    except YamlProblem:
        return
    code = _Code([], [])
    for cell in _cells(root):
        _read_cell(cell, code)
    whole = Span(file.path, 0, len(file.source.text))
    shell, python = Word.join(code.shell, whole), Word.join(code.python, whole)
    pinned = installed_release(shell)
    machine = _colab(root)
    for found in _found(file.path, shell, python):
        release = pinned if isinstance(found.vllm_version, Unknown) else found.vllm_version
        hardware = found.hardware
        if machine is not None and isinstance(hardware.gpu, Unknown):
            count = (
                hardware.gpu_count if isinstance(hardware.gpu_count, Located) else Located(1, machine.span)
            )
            hardware = hardware._replace(gpu=machine, gpu_count=count)
        yield found._replace(vllm_version=release, hardware=hardware, together=None, container=None)


def _found(path: str, shell: Word, python: Word) -> Iterator[Launch]:
    """Yield the launches of both, with the places in the file of what was read apart from it."""
    for found in shell_launches(shell, "shell"):
        if isinstance(found, Launch):
            yield placed(found, lambda span: span)
    yield from excerpt_launches(path, python)


def _cells(root: Node) -> Iterator[Word]:
    """Yield the code of the notebook's cells."""
    cells = root.get("cells") if isinstance(root, Mapping) else None
    for cell in list(cells)[:_MAX_CELLS] if isinstance(cells, Sequence) else ():
        kind = cell.get("cell_type") if isinstance(cell, Mapping) else None
        source = cell.get("source") if isinstance(cell, Mapping) else None
        if not isinstance(kind, Scalar) or kind.value != "code" or source is None:
            continue
        lines = source if isinstance(source, Sequence) else [source]
        words = [line.word() for line in lines if isinstance(line, Scalar)]
        if words:
            yield Word.join(words, source.span)


def _read_cell(cell: Word, code: _Code) -> None:
    """Add a cell to the code of its kind; Python that does not parse is left out."""
    end = Word.atomic("\n", Span(cell.site.path, cell.site.end, cell.site.end))
    shell = _SHELL_CELL.match(cell.text)
    if shell is not None:
        code.shell.extend((cell.slice(shell.end()), end))
        return
    header = _PYTHON_CELL.match(cell.text)
    if header is None and cell.text.startswith("%%"):
        return
    python: list[Word] = []
    commands: list[Word] = []
    _part_lines(cell if header is None else cell.slice(header.end()), python, commands, end)
    code.shell.extend(_unfilled(command) for command in commands)
    try:
        parsed("".join(word.text for word in python))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    code.python.extend((*python, end))


def _part_lines(cell: Word, python: list[Word], commands: list[Word], end: Word) -> None:
    """Part the lines for the shell from those of Python, which get `pass` in their place."""
    going_on = False
    for start, stop in line_extents(cell.text):
        line = cell.text[start:stop]
        command = _COMMAND.match(line)
        if going_on or command is not None:
            begin = start if command is None or going_on else start + command.end()
            commands.extend((cell.slice(begin, stop), end))
        if going_on or _MAGIC.match(line):
            indent = len(line) - len(line.lstrip()) if not going_on else 0
            passed = "" if going_on else f"{line[:indent]}pass"
            python.append(Word.atomic(f"{passed}\n", cell.slice(start, max(stop, start)).site))
        else:
            python.extend((cell.slice(start, stop), end))
        going_on = (going_on or command is not None) and line.endswith("\\")


def _unfilled(command: Word) -> Word:
    """Return a command with what IPython fills in, as `{model}`, as holes."""
    parts: list[Word] = []
    position = 0
    for match in _FIELD.finditer(command.text):
        site = command.slice(*match.span()).site
        parts += (
            command.slice(position, match.start()),
            Word.unknown(f"`{match[0]}` is filled in by Python", site),
        )
        position = match.end()
    return Word.join((*parts, command.slice(position)), command.site) if position else command


def _colab(root: Node) -> Located[str] | None:
    """Return the card that a notebook of Google Colab asks for: `metadata.colab.gpuType`."""
    node: Node | None = root
    for key in ("metadata", "colab", "gpuType"):
        node = node.get(key) if isinstance(node, Mapping) else None
    return Located(node.value, node.span) if isinstance(node, Scalar) and node.value else None
