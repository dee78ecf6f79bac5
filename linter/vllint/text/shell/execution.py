"""Walking simple commands: assignments, the shell's own commands, function calls and programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from vllint.text.shell.assignments import assign, declare
from vllint.text.shell.builtins import effect_of, forget_all
from vllint.text.shell.expansion import Expansion
from vllint.text.shell.input import read_fields, text_read
from vllint.text.shell.parser import parse
from vllint.text.shell.simple import DECLARATIONS
from vllint.text.shell.syntax import Assignment, Literal, RawWord, Simple
from vllint.text.shell.text import ShellText
from vllint.text.shell.values import Array, Definition, Missing, State, merge
from vllint.text.shell.walk import BRANCHES, Command, Frame, Walk
from vllint_schemas import Span, Variable, Word

MOST_CALLS = 8

_HOOKS = r"conda|mamba|pyenv|ssh-agent|brew|module"
"""Programs whose output, evaluated, sets up an environment, not a script's own variables."""


def walk_simple(walk: Walk, node: Simple, state: State) -> State | None:
    """Walk one simple command."""
    expansion = walk.expansion(state)
    if _declares(walk, node):
        declare(node.words, expansion, lambda name: _make_local(walk, name, state))
        return state
    words = expansion.array(word for word in node.words if isinstance(word, RawWord))
    _walk_targets(node, expansion)
    if not words:
        for assignment in node.assignments:
            assign(assignment, expansion)
            value = state.get(assignment.name)
            # A list that grows for ever makes each turn of a loop longer.
            walk.spend(len(value.items) // 8 if isinstance(value, Array) else 0)
        return state
    prefixes = _prefixes(walk, node.assignments, state)
    read = text_read(node, expansion)
    name = words[0].text if words[0].is_known else ""
    if name == "eval":
        return _with_prefixes(prefixes, state, lambda: _evaluate(walk, words, node, state))
    definition = state.functions.get(name)
    if definition is not None:
        return _with_prefixes(prefixes, state, lambda: _call(walk, definition, words, state))
    place = walk.source.place(node.start, node.end)
    env = {variable.name: variable for variable in (*state.environment(), *prefixes)}
    written = expansion.single(node.written) if node.written is not None else None
    command = Command(words, tuple(env.values()), place, words[0].site, walk.in_broken)
    walk.emit(command._replace(stdin=read, written=written))
    if name == "read" and read is not None and read_fields(words, read, _separators(env, state), state):
        return state
    return _behind(walk, words, place, state)


def _separators(env: Mapping[str, Variable], state: State) -> str | None:
    """Return the characters at which `read` parts a line, None if they are not known."""
    value = env["IFS"].value if "IFS" in env else state.get("IFS")
    if isinstance(value, Missing):
        return " \t\n"
    return value.text if isinstance(value, Word) and value.is_known else None


def _declares(walk: Walk, node: Simple) -> bool:
    first = node.words[0] if node.words else None
    if not isinstance(first, RawWord) or len(first.parts) != 1 or not isinstance(first.parts[0], Literal):
        return False
    return walk.source.text[first.parts[0].start : first.parts[0].end] in DECLARATIONS


def _make_local(walk: Walk, name: str, state: State) -> None:
    if walk.frames and name not in state.locals:
        state.locals[name] = (state.get(name), state.exported.get(name))
        state.set(name, Missing.UNSET)


def _walk_targets(node: Simple, expansion: Expansion) -> None:
    """Expand redirects for the commands and the assignments in them."""
    for target in node.targets:
        if not all(isinstance(part, Literal) for part in target.parts):
            expansion.single(target)


def _prefixes(walk: Walk, assignments: tuple[Assignment, ...], state: State) -> tuple[Variable, ...]:
    """Return the variables of `NAME=value` in front of a command, each seeing those before it."""
    if not assignments:
        return ()
    inner = state.copy()
    inner.writes = {}
    for assignment in assignments:
        assign(assignment, walk.expansion(inner))
    names = dict.fromkeys(assignment.name for assignment in assignments)
    for name in inner.writes:
        if name not in names:
            state.set(name, inner.get(name))
    values = [(name, inner.get(name)) for name in names]
    return tuple(Variable(name, value) for name, value in values if isinstance(value, Word))


def _with_prefixes(
    prefixes: tuple[Variable, ...], state: State, run: Callable[[], State | None]
) -> State | None:
    """Run a function or `eval`, during which the prefixes are variables of the shell."""
    former = [(prefix.name, state.get(prefix.name), prefix.name in state.exported) for prefix in prefixes]
    for prefix in prefixes:
        state.set(prefix.name, prefix.value)
        state.export(prefix.name, True)
    after = run()
    if after is None:
        return None
    for name, value, was_exported in former:
        after.values[name] = value
        if not was_exported:
            after.export(name, False)
    return after


def _behind(walk: Walk, words: tuple[Word, ...], place: Span, state: State) -> State | None:
    """Return the state behind a command that is neither a function nor `eval`."""
    rest = words[1:] if words[0].text in ("command", "builtin") and len(words) > 1 else words
    name = rest[0].text if rest[0].is_known else ""
    if name == "exit" or (name == "exec" and len(rest) > 1):
        walk.end(state)
        return None
    if name == "return":
        if walk.frames:
            walk.frames[-1].returns.append(state)
        else:
            walk.end(state)
        return None
    if name in ("break", "continue") and walk.loops:
        level = int(rest[1].text) if len(rest) > 1 and rest[1].text.isdecimal() else 1
        loop = walk.loops[-min(max(level, 1), len(walk.loops))]
        (loop.breaks if name == "break" else loop.continues).append(state)
        return None
    if name in ("source", ".") and len(rest) > 1:
        text = walk.sourced(rest[1]) if walk.sourced is not None else None
        if text is not None:
            return _source(walk, rest, text, state)
    effect = effect_of(name)
    if effect is not None:
        effect(state, rest, place)
    return state


def _evaluate(walk: Walk, words: tuple[Word, ...], node: Simple, state: State) -> State | None:
    """Walk the script that `eval` is given."""
    site = walk.source.place(node.start, node.end)
    pieces = [piece for word in words[1:] for piece in (Word.atomic(" ", word.site), word)][1:]
    script = Word.join(pieces, pieces[0].site if len(pieces) == 1 else site)
    if not script.text.strip():
        if script.holes and not re.search(_HOOKS, script.reason):
            forget_all(state, "`${name}` may be set by `eval`", site)
        return state
    if len(walk.frames) >= MOST_CALLS:
        forget_all(state, "`${name}` may be set by `eval`", site)
        return state
    walk.spend(len(script.text) // 10)
    source, walk.source = walk.source, ShellText(script)
    walk.frames.append(walk.frames[-1] if walk.frames else Frame("eval", []))
    after = walk.run(parse(walk.source.text, walk.source.gaps), state)
    walk.frames.pop()
    walk.source = source
    return after


def _source(walk: Walk, words: tuple[Word, ...], text: Word, state: State) -> State | None:
    """Walk a file that the script sources, for what it sets and defines."""
    if len(walk.frames) >= MOST_CALLS:
        forget_all(state, "`${name}` may be set by a file that is sourced", words[0].site)
        return state
    walk.spend(len(text.text) // 10)
    outer, frame = state.parameters, Frame("source", [])
    state.parameters = words[2:] or outer
    source, walk.source = walk.source, ShellText(text)
    walk.frames.append(frame)
    after = walk.run(parse(walk.source.text, walk.source.gaps), state)
    walk.frames.pop()
    walk.source = source
    after = merge((after, *frame.returns), BRANCHES)
    if after is not None:
        after.parameters = outer
    return after


def _call(walk: Walk, definition: Definition, words: tuple[Word, ...], state: State) -> State | None:
    """Walk a function's body with its parameters bound."""
    function = definition.function
    if len(walk.frames) >= MOST_CALLS or any(frame.name == function.name for frame in walk.frames):
        forget_all(state, f"`${{name}}` may be set by `{function.name}`, which calls itself", words[0].site)
        return state
    walk.called.add(id(function))
    outer = state.parameters
    passes_all = len(words) == 2 and outer is None and _is_all_arguments(words[1])
    state.parameters = None if passes_all else words[1:]
    after = walk_body(walk, definition, state)
    if after is not None:
        after.parameters = outer
    return after


def _is_all_arguments(word: Word) -> bool:
    return not word.text and word.splits and word.reason.startswith("`$@`")


def walk_body(walk: Walk, definition: Definition, state: State) -> State | None:
    """Walk the body of a function in `state`, which it may change."""
    frame = Frame(definition.function.name, [])
    source, loops, outer = walk.source, walk.loops, state.locals
    walk.source, walk.loops, state.locals = definition.source, [], {}
    walk.frames.append(frame)
    after = walk.run(definition.function.body, state)
    walk.frames.pop()
    walk.source, walk.loops = source, loops
    ways = [way for way in (after, *frame.returns) if way is not None]
    for way in ways:
        _leave_locals(way)
        way.locals = dict(outer)
    return merge(ways, BRANCHES)


def _leave_locals(state: State) -> None:
    """Give the names that were local to a function their meaning outside."""
    for name, (value, exported) in state.locals.items():
        state.values[name] = value
        if exported is None:
            state.exported.pop(name, None)
        else:
            state.exported[name] = exported
