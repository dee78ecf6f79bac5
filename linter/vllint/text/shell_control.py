"""Walking compound commands: branches that never mix, loops, functions' definitions, subshells."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from vllint.text.shell_arithmetic import NotComputedError
from vllint.text.shell_expansion import Expansion
from vllint.text.shell_syntax import (
    ArithmeticFor,
    Assignment,
    Broken,
    Calculation,
    Case,
    Chain,
    For,
    Function,
    If,
    Literal,
    Node,
    Pipeline,
    RawWord,
    Redirected,
    Sequence,
    Simple,
    Test,
    While,
)
from vllint.text.shell_text import standing_for
from vllint.text.shell_values import Array, Definition, Missing, State, merge, with_more
from vllint.text.shell_walk import BRANCHES, LOOP, Walk
from vllint_schemas import Origin, Span, Word

MOST_ITEMS = 32

_ARGUMENTS_LACKING = r"-z\b|-l[te]\b"
_ARGUMENTS_USED = r"\$[#1-9@*]|\$\{(?:[1-9@*]|#[@*}])|\bgetopts\b"
_COUNTER = r"\s*([A-Za-z_]\w*)\s*=([^=].*)"
_LIMIT = r"\s*([A-Za-z_]\w*)\s*(<=?)(?![<=])(.+)"
_STEP = r"\s*(?:([A-Za-z_]\w*)\s*\+\+|\+\+\s*([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*\+=\s*(\d+))\s*"
_NEVER_FAIL = frozenset({":", "true", "echo", "export", "declare", "typeset", "local"})


def walk_sequence(walk: Walk, node: Sequence, state: State) -> State | None:
    """Walk commands one after another, up to one that ends the script."""
    after: State | None = state
    for child in node.nodes:
        if after is None:
            return None
        after = walk.run(child, after)
    return after


def walk_chain(walk: Walk, node: Chain, state: State) -> State | None:
    """Walk `a && b || c`: what runs only after a success or a failure starts from there."""
    succeeded = walk.run(node.first, state)
    failed = None if _never_fails(walk, node.first) else succeeded
    for operator, child in node.rest:
        before = succeeded if operator == "&&" else failed
        after = walk.run(child, before.copy()) if before is not None else None
        failure = None if _never_fails(walk, child) else after
        if operator == "&&":
            succeeded, failed = after, merge((failed, failure), BRANCHES)
        else:
            succeeded, failed = merge((succeeded, after), BRANCHES), failure
    return merge((succeeded, failed), BRANCHES)


def _never_fails(walk: Walk, node: Node) -> bool:
    if isinstance(node, Sequence):
        return bool(node.nodes) and _never_fails(walk, node.nodes[-1])
    if not isinstance(node, Simple) or node.targets:
        return False
    if not node.words:
        return not any(_runs_commands(assignment) for assignment in node.assignments)
    first = node.words[0]
    if not isinstance(first, RawWord) or len(first.parts) != 1 or not isinstance(first.parts[0], Literal):
        return False
    return walk.source.text[first.start : first.end] in _NEVER_FAIL


def _runs_commands(assignment: Assignment) -> bool:
    words = [assignment.value, *(element.value for element in assignment.elements or ())]
    return any(not isinstance(part, Literal) for word in words for part in word.parts)


def walk_pipeline(walk: Walk, node: Pipeline, state: State) -> State | None:
    """Walk commands that run in processes of their own."""
    for child in node.nodes:
        walk.contained(child, state)
    return state


def walk_if(walk: Walk, node: If, state: State) -> State | None:
    """Walk each branch from the state of its condition."""
    by_arguments = _by_arguments(walk, node.start, node.end, state)
    ways: list[State | None] = []
    before = state
    for condition, body in node.clauses:
        tested = walk.run(condition, before)
        if tested is None:
            return merge(ways, BRANCHES)
        before = tested
        ways.append(walk.run(body, before.copy()))
    ways.append(walk.run(node.otherwise, before) if node.otherwise is not None else before)
    return merge(ways, BRANCHES, by_arguments)


def _by_arguments(walk: Walk, start: int, end: int, state: State) -> bool:
    """Whether a condition asks for arguments of the script, of which the file states none."""
    return state.parameters is None and bool(re.compile(_ARGUMENTS_USED).search(walk.source.text, start, end))


def walk_case(walk: Walk, node: Case, state: State) -> State | None:
    """Walk each item from the same state, or from the one that falls through to it too."""
    walk.expansion(state).single(node.subject)
    by_arguments = _by_arguments(walk, node.subject.start, node.subject.end, state)
    ways: list[State | None] = []
    fallen: State | None = None
    for item in node.items:
        before = merge((state.copy(), fallen), BRANCHES)
        after = walk.run(item.body, before) if before is not None else None
        fallen = after if item.falls else None
        if not item.falls or item is node.items[-1]:
            ways.append(after)
        elif item.falls:
            ways.append(after.copy() if after is not None else None)
    if not any(item.catches_all for item in node.items):
        ways.insert(0, state)
    return merge(ways, BRANCHES, by_arguments)


def walk_while(walk: Walk, node: While, state: State) -> State | None:
    """Walk condition and body once, with all that they assign unknown."""
    by_arguments = _by_arguments(walk, node.start, node.end, state) and not (
        re.compile(_ARGUMENTS_LACKING).search(walk.source.text, node.start, node.end)
    )
    place = walk.source.place(node.start, node.end)
    return _repeat(walk, node.condition, node.body, state, place, by_arguments)


def walk_for(walk: Walk, node: For, state: State) -> State | None:
    """Walk the body for each item of a short known list, else once with the variable unknown."""
    place = walk.source.place(node.start, node.end)
    items = _items(walk, node, state)
    if items is not None:
        values = [replace(item, slot=None) for item in items]
        return _each(walk, node.name, values, node.body, state)
    by_arguments = node.words is None or _by_arguments(walk, node.start, node.end, state)
    item = Word.unknown(f"`${node.name}` takes one value after another", place)
    bind = _binding(node.name, item)
    return _repeat(walk, None, node.body, state, place, by_arguments and state.parameters is None, bind)


def _binding(name: str, value: Word) -> Callable[[State], None]:
    return lambda state: state.set(name, value)


def _items(walk: Walk, node: For, state: State) -> tuple[Word, ...] | None:
    """Return the words a loop goes through, None if they are not known or too many."""
    words = state.parameters if node.words is None else walk.expansion(state).array(node.words)
    if words is None or not node.counted or len(words) > MOST_ITEMS:
        return None
    return None if any(word.splits for word in words) else words


def _each(walk: Walk, name: str, values: list[Word], body: Sequence, state: State) -> State | None:
    after: State | None = state
    left: list[State] = []
    for value in values:
        if after is None:
            break
        after.set(name, value)
        after, breaks = walk.loop_body(body, after)
        left.extend(breaks)
    return merge((after, *left), LOOP)


def _repeat(
    walk: Walk,
    condition: Sequence | None,
    body: Sequence,
    state: State,
    place: Span,
    by_arguments: bool,
    bind: Callable[[State], None] | None = None,
) -> State | None:
    """Walk a loop of unknown length once, with the variables that it assigns unknown from the start."""
    before = state.copy()
    writes = walk.writes_of((condition or Sequence(()), body), state)
    _forget_written(state, writes, place)
    tested = walk.run(condition, state) if condition is not None else state
    if tested is None:
        return None
    inside = tested.copy()
    if bind is not None:
        bind(inside)
    after, breaks = walk.loop_body(body, inside)
    result = merge((tested, after, *breaks), LOOP)
    if result is not None and by_arguments:
        _restore(result, before, writes)
    return result


def _forget_written(state: State, writes: dict[str, bool], place: Span) -> None:
    for name, appends in writes.items():
        value = state.get(name)
        if appends and isinstance(value, Array) and not value.associative:
            state.set(name, with_more(value, LOOP, name, place), appends=True)
        else:
            state.forget((name,), LOOP, place)


def _restore(result: State, before: State, writes: dict[str, bool]) -> None:
    """Give variables that only the script's arguments change their value from before, as a default."""
    for name in writes:
        value = before.get(name)
        if isinstance(value, Word) and value.is_known:
            result.values[name] = replace(value, origin=Origin.DEFAULT)
        elif value is Missing.ABSENT:
            result.values.pop(name, None)
        elif value is Missing.UNSET:
            result.values[name] = value


