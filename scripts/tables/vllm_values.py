"""What expressions and functions in vLLM's sources come to, as far as that does not need vLLM to run.

The evaluator knows literals, names, classes' fields, loops over what it knows, and calls of the package's own
class methods; whoever uses it says what other functions do. All else is `COMPUTED`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any, NamedTuple

from vllm_source import COMPUTED, ClassReference, Module, Source

Scope = dict[str, Any]
Function = Callable[[Module, ast.Call, Scope], Any]

SUPPRESS = "==SUPPRESS=="
PLATFORM = {"device_type": "cuda", "device_name": "cuda"}
ARGUMENTS = ["vllm", "serve"]
BUILTINS = {"int", "float", "str", "bool", "dict", "list", "set"}

METHODS: Mapping[type, frozenset[str]] = {
    dict: frozenset({"get", "pop", "update", "setdefault"}),
    list: frozenset({"append", "remove", "extend"}),
    str: frozenset({"join", "replace", "format", "strip", "lower", "upper"}),
}
"""The methods of plain values that are carried out."""


class Reference(NamedTuple):
    """A function, a parser or a group of one, known by name only."""

    name: str


class Evaluator:
    """Evaluates in a source tree.

    `functions` are called, by name, instead of those in the tree; `environment` has the defaults of the
    variables in `vllm.envs`.
    """

    def __init__(
        self, source: Source, functions: Mapping[str, Function], environment: Mapping[str, Any]
    ) -> None:
        self.source = source
        self.functions = functions
        self.environment = environment

    def run(self, module: Module, function: ast.FunctionDef, scope: Scope) -> Any:
        """Evaluate a function's body; return what it returns."""
        return self._body(module, function.body, scope)

    def _body(self, module: Module, body: list[ast.stmt], scope: Scope) -> Any:
        for node in body:
            if isinstance(node, ast.Return):
                return self.value(module, node.value, scope) if node.value else None
            self._statement(module, node, scope)
        return None

    def _statement(self, module: Module, node: ast.stmt, scope: Scope) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            self._assign(module, target, self.value(module, node.value, scope), scope)
        elif isinstance(node, ast.AugAssign):
            joined = ast.BinOp(node.target, node.op, node.value)
            self._assign(module, node.target, self.value(module, joined, scope), scope)
        elif isinstance(node, ast.Expr):
            self.value(module, node.value, scope)
        elif isinstance(node, ast.If):
            held = self.value(module, node.test, scope)
            self._body(module, node.body if held and held is not COMPUTED else node.orelse, scope)
        elif isinstance(node, ast.For):
            self._loop(module, node, scope)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                if isinstance(target, ast.Subscript):
                    owner = self.value(module, target.value, scope)
                    owner.pop(self.value(module, target.slice, scope), None)
        elif isinstance(node, ast.ImportFrom):
            scope.setdefault("__imports__", {}).update(
                {alias.asname or alias.name: node for alias in node.names}
            )

    def _assign(self, module: Module, target: ast.expr, value: Any, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = value
        elif isinstance(target, ast.Tuple) and isinstance(value, tuple | list):
            for part, item in zip(target.elts, value, strict=True):
                self._assign(module, part, item, scope)
        elif isinstance(target, ast.Subscript):
            owner = self.value(module, target.value, scope)
            if isinstance(owner, dict):
                owner[self.value(module, target.slice, scope)] = value

    def _loop(self, module: Module, node: ast.For, scope: Scope) -> None:
        items = self.value(module, node.iter, scope)
        for item in items if isinstance(items, list | tuple) else ():
            self._assign(module, node.target, item, scope)
            self._body(module, node.body, scope)

    def value(self, module: Module, node: ast.expr | None, scope: Scope) -> Any:
        """Return an expression's value; `COMPUTED` where only running vLLM tells."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        return COMPUTED if method is None else method(module, node, scope)

    def _constant(self, module: Module, node: ast.Constant, scope: Scope) -> Any:
        return node.value

    def _name(self, module: Module, node: ast.Name, scope: Scope) -> Any:
        if node.id in scope:
            return scope[node.id]
        if node.id in self.functions or node.id in BUILTINS:
            return Reference(node.id)
        found = self.source.find(self._with_imports(module, scope), node.id)
        if found is None or isinstance(found, Module):
            return Reference(node.id) if found is None and node.id in module.names else COMPUTED
        return self._defined(*found)

    def _with_imports(self, module: Module, scope: Scope) -> Module:
        inner = scope.get("__imports__")
        return module._replace(names={**module.names, **inner}) if inner else module

    def _defined(self, module: Module, node: ast.AST) -> Any:
        if isinstance(node, ast.ClassDef):
            return ClassReference(module, node)
        if isinstance(node, ast.FunctionDef):
            return Reference(node.name)
        value = getattr(node, "value", None)
        return self.value(module, value, {}) if isinstance(value, ast.expr) else COMPUTED

    def _attribute(self, module: Module, node: ast.Attribute, scope: Scope) -> Any:
        text = ast.unparse(node)
        if text in {"json.loads", "argparse.BooleanOptionalAction"}:
            return Reference(node.attr)
        if text == "argparse.SUPPRESS":
            return SUPPRESS
        if text == "sys.argv":
            return ARGUMENTS
        if text.startswith("current_platform."):
            return PLATFORM.get(node.attr, COMPUTED)
        if text == "ssl.CERT_NONE":
            return 0
        if text.startswith("envs."):
            return self.environment.get(node.attr, {}).get("default", COMPUTED)
        owner = self.value(module, node.value, scope)
        if isinstance(owner, ClassReference):
            return owner.name if node.attr == "__name__" else self.default(owner, node.attr)
        found = self.source.object_named(module, node)
        if found is None or isinstance(found, Module):
            return COMPUTED
        return self._defined(*found)

    def default(self, owner: ClassReference, name: str) -> Any:
        """Return the default of a class's field, or the value of its member."""
        field = self.source.fields(owner).get(name)
        if field is not None:
            return COMPUTED if field.default is None else self.field_default(field.module, field.default)
        for node in owner.node.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return self.value(owner.module, node.value, {})
        for base in self.source.bases(owner):
            return self.default(base, name)
        return COMPUTED

    def field_default(self, module: Module, node: ast.expr) -> Any:
        """Return what a field is when it is not given, from what stands after its annotation."""
        called = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
        if not isinstance(node, ast.Call) or called not in {"field", "Field", "get_field"}:
            return self.value(module, node, {})
        if called == "get_field":
            owner = self.source.class_named(module, node.args[0])
            name = self.value(module, node.args[1], {})
            return COMPUTED if owner is None else self.default(owner, name)
        given = {word.arg: word.value for word in node.keywords}
        if "default_factory" in given:
            made = given["default_factory"]
            body = made.body if isinstance(made, ast.Lambda) else ast.Call(func=made, args=[], keywords=[])
            return self.value(module, body, {})
        stated = node.args[0] if node.args else given.get("default")
        return COMPUTED if stated is None else self.value(module, stated, {})

    def _unaryop(self, module: Module, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(module, node.operand, scope)
        if value is COMPUTED:
            return COMPUTED
        return not value if isinstance(node.op, ast.Not) else -value

    def _boolop(self, module: Module, node: ast.BoolOp, scope: Scope) -> Any:
        values = [self.value(module, part, scope) for part in node.values]
        if COMPUTED in values:
            return COMPUTED
        return all(values) if isinstance(node.op, ast.And) else any(values)

    def _compare(self, module: Module, node: ast.Compare, scope: Scope) -> Any:
        left, right = (self.value(module, part, scope) for part in (node.left, node.comparators[0]))
        if left is COMPUTED or right is COMPUTED:
            return COMPUTED
        operator = node.ops[0]
        if isinstance(operator, ast.In | ast.NotIn):
            return (left in right) == isinstance(operator, ast.In)
        if isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
            return (left == right) == isinstance(operator, ast.Eq | ast.Is)
        return COMPUTED

    def _ifexp(self, module: Module, node: ast.IfExp, scope: Scope) -> Any:
        held = self.value(module, node.test, scope)
        return COMPUTED if held is COMPUTED else self.value(module, node.body if held else node.orelse, scope)

    def _binop(self, module: Module, node: ast.BinOp, scope: Scope) -> Any:
        left, right = self.value(module, node.left, scope), self.value(module, node.right, scope)
        if COMPUTED in (left, right):
            return COMPUTED
        numbers = {ast.Mult: "__mul__", ast.Add: "__add__", ast.Sub: "__sub__", ast.Pow: "__pow__"}
        found = getattr(left, numbers.get(type(node.op), ""), None)
        return COMPUTED if found is None else found(right)

    def _list(self, module: Module, node: ast.List, scope: Scope) -> Any:
        return [self.value(module, part, scope) for part in node.elts]

    def _tuple(self, module: Module, node: ast.Tuple, scope: Scope) -> Any:
        return tuple(self._list(module, ast.List(elts=node.elts, ctx=ast.Load()), scope))

    def _set(self, module: Module, node: ast.Set, scope: Scope) -> Any:
        return self._list(module, ast.List(elts=node.elts, ctx=ast.Load()), scope)

    def _dict(self, module: Module, node: ast.Dict, scope: Scope) -> Any:
        made: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            found = self.value(module, value, scope)
            made |= found if key is None else {self.value(module, key, scope): found}
        return made

    def _joinedstr(self, module: Module, node: ast.JoinedStr, scope: Scope) -> Any:
        parts = [
            self.value(module, part.value if isinstance(part, ast.FormattedValue) else part, scope)
            for part in node.values
        ]
        return COMPUTED if COMPUTED in parts else "".join(map(str, parts))

    def _listcomp(self, module: Module, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Any:
        items = self.value(module, node.generators[0].iter, scope)
        made = []
        for item in items if isinstance(items, list | tuple) else ():
            inner = dict(scope)
            self._assign(module, node.generators[0].target, item, inner)
            made.append(self.value(module, node.elt, inner))
        return made if isinstance(items, list | tuple) else COMPUTED

    _generatorexp = _listcomp

    def _lambda(self, module: Module, node: ast.Lambda, scope: Scope) -> Any:
        return Reference("<lambda>")

    def _subscript(self, module: Module, node: ast.Subscript, scope: Scope) -> Any:
        owner = self.value(module, node.value, scope)
        if isinstance(node.slice, ast.Slice):
            return owner[1:] if ast.unparse(node.slice) == "1:" else COMPUTED
        key = self.value(module, node.slice, scope)
        return owner.get(key, COMPUTED) if isinstance(owner, dict) else COMPUTED

    def _call(self, module: Module, node: ast.Call, scope: Scope) -> Any:
        name = ast.unparse(node.func)
        method = name.rpartition(".")[2]
        if method in self.functions:
            return self.functions[method](module, node, scope)
        if name in {"get_args", "list", "sorted", "int", "cast", "permutations"}:
            return self._known_function(module, name, node, scope)
        if isinstance(node.func, ast.Attribute):
            up = name.startswith("super()")
            owner = scope.get("__class__") if up else self.value(module, node.func.value, scope)
            if isinstance(owner, ClassReference):
                return self._class_method(owner, method, node, module, scope, up)
            return self._method(owner, method, [self.value(module, part, scope) for part in node.args])
        if self.source.class_named(module, node.func) is not None:
            return {}
        return {"dict": {}, "set": [], "tuple": []}.get(name, COMPUTED)

    def _known_function(self, module: Module, name: str, node: ast.Call, scope: Scope) -> Any:
        if name == "get_args":
            return [value for hint in self.source.hints(module, node.args[0]) for value in hint.values]
        value = self.value(module, node.args[-1 if name == "cast" else 0], scope) if node.args else []
        if name in {"int", "cast"}:
            return value
        if not isinstance(value, list | tuple):
            return COMPUTED
        if name == "permutations":
            return list(
                permutations(value, *(self.value(module, word.value, scope) for word in node.keywords))
            )
        return sorted(value) if name == "sorted" else list(value)

    def _class_method(
        self,
        owner: ClassReference,
        name: str,
        node: ast.Call,
        module: Module,
        scope: Scope,
        up: bool,
    ) -> Any:
        """Run a method of one of vLLM's classes."""
        start = next(iter(self.source.bases(owner)), owner) if up else owner
        found = self.source.method(start, name)
        if found is None:
            return COMPUTED
        home, function = found
        names = [argument.arg for argument in function.args.args]
        inner: Scope = {"__class__": home}
        defaults = function.args.defaults
        for argument, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            inner[argument] = self.value(home.module, default, {})
        if names and names[0] in {"cls", "self"}:
            inner[names.pop(0)] = scope.get("cls", owner) if up else owner
        inner |= dict(zip(names, (self.value(module, part, scope) for part in node.args), strict=False))
        inner |= {word.arg: self.value(module, word.value, scope) for word in node.keywords if word.arg}
        return self.run(home.module, function, inner)

    def _method(self, owner: Any, name: str, given: list[Any]) -> Any:
        if owner is COMPUTED or COMPUTED in given:
            return COMPUTED
        if isinstance(owner, dict) and name in {"items", "keys", "values"}:
            return list(getattr(owner, name)())
        if name == "join" and not all(isinstance(part, str) for part in given[0]):
            return COMPUTED
        for type_, names in METHODS.items():
            if isinstance(owner, type_) and name in names:
                return getattr(owner, name)(*given)
        return COMPUTED
