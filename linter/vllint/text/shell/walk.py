"""The walk through a script: what it has found, where it stands, and how far it may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from vllint.text.shell.expansion import Expansion
from vllint.text.shell.syntax import (
    ArithmeticFor,
    Case,
    CaseItem,
    Chain,
    For,
    If,
    Node,
    Sequence,
    While,
    start_of,
)
from vllint.text.shell.text import ShellText
from vllint.text.shell.values import Definition, State, merge, same_value
from vllint_schemas import Span, Variable, Word

MOST_STEPS = 12_000
_STEPS_OF_A_LINE = 4
"""How many steps more a line is worth: what a script says is walked, however long it is."""

DEEPEST = 100
MOST_ITEMS = 32
"""How often a loop's body is walked, where it is known how often it runs."""


BRANCHES = "`${name}` is set differently in branches"
LOOP = "`${name}` is set in a loop"

_CONDITIONAL = frozenset({ArithmeticFor, Case, Chain, For, If, While})


class OutOfBoundsError(Exception):
    """The script takes more steps, or nests deeper, than is walked."""


class Command(NamedTuple):
    """A simple command as the script runs it.

    `env` are the exported variables it finds, its own `NAME=value` prefixes included. `extent` covers
    prefixes and redirects, `name_span` is the first word. `broken` marks commands in a stretch that is
    not valid shell; `truncated` the last one when the script takes too many steps to be walked. `certain`
    says that no condition, loop or function stands around it. `stdin` is the text that it reads and
    `written` the file that its output goes to, where the script states them.
    """

    words: tuple[Word, ...]
    env: tuple[Variable, ...]
    extent: Span
    name_span: Span
    broken: bool = False
    truncated: bool = False
    certain: bool = False
    stdin: Word | None = None
    written: Word | None = None


class Loop(NamedTuple):
    """The states in which a loop's body was left early."""

    breaks: list[State]
    continues: list[State]


class Frame(NamedTuple):
    """A running function and the states in which it returned."""

    name: str
    returns: list[State]


Walker: TypeAlias = Callable[["Walk", Any, State], State | None]
"""Walks one kind of node: takes the state before, gives the state behind, None where the way ends."""


Output: TypeAlias = Callable[["Walk", Sequence, State], Word | None]
"""Tells what commands in `$( )` print, None if that is not known."""


Sourced: TypeAlias = Callable[[Word], Word | None]
"""Reads the file that a script sources, by the word that names it; None where it is not at hand."""

Fork: TypeAlias = tuple[Span, int]
"""A test, or a pattern of `case`: the script it stands in and its offset there."""


