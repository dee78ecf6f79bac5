"""Expanding shell words: parameters, arithmetic, word splitting and quote removal, places kept."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from vllint.text.shell_arithmetic import NotComputedError, assigned_names, compute
from vllint.text.shell_braces import brace_terms
from vllint.text.shell_parameters import Elements, ParameterReader
from vllint.text.shell_syntax import (
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
from vllint.text.shell_text import ShellText, standing_for, with_splits
from vllint.text.shell_values import LONGEST, Missing, State, without_border
from vllint_schemas import Origin, Slot, SlotKind, Span, Word

_BLANKS = " \t\n"
_DEEPEST_REFERENCE = 8


class Fragment(NamedTuple):
    """A piece of a word; `splits` when blanks in it part words. None stands for a border of words."""

    word: Word
    splits: bool = False


Fragments = Iterable[Fragment | None]


class Expansion(NamedTuple):
    """Expands the words of `source` with the variables of `state`; `run` walks commands in `$( )`."""

    source: ShellText
    state: State
    run: Callable[[Sequence], None]

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
                yield Fragment(self._opaque(part))

    def _opaque(self, part: Opaque) -> Word:
        if part.body is not None:
            self.run(part.body)
        shown = self.source.shown(part.start, part.end)
        reason = f"{shown} is known only when the script runs"
        return Word.unknown(reason, self._place(part), not part.quoted)

    def _place(self, part: Part) -> Span:
        return self.source.place(part.start, part.end)

    def _atomic(self, text: str, part: Part) -> Word:
        script = self.source.word
        return standing_for(text, self._place(part), script.origin, script.via)

    def _joined(self, fragments: Fragments, site: Span) -> Word:
        words = [None if fragment is None else fragment.word for fragment in fragments]
        return join_words(_spaced(words, " ", site), site)

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
        return join_words(_spaced(words[1:], separators[:1], place), place)


def _spaced(words: list[Word | None], separator: str, site: Span) -> list[Word]:
    """Return words that are no longer split, with a separator for each None between them.

    Next to an unknown number of words the separator may be missing: it then stands nowhere in the file.
    """
    spaced: list[Word] = []
    for index, word in enumerate(words):
        if word is not None:
            spaced.append(with_splits(word, False))
            continue
        beside = (words[index - 1], *words[index + 1 : index + 2])
        open_ended = any(near is not None and near.splits and not near.text for near in beside)
        place = Span(site.path, site.end, site.end) if open_ended else site
        spaced.append(Word.atomic(separator, place))
    return spaced


def _joined_or_own(pieces: list[Word], site: Span) -> Word:
    """Join the pieces of a word; an array's element that is a whole word keeps its own place."""
    if len(pieces) == 1 and pieces[0].slot is not None:
        return pieces[0]
    return join_words(pieces, site)


def join_words(words: list[Word], site: Span) -> Word:
    """Return the words as one; a known word never ends where an unknown rest may go on."""
    for index, following in enumerate(words[1:]):
        if not following.text[:1].isspace() and (following.text or following.holes):
            words[index] = without_border(words[index])
    if sum(len(word.text) for word in words) > LONGEST:
        return Word.unknown("it becomes too long", site, splits=True)
    joined = Word.join(words, site)
    if any(word.origin is Origin.DEFAULT for word in words):
        return replace(joined, origin=Origin.DEFAULT)
    return joined
