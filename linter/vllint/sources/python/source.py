"""A Python file: its tree, where its lines start, what it imports."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from typing import Literal, NamedTuple

from vllint_schemas import Span

_LINE = re.compile(r"\r\n|\r|\n")


class Module(NamedTuple):
    """A parsed file: `imports` are the dotted names that its own names stand for."""

    path: str
    text: str
    line_starts: tuple[int, ...]
    tree: ast.Module
    imports: Mapping[str, str]

    def span(self, node: ast.expr | ast.keyword | ast.stmt) -> Span:
        """Return a node's place; `ast` counts columns in UTF-8 bytes."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return Span(self.path, self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column))

    def written(self, node: ast.expr) -> str:
        """Return a node's text, shortened for messages."""
        span = self.span(node)
        text = " ".join(self.text[span.start : span.end].split())
        return text if len(text) <= 40 else f"{text[:37]}..."

    def _offset(self, line: int, column: int) -> int:
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        content = self.text[start:end]
        if content.isascii():
            return start + column
        return start + len(content.encode()[:column].decode(errors="ignore"))

    def dotted(self, function: ast.expr) -> str:
        """Return what a name or attribute stands for, as `subprocess.Popen`; empty for other expressions.

        Attributes of values that have no name keep their own: `.run` of `get_client().run`.
        """
        parts: list[str] = []
        while isinstance(function, ast.Attribute):
            parts.append(function.attr)
            function = function.value
        if isinstance(function, ast.Name):
            parts.append(self.imports.get(function.id, function.id))
        elif not parts:
            return ""
        else:
            parts.append("")
        return ".".join(reversed(parts))


def parse_module(path: str, text: str) -> Module:
    """Parse a file; raises what `ast.parse` does: SyntaxError, ValueError, RecursionError, MemoryError."""
    tree = parsed(text)
    assert isinstance(tree, ast.Module)
    return Module(path, text, line_starts(text), tree, _imports(tree))


def parsed(text: str, mode: Literal["exec", "eval"] = "exec") -> ast.AST:
    """Return the tree of a text; what Python would warn of, as an escape it does not know, is kept quiet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode=mode)


def line_starts(text: str) -> tuple[int, ...]:
    """Return where lines start, as Python counts them: form feeds and other separators end none."""
    return (0, *(match.end() for match in _LINE.finditer(text)))


def _imports(tree: ast.Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names.update({alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
    return names
