"""QNT006 quantization-mismatch."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    given_otherwise,
    releases,
    remove_argument,
    value_names,
    version_key,
)
from vllint_schemas import Applicability, Finding, Fix, Located, Related, Severity, Word

_AWQ = frozenset({"awq", "awq_marlin", "auto_awq"})
_GPTQ = frozenset({"gptq", "gptq_marlin", "auto_gptq"})
_MODELOPT = frozenset({"modelopt", "modelopt_fp4", "modelopt_mxfp8", "modelopt_mixed"})

_FAMILIES = {
    "awq": _AWQ,
    "gptq": _GPTQ,
    "fp8": frozenset({"fp8"}),
    "compressed-tensors": frozenset({"compressed-tensors"}),
}
"""A checkpoint's method, and the names that `--quantization` may give it.

ModelOpt's and gpt-oss's are missing: with them vLLM takes the checkpoint's method whatever the option says.
"""

_COMPETING = frozenset().union(*_FAMILIES.values(), _MODELOPT)
"""Methods that no release takes for another's checkpoint."""

_COMPETING_NOW = frozenset(
    {
        "fp_quant",
        "experts_int8",
        "inc",
        "quark",
        "torchao",
        "mxfp4",
        "gpt_oss_mxfp4",
        "online",
        "fp8_per_tensor",
        "fp8_per_block",
        "fp8_per_channel",
        "int8_per_channel_weight_only",
        "nvfp4_per_token",
        "mxfp8",
    }
)
"""Methods that the newest release takes for none of these checkpoints; tried one by one."""

_QUANTIZE_CONFIG = "`quantize_config.json`"
_AWQ_FILES = "`quant_config.json` or `quantize_config.json`"
_PART_OF_CONFIG = "`quantization_config` in its `config.json`"

_NEEDS_OF_CHECKPOINT = {
    **dict.fromkeys(_AWQ, _AWQ_FILES),
    **dict.fromkeys((*_GPTQ, "moe_wna16"), _QUANTIZE_CONFIG),
    **dict.fromkeys(("compressed-tensors", "quark", "torchao", "fbgemm_fp8"), _PART_OF_CONFIG),
    **dict.fromkeys(_MODELOPT, "`hf_quant_config.json`"),
    "inc": "`quantization_config.json`",
}
"""What methods read of a checkpoint that is quantized: `get_config_filenames` of their classes, which have no
other way to be made (vLLM 0.33.0 `model_executor/model_loader/weight_utils.py:352-380`; each tried)."""

_MAY_BE_QUANTIZED = r"(?i)awq|gptq|quant|modelopt|marlin|int\d|fp[48]|\d-?bit|w\d+a\d+|round|^[./~]|:"
"""Names of repositories that may hold such a file although their `config.json` says nothing, and paths."""

_OTHER_CONFIGURATION = ("revision", "hf_config_path", "config_format", "hf_overrides")


