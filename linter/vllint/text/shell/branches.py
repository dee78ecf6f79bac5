"""Walking `if`, `case`, `&&` and `||`: the branch that is taken where that is known, else each by itself.

Where only defaults decide, the branch they take gives the state behind, and the other branches are walked
for the commands in them, with the deciding variables unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from vllint.text.shell.changes import pattern_of
from vllint.text.shell.conditions import Truth, truth_of
from vllint.text.shell.patterns import matches
from vllint.text.shell.syntax import (
    Assignment,
    Case,
    CaseItem,
    Chain,
    If,
    Literal,
    Node,
    RawWord,
    Sequence,
    Simple,
)
from vllint.text.shell.tested_names import named_in, names_in, stated_value, value_stated_by
from vllint.text.shell.values import Array, Missing, State, Value, merge, same_value, shared_ends, unknown
from vllint.text.shell.walk import BRANCHES, Fork, Walk
from vllint_schemas import Origin, Span, Word

_ARGUMENTS_USED = r"\$[#1-9@*]|\$\{(?:[1-9@*]|#[@*}])|\bgetopts\b"
_NEVER_FAIL = frozenset({":", "true", "echo", "export", "declare", "typeset", "local"})
_NOT_DEFAULT = "`${name}` is not its default where this runs"


Assumed = Mapping[str, tuple[Value, Value]]
"""What variables are taken to be in a branch, and what they were before."""


class _Ways:
    """The states behind branches: `main` of those taken as far as is known, `aside` of the others."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.open: list[Fork] = []
        self.main: list[tuple[State, Assumed]] = []
        self.aside: list[State] = []
        self.decided = False

    def add(self, state: State | None, assumed: Assumed, ruled_out: bool = False) -> None:
        """Add the state behind a branch; defaults rule out those behind the one they have `decided`."""
        if state is None:
            return
        if self.decided or ruled_out:
            self.aside.append(state)
        else:
            self.main.append((state, assumed))

    def merged(self, by_arguments: bool) -> State | None:
        """Return the state in which the ways meet."""
        if not self.main:
            return merge(self.aside, BRANCHES, by_arguments)
        ways = [state for state, _ in self.main]
        if len(ways) > 1:
            ways = [_without(state, assumed) for state, assumed in self.main]
        main = merge(ways, BRANCHES, by_arguments)
        self.walk.part(tuple(self.open), ways, main)
        return None if main is None else with_defaults(main, self.aside)


def with_defaults(main: State, others: list[State]) -> State:
    """Mark as defaults the values of `main` that are others in states which defaults rule out."""
    for other in others:
        for name in {**main.values, **other.values}:
            value, rival = main.get(name), other.get(name)
            if not same_value(value, rival):
                main.values[name] = _as_default(value, rival)
    return main


def _as_default(value: Value, rival: Value) -> Value:
    if isinstance(value, Word):
        is_start = isinstance(rival, Word) and value.is_known and rival.text.startswith(value.text)
        return value if is_start and value.text else replace(value, origin=Origin.DEFAULT)
    if not isinstance(value, Array):
        return value
    head, tail = shared_ends(value.words, rival.words) if isinstance(rival, Array) else (0, 0)
    end = len(value.items) - tail
    items = [
        (key, replace(word, origin=Origin.DEFAULT) if head <= at < end else word)
        for at, (key, word) in enumerate(value.items)
    ]
    return Array(tuple(items), value.associative)


def by_arguments(walk: Walk, start: int, end: int, state: State) -> bool:
    """Whether a condition asks for arguments of the script, of which the file states none."""
    return state.parameters is None and bool(re.compile(_ARGUMENTS_USED).search(walk.source.text, start, end))


