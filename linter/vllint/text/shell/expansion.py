"""Expanding shell words: parameters, arithmetic, word splitting and quote removal, places kept."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from vllint.text.shell.arithmetic import ASSIGNMENT, NotComputedError, assigned_names, compute
from vllint.text.shell.braces import brace_terms
from vllint.text.shell.changes import changed, slice_bounds
from vllint.text.shell.joining import join_words, spaced_words
from vllint.text.shell.parameters import Elements, ParameterReader
from vllint.text.shell.syntax import (
    Arithmetic,
    Fixed,
    Gap,
    Literal,
    Opaque,
    Parameter,
    Part,
    RawWord,
    Sequence,
)
from vllint.text.shell.text import ShellText, standing_for, with_splits
from vllint.text.shell.values import LONGEST, Missing, State, without_border
from vllint_schemas import Origin, Slot, SlotKind, Span, Word

_BLANKS = " \t\n"
_DEEPEST_REFERENCE = 8


class Fragment(NamedTuple):
    """A piece of a word; `splits` when blanks in it part words. None stands for a border of words."""

    word: Word
    splits: bool = False


Fragments = Iterable[Fragment | None]


class Expansion(NamedTuple):
    """Expands the words of `source` with the variables of `state`; `run` tells what `$( )` prints."""

    source: ShellText
    state: State
    run: Callable[[Sequence], Word | None]

    def fields(self, raw: RawWord) -> tuple[Word, ...]:
        """Return the words that one word of the script becomes."""
        site = self.source.place(raw.start, raw.end)
        slot = Slot(SlotKind.SHELL, site, self._quote(raw)) if self.source.in_place else None
        if len(raw.parts) == 1 and isinstance(raw.parts[0], Literal):
            literal = raw.parts[0]
            if literal.quoted or "{" not in self.source.text[literal.start : literal.end]:
                return (self._placed(self.source.piece(literal.start, literal.end), site, slot),)
        found: list[Word] = []
        for parts in brace_terms(self.source.text, raw.parts):
            found.extend(self._collect(self._fragments(parts), site))
        if len(found) > LONGEST:
            return (Word.unknown("it becomes too many words", site, splits=True),)
        if len(found) == 1 and found[0].slot is None:
            return (self._placed(found[0], found[0].site, slot),)
        return tuple(found)

    def single(self, raw: RawWord) -> Word:
        """Return the one word that `raw` becomes where nothing is split, as in an assignment."""
        return self._joined(self._fragments(raw.parts), self.source.place(raw.start, raw.end))

    def array(self, raws: Iterable[RawWord]) -> tuple[Word, ...]:
        """Return the words that `raws` become one after another."""
        return tuple(word for raw in raws for word in self.fields(raw))

    def calculate(self, expression: tuple[Part, ...], place: Span) -> Word:
        """Return the value of an arithmetic expression, and forget the variables it changes."""
        text = self.expression_text(expression, place)
        assigned = self._assigned(text, place)
        if assigned is not None:
            return assigned
        self.state.forget(assigned_names(text.text), "`${name}` is computed", place)
        origins = {text.origin}
        try:
            if not text.is_known:
                raise NotComputedError
            value = self.integer(text.text, origins)
        except NotComputedError:
            return Word.unknown(f"{self._shown(expression)} is not computed", place)
        origin = Origin.DEFAULT if Origin.DEFAULT in origins else Origin.LITERAL
        return standing_for(str(value), place, origin, text.via)

    def _assigned(self, text: Word, place: Span) -> Word | None:
        """Carry out an assignment, as `n++` or `n += 2`, where its value is known; return that value."""
        match = ASSIGNMENT.fullmatch(text.text) if text.is_known else None
        if match is None:
            return None
        name = match["name"] or match["counted"] or match["raised"]
        amount = match["value"] or "1"
        operator = (match["operator"] or (match["after"] or match["before"] or "")[:1]).strip()
        origins = {text.origin}
        try:
            former = self.integer(name, origins) if operator else 0
            value = self.integer(f"{former} {operator} ({amount})" if operator else amount, origins)
        except NotComputedError:
            return None
        origin = Origin.DEFAULT if Origin.DEFAULT in origins else Origin.LITERAL
        self.state.set(name, standing_for(str(value), place, origin))
        return standing_for(str(former if match["after"] else value), place, origin)

    def expression_text(self, expression: tuple[Part, ...], place: Span) -> Word:
        """Return an arithmetic expression with its `$` expansions done."""
        return self._joined(self._fragments(expression), place)

    def integer(self, text: str, origins: set[Origin]) -> int:
        """Compute an expression and add its operands' origins; raise `NotComputedError` if one is unknown."""
        return compute(text, lambda name: self._integer(name, origins, 0))

    def _integer(self, name: str, origins: set[Origin], depth: int) -> int:
        value = ParameterReader(self.source, self.state).named(name)
        if value is Missing.UNSET:
            return 0
        if not isinstance(value, Word) or not value.is_known or depth > _DEEPEST_REFERENCE:
            raise NotComputedError
        origins.add(value.origin)
        return compute(value.text, lambda other: self._integer(other, origins, depth + 1))

    def _shown(self, expression: tuple[Part, ...]) -> str:
        if not expression:
            return "an expression"
        return "`$((" + self.source.shown(expression[0].start, expression[-1].end)[1:-1] + "))`"

    def _placed(self, word: Word, site: Span, slot: Slot | None) -> Word:
        return Word(word.text, word.runs, site, word.holes, word.origin, word.via, slot)

    def _quote(self, raw: RawWord) -> str:
        """Return the quote that encloses the whole word, or nothing."""
        text, parts = self.source.text, raw.parts
        mark = text[raw.start : raw.start + 1]
        if not mark or mark not in "'\"" or text[raw.end - 1] != mark or not parts:
            return ""
        if len(parts) == 1 and parts[0].start == raw.start:
            return mark
        borders = [raw.start + 1, *(part.end for part in parts)]
        starts = [*(part.start for part in parts), raw.end - 1]
        return mark if borders == starts else ""

    def _fragments(
        self, parts: tuple[Part, ...], in_operand: bool = False, alone: bool = True
    ) -> Iterator[Fragment | None]:
        """Yield what parts become; `alone` says that nothing else belongs to the same word."""
        alone = alone and len(parts) == 1
        for part in parts:
            if isinstance(part, Literal):
                yield Fragment(self.source.piece(part.start, part.end), in_operand and not part.quoted)
            elif isinstance(part, Parameter):
                yield from self._parameter(part, alone)
            elif isinstance(part, Fixed):
                if part.text or part.quoted:
                    yield Fragment(self._atomic(part.text, part))
            elif isinstance(part, Gap):
                yield Fragment(with_splits(self.source.piece(part.start, part.end), not part.quoted))
            elif isinstance(part, Arithmetic):
                value = self.calculate(part.expression, self._place(part))
                yield Fragment(value, not part.quoted)
            else:
                yield self._opaque(part)

    def _opaque(self, part: Opaque) -> Fragment:
        printed = self.run(part.body) if part.body is not None else None
        is_process = self.source.text.startswith(("<(", ">("), part.start)
        if printed is not None and not is_process:
            word = replace(printed, via=(*printed.via, self._place(part)), slot=None)
            return Fragment(with_splits(word, not part.quoted), not part.quoted)
        shown = self.source.shown(part.start, part.end)
        reason = f"{shown} is known only when the script runs"
        return Fragment(Word.unknown(reason, self._place(part), not part.quoted))

    def _place(self, part: Part) -> Span:
        return self.source.place(part.start, part.end)

    def _atomic(self, text: str, part: Part) -> Word:
        script = self.source.word
        return standing_for(text, self._place(part), script.origin, script.via)

    def _joined(self, fragments: Fragments, site: Span) -> Word:
        words = [None if fragment is None else fragment.word for fragment in fragments]
        return join_words(spaced_words(words, " ", site), site)

    def _collect(self, fragments: Fragments, site: Span) -> list[Word]:
        """Return the words that fragments make up, the unquoted ones split at blanks."""
        found: list[Word] = []
        current: list[Word] | None = None
        for fragment in fragments:
            pieces: tuple[Word | None, ...] = (None if fragment is None else fragment.word,)
            if fragment is not None and fragment.splits:
                pieces = tuple(self._split(fragment.word))
            for piece in pieces:
                if piece is not None:
                    current = [*(current or ()), piece]
                elif current is not None:
                    found.append(_joined_or_own(current, site))
                    current = None
        if current is not None:
            found.append(_joined_or_own(current, site))
        return found

    def _split(self, word: Word) -> Iterator[Word | None]:
        """Return the words in an unquoted expansion; None where a blank parts them."""
        separators = self._separators()
        if separators is None or separators.strip(_BLANKS):
            if word.holes or separators is None or any(c in separators for c in word.text):
                yield Word.unknown("it is split at `$IFS`", word.site, splits=True)
            elif word.text:
                yield word
            return
        if not separators or not (word.holes or any(c in separators for c in word.text)):
            if word.text or word.holes:
                yield with_splits(word, True)
            return
        text = ShellText(word)
        last = 0
        for match in re.compile(f"[^{re.escape(separators)}]+").finditer(text.text):
            if match.start():
                yield None
            piece = text.piece(match.start(), match.end())
            yield replace(with_splits(piece, True), site=word.site)
            last = match.end()
        if last < len(text.text):
            yield None

    def _separators(self) -> str | None:
        """Return the characters that part words, None if they are not known."""
        value = self.state.get("IFS")
        if isinstance(value, Missing):
            return _BLANKS
        return value.text if isinstance(value, Word) and value.is_known else None

    def _parameter(self, part: Parameter, alone: bool) -> Iterator[Fragment | None]:
        reader = ParameterReader(self.source, self.state)
        if part.change:
            yield from self._changed(part, reader, alone)
            return
        if part.operator in ("keys", "name"):
            yield from self._referred(part, reader, alone)
            return
        if part.operator in ("#", "other"):
            word = reader.length(part) if part.operator == "#" else reader.not_evaluated(part)
            yield Fragment(word, False)
            return
        value = reader.value(part)
        kind = part.operator[-1:]
        holds = reader.holds(value, part.operator.startswith(":")) if kind else True
        absent = Origin.DEFAULT if value is Missing.ABSENT else Origin.LITERAL
        if holds is None or (kind == "?" and not holds):
            yield from self._unset(part, reader, value)
        elif kind == "+":
            yield from self._operand(part, Origin.LITERAL, alone) if holds else self._empty(part, absent)
        elif kind in ("-", "=") and not holds:
            yield from self._default(part, absent, alone)
        else:
            yield from self._value(part, reader, value, alone)

    def _referred(self, part: Parameter, reader: ParameterReader, alone: bool) -> Iterator[Fragment | None]:
        """Yield the keys of an array, or the value of the variable that `part` names by its value."""
        if part.operator == "keys":
            keys = reader.keys(part)
            yield from (
                (Fragment(reader.not_evaluated(part)),)
                if keys is None
                else self._value(part._replace(operator=""), reader, keys, alone)
            )
            return
        name = reader.named(part.name)
        is_name = isinstance(name, Word) and name.is_known and re.fullmatch(r"[A-Za-z_]\w*", name.text)
        if isinstance(name, Word) and is_name:
            yield from self._parameter(part._replace(operator="", name=name.text), alone)
        else:
            yield Fragment(reader.not_evaluated(part))

    def _changed(self, part: Parameter, reader: ParameterReader, alone: bool) -> Iterator[Fragment | None]:
        """Yield the value of `part` as its operator changes it."""
        value = reader.value(part)
        if isinstance(value, Missing) and value is not Missing.UNSET:
            yield from self._unset(part, reader, value)
            return
        if isinstance(value, Elements):
            kept = _sliced(value, part, slice_bounds(part, self.resolved))
            yield from (
                (Fragment(reader.not_evaluated(part)),)
                if kept is None
                else self._value(part, reader, kept, alone)
            )
            return
        word = self._atomic("", part) if isinstance(value, Missing) else value
        result = changed(word, part, self.source, self.resolved) if word.is_known else None
        if result is not None:
            word = reader.used(result, part)
        elif word.is_known or word.text:
            word = reader.not_evaluated(part)
        yield Fragment(with_splits(word, not part.quoted), not part.quoted)

    def resolved(self, parts: tuple[Part, ...]) -> Word:
        """Return what parts of an operand become, as one word."""
        place = self.source.place(parts[0].start, parts[-1].end) if parts else self.source.word.site
        return self._joined(self._fragments(parts), place)

    def _empty(self, part: Parameter, origin: Origin) -> Iterator[Fragment]:
        if part.quoted:
            yield Fragment(replace(self._atomic("", part), origin=origin))

    def _default(self, part: Parameter, origin: Origin, alone: bool) -> Iterator[Fragment | None]:
        """Yield the text after `:-` or `:=`, which `:=` assigns too."""
        if not part.operator.endswith("="):
            yield from self._operand(part, origin, alone)
            return
        value = self._joined(self._operand(part, origin, alone), self._place(part))
        value = replace(value, origin=origin) if value.origin is Origin.LITERAL else value
        self.state.set(part.name, value)
        yield Fragment(value, not part.quoted)

    def _operand(self, part: Parameter, origin: Origin, alone: bool) -> Iterator[Fragment | None]:
        if not part.operand:
            yield from self._empty(part, origin)
        for fragment in self._fragments(part.operand, not part.quoted, alone):
            if fragment is None or origin is Origin.LITERAL:
                yield fragment
            else:
                yield fragment._replace(word=replace(fragment.word, origin=origin))

    def _value(
        self, part: Parameter, reader: ParameterReader, value: Word | Missing | Elements, alone: bool
    ) -> Iterator[Fragment | None]:
        if isinstance(value, Missing):
            yield from self._unset(part, reader, value)
        elif isinstance(value, Word):
            word = reader.used(value if alone else without_border(value), part)
            yield Fragment(with_splits(word, not part.quoted), not part.quoted)
        elif part.quoted and value.joined:
            yield Fragment(self._star(value, part, reader))
        elif not alone and any(word.splits for word in value.words):
            yield Fragment(Word.unknown(reader.reason(part, value), self._place(part), splits=True))
        else:
            for index, element in enumerate(value.words):
                if index:
                    yield None
                yield Fragment(reader.element(element, part), not part.quoted)

    def _unset(
        self, part: Parameter, reader: ParameterReader, value: Word | Missing | Elements
    ) -> Iterator[Fragment]:
        """Yield what stands for a variable that has no value, or may have none."""
        if value is Missing.UNSET and part.operator[-1:] != "?":
            if part.quoted and not reader.is_list(part):
                yield Fragment(self._atomic("", part))
            return
        splits = not part.quoted or reader.spreads(part)
        yield Fragment(Word.unknown(reader.reason(part, value), self._place(part), splits))

    def _star(self, value: Elements, part: Parameter, reader: ParameterReader) -> Word:
        """Return the elements of `"${name[*]}"`, joined by the first separator."""
        separators = self._separators()
        place = self._place(part)
        if separators is None:
            return Word.unknown("it is joined by `$IFS`", place)
        words: list[Word | None] = []
        for element in value.words:
            words += [None, reader.element(element, part)]
        return join_words(spaced_words(words[1:], separators[:1], place), place)


def _sliced(value: Elements, part: Parameter, bounds: tuple[int, int | None] | None) -> Elements | None:
    """Return the elements that `${name[@]:start:length}` names; None where that is not known."""
    if part.change != ":" or bounds is None or any(word.splits for word in value.words):
        return None
    start, length = bounds
    # `$0` is in front of the parameters.
    shift = 1 if part.name in ("@", "*") else 0
    if start < shift or (length is not None and length < 0):
        return None
    end = None if length is None else start - shift + length
    return value._replace(words=value.words[start - shift : end])


def _joined_or_own(pieces: list[Word], site: Span) -> Word:
    """Join the pieces of a word; an array's element that is a whole word keeps its own place."""
    if len(pieces) == 1 and pieces[0].slot is not None:
        return pieces[0]
    return join_words(pieces, site)
