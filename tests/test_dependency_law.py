"""Rules are written against public names, and judge facts: they read nothing themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vllint
import vllint_rules

FOLDER = Path(vllint_rules.__file__).parent
MODULES = [
    pytest.param(path, id=path.relative_to(FOLDER).as_posix()) for path in sorted(FOLDER.rglob("*.py"))
]
# fmt: off
PURE = frozenset(
    {
        "__future__", "collections", "dataclasses", "difflib", "enum", "fractions", "functools", "ipaddress",
        "itertools", "json", "math", "operator", "re", "shlex", "string", "textwrap", "typing",
    }
)
# fmt: on
READERS = {"open", "input", "exec", "eval", "compile", "__import__"}


def imports(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name), with no name for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name) for alias in node.names)


def is_allowed(module: str, name: str | None) -> bool:
    top = module.partition(".")[0]
    if module == "vllint":
        return name in vllint.__all__
    return top == "vllint_schemas" or top in PURE


@pytest.mark.parametrize("path", MODULES)
def test_a_rule_imports_public_names_the_schemas_and_pure_parts_of_python(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [found for found in imports(tree) if not is_allowed(*found)] == []


@pytest.mark.parametrize("path", MODULES)
def test_a_rule_calls_nothing_that_reads_or_runs_things(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & READERS == set()


def test_the_pure_parts_of_python_are_parts_of_python() -> None:
    assert set(sys.stdlib_module_names) >= PURE


def test_every_public_name_is_there() -> None:
    assert [name for name in vllint.__all__ if not hasattr(vllint, name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "from pathlib import Path",
        "import vllint.engine",
        "from vllint.engine import judge_source",
        "from vllint import engine",
        "from time import time",
        "from . import neighbour",
    ],
)
def test_the_law_forbids_what_it_should(text: str) -> None:
    assert not all(is_allowed(*found) for found in imports(ast.parse(text)))
