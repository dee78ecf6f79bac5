"""What bash's own commands do to the shell's variables."""

import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from vllint.text.shell.values import Missing, State
from vllint_schemas import Span, Word

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ACTIVATORS = (
    r"(.*/)?(activate|conda\.sh|\.?bashrc|\.?bash_profile|\.?profile|setvars\.sh|nvm\.sh|modules\.sh)"
)
"""Files whose sourcing sets up an environment, not a script's own variables."""

_ENV_FILE = r"(?:^|\.)env(?:\.[\w.-]+)?$"
"""Files of variables, which stand beside a script where it runs and not in its repository."""

_READ_BY = {
    "read": ("REPLY",),
    "mapfile": ("MAPFILE",),
    "readarray": ("MAPFILE",),
    "getopts": ("OPTARG", "OPTIND"),
}

Effect: TypeAlias = Callable[[State, tuple[Word, ...], Span], None]


class DeclarationFlags(NamedTuple):
    """The options of `declare`, `export`, ... that matter."""

    exports: bool
    unexports: bool
    functions: bool
    associative: bool
    indexed: bool
    attributes: bool
    everywhere: bool


def declaration_flags(command: str, options: list[str]) -> DeclarationFlags:
    """Return what the options of a declaration command ask for."""
    on = "".join(option[1:] for option in options if option.startswith("-"))
    off = "".join(option[1:] for option in options if option.startswith("+"))
    exports = command == "export"
    return DeclarationFlags(
        exports=(exports and "n" not in on) or (not exports and "x" in on),
        unexports=(exports and "n" in on) or "x" in off,
        functions="f" in on or "F" in on,
        associative="A" in on,
        indexed="a" in on,
        attributes=command != "export" and any(letter in on for letter in "iulnc"),
        everywhere="g" in on,
    )


def effect_of(command: str) -> Effect | None:
    """Return what `command` does to the variables, None if nothing is known of it."""
    return _EFFECTS.get(command)


def _unset(state: State, words: tuple[Word, ...], place: Span) -> None:
    for word in words[1:]:
        if word.text.startswith("-"):
            if "f" in word.text:
                return
        elif word.is_known and re.fullmatch(_NAME, word.text):
            state.set(word.text, Missing.UNSET)
            state.export(word.text, False)
        elif word.is_known:
            state.forget(re.findall(_NAME, word.text)[:1], "an element of `${name}` is unset", place)
        else:
            state.forget(tuple(state.values), "`${name}` may be unset", place)


def _set(state: State, words: tuple[Word, ...], place: Span) -> None:
    rest = list(words[1:])
    while rest:
        word = rest[0]
        if not word.is_known:
            state.set_parameters(tuple(rest))
            return
        if word.text == "--":
            state.set_parameters(tuple(rest[1:]))
            return
        if word.text[:1] not in ("-", "+") or len(word.text) == 1:
            state.set_parameters(tuple(rest))
            return
        rest.pop(0)
        enabled = word.text[0] == "-"
        if "a" in word.text:
            state.exports_all = enabled
        if "o" in word.text and rest:
            option = rest.pop(0).text
            state.exports_all = enabled if option == "allexport" else state.exports_all


def _shift(state: State, words: tuple[Word, ...], place: Span) -> None:
    parameters = state.parameters
    if parameters is None:
        return
    count = words[1].text if len(words) > 1 else "1"
    steps = int(count) if count.isdecimal() and all(word.is_known for word in words) else None
    if steps is None or any(word.splits for word in parameters[:steps]):
        state.set_parameters((Word.unknown("the arguments are shifted", place, splits=True),))
    elif steps <= len(parameters):
        state.set_parameters(parameters[steps:])


def _change_directory(state: State, words: tuple[Word, ...], place: Span) -> None:
    state.forget(("PWD", "OLDPWD"), "`${name}` is set by `cd`", place)


def _read(state: State, words: tuple[Word, ...], place: Span) -> None:
    """Forget every variable that `read`, `mapfile`, `getopts`, `wait -p` or the like may fill."""
    names = [word.text for word in words[1:] if re.fullmatch(_NAME, word.text)]
    names += _READ_BY.get(words[0].text, ())
    state.forget(names, f"`${{name}}` is read by `{words[0].text}`", place)
    if not all(word.is_known for word in words):
        forget_all(state, f"`${{name}}` may be set by `{words[0].text}`", place)


def _printf(state: State, words: tuple[Word, ...], place: Span) -> None:
    if len(words) > 2 and words[1].text.startswith("-v"):
        state.forget(re.compile(_NAME).findall(words[2].text)[:1], "`${name}` is set by `printf`", place)
    elif len(words) > 1 and words[1].text.startswith("-v"):
        state.forget(re.compile(_NAME).findall(words[1].text[2:])[:1], "`${name}` is set by `printf`", place)


def _let(state: State, words: tuple[Word, ...], place: Span) -> None:
    for word in words[1:]:
        state.forget(re.compile(_NAME).findall(word.text), "`${name}` is computed by `let`", place)


def _source(state: State, words: tuple[Word, ...], place: Span) -> None:
    file = words[1] if len(words) > 1 else None
    ending = file.text.rpartition("/")[2] if file is not None and not file.splits else ""
    if file is None or re.fullmatch(_ACTIVATORS, ending):
        return
    if re.search(_ENV_FILE, ending):
        state.weaken()
        return
    forget_all(state, "`${name}` may be set by a file that is sourced", place)


def forget_all(state: State, reason: str, place: Span) -> None:
    """Make every variable that has a value unknown."""
    state.forget(tuple(state.values), reason, place)


_EFFECTS: dict[str, Effect] = {
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "cd": _change_directory,
    "pushd": _change_directory,
    "popd": _change_directory,
    "read": _read,
    "mapfile": _read,
    "readarray": _read,
    "getopts": _read,
    "wait": _read,
    "printf": _printf,
    "let": _let,
    "source": _source,
    ".": _source,
}