def walk_arithmetic_for(walk: Walk, node: ArithmeticFor, state: State) -> State | None:
    """Walk `for ((i = a; i < b; i++))` for each value where the bounds are known."""
    place = walk.source.place(node.start, node.end)
    expansion = walk.expansion(state)
    name, values = _counted(expansion, node, place)
    writes = walk.writes_of((node.body,), state)
    if values and name not in writes and not _limit_names(walk, node) & writes.keys():
        words = [standing_for(str(value), place) for value in values]
        after = _each(walk, name, words[:-1], node.body, state)
        if after is not None:
            after.set(name, words[-1])
        return after
    header = Sequence(node.header)
    return _repeat(walk, header, node.body, state, place, False)


def _limit_names(walk: Walk, node: ArithmeticFor) -> set[str]:
    text = walk.source.text[node.header[0].start : node.header[-1].end]
    return set(re.findall(r"[A-Za-z_]\w*", text))


def _counted(expansion: Expansion, node: ArithmeticFor, place: Span) -> tuple[str, tuple[int, ...]]:
    """Return the counter and its values, the one that ends the loop last; none if not known."""
    if len(node.header) != 3:
        return "", ()
    texts = [expansion.expression_text(part.expression, place) for part in node.header]
    matches = [
        re.fullmatch(pattern, text.text, re.DOTALL)
        for pattern, text in zip((_COUNTER, _LIMIT, _STEP), texts, strict=True)
    ]
    start, limit, step = matches
    if start is None or limit is None or step is None or not all(text.is_known for text in texts):
        return "", ()
    name = start[1]
    if not name == limit[1] == (step[1] or step[2] or step[3]):
        return "", ()
    try:
        first, last = expansion.integer(start[2], set()), expansion.integer(limit[3], set())
    except NotComputedError:
        return "", ()
    stride = int(step[4] or 1)
    if stride < 1 or (last - first) // stride > MOST_ITEMS:
        return "", ()
    values = tuple(range(first, last + (limit[2] == "<="), stride))
    return name, (*values, values[-1] + stride if values else first)


