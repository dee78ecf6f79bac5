"""QNT008 quantization-unknown."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    keeps_its_method,
    similar_name,
    value_names,
    version_key,
    when_known,
)
from vllint_schemas import Applicability, Edit, Finding, Fix, Severity, Unknown, Word

_PLUGINS = frozenset({"ascend", "gaudi", "neuron", "rbln"})
"""Methods that well-known plug-ins of vLLM bring along."""

_TAKEN_BY_CHECKPOINTS = frozenset({"marlin"})
"""Names in no list that AWQ and GPTQ checkpoints take for their own method (vLLM 0.33.0
`model_executor/layers/quantization/auto_awq.py:276` and `auto_gptq.py:223`)."""

_OF_AUTO_ROUND = frozenset({"auto_round", "auto-round", "autoround"})
"""Names that people give the method of AutoRound's checkpoints, which are read by `inc` whatever is asked
for (vLLM 0.33.0 `model_executor/layers/quantization/inc/inc.py:361`)."""

_NONE = frozenset({"", "None"})
"""Texts that mean no method."""


class QuantizationUnknown(Rule):
    """The quantization method must be one that vLLM has.

    ## What it does

    Looks the value of `--quantization` up in the list of methods of the release that the file runs.
    Methods come and go: `gguf` went with 0.24.0 and `bitsandbytes` with 0.28.0.

    ## Why is this bad?

    vLLM refuses the configuration, after the model's own has been downloaded.

    ## Example

    `--quantization bitsandbytes` on vLLM 0.33.0.

    ## Use instead

    A checkpoint that is quantized with a method that the release has, as AWQ, GPTQ or FP8; or
    `--quantization fp8`, which quantizes while it loads.

    ## Fix safety

    Unsafe: offered where a name is near, which may not be the one that was meant.

    ## Since

    0.1.0
    """

    code = "QNT008"
    name = "quantization-unknown"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:1465"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/quantization/index.html"
    triggers = frozenset({"quantization"})
    tags = ("quantization",)

    BAD = (
        Example(
            title="gone",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: ["Qwen/Qwen3-8B", "--quantization", "bitsandbytes"]
    #                                             ~~~~~~~~~~~~
""",
        ),
        Example(
            title="near a name",
            text="vllm serve Qwen/Qwen3-8B-AWQ -q awq-marlin\n",
            fixed="vllm serve Qwen/Qwen3-8B-AWQ -q awq_marlin\n",
        ),
        Example(title="none at all is no name", text="vllm serve Qwen/Qwen3-8B -q none\n"),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B-AWQ -q AWQ\n"),
        Example(vllm_version="0.22.1", text="vllm serve Qwen/Qwen3-8B --quantization bitsandbytes\n"),
        Example(
            title="the checkpoint's own method is taken whatever is asked for",
            vllm_version="0.33.0",
            text="vllm serve openai/gpt-oss-20b --quantization bitsandbytes\n",
        ),
        Example(text="vllm serve /models/Qwen3.6-27B-int4-AutoRound --quantization auto_round\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a method that the release has not."""
        argument = facts.args.given("quantization")
        names = value_names("quantization").of(facts.release.judged)
        if argument is None or names is None or not argument.values:
            return
        word = argument.values[-1]
        # vLLM folds the case from 0.10 on, when its parser no longer lists the methods.
        folds = version_key(facts.release.judged) >= (0, 10)
        name = word.text.lower() if folds else word.text
        model = facts.maybe_model
        if folds and (name in _OF_AUTO_ROUND if isinstance(model, Unknown) else keeps_its_method(model)):
            return
        if word.is_known and word.text not in _NONE and name not in names | _PLUGINS | _TAKEN_BY_CHECKPOINTS:
            yield self._unknown(facts, word, name, names)

    def _unknown(self, facts: LaunchFacts, word: Word, name: str, names: frozenset[str]) -> Finding:
        release = facts.release
        others = value_names("quantization").releases_with(name)
        past = f"{when_known(others, release.judged)}{release.caveat(bool(others))}"
        near = similar_name(name, sorted(names))
        return self.finding(
            facts,
            word.span,
            f"vLLM {release.judged} has no quantization method `{word.text}`{past}",
            f"did you mean `{near}`?" if near else _advice(name, others),
            severity=release.severity(bool(others)),
            fix=_fix(word, near),
            subject=f"quantization={word.text}",
        )


def _advice(name: str, others: tuple[str, ...]) -> str:
    if name == "none":
        return "leave the option out"
    if others:
        return "take a checkpoint of another method, as AWQ, GPTQ or FP8, or a release that has it"
    return "leave the option out: vLLM finds a checkpoint's own method by itself"


def _fix(word: Word, near: str | None) -> Fix | None:
    place = word.text_span
    if near is None or place is None or word.via:
        return None
    return Fix(f"write `{near}`", Applicability.UNSAFE, (Edit(place, near),))
