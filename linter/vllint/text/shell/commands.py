"""Evaluating a shell script without running it: every simple command it may run, and its variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from vllint.text.shell import branches as shell_branches
from vllint.text.shell import control as shell_control
from vllint.text.shell import execution as shell_execution
from vllint.text.shell import syntax as shell_syntax
from vllint.text.shell.outputs import output_of
from vllint.text.shell.parser import parse
from vllint.text.shell.text import ShellText
from vllint.text.shell.values import State
from vllint.text.shell.walk import MOST_STEPS, Command, Fork, OutOfBoundsError, Sourced, Walk, Walker
from vllint_schemas import Word

MOST_ALTERNATIVES = 8
"""Ways in which one command may come about, beyond which its words stay unknown."""

MOST_WALKS = 16
"""Walks through one script for the sake of alternatives."""

_NO_VARIABLES: Mapping[str, Word] = MappingProxyType({})

_WALKERS: dict[type, Walker] = {
    shell_syntax.Simple: shell_execution.walk_simple,
    shell_syntax.Sequence: shell_control.walk_sequence,
    shell_syntax.Chain: shell_branches.walk_chain,
    shell_syntax.Pipeline: shell_control.walk_pipeline,
    shell_syntax.Not: shell_control.walk_not,
    shell_syntax.If: shell_branches.walk_if,
    shell_syntax.Case: shell_branches.walk_case,
    shell_syntax.While: shell_control.walk_while,
    shell_syntax.For: shell_control.walk_for,
    shell_syntax.ArithmeticFor: shell_control.walk_arithmetic_for,
    shell_syntax.Function: shell_control.walk_function,
    shell_syntax.Redirected: shell_control.walk_redirected,
    shell_syntax.Test: shell_control.walk_test,
    shell_syntax.Calculation: shell_control.walk_calculation,
    shell_syntax.Broken: shell_control.walk_broken,
}


def evaluate(
    script: Word,
    variables: Mapping[str, Word] = _NO_VARIABLES,
    parameters: tuple[Word, ...] | None = None,
    sourced: Sourced | None = None,
    matters: Callable[[Command], bool] | None = None,
) -> tuple[Command, ...]:
    """Return the simple commands that `script` may run, in the order in which it gets to them.

    `variables` is the environment the script starts with. What it does not name may still come from
    outside: `${NAME:-text}` is then `text` with the origin DEFAULT, `$NAME` alone is unknown.
    `parameters` are `$1` and so on, unknown if not given. Calls of the script's own functions are given
    as the commands in them; declarations and plain assignments are not commands. `sourced` reads the files
    that the script sources. A command that `matters` is given once for each way through the few tests on
    which its words depend. Never raises for any text.
    """
    state = State(variables)
    state.parameters = parameters
    walk = Walk(ShellText(script), _WALKERS, output_of, sourced)
    commands = _commands(walk, script, state)
    if commands and commands[-1].truncated:
        brief = walk.brief()
        shorter = _commands(brief, script, state)
        if not shorter or not shorter[-1].truncated:
            walk, commands = brief, shorter
    if matters is None or not walk.parted:
        return commands
    ways = _Alternatives(walk, lambda taken: _taking(walk, taken, script, state))
    return tuple(
        way for command in commands for way in (ways.of(command) if matters(command) else (command,))
    )


def _commands(walk: Walk, script: Word, state: State) -> tuple[Command, ...]:
    source = walk.source
    try:
        _walk_all(walk, source, state.copy())
    except OutOfBoundsError:
        return _truncated(walk, script)
    return tuple(walk.commands)


def _taking(walk: Walk, taken: dict[Fork, bool], script: Word, state: State) -> tuple[Command, ...]:
    """Return the commands of a walk on which tests come out as `taken` says."""
    again = walk.anew()
    again.taken = taken
    return _commands(again, script, state)


class _Alternatives:
    """Tells commands apart by the tests on which their words depend; each course is walked once."""

    def __init__(self, walk: Walk, run: Callable[[dict[Fork, bool]], tuple[Command, ...]]) -> None:
        self.walk = walk
        self.run = run
        self.found: dict[tuple[tuple[Fork, bool], ...], tuple[Command, ...]] = {}

    def of(self, command: Command) -> tuple[Command, ...]:
        """Return what `command` is on each course; itself where these are too many."""
        courses = self._courses(command)
        walks = len(self.found) + len(courses)
        if (
            not courses
            or command.truncated
            or walks * max(self.walk.steps, MOST_STEPS // MOST_WALKS) > MOST_STEPS
        ):
            return (command,)
        variants: dict[tuple[object, ...], Command] = {}
        for course in courses:
            key = tuple(course.items())
            if key not in self.found:
                self.found[key] = self.run(course)
            for other in self.found[key]:
                if other.extent == command.extent:
                    variants[_content(other)] = other._replace(certain=False)
        if not variants or len(variants) > MOST_ALTERNATIVES or any(c.truncated for c in variants.values()):
            return (command,)
        return tuple(variants.values())

    def _courses(self, command: Command) -> list[dict[Fork, bool]]:
        """Return the ways in which the tests that part the words of `command` may come out."""
        values = (*command.words, *(variable.value for variable in command.env))
        reasons = {hole.reason for word in values for hole in word.holes} & self.walk.parted.keys()
        if reasons & self.walk.mixed:
            return []
        courses: list[dict[Fork, bool]] = [{}]
        for forks in sorted({forks for reason in reasons for forks in self.walk.parted[reason]}):
            outcomes = [dict.fromkeys(forks[:at], False) | {fork: True} for at, fork in enumerate(forks)]
            outcomes.append(dict.fromkeys(forks, False))
            courses = [{**course, **outcome} for course in courses for outcome in outcomes]
            if len(courses) > MOST_ALTERNATIVES:
                return []
        return courses if len(courses) > 1 else []


def _content(command: Command) -> tuple[object, ...]:
    words = (*command.words, *(variable.value for variable in command.env))
    names = tuple(variable.name for variable in command.env)
    return (names, len(command.words), tuple((word.text, word.holes) for word in words))


def _walk_all(walk: Walk, source: ShellText, state: State) -> None:
    """Walk the script, then the functions that it defines and never calls."""
    after = walk.run(parse(source.text, source.gaps), state) or walk.ended or state
    for definition in walk.definitions:
        if id(definition.function) in walk.called:
            continue
        walk.called.add(id(definition.function))
        uncalled = after.copy()
        uncalled.parameters = None
        shell_execution.walk_body(walk, definition, uncalled)


def _truncated(walk: Walk, script: Word) -> tuple[Command, ...]:
    if not walk.commands:
        return (Command((), (), script.site, script.site, truncated=True),)
    return (*walk.commands[:-1], walk.commands[-1]._replace(truncated=True))
