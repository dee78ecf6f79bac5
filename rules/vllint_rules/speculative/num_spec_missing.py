"""SPC004 num-spec-missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vllint import Example, LaunchFacts, Rule, class_of_option, part_of_json
from vllint_schemas import Argument, Finding, Located, Severity, Unknown

_NUMBER = "num_speculative_tokens"
_OWN_DEFAULT = frozenset({"suffix", "dspark", "extract_hidden_states", "custom_class"})
"""Methods that may do without a number, or take the draft model from elsewhere."""

_NGRAM = frozenset({"ngram", "ngram_gpu", "[ngram]"})
_OF_A_DRAFT = frozenset({"custom_class", "dflash", "draft_model", "eagle", "eagle3"})
"""Methods for which a draft model must be named (vLLM 0.33.0 `config/speculative.py:1255`)."""


class NumSpecMissing(Rule):
    """Speculative decoding needs a number of tokens, and something that drafts them.

    ## What it does

    Reads `--speculative-config` and `--spec-method`, `--spec-model` and `--spec-tokens`, and finds
    configurations without `num_speculative_tokens` where no draft model may state it, with a number below 1,
    with a number but neither `method` nor `model`, and with a method such as `eagle3` that needs a `model`.

    ## Why is this bad?

    vLLM refuses the configuration, after the model's own has been downloaded.

    ## Example

    `--speculative-config '{"method": "ngram"}'`

    ## Use instead

    `--speculative-config '{"method": "ngram", "num_speculative_tokens": 3}'`

    ## Since

    0.1.0
    """

    code = "SPC004"
    name = "num-spec-missing"
    severity = Severity.ERROR
    stage = "config"
    source = "config/speculative.py:1946"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/spec_decode/"
    triggers = frozenset({"speculative_config", "spec_method", "spec_model", "spec_tokens"})
    tags = ("speculative",)

    BAD = (
        Example(
            text='vllm serve Qwen/Qwen3-8B --speculative-config \'{"method": "ngram"}\'\n'
            "#                                              ~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            title="none",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --speculative-config={"method":"ngram","num_speculative_tokens":0}
      #                                                                 ~
""",
        ),
        Example(
            title="nothing drafts",
            text="vllm serve Qwen/Qwen3-8B --speculative-config '{\"num_speculative_tokens\": 3}'\n",
        ),
        Example(
            title="by options", vllm_version="0.33.0", text="vllm serve Qwen/Qwen3-8B --spec-method ngram\n"
        ),
        Example(
            title="a draft that is not named",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "eagle3", "num_speculative_tokens": 3}\'\n',
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "ngram", "num_speculative_tokens": 3}\'\n',
        ),
        Example(
            title="the draft model may state it",
            text='vllm serve Qwen/Qwen3-8B --speculative-config \'{"method": "mtp", "model": "a/b"}\'\n',
        ),
        Example(
            title="by options",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --spec-method ngram --spec-tokens 3\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a number that is missing, too small, or for nothing."""
        config = _config(facts)
        arguments = _arguments(facts)
        if config is None or not arguments:
            return
        judged = class_of_option("--speculative-config", facts.release.judged) is not None
        said = _said(config, judged)
        if said is None:
            return
        argument = next((one for one in arguments if one.dest == "spec_tokens"), arguments[0])
        word = argument.values[-1]
        given = part_of_json(word, (_NUMBER,)) if argument.dest == "speculative_config" else word
        place = given if given is not None and _NUMBER in config else word
        yield self.finding(
            facts, place.span, said, f"give `{_NUMBER}`, and a `method` or a `model`", subject=_NUMBER
        )


def _arguments(facts: LaunchFacts) -> list[Argument]:
    dests = ("speculative_config", "spec_method", "spec_model", "spec_tokens")
    return [
        argument for dest in dests if (argument := facts.args.given(dest)) is not None and argument.values
    ]


def _config(facts: LaunchFacts) -> Mapping[str, Any] | None:
    """Return the whole configuration, as far as all of it is known."""
    if facts.args.open_ended is not None:
        return None
    config: dict[str, Any] = {}
    keys = {"spec_method": "method", "spec_model": "model", "spec_tokens": _NUMBER}
    for argument in _arguments(facts):
        value = argument.value
        if isinstance(value, Unknown) or not isinstance(value, Located):
            return None
        if argument.dest == "speculative_config":
            if not isinstance(value.value, dict):
                return None
            config |= {key.replace("-", "_"): content for key, content in value.value.items()}
        else:
            config[keys[argument.dest]] = value.value
    return config


def _said(config: Mapping[str, Any], judged: bool) -> str | None:
    """Return what is wrong; of methods that draft by themselves, only where the release is `judged`."""
    number, method, model = config.get(_NUMBER), config.get("method"), config.get("model")
    if isinstance(number, int) and not isinstance(number, bool):
        if number < 1:
            return f"`{_NUMBER}` must be above 0, and is {number}"
        if method is None and model is None:
            return f"`{_NUMBER}` is given, and neither `method` nor `model` says what drafts the tokens"
        if judged and model is None and method in _OF_A_DRAFT:
            return f"`{method}` has no `model` that drafts the tokens"
        return None
    if number is not None or method in _OWN_DEFAULT:
        return None
    by_ngram = method in _NGRAM or model in _NGRAM
    if not by_ngram and (model is not None or (method is not None and not judged)):
        return None
    return f"speculative decoding has no `{_NUMBER}`, and no draft model that may state it"
