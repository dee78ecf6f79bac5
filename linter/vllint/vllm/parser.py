"""argparse's algorithm on words that know their place, and of which some are not known.

Follows CPython 3.11 `argparse.ArgumentParser._parse_known_args`, for the one shape that vLLM has: any
number of options and one optional positional.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from vllint.vllm.options import Option, OptionTable
from vllint.vllm.tokens import Token
from vllint.vllm.values import RefusedError, convert
from vllint_schemas import Argument, ArgumentProblem, Located, ProblemKind, Unknown, Word

_NEGATIVE_NUMBER = re.compile(r"^-\d+$|^-\d*\.\d+$")


class Parsed(NamedTuple):
    """What argparse makes of the tokens. `open_ended` says which words may hold further options."""

    arguments: tuple[Argument, ...]
    positional: Token | None
    problems: tuple[ArgumentProblem, ...]
    open_ended: Unknown | None


class _Match(NamedTuple):
    """How argparse classifies a token: an option, with the spelling used and the text after `=`.

    Without an option, `rivals` are the spellings it could abbreviate, and `in_doubt` says that the
    option's name itself is not known.
    """

    option: Option | None
    spelling: str = ""
    explicit: Word | None = None
    rivals: tuple[str, ...] = ()
    in_doubt: bool = False


def parse(tokens: Sequence[Token], table: OptionTable, serve: bool) -> Parsed:
    """Return what the release's parser understands from `tokens`.

    `serve` says that the positional is the model; the api_server module takes one too and forgets it.
    """
    return _Parser(tokens, table, serve).run()


class _Parser:
    """The state of one run over the tokens."""

    def __init__(self, tokens: Sequence[Token], table: OptionTable, serve: bool) -> None:
        self.serve = serve
        self.tokens = tokens
        self.table = table
        self.matches = _classify_all(tokens, table)
        self.arguments: list[Argument] = []
        self.positional: Token | None = None
        self.problems: list[ArgumentProblem] = []
        self.open_ended: Unknown | None = None

    def run(self) -> Parsed:
        position = 0
        while position < len(self.tokens):
            match = self.matches[position]
            if match is None:
                self._take_positional(self.tokens[position])
                position += 1
            elif match.option is None:
                self._refuse_option(self.tokens[position], match)
                position += 1
            else:
                position = self._take_option(position, match, match.option)
        return Parsed(tuple(self.arguments), self.positional, tuple(self.problems), self.open_ended)

    def _problem(self, kind: ProblemKind, message: str, token: Token) -> None:
        self.problems.append(ArgumentProblem(kind, message, token.word, token.argv_index))

    def _open(self, word: Word) -> None:
        if self.open_ended is None:
            self.open_ended = Unknown(f"{word.reason}; it may hold further options")

    def _take_positional(self, token: Token) -> None:
        if token.text == "--":
            return
        is_model = self.serve and self.positional is None
        if token.word.splits and not is_model:
            self._open(token.word)
            return
        if self.positional is None:
            self.positional = token
            return
        if self.open_ended is None:
            self._problem("unexpected_word", f"unrecognized arguments: {token.text}", token)

    def _refuse_option(self, token: Token, match: _Match) -> None:
        if match.in_doubt:
            self._open(token.word)
        elif match.rivals:
            listed = ", ".join(match.rivals)
            self._problem("ambiguous_option", f"ambiguous option: {token.text} could match {listed}", token)
        else:
            self._problem("unknown_option", f"unrecognized arguments: {token.text}", token)

    def _take_option(self, position: int, match: _Match, option: Option) -> int:
        token = self.tokens[position]
        if match.explicit is not None:
            self._take_explicit(token, match, option, match.explicit)
            return position + 1
        stop = position + 1
        limit = {"none": 1, "?": 1, "0": 0}.get(option.nargs, len(self.tokens))
        while stop < len(self.tokens) and stop - position - 1 < limit and self.matches[stop] is None:
            if self.tokens[stop].text == "--":
                break
            stop += 1
        values = self.tokens[position + 1 : stop]
        if not values and option.nargs in {"none", "+"}:
            count = "one argument" if option.nargs == "none" else "at least one argument"
            self._problem("missing_value", f"argument {option.label}: expected {count}", token)
            return stop
        self._store(token, match, option, tuple(values))
        return stop

    def _take_explicit(self, token: Token, match: _Match, option: Option, explicit: Word) -> None:
        if option.nargs == "0":
            message = f"argument {option.label}: ignored explicit argument {explicit.text!r}"
            self._problem("value_on_flag", message, token)
            return
        self._store(token, match, option, (token._replace(word=explicit),))

    def _store(self, token: Token, match: _Match, option: Option, values: tuple[Token, ...]) -> None:
        name_length = token.text.find("=") if match.explicit is not None else len(token.word.text)
        flag = token.word.slice(0, name_length)
        last = values[-1].argv_index if values else token.argv_index
        value = self._value(token, match, option, values)
        self.arguments.append(Argument(option.flag, option.dest, flag, value, token.argv_index, last))

    def _value(
        self, token: Token, match: _Match, option: Option, values: tuple[Token, ...]
    ) -> Located[Any] | Unknown:
        if option.nargs == "0":
            on = match.spelling not in option.negations
            return Located(option.const_for(on), token.word.site, token.word.origin, token.word.via)
        if not values:
            return Located(option.const, token.word.site)
        converted: list[Any] = []
        for value in values:
            word = value.word
            if not word.is_known:
                if word.splits and option.nargs == "+":
                    self._open(word)
                return Unknown(word.reason)
            try:
                converted.append(convert(option, word.text))
            except RefusedError as refusal:
                kind: ProblemKind = "invalid_choice" if "invalid choice" in str(refusal) else "invalid_value"
                self._problem(kind, f"argument {option.label}: {refusal}", value)
                return Unknown(f"`{option.flag}` does not take `{word.text}`")
        first, last = values[0].word, values[-1].word
        span = first.span if first is last else first.span.cover(last.span)
        content = converted if option.nargs == "+" else converted[0]
        return Located(content, span, first.origin, first.via)


def _classify_all(tokens: Sequence[Token], table: OptionTable) -> list[_Match | None]:
    matches: list[_Match | None] = []
    only_values = False
    for token in tokens:
        if only_values:
            matches.append(None)
            continue
        only_values = token.text == "--"
        matches.append(_classify(token, table))
    return matches


def _classify(token: Token, table: OptionTable) -> _Match | None:
    """Return `None` for a value, else the option meant (`argparse._parse_optional`)."""
    text = token.text
    if not text.startswith("-") or text == "-" or text == "--":
        return None
    name, equals, _ = text.partition("=")
    if any(hole.at <= len(name) for hole in token.word.holes):
        return _Match(None, in_doubt=True)
    option = table.by_flag.get(text)
    if option is not None:
        return _Match(option, text)
    explicit = token.word.slice(len(name) + 1) if equals else None
    if equals:
        option = table.by_flag.get(name)
        if option is not None:
            return _Match(option, name, explicit)
    candidates = _abbreviated(text, name, table, explicit)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        return _Match(None, rivals=tuple(candidate.spelling for candidate in candidates))
    if _NEGATIVE_NUMBER.match(text) or " " in text:
        return None
    return _Match(None)


def _abbreviated(text: str, name: str, table: OptionTable, explicit: Word | None) -> list[_Match]:
    """Return what `text` may abbreviate (`argparse._get_option_tuples`)."""
    if text.startswith("--"):
        return [
            _Match(option, spelling, explicit)
            for spelling, option in table.by_flag.items()
            if spelling.startswith(name)
        ]
    return [
        _Match(option, spelling) for spelling, option in table.by_flag.items() if spelling.startswith(text)
    ]
