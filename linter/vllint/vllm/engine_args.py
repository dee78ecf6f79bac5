"""From a launch's words to the options vLLM would see."""

from __future__ import annotations

from vllint.vllm.options import option_table
from vllint.vllm.parser import Parsed, parse
from vllint.vllm.tokens import Token, rewrite
from vllint_schemas import (
    ArgumentProblem,
    ConfigFile,
    EngineArgs,
    EntryPoint,
    Located,
    Origin,
    Unknown,
    Word,
)


def engine_args(
    argv: tuple[Word, ...],
    entry_point: EntryPoint,
    release: str,
    config: ConfigFile | Unknown | None = None,
) -> EngineArgs:
    """Return what the tabled `release` understands from `argv` and the file that `--config` names."""
    table = option_table(release)
    serve = not entry_point.takes_model_as_option
    loaded = _loaded(config)
    rewritten = rewrite(argv, serve, table, loaded)
    parsed = parse(rewritten.tokens, table, serve)
    open_ended = loaded if parsed.open_ended is None and isinstance(loaded, Unknown) else parsed.open_ended
    problems = rewritten.problems + _in_order(parsed.problems)
    positional = None if parsed.positional is None else _word(parsed.positional)
    understood = EngineArgs(
        release, Unknown(""), parsed.arguments, table.defaults, problems, open_ended, config, positional
    )
    return understood._replace(model=_model(understood, parsed, serve))


def _word(token: Token) -> Word:
    """Return the word that a token is, as vLLM has rewritten it."""
    return token.word if token.word.text == token.text else Word.atomic(token.text, token.word.site)


def _loaded(config: ConfigFile | Unknown | None) -> ConfigFile | Unknown | None:
    """Return the config file, `Unknown` if vLLM does not get through it."""
    if isinstance(config, ConfigFile) and not config.is_loaded:
        return Unknown(f"`{config.path}` cannot be read: {config.problems[0].message}")
    return config


def _in_order(problems: tuple[ArgumentProblem, ...]) -> tuple[ArgumentProblem, ...]:
    """Return what argparse stumbles over in its order: ambiguous names first, words left over last."""
    phases = {"ambiguous_option": 0, "unknown_option": 2, "unexpected_word": 2}
    return tuple(sorted(problems, key=lambda problem: phases.get(problem.kind, 1)))


def _model(understood: EngineArgs, parsed: Parsed, serve: bool) -> Located[str] | Unknown:
    """Return the model served (vLLM `entrypoints/cli/serve.py:56`); unset, vLLM has a default one."""
    if serve and parsed.positional is not None and parsed.meant is None and not understood.given("model"):
        return Unknown("the model may be the value of an option that is not known")
    if serve and parsed.meant is not None:
        word = parsed.meant.word
        if not word.is_known:
            return Unknown(word.reason)
        return Located(word.text, word.span, word.origin, word.via)
    model = understood.value("model")
    if isinstance(model, Unknown):
        return model
    if not isinstance(model.value, str):
        return Unknown("no model is named")
    return Located(model.value, model.span, model.origin if model.span else Origin.FLAG_DEFAULT, model.via)
