"""Options that a Python program declares with `argparse`: what they are worth when nobody passes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.python.paths import PATHS, path_of
from vllint.sources.python.values import (
    Constant,
    Evaluating,
    Items,
    Namespace,
    Opaque,
    Parser,
    State,
    Table,
    Text,
    Value,
)
from vllint_schemas import Origin, Span

_PARSES = frozenset({"parse_args", "parse_known_args", "parse_intermixed_args"})
_GROUPS = frozenset({"add_argument_group", "add_mutually_exclusive_group"})
DECLARES = frozenset({"add_argument", "set_defaults", "add_subparsers"})
"""Methods that change what a parser knows."""

_HARMLESS = frozenset({
    "prog", "usage", "description", "epilog", "formatter_class", "add_help", "allow_abbrev", "exit_on_error",
    "suggest_on_error", "color",
})  # fmt: skip
"""What a parser is given that changes no option's default."""

_KEEP_TEXT = frozenset({"", "str", "int", "float"})
"""Types that make of a default that is a text what a command line would spell the same."""

_BY_ACTION = {"store_true": False, "store_false": True}
_NO_OPTION = frozenset({"help", "version"})


def option_value(evaluator: Evaluating, node: ast.Call, state: State, depth: int) -> Value | None:
    """Return a parser, a group of one, what it gives, or an option of that; `None` for other calls."""
    name = evaluator.module.dotted(node.func)
    if _is_parser(name):
        return _new_parser(evaluator, node, state, depth)
    if name in {"vars", "getattr"} and node.args:
        return _looked_into(evaluator, node, name, state, depth)
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in _PARSES | _GROUPS:
        return None
    parser = evaluator.value(node.func.value, state, depth + 1)
    if not isinstance(parser, Parser):
        return None
    return parser if node.func.attr in _GROUPS else _parsed(evaluator, node, parser, state, depth)


def _is_parser(name: str) -> bool:
    return name == "argparse.ArgumentParser" or (
        name.startswith("vllm.") and name.endswith(".FlexibleArgumentParser")
    )


def _new_parser(evaluator: Evaluating, node: ast.Call, state: State, depth: int) -> Value:
    place = evaluator.module.span(node)
    entries: list[tuple[str, Value, Span]] = []
    for keyword in node.keywords:
        if keyword.arg == "parents" and isinstance(keyword.value, ast.List | ast.Tuple):
            parents = [evaluator.value(parent, state, depth + 1) for parent in keyword.value.elts]
            if all(isinstance(parent, Parser) for parent in parents):
                entries += (e for p in parents if isinstance(p, Parser) for e in p.defaults.entries)
                continue
        if keyword.arg not in _HARMLESS:
            return Opaque(f"a parser is made with `{keyword.arg or '**'}`", place)
    return Parser(place, Table(tuple(entries)))


def _looked_into(evaluator: Evaluating, node: ast.Call, name: str, state: State, depth: int) -> Value | None:
    """Return `vars(args)` and `getattr(args, "name")`."""
    owner = evaluator.value(node.args[0], state, depth + 1)
    if not isinstance(owner, Namespace):
        return None
    if name == "vars":
        return owner.options
    key = evaluator.value(node.args[1], state, depth + 1) if len(node.args) > 1 else None
    return owner.options.get(key.word.text) if isinstance(key, Text) and key.word.is_known else None


