"""Evaluating a shell script without running it: every simple command it may run, and its variables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vllint.text import shell_control, shell_execution, shell_syntax
from vllint.text.shell_parser import parse
from vllint.text.shell_text import ShellText
from vllint.text.shell_values import State
from vllint.text.shell_walk import Command, OutOfBoundsError, Walk, Walker
from vllint_schemas import Word

_NO_VARIABLES: Mapping[str, Word] = MappingProxyType({})

_WALKERS: dict[type, Walker] = {
    shell_syntax.Simple: shell_execution.walk_simple,
    shell_syntax.Sequence: shell_control.walk_sequence,
    shell_syntax.Chain: shell_control.walk_chain,
    shell_syntax.Pipeline: shell_control.walk_pipeline,
    shell_syntax.If: shell_control.walk_if,
    shell_syntax.Case: shell_control.walk_case,
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
) -> tuple[Command, ...]:
    """Return the simple commands that `script` may run, in the order in which it gets to them.

    `variables` is the environment the script starts with. What it does not name may still come from
    outside: `${NAME:-text}` is then `text` with the origin DEFAULT, `$NAME` alone is unknown.
    `parameters` are `$1` and so on, unknown if not given. Calls of the script's own functions are given
    as the commands in them; declarations and plain assignments are not commands. Never raises for any text.
    """
    source = ShellText(script)
    walk = Walk(source, _WALKERS)
    try:
        state = State(variables)
        state.parameters = parameters
        _walk_all(walk, source, state)
    except OutOfBoundsError:
        return _truncated(walk, script)
    return tuple(walk.commands)


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
