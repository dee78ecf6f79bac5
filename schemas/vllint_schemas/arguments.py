"""What vLLM's argument parser understands from a launch's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from vllint_schemas.known import Located, Origin, Unknown
from vllint_schemas.position import Span
from vllint_schemas.words import Word

ProblemKind = Literal[
    "unknown_option",
    "ambiguous_option",
    "unexpected_word",
    "missing_value",
    "invalid_value",
    "invalid_choice",
    "value_on_flag",
    "model_twice",
    "model_missing",
    "model_after_list",
    "config_file",
]


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """A reason for vLLM's parser to refuse the words; `message` is what it prints after `error: `."""

    kind: ProblemKind
    message: str
    word: Word
    index: int


class Argument(NamedTuple):
    """One option as given: its canonical `option` and `dest`, the words it takes, its decoded value.

    `first` and `last` are the indices in argv of the option's own word and of its last value word, -1 for
    options of a config file. `values` are the value words, without the `--option=` before them.
    """

    option: str
    dest: str
    flag: Word
    value: Located[Any] | Unknown
    first: int
    last: int
    values: tuple[Word, ...] = ()


class ConfigProblem(NamedTuple):
    """A part of a config file that vLLM stumbles over, and what it says about it.

    Of a `list_of_mappings`, `place` is the mapping, and the rest of the file is read all the same; of the
    other kinds nothing is.
    """

    kind: Literal["not_parsed", "not_a_mapping", "several_documents", "key_not_text", "list_of_mappings"]
    message: str
    place: Span


class ConfigFile(NamedTuple):
    """The file of `--config`: the words vLLM makes of it, and the keys it drops because they are false."""

    path: str
    words: tuple[Word, ...]
    dropped: tuple[Word, ...]
    problems: tuple[ConfigProblem, ...] = ()

    @property
    def is_loaded(self) -> bool:
        """Whether vLLM gets through the file."""
        return all(problem.kind == "list_of_mappings" for problem in self.problems)


class EngineArgs(NamedTuple):
    """The options vLLM would see.

    `arguments` are those given, in order; `defaults` what the release sets for those that are not.
    `open_ended` says why the list may be incomplete: words that are not known may be any option. `config`
    is the file that `--config` names; its options are among the `arguments`. `positional` is the word
    that is no option's, by which `vllm serve` means the model and the api_server module nothing.
    """

    vllm_version: str
    model: Located[str] | Unknown
    arguments: tuple[Argument, ...]
    defaults: Mapping[str, Any]
    problems: tuple[ArgumentProblem, ...] = ()
    open_ended: Unknown | None = None
    config: ConfigFile | Unknown | None = None
    positional: Word | None = None

    def given(self, dest: str) -> Argument | None:
        """Return the last argument that sets `dest`: the one that counts."""
        found = None
        for argument in self.arguments:
            if argument.dest == dest:
                found = argument
        return found

    def value(self, dest: str) -> Located[Any] | Unknown:
        """Return what `dest` is set to: as given, else the release's default, else `Unknown`."""
        argument = self.given(dest)
        if argument is not None:
            return argument.value
        if self.open_ended is not None:
            return self.open_ended
        return Located(self.defaults.get(dest), None, Origin.FLAG_DEFAULT)

    def integer(self, dest: str) -> Located[int] | Unknown:
        """Return the whole number `dest` is set to; `Unknown` for anything else, unset included."""
        found = self.value(dest)
        if isinstance(found, Unknown):
            return found
        if isinstance(found.value, bool) or not isinstance(found.value, int):
            return Unknown(f"`{dest}` is not a whole number")
        return found

    def is_on(self, dest: str) -> Located[bool] | Unknown:
        """Return whether the switch `dest` is on; unset counts as off."""
        found = self.value(dest)
        if isinstance(found, Unknown):
            return found
        return Located(bool(found.value), found.span, found.origin, found.via)

    def place(self, dest: str) -> Span | None:
        """Return where `dest` is set, if it is given."""
        argument = self.given(dest)
        if argument is None:
            return None
        if isinstance(argument.value, Located) and argument.value.span is not None:
            return argument.value.span
        return argument.flag.span
