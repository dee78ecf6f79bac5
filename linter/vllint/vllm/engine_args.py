"""From a launch's words to the options vLLM would see."""

from __future__ import annotations

from vllint.vllm.options import option_table
from vllint.vllm.parser import Parsed, parse
from vllint.vllm.tokens import rewrite
from vllint_schemas import (
    ArgumentProblem,
    EngineArgs,
    EntryPoint,
    Located,
    Origin,
    Unknown,
    Word,
)


def engine_args(argv: tuple[Word, ...], entry_point: EntryPoint, release: str) -> EngineArgs:
    """Return what the tabled `release` understands from `argv`."""
    table = option_table(release)
    serve = entry_point is EntryPoint.SERVE
    rewritten = rewrite(argv, serve)
    parsed = parse(rewritten.tokens, table, serve)
    open_ended = _config_file(parsed) if parsed.open_ended is None else parsed.open_ended
    problems = _in_order(rewritten.problems + parsed.problems)
    understood = EngineArgs(release, Unknown(""), parsed.arguments, table.defaults, problems, open_ended)
    model = _model(understood, parsed, serve)
    return EngineArgs(release, model, parsed.arguments, table.defaults, problems, open_ended)


def _in_order(problems: tuple[ArgumentProblem, ...]) -> tuple[ArgumentProblem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.index))


def _config_file(parsed: Parsed) -> Unknown | None:
    """Return why the options are not complete when a file holds more of them."""
    for argument in parsed.arguments:
        if argument.dest == "config":
            return Unknown("the file that `--config` names is not read")
    return None


def _model(understood: EngineArgs, parsed: Parsed, serve: bool) -> Located[str] | Unknown:
    """Return the model served (vLLM `entrypoints/cli/serve.py:56`); unset, vLLM has a default one."""
    if serve and parsed.positional is not None:
        word = parsed.positional.word
        if not word.is_known:
            return Unknown(word.reason)
        return Located(word.text, word.span, word.origin, word.via)
    model = understood.value("model")
    if isinstance(model, Unknown):
        return model
    if not isinstance(model.value, str):
        return Unknown("no model is named")
    return Located(model.value, model.span, model.origin if model.span else Origin.FLAG_DEFAULT, model.via)
