"""Walking compound commands: branches that never mix, loops, functions' definitions, subshells."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from vllint.text.shell.arithmetic import NotComputedError
from vllint.text.shell.branches import by_arguments
from vllint.text.shell.conditions import is_test, truth_of
from vllint.text.shell.expansion import Expansion
from vllint.text.shell.syntax import (
    ArithmeticFor,
    Broken,
    Calculation,
    For,
    Function,
    Input,
    Literal,
    Node,
    Not,
    Part,
    Pipeline,
    RawWord,
    Redirected,
    Sequence,
    Simple,
    Test,
    While,
)
from vllint.text.shell.tested_names import named_in
from vllint.text.shell.text import standing_for
from vllint.text.shell.values import Array, Definition, Missing, State, merge, with_more
from vllint.text.shell.walk import LOOP, Walk
from vllint_schemas import Origin, Span, Word

_ARGUMENTS_LACKING = r"-z\b|-l[te]\b"
_COUNTER = r"\s*([A-Za-z_]\w*)\s*=([^=].*)"
_LIMIT = r"\s*([A-Za-z_]\w*)\s*(<=?|>=?)(?![<>=])(.+)"
_STEP = r"\s*(?:([A-Za-z_]\w*)\s*(\+\+|--)|(\+\+|--)\s*([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*([-+])=\s*(\d+))\s*"


def walk_sequence(walk: Walk, node: Sequence, state: State) -> State | None:
    """Walk commands one after another, up to one that ends the script."""
    after: State | None = state
    for child in node.nodes:
        if after is None:
            return None
        after = walk.run(child, after)
    return after


def walk_pipeline(walk: Walk, node: Pipeline, state: State) -> State | None:
    """Walk commands that run in processes of their own; what `cat` is given the next one reads."""
    given: Input | None = None
    for child in node.nodes:
        reads = isinstance(child, Simple) and child.input is None and given is not None
        reader = child._replace(input=given) if reads and isinstance(child, Simple) else child
        walk.contained(reader, state)
        given = _handed_on(walk, child)
    return state


def _handed_on(walk: Walk, node: Node) -> Input | None:
    """Return the here-document that a bare `cat` hands on."""
    if not isinstance(node, Simple) or node.written is not None or len(node.words) != 1:
        return None
    word = node.words[0]
    bare = isinstance(word, RawWord) and walk.source.text[word.start : word.end] == "cat"
    return node.input if bare else None


def walk_not(walk: Walk, node: Not, state: State) -> State | None:
    """Walk a command whose success is taken for failure."""
    return walk.run(node.node, state)


def walk_while(walk: Walk, node: While, state: State) -> State | None:
    """Walk the body as often as it runs; where that is not known, once, with all that it assigns unknown."""
    turns = _turns(walk, node, state)
    if turns is not None:
        return _walk_turns(walk, node, turns, state)
    depends = by_arguments(walk, node.start, node.end, state) and not (
        re.compile(_ARGUMENTS_LACKING).search(walk.source.text, node.start, node.end)
    )
    place = walk.source.place(node.start, node.end)
    return _repeat(walk, node.condition, node.body, state, place, depends)


def _turns(walk: Walk, node: While, state: State) -> int | None:
    """Return how often a loop's body runs; None if that is not known, or too often."""
    if not is_test(node.condition, walk.source.text):
        return None
    names = frozenset(named_in(node.condition, walk.source.text))
    if not names & walk.writes_of((node.body,), state).keys() | names & {"#", "1"}:
        return None
    current = state.copy()
    current.writes = {}
    for turn in range(walk.most_items + 1):
        truth = truth_of(walk, node.condition, current)
        if truth is None:
            return None
        if truth.holds is node.negated:
            return turn
        after, breaks = walk.quiet_turn(node.body, current)
        if breaks:
            return None if after is not None else turn + 1
        if after is None:
            return turn + 1
        current = after
    return None


def _walk_turns(walk: Walk, node: While, turns: int, state: State) -> State | None:
    after: State | None = state
    for _ in range(turns):
        assert after is not None
        after, breaks = walk.loop_body(node.body, after)
        if after is None:
            return merge(breaks, LOOP)
    return after


def walk_for(walk: Walk, node: For, state: State) -> State | None:
    """Walk the body for each item of a short known list, else once with the variable unknown."""
    place = walk.source.place(node.start, node.end)
    items = _items(walk, node, state)
    if items is not None:
        values = [replace(item, slot=None) for item in items]
        return _each(walk, node.name, values, node.body, state)
    depends = node.words is None or by_arguments(walk, node.start, node.end, state)
    item = Word.unknown(f"`${node.name}` takes one value after another", place)
    bind = _binding(node.name, item)
    return _repeat(walk, None, node.body, state, place, depends and state.parameters is None, bind)


def _binding(name: str, value: Word) -> Callable[[State], None]:
    return lambda state: state.set(name, value)


def _items(walk: Walk, node: For, state: State) -> tuple[Word, ...] | None:
    """Return the words a loop goes through, None if they are not known or too many."""
    words = state.parameters if node.words is None else walk.expansion(state).array(node.words)
    if words is None or not node.counted or len(words) > walk.most_items:
        return None
    if any(_is_glob(walk, part) for word in node.words or () for part in word.parts):
        return None
    return None if any(word.splits for word in words) else words


def _is_glob(walk: Walk, part: Part) -> bool:
    """Whether a part of a word stands for the names of files."""
    if not isinstance(part, Literal) or part.quoted:
        return False
    return re.compile(r"[*?\[]").search(walk.source.text, part.start, part.end) is not None


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
    name, values = _counted(expansion, node, place, walk.most_items)
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


def _counted(
    expansion: Expansion, node: ArithmeticFor, place: Span, most: int
) -> tuple[str, tuple[int, ...]]:
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
    if not name == limit[1] == (step[1] or step[4] or step[5]):
        return "", ()
    try:
        first, last = expansion.integer(start[2], set()), expansion.integer(limit[3], set())
    except NotComputedError:
        return "", ()
    rises = limit[2][0] == "<"
    stride = int(step[7] or 1) * (1 if (step[2] or step[3] or step[6])[0] == "+" else -1)
    if stride == 0 or (stride > 0) is not rises or abs(last - first) // abs(stride) > most:
        return "", ()
    end = last if len(limit[2]) == 1 else last + (1 if rises else -1)
    values = tuple(range(first, end, stride))
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
