"""How vLLM rewrites its words before argparse sees them.

Follows `FlexibleArgumentParser.parse_args` (vLLM 0.33.0 `utils/argparse_utils.py:304-520`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from vllint.release_order import version_key
from vllint.vllm.options import OptionTable
from vllint.vllm.values import RefusedError, human_readable_int
from vllint_schemas import ArgumentProblem, ConfigFile, Unknown, Word

_MODEL = re.compile(r"^--model(=.+|$)")
_SERVED_NAME = r"^--served[-_]model[-_]name(=.+|$)"
_CONFIG = r"^--config(=.+|$)"
_LEVELS = {"0", "1", "2", "3"}


class Token(NamedTuple):
    """A word as argparse sees it: its rewritten `text`, and the word and argv index it came from."""

    text: str
    word: Word
    argv_index: int


class Rewritten(NamedTuple):
    """The tokens for argparse, and what made vLLM refuse before argparse ran."""

    tokens: tuple[Token, ...]
    problems: tuple[ArgumentProblem, ...] = ()


def config_path(argv: Sequence[Word]) -> Word | None:
    """Return the file that `--config` names: only the option as a word of its own is heeded."""
    for option, path in pairwise(argv):
        if option.text == "--config" and option.is_known:
            return path
    return None


def rewrite(
    argv: Sequence[Word], serve: bool, table: OptionTable, config: ConfigFile | Unknown | None = None
) -> Rewritten:
    """Return the tokens of `argv` (the words after `serve` or the module's name) as a release makes them.

    The words of `config`, the file of `--config`, are put where vLLM puts them.
    """
    tokens = [Token(word.text, word, index) for index, word in enumerate(argv)]
    problems: list[ArgumentProblem] = []
    if serve:
        tokens = _model_first(tokens, problems, insists_on_model(table))
    problems += _config_problems(tokens)
    if isinstance(config, ConfigFile) and not problems:
        tokens = _with_config(tokens, config, serve, table, problems)
    level = _level_option(table)
    tokens = [spelled for position in range(len(tokens)) for spelled in _spell(tokens, position, level)]
    if takes_dotted_keys(table):
        tokens = _merge_dotted(tokens, problems)
    return Rewritten(tuple(tokens), tuple(problems))


def takes_dotted_keys(table: OptionTable) -> bool:
    """Whether the release reads `--option.key value` (vLLM pull request 18208)."""
    return version_key(table.release) >= (0, 9, 1)


def heeds_false(table: OptionTable) -> bool:
    """Whether the release turns a config file's `key: false` into `--no-key`.

    From 0.28 on it asks the parser for that option, and of the two only the api_server module's own
    parser has it: `vllm serve` keeps its options in a parser below (`argparse_utils.py:657`).
    """
    return version_key(table.release) >= (0, 28)


def _level_option(table: OptionTable) -> str | None:
    """Return what `-O3` stands for; `None` in releases that leave it to argparse."""
    if "--optimization-level" in table.by_flag:
        return "--optimization-level"
    return "-O.level" if "-O" in table.by_flag and takes_dotted_keys(table) else None


def insists_on_model(table: OptionTable) -> bool:
    """Whether `--served-model-name` wants the model to be the first word (vLLM pull request 34973)."""
    return version_key(table.release) >= (0, 17)


def _model_first(tokens: list[Token], problems: list[ArgumentProblem], insists: bool) -> list[Token]:
    """Move the value of `--model` to the front (`argparse_utils.py:322`)."""
    place = next((i for i, token in enumerate(tokens) if _MODEL.match(token.text)), None)
    if place is not None:
        token = tokens[place]
        if token.text != "--model":
            start = len("--model=")
            model = Token(token.text[start:], token.word.slice(start), token.argv_index)
            tokens = [model, *tokens[:place], *tokens[place + 1 :]]
        elif place + 1 < len(tokens):
            tokens = [tokens[place + 1], *tokens[:place], *tokens[place + 2 :]]
        else:
            message = "list index out of range"
            problems.append(ArgumentProblem("missing_value", message, token.word, token.argv_index))
            return tokens[:place]
    starts_with_option = bool(tokens) and tokens[0].text.startswith("-")
    if insists and starts_with_option and not any(re.match(_CONFIG, token.text) for token in tokens):
        for token in tokens:
            if re.match(_SERVED_NAME, token.text):
                message = "`model` should be provided as the first positional argument"
                problems.append(ArgumentProblem("model_missing", message, token.word, token.argv_index))
                break
    return tokens


def _config_problems(tokens: list[Token]) -> list[ArgumentProblem]:
    """Return what vLLM refuses about `--config` before it opens the file (`argparse_utils.py:551`)."""
    places = [index for index, token in enumerate(tokens) if token.text == "--config"]
    if not places:
        return []
    place = tokens[places[0]]
    if len(places) > 1:
        return [_config_problem("More than one config file specified!", tokens[places[1]])]
    if places[0] + 1 == len(tokens):
        message = "No config file specified! Please check your command-line arguments."
        return [_config_problem(message, place)]
    path = tokens[places[0] + 1]
    suffix = path.text.rsplit(".", 1)[-1]
    if suffix in {"yaml", "yml"} or not path.word.is_known:
        return []
    return [_config_problem(f"Config file must be of a yaml/yml type. {suffix} supplied", path)]


def _config_problem(message: str, token: Token) -> ArgumentProblem:
    return ArgumentProblem("config_file", message, token.word, token.argv_index)


def _with_config(
    tokens: list[Token],
    config: ConfigFile,
    serve: bool,
    table: OptionTable,
    problems: list[ArgumentProblem],
) -> list[Token]:
    """Put the file's words behind the model, so that the command line's own come later (`:554`)."""
    place = next(i for i, token in enumerate(tokens) if token.text == "--config")
    rest = [*tokens[:place], *tokens[place + 2 :]]
    own = [Token(word.text, word, -1) for word in config.words]
    if not serve and heeds_false(table):
        negated = [(f"--no-{key.text}", key) for key in config.dropped]
        own += [Token(text, key, -1) for text, key in negated if text in table.by_flag]
    has_model = bool(tokens) and not tokens[0].text.startswith("-")
    if serve and not has_model and not any(token.text == "--model" for token in own):
        message = (
            "No model specified! Please specify model either as a positional argument or in a config file."
        )
        problems.append(
            ArgumentProblem("model_missing", message, tokens[place].word, tokens[place].argv_index)
        )
    return [*rest[:1], *own, *rest[1:]] if serve and has_model else [*own, *rest]


def _spell(tokens: list[Token], position: int, level_option: str | None) -> list[Token]:
    """Rewrite underscores in option names, and `-O3` (`argparse_utils.py:384`)."""
    token = tokens[position]
    text = token.text
    if text.startswith("--"):
        name, equals, value = text.partition("=")
        head, dot, tail = name[2:].partition(".")
        if "_" not in head:
            return [token]
        return [token._replace(text=f"--{head.replace('_', '-')}{dot}{tail}{equals}{value}")]
    if level_option is None or (level_option == "-O.level" and text.startswith("-O.")):
        return [token]
    if text.startswith("-O") and text != "-O":
        start = 3 if text[2] == "=" else 2
        level = Token(text[start:], token.word.slice(start), token.argv_index)
        return [token._replace(text=level_option), level]
    if text == "-O" and position + 1 < len(tokens) and tokens[position + 1].text in _LEVELS:
        return [token._replace(text=level_option)]
    return [token]


def _merge_dotted(tokens: list[Token], problems: list[ArgumentProblem]) -> list[Token]:
    """Collect `--option.key value` into one JSON option at the end (`argparse_utils.py:437`)."""
    kept: list[Token] = []
    merged: dict[str, dict[str, Any]] = {}
    first: dict[str, tuple[Token, Token]] = {}
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        name, equals, _ = token.text.partition("=")
        if not token.text.startswith("-") or "." not in name:
            kept.append(token)
            continue
        if equals:
            start = len(name) + 1
            value = Token(token.text[start:], token.word.slice(start), token.argv_index)
        elif position < len(tokens):
            value = tokens[position]
            position += 1
        else:
            problems.append(
                ArgumentProblem("missing_value", "list index out of range", token.word, token.argv_index)
            )
            continue
        option = name.partition(".")[0]
        _update(merged.setdefault(option, {}), _nested(name, value))
        if option not in first or not value.word.is_known:
            first[option] = (token, value)
    for option, content in merged.items():
        token, value = first[option]
        text = json.dumps(content)
        word = Word.atomic(text, value.word.site) if value.word.is_known else value.word
        kept.append(token._replace(text=option))
        kept.append(Token(text, word, value.argv_index))
    return kept


def _nested(name: str, value: Token) -> dict[str, Any]:
    """Return what `--option.one.two value` says: `{"one": {"two": value}}`."""
    if name.endswith("+"):
        content: Any = list(value.text.split(","))
    else:
        content = _loads(value.text) if value.word.is_known else None
    for key in reversed(name.removesuffix("+").split(".")[1:]):
        content = {key: content}
    nested: dict[str, Any] = content
    return nested


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return human_readable_int(text)
    except (RefusedError, ValueError):
        return text


def _update(original: dict[str, Any], update: dict[str, Any]) -> None:
    for key, value in update.items():
        present = original.get(key)
        if isinstance(value, dict) and isinstance(present, dict):
            _update(present, value)
        elif isinstance(value, list) and isinstance(present, list):
            present += value
        else:
            original[key] = value
