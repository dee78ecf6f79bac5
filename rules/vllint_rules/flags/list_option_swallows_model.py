"""FLG013 list-option-swallows-model."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Mistake, Rule, move_to_front, reads_as_model
from vllint_schemas import Applicability, Finding, Fix, Severity, Word

_REFUSAL = re.compile(r"argument [^:]*: ")


class ListOptionSwallowsModel(Rule):
    """The model must be the first word, where no option takes it for a value.

    ## What it does

    Finds a model that stands right behind an option which takes any number of values, or an optional one:
    `--api-key`, `--lora-modules`, `--hf-token`. Also a model that does not come first although vLLM insists
    on it: with `--served-model-name` since 0.17, and with the file of `--config` when that names none.

    ## Why is this bad?

    The model becomes another API key, and vLLM starts with the model that it has for the case that none
    is named, Qwen/Qwen3-0.6B. Where vLLM insists on the model coming first, it exits.

    ## Example

    `vllm serve --api-key $KEY Qwen/Qwen3-8B`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --api-key $KEY`

    ## Fix safety

    Safe: the fix moves the model to the front, where it was meant.

    ## Since

    0.1.0
    """

    code = "FLG013"
    name = "list-option-swallows-model"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:358"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/cli/serve.html"
    triggers = frozenset({"model_swallowed", "model_not_first"})
    tags = ("flags", "model")

    BAD = (
        Example(
            title="another API key",
            text="vllm serve --api-key secret Qwen/Qwen3-8B --port 8001\n"
            "#                           ~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --api-key secret --port 8001\n",
        ),
        Example(
            title="vLLM notices",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - --served-model-name
      - qwen
      - Qwen/Qwen3-8B
      # ~~~~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --served-model-name
      - qwen
""",
        ),
        Example(
            title="vLLM notices an option in front",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["--served-model-name=qwen", "Qwen/Qwen3-8B"]
    #                                      ~~~~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--served-model-name=qwen"]
""",
        ),
    )
    GOOD = (
        Example(
            title="an option in front, before vLLM minded",
            vllm_version="0.15.0",
            text="vllm serve --uvicorn-log-level=info Qwen/Qwen3-8B --served-model-name qwen llm\n",
        ),
        Example(text="vllm serve Qwen/Qwen3-8B --api-key secret\n"),
        Example(title="one value", text="vllm serve --port 8001 Qwen/Qwen3-8B\n"),
        Example(title="several keys", text="vllm serve Qwen/Qwen3-8B --api-key secret other/secret\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a model that vLLM does not take for one."""
        for mistake in facts.mistakes:
            if mistake.kind == "model_swallowed":
                word = mistake.argument.values[-1]
                severity = Severity.ERROR if mistake.refused else Severity.WARNING
                yield self._misplaced(facts, word, _swallowed(mistake), severity)
            elif mistake.kind == "model_not_first":
                yield self._not_first(facts, mistake, _model(facts, mistake))

    def _not_first(self, facts: LaunchFacts, mistake: Mistake, word: Word | None) -> Finding:
        release = facts.release
        if word is not None and any(word is value for value in mistake.argument.values):
            # Before 0.17 it is taken for a name, and another model is served.
            message = f"the model does not come first: {mistake.message}"
            return self._misplaced(facts, word, message, Severity.ERROR)
        severity, caveat = release.severity(elsewhere=True), release.caveat(elsewhere=True)
        if word is not None:
            message = f"the model does not come first: {mistake.message}{caveat}"
            return self._misplaced(facts, word, message, severity)
        return self.finding(
            facts,
            mistake.argument.flag.span,
            f"no model is named: {mistake.message}{caveat}",
            "name the model right after `vllm serve`",
            severity=severity,
            subject="model",
        )

    def _misplaced(self, facts: LaunchFacts, word: Word, message: str, severity: Severity) -> Finding:
        edits = move_to_front(facts, word)
        fix = None if edits is None else Fix("move the model to the front", Applicability.SAFE, edits)
        return self.finding(
            facts,
            word.span,
            message,
            "name the model right after `vllm serve`",
            severity=severity,
            fix=fix,
            subject="model",
        )


def _swallowed(mistake: Mistake) -> str:
    word = mistake.argument.values[-1]
    taken = f"`{mistake.argument.option}` takes `{word.text}` for another value of its own"
    if mistake.refused:
        return f"{taken}, and does not read it: {_REFUSAL.sub('', mistake.message)}"
    return f"{taken}, and vLLM serves its default model"


def _model(facts: LaunchFacts, mistake: Mistake) -> Word | None:
    """Return the word that reads as a model: the option's last value, else the positional argument."""
    values = mistake.argument.values
    positional = facts.args.positional
    candidates = [*values[-1:], *([] if positional is None else [positional])]
    return next((word for word in candidates if reads_as_model(word)), None)