class Walk:
    """Collects the commands of a script while it walks over them."""

    def __init__(
        self,
        source: ShellText,
        walkers: Mapping[type, Walker],
        output_of: Output,
        sourced: Sourced | None = None,
    ) -> None:
        self.source = source
        self.commands: list[Command] = []
        self.definitions: list[Definition] = []
        self.called: set[int] = set()
        self.ended: State | None = None
        self.frames: list[Frame] = []
        self.loops: list[Loop] = []
        self.in_broken = False
        self.taken: dict[Fork, bool] = {}
        self.parted: dict[str, set[tuple[Fork, ...]]] = {}
        self.mixed: set[str] = set()
        self._walkers = walkers
        self._output_of = output_of
        self.sourced = sourced
        self.most_items = MOST_ITEMS
        self.steps = 0
        self.most_steps = MOST_STEPS + _STEPS_OF_A_LINE * source.word.text.count("\n")
        self._depth = 0
        self._muted = 0
        self._conditions = 0

    def anew(self) -> Walk:
        """Return a walk through the same script that has found nothing yet."""
        walk = Walk(self.source, self._walkers, self._output_of, self.sourced)
        walk.most_items = self.most_items
        return walk

    def brief(self) -> Walk:
        """Return a walk that walks the body of every loop once, for scripts that are too long otherwise."""
        walk = self.anew()
        walk.most_items = 1
        return walk

    def run(self, node: Node, state: State) -> State | None:
        """Walk `node`; raise `OutOfBoundsError` when the script has taken too many steps."""
        self.steps += 1
        if self.steps > self.most_steps or self._depth > DEEPEST:
            raise OutOfBoundsError
        conditional = type(node) in _CONDITIONAL
        self._depth += 1
        self._conditions += conditional
        after = self._walkers[type(node)](self, node, state)
        self._conditions -= conditional
        self._depth -= 1
        return after

    def spend(self, steps: int) -> None:
        """Count steps beyond the one that each node takes."""
        self.steps += steps

    def expansion(self, state: State) -> Expansion:
        """Return what expands words here; commands in `$( )` are walked on the way."""
        return Expansion(self.source, state, lambda body: self._substituted(body, state))

    def peeking(self, state: State) -> Expansion:
        """Return what expands words without walking the commands in `$( )`."""
        return Expansion(self.source, state, lambda body: self.printed(body, state))

    def _substituted(self, body: Sequence, state: State) -> Word | None:
        self.contained(body, state)
        return self.printed(body, state)

    def printed(self, body: Sequence, state: State) -> Word | None:
        """Return what commands print, None if that is not known."""
        if self._depth > DEEPEST:
            return None
        self._depth += 1
        self._muted += 1
        text = self._output_of(self, body, state)
        self._muted -= 1
        self._depth -= 1
        return text

    def quietly(self, node: Node, state: State) -> State | None:
        """Walk a node for what it does to `state` alone."""
        self._muted += 1
        after = self.run(node, state)
        self._muted -= 1
        return after

    def emit(self, command: Command) -> None:
        """Add a command to those found."""
        if not self._muted:
            certain = not self._conditions and not self.frames
            self.commands.append(command._replace(certain=certain))

    def fork(self, node: Node | CaseItem) -> Fork:
        """Return what tells a test from all others."""
        return self.source.word.site, start_of(node)

    def part(self, forks: tuple[Fork, ...], ways: Iterable[State], met: State | None) -> None:
        """Remember which tests decide the variables that differ where `ways` have `met`.

        `forks` are tests of which each is tried only where those before it fail. What a loop sets has no
        one value either way.
        """
        alive = list(ways)
        if met is None or len(alive) < 2 or self._muted:
            return
        for name, value in met.values.items():
            if any(not same_value(state.get(name), value) for state in alive):
                reason = BRANCHES.replace("{name}", name)
                self.parted.setdefault(reason, set()).add(forks)
                if self.loops or not forks:
                    self.mixed.add(reason)

    def define(self, definition: Definition, state: State) -> None:
        """Make a function known."""
        state.functions[definition.function.name] = definition
        if not self._muted:
            self.definitions.append(definition)

    def end(self, state: State) -> None:
        """Remember the variables with which the script ends."""
        if not self._muted:
            self.ended = state

    def contained(self, node: Node, state: State) -> None:
        """Walk what runs in a process of its own: nothing it sets or leaves is felt here."""
        inner = state.copy()
        inner.writes = {}
        loops, frames, ended = self.loops, self.frames, self.ended
        self.loops = []
        self.frames = [Frame(frame.name, []) for frame in frames]
        self.run(node, inner)
        self.loops, self.frames, self.ended = loops, frames, ended

    def writes_of(self, nodes: Iterable[Node], state: State) -> dict[str, bool]:
        """Return the variables that `nodes` assign, and whether each is only ever appended to."""
        probe = state.copy()
        probe.writes = {}
        loops, frames = self.loops, self.frames
        self._muted += 1
        for node in nodes:
            self.loops = [*loops, Loop([], [])]
            self.frames = [Frame(frame.name, []) for frame in frames]
            self.run(node, probe.copy())
        self._muted -= 1
        self.loops, self.frames = loops, frames
        return probe.writes

    def quiet_turn(self, body: Sequence, state: State) -> tuple[State | None, list[State]]:
        """Walk a loop's body like `loop_body`, for the states alone."""
        loops, frames = self.loops, self.frames
        self.loops = [*loops]
        self.frames = [Frame(frame.name, []) for frame in frames]
        self._muted += 1
        found = self.loop_body(body, state)
        self._muted -= 1
        self.loops, self.frames = loops, frames
        return found

    def loop_body(self, body: Sequence, state: State) -> tuple[State | None, list[State]]:
        """Walk a loop's body once; return the state behind it and those in which it broke off."""
        loop = Loop([], [])
        self.loops.append(loop)
        after = self.run(body, state)
        self.loops.pop()
        return merge((after, *loop.continues), LOOP), loop.breaks
