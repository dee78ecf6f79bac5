"""Looking up what `$name`, `${name[index]}`, `$1` and `$@` stand for."""

import re
from dataclasses import replace
from typing import NamedTuple

from vllint.text.shell.arithmetic import NotComputedError, compute
from vllint.text.shell.syntax import Parameter
from vllint.text.shell.text import ShellText, standing_for
from vllint.text.shell.values import ARGUMENT, SHELL_DEFAULTS, SHELL_SET, Array, Missing, State, Value
from vllint_schemas import Hole, Origin, Word

_LONGEST_VIA = 8


class Elements(NamedTuple):
    """The words of `$@`, `$*`, `${name[@]}` or `${name[*]}`; the starred forms are `joined` in quotes."""

    words: tuple[Word, ...]
    joined: bool


class ParameterReader(NamedTuple):
    """Looks parameters of `source` up in `state`."""

    source: ShellText
    state: State

    def value(self, part: Parameter) -> Word | Missing | Elements:
        """Return what `part` names, whatever its operator."""
        if part.name in ("@", "*"):
            parameters = self.state.parameters
            return Missing.ABSENT if parameters is None else Elements(parameters, part.name == "*")
        if part.name.isdigit():
            return self._positional(int(part.name))
        if part.name == "#":
            return self._count(part, self.state.parameters)
        if not (part.name[0].isalpha() or part.name[0] == "_"):
            return self._run_time(part)
        value = self._stored(part.name)
        if part.subscript in ("@", "*"):
            return self._elements(value, part.subscript == "*")
        return self._indexed(value, part) if part.subscript else _scalar(value)

    def named(self, name: str) -> Word | Missing:
        """Return what `$name` stands for."""
        return _scalar(self._stored(name))

    def holds(self, value: Word | Missing | Elements, null_counts: bool) -> bool | None:
        """Return whether a value is set, and not empty where `null_counts`; None if that is unknown."""
        if isinstance(value, Missing):
            return False
        if isinstance(value, Word):
            if value.text:
                return True
            return None if value.holes else not null_counts
        if any(word.text for word in value.words):
            return True
        if any(word.holes for word in value.words):
            return None
        return bool(value.words) and not (null_counts and len(value.words) == 1)

    def keys(self, part: Parameter) -> Elements | None:
        """Return the keys of an array in order, None where they have none that is known."""
        value = self._stored(part.name)
        if isinstance(value, Missing):
            return Elements((), part.subscript == "*") if value is Missing.UNSET else None
        array = value if isinstance(value, Array) else Array((("0", value),))
        if not array.is_whole or (array.associative and len(array.items) > 1):
            return None
        place = self.source.place(part.start, part.end)
        return Elements(tuple(standing_for(key, place) for key, _ in array.items), part.subscript == "*")

    def length(self, part: Parameter) -> Word:
        """Return `${#name}` or `${#name[@]}`."""
        place = self.source.place(part.start, part.end)
        value = self.value(part._replace(operator=""))
        if isinstance(value, Elements):
            return self._count(part, value.words)
        if value is Missing.UNSET:
            return standing_for("0", place)
        if isinstance(value, Word) and value.is_known and value.text.isascii():
            return standing_for(str(len(value.text)), place, value.origin)
        return self.not_evaluated(part)

    def not_evaluated(self, part: Parameter) -> Word:
        """Return the unknown word for an operator that is not evaluated."""
        reason = f"{self.source.shown(part.start, part.end)} is not evaluated"
        splits = not part.quoted or self.spreads(part) or part.name == "#"
        return Word.unknown(reason, self.source.place(part.start, part.end), splits)

    def used(self, value: Word, part: Parameter) -> Word:
        """Return the value of a variable as it stands where it is used."""
        place = self.source.place(part.start, part.end)
        origin = Origin.VARIABLE if value.origin is Origin.LITERAL else value.origin
        holes = value.holes
        if holes and not value.text:
            holes = (Hole(0, value.reason, place, value.splits),)
        via = (*value.via, place)[-_LONGEST_VIA:]
        return Word(value.text, value.runs, place, holes, origin, via)

    def element(self, value: Word, part: Parameter) -> Word:
        """Return an array's element, which keeps the place where it was written."""
        place = self.source.place(part.start, part.end)
        origin = Origin.VARIABLE if value.origin is Origin.LITERAL else value.origin
        return replace(value, origin=origin, via=(*value.via, place)[-_LONGEST_VIA:])

    def is_list(self, part: Parameter) -> bool:
        """Whether `part` names any number of words."""
        return part.name in ("@", "*") or part.subscript in ("@", "*")

    def spreads(self, part: Parameter) -> bool:
        """Whether `part` is any number of words even in double quotes."""
        return part.name == "@" or part.subscript == "@"

    def reason(self, part: Parameter, value: Word | Missing | Elements) -> str:
        """Return why the value of `part` is not known."""
        words = value.words if isinstance(value, Elements) else (value,) if isinstance(value, Word) else ()
        reason = next((word.reason for word in words if word.holes), "")
        if reason:
            return reason
        if part.name in ("@", "*") or part.name.isdigit():
            return f"`${part.name}` {ARGUMENT}"
        if part.operator.endswith("?"):
            return f"`${part.name}` must be set in the environment"
        return f"`${part.name}` is not set in this file"

    def _stored(self, name: str) -> Value:
        value = self.state.get(name)
        by_shell = name in SHELL_SET or (name in SHELL_DEFAULTS and value is Missing.ABSENT)
        if not by_shell and name not in self.state.attributes:
            return value
        reason = f"`${name}` is set by the shell" if by_shell else f"`${name}` is declared with attributes"
        return Word.unknown(reason, self.source.word.site)

    def _positional(self, number: int) -> Word | Missing:
        parameters = self.state.parameters
        if number == 0:
            return Word.unknown("`$0` is the script's name", self.source.word.site)
        if parameters is None:
            return Missing.ABSENT
        for word in parameters[:number]:
            if word.splits:
                return Word.unknown(word.reason, word.site)
        return parameters[number - 1] if number <= len(parameters) else Missing.UNSET

    def _count(self, part: Parameter, words: tuple[Word, ...] | None) -> Word:
        place = self.source.place(part.start, part.end)
        if words is None:
            return Word.unknown("`$#` depends on arguments that this file does not state", place)
        splitting = next((word for word in words if word.splits), None)
        if splitting is not None:
            return Word.unknown(splitting.reason, place)
        return standing_for(str(len(words)), place)

    def _run_time(self, part: Parameter) -> Word:
        reason = f"`${part.name}` is known only when the script runs"
        return Word.unknown(reason, self.source.place(part.start, part.end))

    def _elements(self, value: Value, joined: bool) -> Missing | Elements:
        if isinstance(value, Missing):
            return value
        if isinstance(value, Array) and value.associative and len(value.items) > 1:
            site = value.items[0][1].site
            reason = "the order of an associative array is not stated"
            return Elements((Word.unknown(reason, site, splits=True),), joined)
        if isinstance(value, Array):
            return Elements(value.words, joined)
        if value.holes and not value.text:
            value = replace(value, holes=(value.holes[0]._replace(splits=True),))
        return Elements((value,), joined)

    def _indexed(self, value: Value, part: Parameter) -> Word | Missing:
        if isinstance(value, Missing):
            return value
        if isinstance(value, Word) and value.holes and not value.text:
            return value
        array = value if isinstance(value, Array) else Array((("0", value),))
        key = self.key(part.subscript, array.associative)
        place = self.source.place(part.start, part.end)
        if key is None:
            return Word.unknown(f"{self.source.shown(part.start, part.end)} is not evaluated", place)
        if not array.associative and key.startswith("-") and array.is_whole and array.items:
            key = str(int(array.items[-1][0]) + 1 + int(key))
        for found, word in array.items:
            if word.splits:
                return Word.unknown(word.reason, place)
            if found == key:
                return replace(word, origin=Origin.DEFAULT) if self._by_default(part.subscript) else word
        return Missing.ABSENT if self._by_default(part.subscript) else Missing.UNSET

    def _by_default(self, index: str) -> bool:
        """Whether an index is a default of a variable."""
        values = map(self.named, re.findall(r"[A-Za-z_]\w*", index))
        return any(isinstance(value, Word) and value.origin is Origin.DEFAULT for value in values)

    def key(self, index: str, associative: bool) -> str | None:
        """Return the key that `[index]` stands for, None if it is not known."""
        if associative:
            return self._text_key(index)
        names = re.sub(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?", r"\1", index)
        try:
            return str(compute(names, self._integer))
        except NotComputedError:
            return None

    def _text_key(self, index: str) -> str | None:
        bare = index[1:-1] if len(index) > 1 and index[0] == index[-1] and index[0] in "\"'" else index
        if not re.search(r"[$`\\'\"]", bare):
            return bare
        reference = re.fullmatch(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?", bare)
        value = self.named(reference.group(1)) if reference and index[0] != "'" else None
        return value.text if isinstance(value, Word) and value.is_known else None

    def _integer(self, name: str) -> int:
        value = self.named(name)
        if not isinstance(value, Word) or not re.fullmatch(r"[0-9]{1,15}", value.text) or value.holes:
            raise NotComputedError
        return compute(value.text, self._integer)


def _scalar(value: Value) -> Word | Missing:
    """Return what a name without an index stands for: an array's element 0."""
    if not isinstance(value, Array):
        return value
    for key, word in value.items:
        if word.splits:
            return Word.unknown(word.reason, word.site)
        if key == "0":
            return word
    return Missing.UNSET