class QuantizationMismatch(Rule):
    """The quantization method must be the checkpoint's own.

    ## What it does

    Compares `--quantization` with the method that the checkpoint's `config.json` names, where that is AWQ,
    GPTQ, FP8 or compressed-tensors. Names of kernels for the same method, as `awq_marlin`, are no conflict.
    Also finds methods that only read checkpoints which are quantized already, given one that is not.

    ## Why is this bad?

    A checkpoint's weights are packed by one method, and vLLM refuses to read them by another. Methods that
    quantize while loading, as `fp8_per_tensor`, want weights that are not quantized yet. Those that read
    weights which are, as `awq`, say `Cannot find the config file for awq` of others.

    ## Example

    `vllm serve Qwen/Qwen3-8B-FP8 --quantization awq`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B-FP8`: vLLM finds the method by itself.

    ## Fix safety

    Safe: the option goes, and the checkpoint stays. Unsafe where a fork may know more than vLLM does.

    ## Since

    0.1.0
    """

    code = "QNT006"
    name = "quantization-mismatch"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:1457"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/quantization/index.html"
    needs = ("model",)
    waits_for = frozenset({"QNT008"})
    triggers = frozenset({"quantization"})
    tags = ("quantization",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B-FP8 --quantization awq\n"
            "#                                           ~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B-FP8\n",
        ),
        Example(
            title="compressed-tensors is no FP8 checkpoint",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic
      - --quantization=fp8
      #                ~~~
      - --port=8001
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic
      - --port=8001
""",
        ),
        Example(
            title="not quantized at all",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --quantization awq_marlin\n"
            "#                                       ~~~~~~~~~~\n",
        ),
        Example(
            title="quantized twice",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B-FP8 -q fp8_per_tensor --port 8001\n",
            fixed="vllm serve Qwen/Qwen3-8B-FP8 --port 8001\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B-FP8 --quantization FP8\n"),
        Example(title="quantized while it loads", text="vllm serve Qwen/Qwen3-8B --quantization fp8\n"),
        Example(
            title="ModelOpt's own method counts",
            text="vllm serve nvidia/Llama-3.1-70B-Instruct-FP8 --quantization fp8\n",
        ),
        Example(
            title="another revision may be quantized in another way",
            text="vllm serve Qwen/Qwen3-8B-FP8 --revision awq --quantization awq\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a method that is not the checkpoint's."""
        argument, written = facts.args.given("quantization"), facts.model.quantization
        if written is None and argument is not None and argument.values:
            yield from self._not_quantized(facts, argument.values[-1])
        if argument is None or written is None or not argument.values or written.algorithm is not None:
            return
        word, newest = argument.values[-1], facts.release.judged == releases()[-1]
        name = word.text.lower() if version_key(facts.release.judged) >= (0, 10) else word.text
        own = _FAMILIES.get(written.method)
        if own is None or not word.is_known or name in own or _reads_another_configuration(facts):
            return
        if name not in (_COMPETING | _COMPETING_NOW if newest else _COMPETING):
            return
        if name not in (value_names("quantization").of(facts.release.judged) or frozenset()):
            return
        release, model = facts.release, facts.args.model
        edits = remove_argument(facts, argument)
        level = Applicability.UNSAFE if release.doubt else Applicability.SAFE
        yield self.finding(
            facts,
            word.span,
            f"`{facts.model.id}` is quantized with `{written.method}`, not `{word.text}`"
            f"{release.caveat(name in _COMPETING_NOW)}",
            "leave the option out: vLLM finds a checkpoint's own method by itself",
            severity=release.severity(name in _COMPETING_NOW),
            related=(Related(model.span, "the model"),)
            if isinstance(model, Located) and model.span is not None
            else (),
            fix=None if edits is None else Fix("leave the option out", level, edits),
            subject=f"quantization={word.text}",
        )

    def _not_quantized(self, facts: LaunchFacts, word: Word) -> Iterator[Finding]:
        """Check a method that reads quantized checkpoints only, where the checkpoint is not quantized."""
        release, name = facts.release, word.text.lower()
        needed = _NEEDS_OF_CHECKPOINT.get(name)
        if (
            needed is None
            or not word.is_known
            or _may_be_quantized(facts)
            or _reads_another_configuration(facts)
        ):
            return
        if name not in (value_names("quantization").of(release.judged) or frozenset()):
            return
        yield self.finding(
            facts,
            word.span,
            f"`{facts.model.id}` is not quantized: `{word.text}` reads checkpoints that are, and finds no"
            f" {needed}{release.caveat(False)}",
            "leave the option out, or name a checkpoint that is quantized in this way",
            severity=release.severity(False),
            source="model_executor/model_loader/weight_utils.py:380",
            subject=f"quantization={word.text}",
        )


def _may_be_quantized(facts: LaunchFacts) -> bool:
    """Whether the checkpoint may be quantized, although its `config.json` does not say so."""
    name = facts.args.model
    told = facts.model.quantized is not False or facts.model.quantization_name is not None
    return told or not isinstance(name, Located) or re.search(_MAY_BE_QUANTIZED, name.value) is not None


def _reads_another_configuration(facts: LaunchFacts) -> bool:
    """Whether vLLM may read another `config.json` than the one that is known."""
    return given_otherwise(facts.args, _OTHER_CONFIGURATION) or facts.args.open_ended is not None
