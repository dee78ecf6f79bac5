"""What is wrong with a launch's words: all that the parser stumbles over, each under the mistake behind it.

One mistake makes vLLM's parser complain several times, and only the first cause is worth saying. A word is
explained by the first of these that fits, and then it is nobody else's: an option written together with its
value; an option the release does not know, with the words after it; a value on a switch; a value that its
option does not take; a model that is not where vLLM looks for it, or named twice. What is left is unexpected.
"""

# Without `from __future__ import annotations`: a NamedTuple compiles annotations that are text, one by one.

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Literal, NamedTuple

from vllint.release_order import version_key
from vllint.vllm.options import Option, OptionTable, option_table, releases_with
from vllint.vllm.tokens import takes_dotted_keys
from vllint.vllm.written_words import is_call, keeps_blank, keyword, reads_as_model, spelled
from vllint_schemas import (
    Argument,
    ArgumentProblem,
    ConfigFile,
    EngineArgs,
    Launch,
    Unknown,
    Word,
)
from vllint_schemas.known import Origin

MistakeKind = Literal[
    "joined_words",
    "removed_flag",
    "not_yet_flag",
    "ambiguous_flag",
    "unknown_flag",
    "unshaped_key",
    "boolean_with_value",
    "boolean_equals",
    "null_value",
    "wrong_value",
    "missing_value",
    "model_swallowed",
    "model_not_first",
    "positional_ignored",
    "model_twice",
    "unexpected_word",
]

TRUE_TEXTS = frozenset({"true", "1", "yes", "on"})
FALSE_TEXTS = frozenset({"false", "0", "no", "off"})

_NEGATIVE_NUMBER = r"-\d*\.\d+"
_OPTION = re.compile(r"-+[A-Za-z]")
_OPTION_WITHIN = re.compile(r"\S\s+--[a-z]")
_MODEL = re.compile(r"--model(=.+|$)")
_NUMBER_WITH_UNIT = re.compile(r"\d+(?:\.\d+)?[kKmMgGtT]")
_FIELDS_ALONE = frozenset({"model_weights", "enable_mm_processor_stats", "mamba_config"})
"""Engine arguments that no option sets (vLLM 0.33.0 `engine/arg_utils.py:489`): keywords of calls only."""

_NOT_KNOWN = Unknown("vLLM does not get this far")


class Mistake(NamedTuple):
    """One mistake: its kind, the words that make it up, and what vLLM's parser says.

    `argument` is the option with the values that belong to it, as far as they are written; of words that
    are no option's, `flag` is the first. `refused` says whether vLLM refuses to start over it.
    """

    kind: MistakeKind
    argument: Argument
    message: str
    refused: bool = True

    @property
    def flag(self) -> str:
        """The option's name as vLLM looks it up: with dashes, without `=value` and dotted keys."""
        return spelled(self.argument.flag)


def mistakes_in(launch: Launch, args: EngineArgs) -> tuple[Mistake, ...]:
    """Return the mistakes in a launch's words, in their order."""
    if is_call(launch):
        return tuple(_Explainer(launch, args).keywords())
    return tuple(_Explainer(launch, args).all())


class _Place(NamedTuple):
    """A word among those it was written with: the command's, or a config file's."""

    line: tuple[Word, ...]
    at: int
    in_file: bool

    def after(self) -> tuple[Word, ...]:
        """Return the words up to the next option."""
        return tuple(takewhile(lambda word: not _OPTION.match(word.text), self.line[self.at + 1 :]))

    def argument(self, option: str, flag: Word, values: tuple[Word, ...]) -> Argument:
        """Return the words from here on as an argument."""
        first = -1 if self.in_file else self.at
        last = -1 if self.in_file else self.at + len(values)
        return Argument(option, option.lstrip("-").replace("-", "_"), flag, _NOT_KNOWN, first, last, values)


