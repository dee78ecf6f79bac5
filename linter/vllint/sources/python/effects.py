"""What Python's statements change: names, lists, tables, the options of a parser."""

from __future__ import annotations

import ast

from vllint.sources.python.evaluator import Evaluator
from vllint.sources.python.options import DECLARES, by_default, declared, opened, with_entry
from vllint.sources.python.values import Items, Namespace, Opaque, Parser, State, Table, Text, Value
from vllint_schemas import Span


def take_effect(evaluator: Evaluator, statement: ast.stmt, state: dict[str, Value]) -> None:
    """Change `state` as an assignment or a call of a list's method does."""
    if isinstance(statement, ast.Assign):
        value = evaluator.value(statement.value, state)
        _method(evaluator, statement.value, state)
        for target in statement.targets:
            _assign(evaluator, target, value, state)
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        _assign(evaluator, statement.target, evaluator.value(statement.value, state), state)
    elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Attribute):
        unknown = Opaque("it is computed", evaluator.module.span(statement))
        _assign(evaluator, statement.target, unknown, state)
    elif isinstance(statement, ast.Delete):
        _delete(evaluator, statement, state)
    elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        name = statement.target.id
        old = state.get(name) or Opaque(f"`{name}` is not known", evaluator.module.span(statement.target))
        new = evaluator.value(statement.value, state)
        if isinstance(statement.op, ast.Add):
            state[name] = evaluator.added(old, new, evaluator.module.span(statement.value))
        else:
            state[name] = Opaque(f"`{name}` is computed", evaluator.module.span(statement))
    elif isinstance(statement, ast.Expr):
        _method(evaluator, statement.value, state)


def _assign(evaluator: Evaluator, target: ast.expr, value: Value, state: dict[str, Value]) -> None:
    if isinstance(target, ast.Name):
        state[target.id] = value
    elif isinstance(target, ast.Subscript):
        _assign_item(evaluator, target, value, state)
    elif isinstance(target, ast.Attribute):
        name = evaluator.module.dotted(target)
        owner = state.get(evaluator.module.dotted(target.value))
        if isinstance(owner, Namespace):
            entry = (target.attr, value, evaluator.module.span(target))
            _spread_out(owner._replace(options=with_entry(owner.options, entry)), state)
        elif name.startswith(("self.", "cls.")):
            state[name] = value
    else:
        parsed = isinstance(target, ast.Tuple) and isinstance(value, Namespace)
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                state[node.id] = Opaque(f"`{node.id}` is one of several", evaluator.module.span(node))
        if parsed and isinstance(target, ast.Tuple):
            # `args, others = parser.parse_known_args()`
            _assign(evaluator, target.elts[0], value, state)


def _assign_item(evaluator: Evaluator, target: ast.Subscript, value: Value, state: dict[str, Value]) -> None:
    """Do `table["NAME"] = value`."""
    name = evaluator.module.dotted(target.value)
    table = state.get(name) or (Table((), open=True) if name == "os.environ" else None)
    key = evaluator.value(target.slice, state)
    if isinstance(table, Table) and isinstance(key, Text) and key.word.is_known:
        entry = (key.word.text, value, evaluator.module.span(target.slice))
        state[name] = Table((*table.entries, entry), table.open)
    elif name in state:
        state[name] = Opaque(f"`{name}` is changed", evaluator.module.span(target))


def _method(evaluator: Evaluator, call: ast.expr, state: dict[str, Value]) -> None:
    """Do what calls of a method change: a list, a table, the options of a parser."""
    if not isinstance(call, ast.Call):
        return
    _pass_on(call, state)
    if not isinstance(call.func, ast.Attribute):
        return
    if call.func.attr in DECLARES:
        parser = evaluator.value(call.func.value, state)
        if isinstance(parser, Parser):
            _spread_out(declared(evaluator, parser, call, state), state, parser.place)
        return
    name, method = evaluator.module.dotted(call.func.value), call.func.attr
    old = state.get(name)
    if name == "os.environ" and old is None:
        old = Table((), open=True)
    if isinstance(old, Items) and method in {"append", "extend"} and len(call.args) == 1:
        added = evaluator.value(call.args[0], state)
        site = evaluator.module.span(call.args[0])
        words = evaluator.words(added) if method == "extend" else (evaluator.word(added, site),)
        state[name] = Items(old.words + words)
    elif isinstance(old, Items) and method in {"insert", "remove", "pop", "clear", "reverse", "sort"}:
        state[name] = Opaque(f"`{name}` is changed by `{method}`", evaluator.module.span(call))
    elif isinstance(old, Table) and method in {"update", "setdefault"}:
        state[name] = _updated(evaluator, old, call, state)
    elif isinstance(old, Table) and method in {"pop", "popitem", "clear"}:
        key = evaluator.value(call.args[0], state) if call.args else None
        state[name] = _without(name, old, key, evaluator.module.span(call))


def _pass_on(call: ast.Call, state: dict[str, Value]) -> None:
    """Note that a parser which is passed to a function, as to vLLM's `add_cli_args`, may get more options."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        parser = state.get(argument.id) if isinstance(argument, ast.Name) else None
        if isinstance(parser, Parser):
            _spread_out(parser._replace(defaults=opened(parser.defaults)), state)


def _delete(evaluator: Evaluator, statement: ast.Delete, state: dict[str, Value]) -> None:
    """Do `del table["NAME"]`."""
    for target in statement.targets:
        name = evaluator.module.dotted(target.value) if isinstance(target, ast.Subscript) else ""
        old = state.get(name)
        if isinstance(target, ast.Subscript) and isinstance(old, Table):
            key = evaluator.value(target.slice, state)
            state[name] = _without(name, old, key, evaluator.module.span(target))


def _without(name: str, table: Table, key: Value | None, site: Span) -> Value:
    if not isinstance(key, Text) or not key.word.is_known:
        return Opaque(f"`{name}` is changed", site)
    entries = (entry for entry in table.entries if entry[0] != key.word.text)
    return table._replace(entries=tuple(entries))


def _updated(evaluator: Evaluator, old: Table, call: ast.Call, state: State) -> Table:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "setdefault":
        return opened(old)
    added = evaluator.value(call.args[0], state) if call.args else Table(())
    overrides = not isinstance(added, Table) or added.open
    entries = [(name, by_default(value) if overrides else value, at) for name, value, at in old.entries]
    entries += added.entries if isinstance(added, Table) else ()
    for keyword in call.keywords:
        if keyword.arg is not None:
            value = evaluator.value(keyword.value, state)
            entries.append((keyword.arg, value, evaluator.module.span(keyword)))
    return Table(tuple(entries), old.open or overrides)


def _spread_out(
    changed: Parser | Namespace | Opaque, state: dict[str, Value], place: Span | None = None
) -> None:
    """Give every name of a parser, or of what it gives, its new value."""
    kinds = Namespace if isinstance(changed, Namespace) else Parser
    made_at = place or (changed.span if isinstance(changed, Opaque) else changed.place)
    for name, value in state.items():
        if isinstance(value, kinds) and value.place == made_at:
            state[name] = changed
