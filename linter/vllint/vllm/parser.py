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

_NEGATIVE_NUMBER = r"^-\d+$|^-\d*\.\d+$"


class Parsed(NamedTuple):
    """What argparse makes of the tokens. `open_ended` says which words may hold further options.

    `meant` is the positional, unless that is rather the value of an option that vLLM does not know.
    """

    arguments: tuple[Argument, ...]
    positional: Token | None
    meant: Token | None
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
        self.meant: Token | None = None
        self.after_unknown = False
        self.separated = False
        self.problems: list[ArgumentProblem] = []
        self.open_ended: Unknown | None = None

    def run(self) -> Parsed:
        position = 0
        while position < len(self.tokens):
            match = self.matches[position]
            if match is None:
                self._take_positional(position)
                position += 1
                self.after_unknown = False
            elif match.option is None:
                self._refuse_option(self.tokens[position], match)
                self.after_unknown = "=" not in self.tokens[position].text
                position += 1
            else:
                position = self._take_option(position, match, match.option)
                self.after_unknown = False
        return Parsed(
            tuple(self.arguments), self.positional, self.meant, tuple(self.problems), self.open_ended
        )

    def _problem(self, kind: ProblemKind, message: str, token: Token) -> None:
        self.problems.append(ArgumentProblem(kind, message, token.word, token.argv_index))

    def _open(self, word: Word) -> None:
        if self.open_ended is None:
            self.open_ended = Unknown(f"{word.reason}; it may hold further options")

    def _take_positional(self, position: int) -> None:
        token = self.tokens[position]
        if token.text == "--" and not self.separated:
            self.separated = True
            if self.positional is not None and self.positional is not self.tokens[position - 1]:
                self._problem("unexpected_word", "unrecognized arguments: --", token)
            return
        if self.meant is None and not self.after_unknown:
            self.meant = token
        # `vllm serve $MODEL -tp 2` and `vllm serve "$MODEL"` name a model; `vllm serve $ARGS` may say all.
        is_alone = len(self.tokens) == 1 and token.word.splits
        is_model = self.serve and self.positional is None and not is_alone
        if _may_be_option(token.word) and not is_model:
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
        self._store(token, match, option, (token._replace(text=explicit.text, word=explicit),))

    def _store(self, token: Token, match: _Match, option: Option, values: tuple[Token, ...]) -> None:
        flag = token.word
        if match.explicit is not None:
            flag = flag.slice(0, len(flag.text) - len(match.explicit.text))
            flag = flag.slice(0, len(flag.text) - 1) if flag.text.endswith("=") else flag
        last = values[-1].argv_index if values else token.argv_index
        value = self._value(token, match, option, values)
        words = tuple(one.word for one in values)
        self.arguments.append(Argument(option.flag, option.dest, flag, value, token.argv_index, last, words))

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
                converted.append(convert(option, value.text, self.table.release))
            except RefusedError as refusal:
                kind: ProblemKind = "invalid_choice" if "invalid choice" in str(refusal) else "invalid_value"
                own = str(refusal).startswith(("Invalid JSON format for", "Invalid fields for", "KeyError: "))
                said = str(refusal) if own else f"argument {option.label}: {refusal}"
                self._problem(kind, said, value)
                return Unknown(f"`{option.flag}` does not take `{word.text}`")
        first, last = values[0].word, values[-1].word
        span = first.span if first is last else first.span.cover(last.span)
        content: Any = converted if option.nargs == "+" else converted[0]
        if option.action == "append":
            content = [*self._before(option.dest), content]
        elif option.action == "lora_modules":
            content = [module for module in converted if module is not None]
        return Located(content, span, first.origin, first.via)

    def _before(self, dest: str) -> list[Any]:
        """Return what the arguments so far have gathered."""
        earlier = [one.value for one in self.arguments if one.dest == dest]
        return list(earlier[-1].value) if earlier and isinstance(earlier[-1], Located) else []


def _may_be_option(word: Word) -> bool:
    """Whether a word may turn out to be an option, or several: how it begins is not known."""
    return any(hole.at == 0 for hole in word.holes)


def _classify_all(tokens: Sequence[Token], table: OptionTable) -> list[_Match | None]:
    matches: list[_Match | None] = []
    only_values = False
    for token in tokens:
        if only_values:
            matches.append(None)
            continue
        only_values = token.text == "--" and token.word.is_known
        matches.append(_classify(token, table))
    return matches


def _classify(token: Token, table: OptionTable) -> _Match | None:
    """Return `None` for a value, else the option meant (`argparse._parse_optional`)."""
    text = token.text
    if not text.startswith("-"):
        return None
    name, equals, _ = text.partition("=")
    if any(hole.at <= len(name) for hole in token.word.holes):
        return _Match(None, in_doubt=True)
    if text in {"-", "--"}:
        return None
    option = table.by_flag.get(text)
    if option is not None:
        return _Match(option, text)
    explicit = token.word.slice(len(name) + 1) if equals else None
    if equals:
        option = table.by_flag.get(name)
        if option is not None:
            return _Match(option, name, explicit)
    candidates = _abbreviated(token, name, table, explicit)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        return _Match(None, rivals=tuple(candidate.spelling for candidate in candidates))
    if re.match(_NEGATIVE_NUMBER, text) or " " in text:
        return None
    return _Match(None)


def _abbreviated(token: Token, name: str, table: OptionTable, explicit: Word | None) -> list[_Match]:
    """Return what a token may abbreviate, or be the `-qawq` of (`argparse._get_option_tuples`)."""
    text = token.text
    if text.startswith("--"):
        return [
            _Match(option, spelling, explicit)
            for spelling, option in table.by_flag.items()
            if spelling.startswith(name)
        ]
    short = token.word.slice(2)
    return [
        _Match(option, spelling, short if spelling == text[:2] else None)
        for spelling, option in table.by_flag.items()
        if spelling == text[:2] or spelling.startswith(text)
    ]