def _assume(
    state: State, place: Span, names: Iterable[str] = (), stated: tuple[str, Word] | None = None
) -> Assumed:
    """Give variables of `names` that only have defaults other values, and one the value `stated` of it."""
    assumed: dict[str, Value] = {}
    for name in names:
        value = state.get(name)
        if isinstance(value, Word) and value.origin is Origin.DEFAULT:
            assumed[name] = unknown(_NOT_DEFAULT, name, place)
        elif value is Missing.ABSENT and re.fullmatch(r"[A-Za-z_]\w*", name):
            assumed[name] = unknown("`${name}` is not set in this file", name, place)
    if stated is not None:
        assumed[stated[0]] = stated[1]
    before = {name: (value, state.get(name)) for name, value in assumed.items()}
    state.values.update(assumed)
    return before


def _without(state: State, assumed: Assumed) -> State:
    """Return `state` with what was only assumed as it was before."""
    for name, (value, before) in assumed.items():
        if state.values.get(name) is not value:
            continue
        if before is Missing.ABSENT:
            del state.values[name]
        else:
            state.values[name] = before
    return state


def walk_if(walk: Walk, node: If, state: State) -> State | None:
    """Walk the branch that is taken, or each from the state of its condition."""
    depends = by_arguments(walk, node.start, node.end, state)
    ways = _Ways(walk)
    place = walk.source.place(node.start, node.end)
    before = state
    assumed: Assumed = {}
    for condition, body in node.clauses:
        test = _tested(walk, condition, before)
        truth = test.truth
        tested = walk.run(condition, before)
        if tested is None:
            return ways.merged(depends)
        before = tested
        if truth is not None and truth.certain:
            if truth.holds:
                ways.add(walk.run(body, before.copy()), assumed)
                return ways.merged(depends)
            continue
        ruled_out = truth is not None and not truth.holds
        inside = before.copy()
        within = _assume(inside, place, test.names if ruled_out else (), test.stated_unless_known())
        ways.add(walk.run(body, inside), {**assumed, **within}, ruled_out)
        if truth is None:
            ways.open.append(test.fork)
        elif truth.holds:
            ways.decided = True
            assumed = _assume(before, place, test.names)
    ways.add(walk.run(node.otherwise, before) if node.otherwise is not None else before, assumed)
    return ways.merged(depends)


class _Tested(NamedTuple):
    """What is known of a condition: its truth, the variables it names, and what one is where it holds."""

    truth: Truth | None
    names: frozenset[str]
    stated: tuple[str, Word] | None
    fork: Fork

    def stated_unless_known(self) -> tuple[str, Word] | None:
        """Return what the condition says of a variable where its value does not make the condition hold."""
        return self.stated if self.truth is None or not self.truth.holds else None


def _tested(walk: Walk, node: Node, state: State) -> _Tested:
    fork = walk.fork(node)
    truth = Truth(True) if _never_fails(walk, node) else truth_of(walk, node, state)
    stated = stated_value(node, walk.peeking(state.copy()))
    if truth is None and fork in walk.taken:
        truth = Truth(walk.taken[fork])
        if truth.holds and stated is not None:
            state.values[stated[0]] = stated[1]
    return _Tested(truth, frozenset(named_in(node, walk.source.text)), stated, fork)


def walk_case(walk: Walk, node: Case, state: State) -> State | None:
    """Walk the item that is taken, or each from the same state."""
    subject = walk.expansion(state).single(node.subject)
    depends = by_arguments(walk, node.subject.start, node.subject.end, state)
    if any(item.falls for item in node.items):
        return _walk_falling(walk, node, state, depends)
    certain = subject.origin is not Origin.DEFAULT
    place = walk.source.place(node.subject.start, node.subject.end)
    names = frozenset(names_in(node.subject.parts))
    ways = _Ways(walk)
    for item in node.items:
        fork = walk.fork(item)
        match = item_matches(walk, item, subject, state)
        is_forced = match is None and fork in walk.taken
        match = walk.taken[fork] if is_forced else match
        if match is False and (certain or is_forced):
            continue
        if match is None:
            ways.open.append(fork)
        inside = state.copy()
        assumed: Assumed = {}
        if match is not True or ways.decided or is_forced:
            stated = None
            if len(item.patterns) == 1:
                stated = value_stated_by(node.subject, item.patterns[0], walk.expansion(inside))
            assumed = _assume(inside, place, names, stated)
        ways.add(walk.run(item.body, inside), assumed, match is False)
        if match is True and (certain or is_forced):
            return ways.merged(depends)
        ways.decided = ways.decided or match is True
    ways.add(state, {})
    return ways.merged(depends)


