"""A source tree of vLLM, read without importing it: names, classes, annotations, values.

Names are followed through imports inside the package; what lies outside of it is not known. Code under
`if TYPE_CHECKING` does not count, since it does not run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = "vllm"


class Computed:
    """A value that only running vLLM tells."""

    def __repr__(self) -> str:
        """Name it as the code does."""
        return "COMPUTED"


COMPUTED = Computed()


class Hint(NamedTuple):
    """One of the types that an annotation allows.

    `name` is `none`, `bool`, `int`, `float`, `str`, `dict`, `list`, `tuple`, `set`, `type`, `literal`,
    `dataclass`, `mapping` (a class of its own that is a dict) or `other`. `values` are a literal's texts and
    numbers, `items` the types of a collection's elements.
    """

    name: str
    values: tuple[Any, ...] = ()
    items: tuple[frozenset[Hint], ...] = ()


Hints = frozenset[Hint]


class Module(NamedTuple):
    """A module and what its top level defines when it runs."""

    name: str
    is_package: bool
    names: dict[str, ast.AST]


class ClassReference(NamedTuple):
    """A class and the module it stands in."""

    module: Module
    node: ast.ClassDef

    @property
    def name(self) -> str:
        """The class's name."""
        return self.node.name


class FieldDefinition(NamedTuple):
    """A field of a class: its annotation and its default, in the module they stand in, and its docstring."""

    module: Module
    annotation: ast.expr
    default: ast.expr | None
    text: str


BUILTIN_HINTS = {
    **{name: name for name in ("bool", "int", "float", "str", "dict", "list", "tuple", "set", "type")},
    "None": "none",
    "List": "list",
    "Dict": "dict",
    "Tuple": "tuple",
    "Set": "set",
    "Type": "type",
    "Sequence": "list",
    "Mapping": "dict",
}
TRANSPARENT = {"Annotated", "SkipValidation", "Final"}
NOT_FIELDS = {"InitVar", "ClassVar"}


