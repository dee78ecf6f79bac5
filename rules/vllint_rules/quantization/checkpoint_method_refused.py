"""QNT009 checkpoint-method-refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint import Example, LaunchFacts, Rule, either, given_otherwise, releases, value_names
from vllint_schemas import Finding, Quantization, Severity

_NOT_TAKEN_FOR_ANOTHER = frozenset(
    {
        "aqlm",
        "bitblas",
        "bitnet",
        "bitsandbytes",
        "deepspeedfp",
        "eetq",
        "higgs",
        "hqq",
        "petit_nvfp4",
        "ptpc_fp8",
        "qqq",
        "quanto",
        "rtn",
        "sinq",
        "spqr",
        "squeezellm",
        "vptq",
    }
)
"""Methods of checkpoints that vLLM reads as themselves or not at all; tried one by one on vLLM 0.33.0."""

_DEPRECATED = frozenset({"fbgemm_fp8", "fp_quant"})
"""vLLM 0.33.0 `model_executor/layers/quantization/__init__.py`, DEPRECATED_QUANTIZATION_METHODS."""

_WANTED_OF_LATE = frozenset({"sym"})
"""Keys of a checkpoint's config that older releases did without."""

_ALLOWED = "allow_deprecated_quantization"

_OTHER_CONFIGURATION = ("revision", "hf_config_path", "config_format", "hf_overrides")


class _Reason(NamedTuple):
    """Why the release refuses the checkpoint, what to do, where it says so, and whether others take it."""

    text: str
    advice: str
    source: str
    elsewhere: bool


class CheckpointMethodRefused(Rule):
    """The release must read the method by which the checkpoint is quantized.

    ## What it does

    Compares the method that the checkpoint's `config.json` names with those of the release: some it has
    no more (`bitsandbytes` since 0.28.0) or never had, some want `--allow-deprecated-quantization`, and of
    GPTQ's checkpoints the newest release refuses those with activation order (`desc_act`) in groups. Also
    finds AWQ, GPTQ and FP8 checkpoints whose `quantization_config` lacks a key that vLLM reads, as
    `zero_point`, `desc_act` or `activation_scheme`.

    ## Why is this bad?

    vLLM refuses the configuration, after the image has been pulled.

    ## Example

    `vllm serve meta-llama/Llama-3.1-405B-Instruct-FP8` on vLLM 0.33.0: its method is `fbgemm_fp8`.

    ## Use instead

    A checkpoint of another method, as AWQ, GPTQ, FP8 or compressed-tensors; for a deprecated method
    `--allow-deprecated-quantization`, as long as it lasts.

    ## Since

    0.1.0
    """

    code = "QNT009"
    name = "checkpoint-method-refused"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:1466"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/quantization/index.html"
    needs = ("model",)
    waits_for = frozenset({"QNT006", "QNT008"})
    triggers = frozenset({"model.quantization"})
    tags = ("quantization",)

    BAD = (
        Example(
            title="deprecated",
            vllm_version="0.33.0",
            text="vllm serve meta-llama/Llama-3.1-405B-Instruct-FP8 -tp 8\n"
            "#          ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
    )
    GOOD = (
        Example(
            title="deprecated, and allowed",
            vllm_version="0.33.0",
            text="vllm serve meta-llama/Llama-3.1-405B-Instruct-FP8 -tp 8 --allow-deprecated-quantization\n",
        ),
        Example(vllm_version="0.33.0", text="vllm serve Qwen/Qwen3-8B-FP8\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a checkpoint that the release does not read."""
        how = facts.model.quantization
        if how is None or facts.args.open_ended is not None:
            return
        if given_otherwise(facts.args, _OTHER_CONFIGURATION):
            return
        reason = _incomplete(facts, how) or _reason(facts, how)
        if reason is None:
            return
        named = facts.model_span
        yield self.finding(
            facts,
            named or facts.launch.at,
            f"`{facts.model.id}` {reason.text}{facts.release.caveat(reason.elsewhere)}",
            reason.advice,
            severity=facts.release.severity(reason.elsewhere),
            source=reason.source,
            subject=f"quantization={how.method}",
        )


def _incomplete(facts: LaunchFacts, how: Quantization) -> _Reason | None:
    """Return what a checkpoint's config lacks, where vLLM reads it by the checkpoint's own method."""
    asked, judged = facts.args.given("quantization"), facts.release.judged
    newest = judged == releases()[-1]
    lacking = [f"`{key}`" for key in how.missing if newest or key not in _WANTED_OF_LATE]
    own = (how.method, f"{how.method}_marlin", f"auto_{how.method}")
    if not lacking or (asked is not None and any(word.text not in own for word in asked.values)):
        return None
    return _Reason(
        f"is quantized with `{how.method}`, and its `quantization_config` lacks {', '.join(lacking)}:"
        f" without, vLLM {judged} cannot read it",
        f"add {', '.join(lacking)} to the checkpoint's `config.json`, as it was quantized",
        "model_executor/layers/quantization/base_config.py:190",
        elsewhere=_WANTED_OF_LATE.issuperset(how.missing),
    )


def _reason(facts: LaunchFacts, how: Quantization) -> _Reason | None:
    if facts.args.given("quantization") is not None:
        return None
    judged, names = facts.release.judged, value_names("quantization").of(facts.release.judged)
    if how.method in _NOT_TAKEN_FOR_ANOTHER and names is not None and how.method not in names:
        return _unknown(how.method, judged)
    if judged != releases()[-1]:
        return None
    if how.method in _DEPRECATED and facts.args.given(_ALLOWED) is None:
        return _Reason(
            f"is quantized with `{how.method}`, which vLLM {judged} takes but as a deprecated method",
            "add `--allow-deprecated-quantization`, or take a checkpoint of another method",
            "config/model.py:1480",
            elsewhere=True,
        )
    if how.method == "gptq" and how.desc_act and how.group_size != -1:
        return _Reason(
            f"is quantized by GPTQ with activation order (`desc_act`) in groups of {how.group_size},"
            f" which vLLM {judged} has no kernels for",
            "take a checkpoint with `desc_act: false`",
            "model_executor/layers/quantization/utils/gptq_utils.py:33",
            elsewhere=True,
        )
    return None


def _unknown(method: str, judged: str) -> _Reason:
    others = value_names("quantization").releases_with(method)
    return _Reason(
        f"is quantized with `{method}`, which vLLM {judged} does not read",
        f"take a checkpoint of {either(('AWQ', 'GPTQ', 'FP8'))}"
        + (f", or a release that reads it: {others[-1]} is the last one known" if others else ""),
        "config/model.py:1466",
        elsewhere=bool(others),
    )