def walk_function(walk: Walk, node: Function, state: State) -> State | None:
    """Make a function known; its body is walked where it is called."""
    walk.define(Definition(node, walk.source), state)
    return state


def walk_redirected(walk: Walk, node: Redirected, state: State) -> State | None:
    """Walk a compound command and the commands in its redirects."""
    for target in node.targets:
        walk.expansion(state).single(target)
    return walk.run(node.node, state)


def walk_test(walk: Walk, node: Test, state: State) -> State | None:
    """Walk the commands in the words of `[[ ]]`."""
    for word in node.words:
        walk.expansion(state).single(word)
    return state


def walk_calculation(walk: Walk, node: Calculation, state: State) -> State | None:
    """Forget what `(( ))` assigns."""
    walk.expansion(state).calculate(node.expression, walk.source.place(node.start, node.end))
    return state


def walk_broken(walk: Walk, node: Broken, state: State) -> State | None:
    """Walk commands that stand in no order that is known; what they assign is unknown."""
    place = walk.source.place(node.commands[0].start, node.commands[-1].end) if node.commands else None
    if place is None:
        return state
    writes = walk.writes_of(node.commands, state)
    state.forget(writes, "`${name}` is set where the script is not valid shell", place)
    walk.in_broken = True
    for command in node.commands:
        walk.contained(command, state)
    walk.in_broken = False
    return state