class Source:
    """A package's folder."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "engine/arg_utils.py").is_file():
            raise SystemExit(f"{folder} is not the package's folder of a vLLM release")
        self.folder = folder
        self.module = cache(self._module)

    def _module(self, name: str) -> Module | None:
        parts = name.split(".")
        if parts[0] != PACKAGE:
            return None
        base = self.folder.joinpath(*parts[1:])
        for path, is_package in ((base.with_suffix(".py"), False), (base / "__init__.py", True)):
            if path.is_file() and (len(parts) > 1 or is_package):
                tree = ast.parse(path.read_text(encoding="utf-8"))
                module = Module(name, is_package, dict(_definitions(tree.body)))
                return module._replace(names={**self._starred(module, tree.body), **module.names})
        return None

    def _starred(self, module: Module, body: list[ast.stmt]) -> dict[str, ast.AST]:
        """Return what `from x import *` brings, each name as if it were imported by itself."""
        names: dict[str, ast.AST] = {}
        for node in body:
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                origin = self.module(self._origin(module, node))
                for name in origin.names if origin else ():
                    names[name] = ast.ImportFrom(node.module, [ast.alias(name)], node.level)
        return names

    def find(self, module: Module, name: str) -> tuple[Module, ast.AST] | Module | None:
        """Return where a name is defined, the module it names, or nothing if that is outside of vLLM."""
        node = module.names.get(name)
        if isinstance(node, ast.ImportFrom):
            return self._imported(module, node, name)
        if isinstance(node, ast.Import):
            alias = next(alias for alias in node.names if name in {alias.asname, alias.name})
            return self.module(alias.name)
        if node is None:
            return self.module(f"{module.name}.{name}") if module.is_package else None
        return module, node

    def _imported(
        self, module: Module, node: ast.ImportFrom, name: str
    ) -> tuple[Module, ast.AST] | Module | None:
        base = self._origin(module, node)
        original = next(alias.name for alias in node.names if name in {alias.asname, alias.name})
        origin = self.module(base)
        if origin is None:
            return None
        return self.find(origin, original) or self.module(f"{base}.{original}")

    def _origin(self, module: Module, node: ast.ImportFrom) -> str:
        """Return the module that an import names."""
        if not node.level:
            return node.module or ""
        parts = module.name.split(".")
        kept = parts[: len(parts) - node.level + (1 if module.is_package else 0)]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def class_named(self, module: Module, node: ast.expr) -> ClassReference | None:
        """Return the class that an expression names, if it is one of vLLM's."""
        found = self.object_named(module, node)
        if isinstance(found, tuple) and not isinstance(found, Module) and isinstance(found[1], ast.ClassDef):
            return ClassReference(found[0], found[1])
        return None

    def object_named(self, module: Module, node: ast.expr) -> tuple[Module, ast.AST] | Module | None:
        """Return what a name or a dotted name stands for."""
        if isinstance(node, ast.Name):
            return self.find(module, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.object_named(module, node.value)
            return self.find(owner, node.attr) if isinstance(owner, Module) else None
        return None

    def bases(self, found: ClassReference) -> Iterator[ClassReference]:
        """Yield a class's bases that are vLLM's, in order."""
        for base in found.node.bases:
            parent = self.class_named(found.module, base)
            if parent is not None:
                yield parent

    def fields(self, found: ClassReference) -> dict[str, FieldDefinition]:
        """Return a dataclass's fields, those of its bases first."""
        fields: dict[str, FieldDefinition] = {}
        for base in reversed(list(self.bases(found))):
            fields |= self.fields(base)
        body = found.node.body
        for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                subscript = node.annotation
                outer = subscript.value if isinstance(subscript, ast.Subscript) else subscript
                if ast.unparse(outer).rpartition(".")[2] not in NOT_FIELDS:
                    definition = FieldDefinition(found.module, node.annotation, node.value, _text(after))
                    fields[node.target.id] = definition
        return fields

    def method(self, found: ClassReference, name: str) -> tuple[ClassReference, ast.FunctionDef] | None:
        """Return a method and the class in which it stands."""
        for node in found.node.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return found, node
        for base in self.bases(found):
            inherited = self.method(base, name)
            if inherited is not None:
                return inherited
        return None

    def dataclass_in(self, module: Module, node: ast.expr) -> ClassReference | None:
        """Return the dataclass among the types that an annotation allows, if there is one."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.dataclass_in(module, ast.parse(node.value, mode="eval").body)
        if isinstance(node, ast.BinOp):
            return self.dataclass_in(module, node.left) or self.dataclass_in(module, node.right)
        if isinstance(node, ast.Subscript):
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            outer = ast.unparse(node.value).rpartition(".")[2]
            parts = inner if outer in {"Optional", "Union"} else inner[:1] if outer in TRANSPARENT else []
            return next(filter(None, (self.dataclass_in(module, part) for part in parts)), None)
        found = self.class_named(module, node)
        return found if found is not None and self.class_kind(found) == "dataclass" else None

    def hints(self, module: Module, node: ast.expr) -> Hints:
        """Return the types that an annotation allows."""
        if isinstance(node, ast.Constant):
            if node.value is None:
                return frozenset({Hint("none")})
            return self.hints(module, ast.parse(str(node.value), mode="eval").body)
        if isinstance(node, ast.BinOp):
            return self.hints(module, node.left) | self.hints(module, node.right)
        if isinstance(node, ast.Subscript):
            return self._subscripted(module, node)
        name = node.id if isinstance(node, ast.Name) else ""
        if name in BUILTIN_HINTS and name not in module.names:
            return frozenset({Hint(BUILTIN_HINTS[name])})
        return self._named(module, node)

    def _subscripted(self, module: Module, node: ast.Subscript) -> Hints:
        outer = ast.unparse(node.value).rpartition(".")[2]
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer == "Literal":
            return frozenset({Hint("literal", tuple(dict.fromkeys(self._literal_values(module, inner))))})
        if outer == "Optional":
            return self.hints(module, inner[0]) | {Hint("none")}
        if outer == "Union":
            return frozenset[Hint]().union(*(self.hints(module, part) for part in inner))
        if outer in TRANSPARENT:
            return self.hints(module, inner[0])
        name = BUILTIN_HINTS.get(outer, "other")
        if name not in {"list", "tuple", "set"}:
            return frozenset({Hint(name)})
        items = [part for part in inner if not (isinstance(part, ast.Constant) and part.value is Ellipsis)]
        ragged = len(items) != len(inner) or name != "tuple"
        found = tuple(self.hints(module, part) for part in items)
        return frozenset({Hint(name, (len(items),) if not ragged else (), found)})

    def _literal_values(self, module: Module, nodes: list[ast.expr]) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, ast.Constant):
                yield node.value
            else:
                for hint in self.hints(module, node):
                    yield from hint.values

    def _named(self, module: Module, node: ast.expr) -> Hints:
        found = self.object_named(module, node)
        if found is None or isinstance(found, Module):
            return frozenset({Hint("other")})
        home, definition = found
        if isinstance(definition, ast.ClassDef):
            return frozenset({Hint(self.class_kind(ClassReference(home, definition)))})
        value = getattr(definition, "value", None)
        return self.hints(home, value) if isinstance(value, ast.expr) else frozenset({Hint("other")})

    def class_kind(self, found: ClassReference) -> str:
        """Return `dataclass`, `mapping` for a class that is a dict, or `other`."""
        for decorator in found.node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if ast.unparse(called).rpartition(".")[2] in {"config", "dataclass"}:
                return "dataclass"
        outer = {ast.unparse(base).partition("[")[0] for base in found.node.bases}
        if outer & {"dict", "UserDict"}:
            return "mapping"
        inherited = [self.class_kind(base) for base in self.bases(found)]
        return "mapping" if "mapping" in inherited else "other"


def _text(node: ast.stmt) -> str:
    """Return the docstring that a statement is."""
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _definitions(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Yield what statements define when they run; of two branches, the first that is not for checkers."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in (alias for alias in node.names if alias.name != "*"):
                yield alias.asname or alias.name.partition(".")[0], node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node
        elif isinstance(node, ast.If):
            checked = "TYPE_CHECKING" in ast.unparse(node.test)
            yield from _definitions(node.orelse if checked else [*node.orelse, *node.body])
        elif isinstance(node, ast.Try):
            yield from _definitions(node.body)