def declared(evaluator: Evaluating, parser: Parser, node: ast.Call, state: State) -> Parser | Opaque:
    """Return a parser after a call of one of its methods `DECLARES`."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if method == "add_subparsers":
        return Opaque("its options depend on a subcommand", parser.place)
    if method == "set_defaults":
        return _with_defaults(evaluator, parser, node, state)
    named = _destination(node)
    if named is None:
        return parser._replace(defaults=opened(parser.defaults))
    name, site = named
    known = None if name is None else parser.defaults.get(name)
    is_set = name in parser.ahead and "default" not in keywords_of(node)
    if name is None or (known is not None and name not in parser.ahead):
        # Of options that share a name, the first one's default counts.
        return parser
    value = known if known is not None and is_set else by_default(_default(evaluator, node, state))
    entry = (name, value, evaluator.module.span(site))
    return parser._replace(defaults=with_entry(parser.defaults, entry), ahead=parser.ahead - {name})


def with_entry(table: Table, entry: tuple[str, Value, Span]) -> Table:
    """Return a table in which a key has another value."""
    return table._replace(entries=(*(one for one in table.entries if one[0] != entry[0]), entry))


def opened(table: Table) -> Table:
    """Return a table that may hold more than is seen."""
    return table._replace(open=True)


def _with_defaults(evaluator: Evaluating, parser: Parser, node: ast.Call, state: State) -> Parser:
    defaults, ahead = parser.defaults, parser.ahead
    for keyword in node.keywords:
        span = evaluator.module.span(keyword)
        if keyword.arg is None:
            unknown = Opaque("defaults are passed on by `**`", span)
            entries = tuple((name, unknown, place) for name, _, place in defaults.entries)
            defaults = Table(entries, open=True)
        else:
            ahead = ahead if defaults.get(keyword.arg) is not None else ahead | {keyword.arg}
            value = by_default(evaluator.value(keyword.value, state))
            defaults = with_entry(defaults, (keyword.arg, value, span))
    return parser._replace(defaults=defaults, ahead=ahead)


def _destination(node: ast.Call) -> tuple[str | None, ast.expr] | None:
    """Return the attribute of an option and the argument that names it.

    The attribute is `None` where there is none, as for `version`; the whole where the call does not tell.
    """
    names = [
        one for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value
    ]
    stated = keywords_of(node)
    dest = stated.get("dest")
    if not names or len(names) < len(node.args) or any(keyword.arg is None for keyword in node.keywords):
        return None
    if dest is not None and not (isinstance(dest, ast.Constant) and isinstance(dest.value, str)):
        return None
    if constant_of(stated.get("action")) in _NO_OPTION:
        return None, names[0]
    texts = [str(one.value) for one in names]
    at = next((at for at, text in enumerate(texts) if text.startswith("--")), 0)
    if isinstance(dest, ast.Constant):
        return str(dest.value), names[at]
    is_option = texts[at].startswith("-")
    return (texts[at].lstrip("-").replace("-", "_") if is_option else texts[at]), names[at]


def _default(evaluator: Evaluating, node: ast.Call, state: State) -> Value:
    """Return what an option is worth by default, as `add_argument` states it."""
    stated, span = keywords_of(node), evaluator.module.span(node)
    flag, default, action = str(constant_of(node.args[0])), stated.get("default"), stated.get("action")
    positional = not flag.startswith("-")
    asked = constant_of(stated.get("nargs")) not in {"?", "*"} if positional else "required" in stated
    if asked and (positional or constant_of(stated["required"]) is not False):
        return Opaque(f"`{flag}` has to be passed", span)
    if default is None:
        if positional and constant_of(stated.get("nargs")) == "*":
            return Items(())
        return Constant(_BY_ACTION.get(str(constant_of(action))), span)
    return unconverted(evaluator, evaluator.value(default, state), flag, stated.get("type"), span)


def unconverted(evaluator: Evaluating, value: Value, flag: str, kind: ast.expr | None, site: Span) -> Value:
    """Return a default, unless it is a text that the option's type may make something else of."""
    name = "" if kind is None else evaluator.module.dotted(kind) or "?"
    if isinstance(value, Text) and name in PATHS:
        return path_of([value], site)
    if isinstance(value, Text) and isinstance(value.value, str) and name not in _KEEP_TEXT:
        return Opaque(f"the default of `{flag}` is converted", site)
    return value


def keywords_of(node: ast.Call) -> dict[str, ast.expr]:
    """Return the keywords of a call, those of `**` left out."""
    return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}


def constant_of(node: ast.expr | None) -> object:
    """Return a literal's value, other expressions as they are."""
    return node.value if isinstance(node, ast.Constant) else node


def by_default(value: Value) -> Value:
    """Return a value as one that a user may override."""
    if isinstance(value, Text):
        return Text(replace(value.word, origin=Origin.DEFAULT, slot=None), value.value)
    if isinstance(value, Items):
        return Items(tuple(replace(word, origin=Origin.DEFAULT, slot=None) for word in value.words))
    return value._replace(origin=Origin.DEFAULT) if isinstance(value, Constant) else value


def _parsed(evaluator: Evaluating, node: ast.Call, parser: Parser, state: State, depth: int) -> Value:
    """Return what a parser gives that is passed the program's own arguments, if any."""
    place = evaluator.module.span(node)
    given = evaluator.value(node.args[0], state, depth + 1) if node.args else None
    if node.keywords or len(node.args) > 1 or (isinstance(given, Items) and given.words):
        return Opaque("options are passed to the parser", place)
    changed = set(_changed(evaluator.module.tree))
    if None in changed:
        return Opaque("options are changed after they are parsed", place)
    entries = (
        (name, Opaque(f"`{name}` is changed after it is parsed", span) if name in changed else value, span)
        for name, value, span in parser.defaults.entries
    )
    return Namespace(place, Table(tuple(entries), parser.defaults.open))


def _changed(tree: ast.Module) -> Iterator[str | None]:
    """Yield the attributes that a program assigns to its objects; `None` where it does not say which."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not _is_self(node.value):
            if isinstance(node.ctx, ast.Store | ast.Del):
                yield node.attr
            elif node.attr == "__dict__" or (node.attr == "update" and _is_vars(node.value)):
                yield None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from [None] if _is_vars(node.value) else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
            yield from [] if node.args and _is_self(node.args[0]) else [None]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _set_elsewhere(node)


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def _is_vars(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "vars"


def _set_elsewhere(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str | None]:
    """Yield the defaults that a function sets of a parser that it is passed."""
    parameters = {one.arg for one in (*function.args.posonlyargs, *function.args.args)}
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        of_parameter = isinstance(owner, ast.Name) and owner.id in parameters
        if node.func.attr == "set_defaults" and of_parameter:
            yield from (keyword.arg for keyword in node.keywords)
