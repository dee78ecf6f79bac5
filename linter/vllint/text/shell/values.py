"""What is known of a shell's variables at one point of a script, and of several points at once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import NamedTuple, TypeAlias

from vllint.text.shell.syntax import Function
from vllint.text.shell.text import ShellText
from vllint_schemas import Origin, Span, Variable, Word

PARAMETERS = "@"
"""The name under which writes to `$1`, `$2`, ... are recorded."""

EXPORT_MARK = "export "
"""What precedes a name under which a change of its export is recorded."""

SHELL_SET = frozenset({
    "_", "BASH", "BASHOPTS", "BASHPID", "BASH_ARGC", "BASH_ARGV", "BASH_ARGV0", "BASH_COMMAND", "BASH_LINENO",
    "BASH_SOURCE", "BASH_SUBSHELL", "BASH_VERSINFO", "BASH_VERSION", "COMP_WORDBREAKS", "DIRSTACK",
    "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS", "HISTCMD", "LINENO", "PIPESTATUS", "PPID",
    "RANDOM", "SECONDS", "SHELLOPTS", "SRANDOM", "UID",
})  # fmt: skip
"""Variables that bash computes whatever a script assigns to them."""

SHELL_DEFAULTS = frozenset({
    "HOSTNAME", "HOSTTYPE", "MACHTYPE", "OLDPWD", "OPTARG", "OPTERR", "OPTIND", "OSTYPE", "PATH", "PS4",
    "PWD", "SHELL", "SHLVL", "TERM",
})  # fmt: skip
"""Variables that bash itself sets where the environment does not."""

ARGUMENT = "is an argument that this file does not state"
"""How the reason ends why `$1` and its like are not known."""

LONGEST = 1 << 14
"""Characters, or words, beyond which a value is taken as unknown."""


class Missing(Enum):
    """A variable without a value."""

    ABSENT = "not set in this file; the environment may set it"
    UNSET = "unset in this file"


class Array(NamedTuple):
    """The elements in order with their keys; after an element that splits, keys are unknown."""

    items: tuple[tuple[str, Word], ...]
    associative: bool = False

    @property
    def words(self) -> tuple[Word, ...]:
        """The elements without their keys."""
        return tuple(word for _, word in self.items)

    @property
    def is_whole(self) -> bool:
        """Whether the number of elements is known."""
        return not any(word.splits for _, word in self.items)


Value: TypeAlias = Word | Array | Missing


class Definition(NamedTuple):
    """A function and the script text it was read from."""

    function: Function
    source: ShellText


class State:
    """The variables, parameters and functions of a shell; copied where the ways part.

    `exported` says of each name in it whether that is certain. `locals` are the names local to the
    running function, with their value and export outside. `writes` records what is assigned.
    """

    __slots__ = (
        "attributes", "exported", "exports_all", "functions", "locals", "parameters", "values", "writes",
    )  # fmt: skip

    def __init__(self, environment: Mapping[str, Word]) -> None:
        self.values: dict[str, Value] = dict(environment)
        self.exported: dict[str, bool] = dict.fromkeys(environment, True)
        self.exports_all = False
        self.functions: dict[str, Definition] = {}
        self.parameters: tuple[Word, ...] | None = None
        self.locals: dict[str, tuple[Value, bool | None]] = {}
        self.attributes: frozenset[str] = frozenset()
        self.writes: dict[str, bool] = {}

    def copy(self) -> "State":
        """Return a state of its own that records its writes in the same place."""
        other = State.__new__(State)
        other.values = dict(self.values)
        other.exported = dict(self.exported)
        other.exports_all = self.exports_all
        other.functions = dict(self.functions)
        other.parameters = self.parameters
        other.locals = dict(self.locals)
        other.attributes = self.attributes
        other.writes = self.writes
        return other

    def get(self, name: str) -> Value:
        """Return the value of `name`."""
        return self.values.get(name, Missing.ABSENT)

    def set(self, name: str, value: Value, appends: bool = False) -> None:
        """Assign `value` to `name`; `appends` says that it is the former value and more."""
        self.values[name] = value
        self.writes[name] = self.writes.get(name, True) and appends
        if self.exports_all:
            self.export(name, True)

    def export(self, name: str, enabled: bool) -> None:
        """Mark `name` for the environment of commands, or take the mark away."""
        if enabled:
            self.exported[name] = True
        else:
            self.exported.pop(name, None)
        self.writes[EXPORT_MARK + name] = False

    def set_parameters(self, words: tuple[Word, ...] | None) -> None:
        """Replace `$1`, `$2`, ..."""
        self.parameters = words
        self.writes[PARAMETERS] = False

    def forget(self, names: Iterable[str], reason: str, place: Span) -> None:
        """Make `names` unknown; `{name}` in the reason stands for the name."""
        for name in names:
            if name == PARAMETERS:
                if self.parameters is not None:
                    self.parameters = (unknown(reason, "@", place, splits=True),)
            elif name.startswith(EXPORT_MARK):
                self.exported[name.removeprefix(EXPORT_MARK)] = False
            else:
                self.set(name, unknown(reason, name, place))

    def weaken(self) -> None:
        """Make all values defaults, as a file that is not at hand may set others."""
        for name, value in self.values.items():
            if isinstance(value, Word):
                self.values[name] = replace(value, origin=Origin.DEFAULT)

    def environment(self) -> tuple[Variable, ...]:
        """Return the variables that a command started here finds."""
        found = []
        for name, certain in self.exported.items():
            value = self.get(name)
            if not isinstance(value, Word) or name in SHELL_SET:
                continue
            if not certain:
                value = unknown("`${name}` is exported in one branch only", name, value.site)
            found.append(Variable(name, value))
        return tuple(found)


def unknown(reason: str, name: str, place: Span, splits: bool = False) -> Word:
    """Return an unknown word; `{name}` in the reason stands for the name."""
    return Word.unknown(reason.replace("{name}", name), place, splits)


def merge(states: Iterable[State | None], reason: str, defaults: bool = False) -> State | None:
    """Return what is known where several ways meet; a way that ends before is None.

    With `defaults`, a known value beats one that is an argument of the script.
    """
    alive = [state for state in states if state is not None]
    if not alive:
        return None
    merged = alive[0]
    for other in alive[1:]:
        merged = _merge_two(merged, other, reason, defaults)
    return merged


def _merge_two(one: State, other: State, reason: str, defaults: bool) -> State:
    merged = one.copy()
    for name in {**one.values, **other.values}:
        first, second = one.get(name), other.get(name)
        if first is not second and not same_value(first, second):
            merged.values[name] = _meet(name, first, second, reason, defaults)
    for name in {**one.exported, **other.exported}:
        merged.exported[name] = one.exported.get(name, False) and other.exported.get(name, False)
    merged.exports_all = one.exports_all and other.exports_all
    merged.functions = {**one.functions, **other.functions}
    merged.locals = _common_locals(one, other, reason)
    merged.attributes = one.attributes | other.attributes
    if one.parameters != other.parameters:
        words = (*(one.parameters or ()), *(other.parameters or ()))
        merged.parameters = (unknown(reason, "@", words[0].site, splits=True),) if words else None
    return merged


def _common_locals(one: State, other: State, reason: str) -> dict[str, tuple[Value, bool | None]]:
    """Return what local names mean outside; unknown for a name that is local in one way only."""
    found: dict[str, tuple[Value, bool | None]] = {}
    for name in {**one.locals, **other.locals}:
        first, second = one.locals.get(name), other.locals.get(name)
        value, exported = first or second or (Missing.ABSENT, None)
        if first != second and isinstance(value, Word):
            value = unknown(reason, name, value.site)
        found[name] = (value, exported)
    return found


def same_value(first: Value, second: Value) -> bool:
    """Whether two values are the same text or the same elements."""
    if isinstance(first, Word) and isinstance(second, Word):
        return first == second or (first.is_known and second.is_known and first.text == second.text)
    if isinstance(first, Array) and isinstance(second, Array):
        keys, others = [key for key, _ in first.items], [key for key, _ in second.items]
        return keys == others and all(map(same_value, first.words, second.words))
    return first == second


def _meet(name: str, first: Value, second: Value, reason: str, defaults: bool) -> Value:
    """Return what two different values have in common."""
    if isinstance(first, Array) and isinstance(second, Array):
        return _common_elements(name, first, second, reason)
    if isinstance(first, Word) and isinstance(second, Word):
        if defaults and (first.is_known, second.reason.endswith(ARGUMENT)) == (True, True):
            return replace(first, origin=Origin.DEFAULT)
        if defaults and (second.is_known, first.reason.endswith(ARGUMENT)) == (True, True):
            return replace(second, origin=Origin.DEFAULT)
        return _common_start(name, first, second, reason)
    array = next((value for value in (first, second) if isinstance(value, Array)), None)
    if array is not None and array.items:
        return Array((("0", unknown(reason, name, array.items[0][1].site, splits=True)),))
    word = first if isinstance(first, Word) else second if isinstance(second, Word) else None
    if word is None:
        return Missing.ABSENT
    return unknown(reason, name, word.site)


def _common_elements(name: str, first: Array, second: Array, reason: str) -> Array:
    """Return the elements both arrays begin and end with, and between them an unknown number."""
    if first.associative or second.associative:
        site = (*first.words, *second.words)[0].site
        return Array((("", unknown(reason, name, site, splits=True)),), True)
    one, other = first.words, second.words
    head, tail = shared_ends(one, other)
    differing = one[head : len(one) - tail] or other[head : len(other) - tail]
    gap = unknown(reason, name, differing[0].site, splits=True)
    before = one[:head]
    while before and before[-1].splits and not before[-1].text and before[-1].reason == gap.reason:
        before = before[:-1]
    return array_of((*before, gap, *one[len(one) - tail :]))


def shared_ends(one: Sequence[Word], other: Sequence[Word]) -> tuple[int, int]:
    """Return with how many of the same words both begin, and with how many of the rest they end."""
    shorter = min(len(one), len(other))
    head = next((i for i in range(shorter) if not same_value(one[i], other[i])), shorter)
    rest = shorter - head
    return head, next((i for i in range(rest) if not same_value(one[-1 - i], other[-1 - i])), rest)


def array_of(words: Iterable[Word]) -> Array:
    """Return the array with the given elements, counted from 0."""
    return Array(tuple((str(index), word) for index, word in enumerate(words)))


def _common_start(name: str, first: Word, second: Word, reason: str) -> Word:
    """Return the words both texts begin with, followed by an unknown rest.

    A blank that stands nowhere in the file keeps the rest apart from the last word.
    """
    shorter, longer = sorted((first, second), key=_known_length)
    gap = unknown(reason, name, longer.site)
    end = _known_length(shorter)
    pairs = enumerate(zip(shorter.text[:end], longer.text, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), end)
    if not (_ends_word(shorter, start) and _ends_word(longer, start)):
        blank = re.compile(r".*\s", re.DOTALL).match(longer.text, 0, start)
        start = blank.end() if blank else 0
    if not longer.text[:start].strip():
        return gap
    head = longer.slice(0, start)
    nowhere = Span(longer.site.path, longer.site.end, longer.site.end)
    border = () if head.text[-1:].isspace() else (Word.atomic(" ", nowhere),)
    return replace(Word.join((head, *border, gap), longer.site), via=longer.via)


def _known_length(word: Word) -> int:
    """Return how much of the text is certain: up to a hole or to the blank that sets one apart."""
    borders = [run.start for run in word.runs if not len(run.source)]
    return min([len(word.text), *borders, *(hole.at for hole in word.holes)])


def _ends_word(word: Word, at: int) -> bool:
    """Whether what follows offset `at`, if anything, is parted by a blank."""
    if any(hole.at == at for hole in word.holes):
        return False
    return at == len(word.text) or word.text[at].isspace()


def has_border(word: Word) -> bool:
    """Whether a blank that stands nowhere parts the known words of `word` from an unknown rest."""
    return bool(word.holes) and any(not len(run.source) for run in word.runs)


def without_border(word: Word) -> Word:
    """Return `word` without such blanks, so that its last known word touches the unknown rest."""
    if not has_border(word):
        return word
    borders = [run.start for run in word.runs if not len(run.source)]

    def moved(offset: int) -> int:
        return offset - sum(border < offset for border in borders)

    text = "".join(character for at, character in enumerate(word.text) if at not in borders)
    runs = tuple(run._replace(start=moved(run.start)) for run in word.runs if len(run.source))
    holes = tuple(hole._replace(at=moved(hole.at)) for hole in word.holes)
    return replace(word, text=text, runs=runs, holes=holes)


def with_more(array: Array, reason: str, name: str, place: Span) -> Array:
    """Return `array` with an unknown number of elements appended."""
    return array_of((*array.words, unknown(reason, name, place, splits=True)))