class _Explainer:
    """The state of one run: which words are explained by now, and the mistakes found."""

    def __init__(self, launch: Launch, args: EngineArgs) -> None:
        self.argv = launch.argv
        self.serve = not launch.entry_point.takes_model_as_option
        self.args = args
        self.table: OptionTable = option_table(args.vllm_version)
        self.file = args.config.words if isinstance(args.config, ConfigFile) else ()
        self.explained: set[int] = set()
        self.found: list[Mistake] = []

    def all(self) -> list[Mistake]:
        """Return all mistakes of a command line."""
        self._kept_blanks()
        self._joined()
        self._flags()
        self._switches()
        self._values()
        self._model()
        self._rest()
        return sorted(self.found, key=lambda mistake: mistake.argument.first)

    def keywords(self) -> Iterator[Mistake]:
        """Yield the mistakes of a Python call: its keywords are options, and nothing of argparse holds."""
        for problem in self._problems("unknown_option"):
            name = keyword(problem.word)
            if f"--{name.replace('_', '-')}" not in self.table.by_flag and name not in _FIELDS_ALONE:
                yield self._flag(problem, self._place(problem))
        for argument in self.args.arguments:
            name = keyword(argument.flag)
            if name not in (argument.dest, *_FIELDS_ALONE) and argument.flag.origin is not Origin.PLATFORM:
                # Calls know neither the abbreviations nor the other names of options.
                unknown = ArgumentProblem(
                    "unknown_option", "unexpected keyword", argument.flag, argument.first
                )
                mistake = self._flag(unknown, self._place(unknown))
                yield mistake._replace(kind="removed_flag") if self._was_keyword(name) else mistake
            option, last = self._option(argument), next(reversed(argument.values), None)
            if option and last and "int" in option.kind and _NUMBER_WITH_UNIT.fullmatch(last.text):
                yield Mistake("wrong_value", argument, f"invalid int value: {last.text!r}")
        # pydantic judges other values by rules of its own.
        for problem in self._problems("invalid_choice"):
            holder = next((one for one in self.args.arguments if _holds(one, problem.word)), None)
            if holder is not None:
                yield Mistake("wrong_value", holder, problem.message)

    def _was_keyword(self, name: str) -> bool:
        """Whether an earlier release has an engine argument of that name."""
        flag = f"--{name.replace('_', '-')}"
        judged = version_key(self.args.vllm_version)
        earlier = [release for release in releases_with(flag) if version_key(release) < judged]
        return any(option_table(release).by_flag[flag].dest == name for release in earlier)

    def _problems(self, *kinds: str) -> Iterator[ArgumentProblem]:
        """Yield the problems of some kinds whose words are not explained yet."""
        for problem in self.args.problems:
            if problem.kind in kinds and id(problem.word) not in self.explained:
                yield problem

    def _place(self, problem: ArgumentProblem) -> _Place:
        if problem.index >= 0:
            return _Place(self.argv, problem.index, False)
        return self._place_of(problem.word)

    def _place_of(self, word: Word) -> _Place:
        for line in (self.argv, self.file):
            for at, candidate in enumerate(line):
                if candidate is word:
                    return _Place(line, at, line is self.file)
        return _Place((word,), 0, True)

    def _add(self, mistake: Mistake, *words: Word) -> None:
        self.found.append(mistake)
        self.explained.update(id(word) for word in (mistake.argument.flag, *mistake.argument.values, *words))

    def _gives_the_model_away(self, word: Word) -> bool:
        """Whether `word` was taken for the model, and another word, which was meant for it, refused."""
        if word is not self.args.positional:
            return False
        for problem in self._problems("unexpected_word"):
            self.explained.add(id(problem.word))
            return True
        return False

    def _kept_blanks(self) -> None:
        """Find words made by a backslash with a blank behind it, and what follows on the line."""
        for problem in self._problems("unexpected_word"):
            if keeps_blank(problem.word):
                self._unexpected(problem)

    def _joined(self) -> None:
        """Find options written together with their values, as `--port 80` in one word."""
        candidates = [problem.word for problem in self._problems("unexpected_word")]
        if self.args.positional is not None:
            candidates.insert(0, self.args.positional)
        for word in candidates:
            text = word.text
            joined = (" " in text and _OPTION.match(text)) or _OPTION_WITHIN.search(text)
            if not joined or not word.is_known:
                continue
            place = self._place_of(word)
            taken = word is self.args.positional
            message = f"unrecognized arguments: {text}"
            argument = place.argument("", word, ())
            self.explained.add(id(word))
            refused = self._gives_the_model_away(word) or self.serve or not taken
            self._add(Mistake("joined_words", argument, message, refused))

    def _flags(self) -> None:
        """Find options that the release does not know, and those it takes for others."""
        for at, word in enumerate(self.argv):
            if self.args.problems and re.fullmatch(_NEGATIVE_NUMBER, word.text):
                self._negative_number(_Place(self.argv, at - 1, False), word)
        for problem in self._problems("unknown_option", "ambiguous_option"):
            mistake = self._flag(problem, self._place(problem))
            self._add(mistake)
            for value in mistake.argument.values:
                self._gives_the_model_away(value)
        for argument in self.args.arguments:
            name = spelled(argument.flag)
            removed = name.startswith("--") and name not in self.table.by_flag and self._older(name)
            if removed and argument.flag.origin is not Origin.PLATFORM:
                message = f"`{name}` abbreviates `{argument.option}`"
                self._add(Mistake("removed_flag", argument, message, refused=False))

    def _negative_number(self, place: _Place, number: Word) -> None:
        """Find `--option -0.1`: vLLM takes the number for an option with a dotted key, and goes on so."""
        flag = self.argv[place.at]
        option = self.table.by_flag.get(spelled(flag))
        if option is None or option.nargs == "0" or not takes_dotted_keys(self.table):
            return
        message = f"argument {spelled(flag)}: {number.text!r} is taken for an option"
        argument = place.argument(option.flag, flag, (number,))
        swallowed = range(place.at + 1, place.at + 4)
        words = [problem.word for problem in self.args.problems if problem.index in swallowed]
        self._add(Mistake("wrong_value", argument, message), *words)

    def _flag(self, problem: ArgumentProblem, place: _Place) -> Mistake:
        name = spelled(problem.word)
        kind: MistakeKind = "ambiguous_flag" if problem.kind == "ambiguous_option" else "unknown_flag"
        with_it = releases_with(name)
        if with_it and self.args.vllm_version not in with_it:
            kind = "removed_flag" if self._older(name) else "not_yet_flag"
        elif with_it and "." in problem.word.text.partition("=")[0]:
            kind = "not_yet_flag"
        text, equals, _ = problem.word.text.partition("=")
        if equals:
            value = problem.word.slice(len(text) + 1)
            argument = place.argument(name, problem.word.slice(0, len(text)), (value,))
            return Mistake(kind, argument._replace(last=argument.first), problem.message)
        values = place.after()[: self._most_values(name, with_it)]
        if place.in_file and kind == "unknown_flag" and _is_unshaped(problem.word, values):
            kind = "unshaped_key"
        return Mistake(kind, place.argument(name, problem.word, values), problem.message)

    def _older(self, name: str) -> bool:
        """Whether a release before the one judged knows the option."""
        judged = version_key(self.args.vllm_version)
        return any(version_key(release) < judged for release in releases_with(name))

    def _most_values(self, name: str, with_it: tuple[str, ...]) -> int | None:
        """Return how many values an option takes where it exists; `None` for any number."""
        if not with_it:
            return None
        return {"none": 1, "?": 1, "0": 0}.get(option_table(with_it[-1]).by_flag[name].nargs)

    def _switches(self) -> None:
        """Find values given to switches: after `=`, as words of their own, as `None` in a file."""
        for problem in self._problems("value_on_flag"):
            text = problem.word.text.partition("=")[0]
            values = (problem.word.slice(len(text) + 1),)
            place = self._place(problem)
            argument = place.argument(spelled(problem.word), problem.word.slice(0, len(text)), values)
            argument = argument._replace(last=argument.first)
            self._add(Mistake("boolean_equals", argument, problem.message), problem.word)
        unexpected = {id(problem.word) for problem in self._problems("unexpected_word")}
        for argument in self.args.arguments:
            option = self._option(argument)
            in_line = argument.first >= 0
            place = _Place(self.argv, argument.first, False) if in_line else self._place_of(argument.flag)
            value = next(iter(place.after()), None)
            if value is None or option is None or option.nargs != "0" or id(value) in self.explained:
                continue
            taken = value is self.args.positional
            if taken or id(value) in unexpected:
                self._value_on_switch(argument, place, value, taken)

    def _value_on_switch(self, switch: Argument, place: _Place, value: Word, taken: bool) -> None:
        message = f"unrecognized arguments: {value.text}"
        argument = place.argument(switch.option, switch.flag, (value,))._replace(dest=switch.dest)
        if place.in_file and value.text == "None":
            self._add(Mistake("null_value", argument, message))
        elif value.text.lower() in TRUE_TEXTS | FALSE_TEXTS:
            self.explained.add(id(value))
            refused = self._gives_the_model_away(value) or not taken
            self._add(Mistake("boolean_with_value", argument, message, refused))

    def _option(self, argument: Argument) -> Option | None:
        return self.table.by_flag.get(argument.option)

    def _values(self) -> None:
        """Find values that their options do not take, and options without the value they need."""
        swallowing = self._swallowing()
        for problem in self._problems("invalid_value", "invalid_choice", "missing_value"):
            if swallowing is not None and problem.word is swallowing.values[-1]:
                continue
            argument = next((one for one in self.args.arguments if _holds(one, problem.word)), None)
            kind: MistakeKind = "wrong_value"
            if argument is None:
                kind = "missing_value"
                argument = self._place(problem).argument(spelled(problem.word), problem.word, ())
            elif argument.first < 0 and problem.word.text == "None":
                kind = "null_value"
            following = _Place(self.argv, argument.last, False).after() if argument.last >= 0 else ()
            self._add(Mistake(kind, argument, problem.message), *following)

    def _model(self) -> None:
        """Find models that are not where vLLM looks for them, and those named twice."""
        swallowing = self._swallowing()
        guards = list(self._problems("model_missing"))
        for problem in guards[:1]:
            argument = swallowing or self._place(problem).argument("", problem.word, ())
            self._add(Mistake("model_not_first", argument, problem.message))
        if swallowing is not None and not guards:
            word = swallowing.values[-1]
            said = (
                one.message for one in self._problems("invalid_value", "invalid_choice") if one.word is word
            )
            refusal = next(said, None)
            message = refusal or f"`{swallowing.option}` takes `{word.text}` too"
            self._add(Mistake("model_swallowed", swallowing, message, refused=refusal is not None))
        positional = self.args.positional
        if not self.serve and positional is not None and id(positional) not in self.explained:
            argument = self._place_of(positional).argument("", positional, ())
            message = "the module parses a positional argument and never reads it"
            self._add(Mistake("positional_ignored", argument, message, refused=False))
        if self.serve and any(_MODEL.match(word.text) for word in self.argv):
            for problem in self._problems("unexpected_word"):
                if _OPTION.match(problem.word.text) or problem.index < 0:
                    continue
                argument = self._place(problem).argument("", problem.word, ())
                self._add(Mistake("model_twice", argument, problem.message))
                return

    def _swallowing(self) -> Argument | None:
        """Return the option whose last value is rather the model, if no model is named."""
        model = self.args.model
        if isinstance(model, Unknown) or model.origin is not Origin.FLAG_DEFAULT:
            return None
        if not self.serve or self.args.open_ended is not None:
            return None
        for argument in self.args.arguments[::-1]:
            option = self._option(argument)
            at_least = {"+": 2, "?": 1}.get(option.nargs) if option is not None else None
            enough = at_least is not None and len(argument.values) >= at_least
            if enough and argument.first >= 0 and reads_as_model(argument.values[-1]):
                return argument
        return None

    def _rest(self) -> None:
        """Gather the words that nothing explains; those that stand together are one mistake."""
        for problem in self._problems("unexpected_word"):
            self._unexpected(problem)

    def _unexpected(self, problem: ArgumentProblem) -> None:
        unexpected = {id(other.word) for other in self._problems("unexpected_word")}
        place = self._place(problem)
        values = tuple(takewhile(lambda word: id(word) in unexpected, place.line[place.at + 1 :]))
        self._add(Mistake("unexpected_word", place.argument("", problem.word, values), problem.message))


def _is_unshaped(key: Word, values: tuple[Word, ...]) -> bool:
    """Whether a config file's key that is no option is written with dashes, or holds a section."""
    return key.text.startswith("---") or any(value.text.startswith("{") for value in values[:1])


def _holds(argument: Argument, word: Word) -> bool:
    return any(value is word for value in argument.values)