def item_matches(walk: Walk, item: CaseItem, subject: Word, state: State) -> bool | None:
    """Whether the subject matches one of an item's patterns, None if that is not known."""
    expansion = walk.expansion(state)
    found: bool | None = False if item.patterns else None
    for pattern in item.patterns:
        expression = pattern_of(walk.source, pattern.parts, expansion.resolved)
        if expression == ".*":
            return True
        if expression is None or not subject.is_known:
            found = None
        elif matches(expression, subject.text):
            return True
    return found


def _walk_falling(walk: Walk, node: Case, state: State, depends: bool) -> State | None:
    """Walk each item from the same state, or from the one that falls through to it too."""
    ways: list[State | None] = [state]
    fallen: State | None = None
    for item in node.items:
        before = merge((state.copy(), fallen), BRANCHES)
        after = walk.run(item.body, before) if before is not None else None
        fallen = after if item.falls else None
        if not item.falls or item is node.items[-1]:
            ways.append(after)
        elif item.falls:
            ways.append(after.copy() if after is not None else None)
    return merge(ways, BRANCHES, depends)


class _Outcome(NamedTuple):
    """The state after a success or a failure, None where there is none; `main` when defaults allow it."""

    state: State | None
    main: bool = True
    assumed: Assumed = MappingProxyType({})
    fork: Fork | None = None

    def joined(self, walk: Walk, other: _Outcome) -> _Outcome:
        """Return the state of either; one that defaults allow beats one that they rule out."""
        if self.state is None or other.state is None:
            return other if self.state is None else self
        if self.main != other.main:
            preferred, ruled_out = (self, other) if self.main else (other, self)
            assert preferred.state is not None and ruled_out.state is not None
            return preferred._replace(state=with_defaults(preferred.state, [ruled_out.state]))
        ways = (_without(self.state, self.assumed), _without(other.state, other.assumed))
        forks = dict.fromkeys(fork for fork in (self.fork, other.fork) if fork is not None)
        merged = merge(ways, BRANCHES)
        walk.part(tuple(forks), ways, merged)
        return _Outcome(merged, self.main, fork=next(iter(forks)) if len(forks) == 1 else None)


def walk_chain(walk: Walk, node: Chain, state: State) -> State | None:
    """Walk `a && b || c`: what runs only after a success or a failure starts from there."""
    succeeded, failed = _outcomes(walk, node.first, _Outcome(state))
    for operator, child in node.rest:
        before = succeeded if operator == "&&" else failed
        if before.state is None:
            continue
        success, failure = _outcomes(walk, child, before._replace(state=before.state.copy()))
        if operator == "&&":
            succeeded, failed = success, failed.joined(walk, failure)
        else:
            succeeded, failed = succeeded.joined(walk, success), failure
    return succeeded.joined(walk, failed).state


def _outcomes(walk: Walk, node: Node, before: _Outcome) -> tuple[_Outcome, _Outcome]:
    """Walk a command; return what follows its success and its failure."""
    state = before.state
    assert state is not None
    test = _tested(walk, node, state)
    truth = test.truth
    after = walk.run(node, state)
    if after is None:
        return _Outcome(None), _Outcome(None)
    if truth is not None and truth.certain:
        outcomes = (before._replace(state=after), _Outcome(None))
        return outcomes if truth.holds else (outcomes[1], outcomes[0])
    place = walk.source.word.site
    success, failure = after.copy(), after
    may_hold, may_fail = truth is None or truth.holds, truth is None or not truth.holds
    on_success = _assume(success, place, () if may_hold else test.names, test.stated_unless_known())
    on_failure = _assume(failure, place, () if may_fail else test.names)
    fork = test.fork if truth is None else before.fork
    return (
        _Outcome(success, before.main and may_hold, {**before.assumed, **on_success}, fork),
        _Outcome(failure, before.main and may_fail, {**before.assumed, **on_failure}, fork),
    )


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
