"""PAR009 dcp-invalid."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    Setting,
    given_otherwise,
    releases,
    remove_argument,
    set_options,
)
from vllint_schemas import Applicability, Finding, Fix, ModelFacts, Related, Severity, Unknown
from vllint_schemas.parallel import Parallel

_DEST = "decode_context_parallel_size"


class DcpInvalid(Rule):
    """Decode context parallelism must divide the ranks of tensor parallelism, and their copies of KV heads.

    ## What it does

    Checks `--decode-context-parallel-size` against the tensor parallel size and, for models without latent
    attention, against the heads: it shares out the copies of each KV head, of which there must be enough.
    With prefill context parallelism it must be 1, that size, or that size times the tensor parallel one.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `vllm serve Qwen/Qwen3-32B -tp 8 -dcp 2`: each of 8 ranks holds one of 8 KV heads, without copies.

    ## Use instead

    `vllm serve Qwen/Qwen3-32B -tp 8`, or 16 ranks.

    ## Fix safety

    Unsafe: the fix takes the next smaller size that does, which spreads the KV cache less.

    ## Since

    0.1.0
    """

    code = "PAR009"
    name = "dcp-invalid"
    severity = Severity.ERROR
    stage = "config"
    source = "config/parallel.py:600"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/context_parallel_deployment.html"
    needs = ("arguments",)
    waits_for = frozenset({"PAR001"})
    triggers = frozenset({"decode_context_parallel_size"})
    tags = ("parallelism",)

    BAD = (
        Example(
            text="vllm serve deepseek-ai/DeepSeek-V3 -tp 8 -dcp 3\n"
            "#                                             ~\n",
            fixed="vllm serve deepseek-ai/DeepSeek-V3 -tp 8 -dcp 2\n",
        ),
        Example(
            title="no KV head has a copy",
            text="vllm serve Qwen/Qwen3-32B -tp 8 -dcp 2\n#                                    ~\n",
            fixed="vllm serve Qwen/Qwen3-32B -tp 8\n",
        ),
        Example(
            title="more than there are copies",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, Qwen/Qwen3-30B-A3B, -tp, "8", --decode-context-parallel-size, "4"]
    #                                                                                 ~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, Qwen/Qwen3-30B-A3B, -tp, "8", --decode-context-parallel-size, "2"]
""",
        ),
        Example(
            title="with prefill context parallelism",
            text="vllm serve deepseek-ai/DeepSeek-V3 -tp 4 -pcp 2 -dcp 4\n"
            "#                                                    ~\n",
            fixed="vllm serve deepseek-ai/DeepSeek-V3 -tp 4 -pcp 2 -dcp 2\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve deepseek-ai/DeepSeek-V3 -tp 8 -dcp 8\n"),
        Example(title="two copies of four KV heads", text="vllm serve Qwen/Qwen3-30B-A3B -tp 8 -dcp 2\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a size that vLLM refuses."""
        size, argument = facts.args.integer(_DEST), facts.args.given(_DEST)
        if isinstance(size, Unknown) or argument is None or size.value <= 1:
            return
        layout, model = facts.parallel, _model(facts)
        ranks = _against_ranks(size.value, layout)
        reason = ranks or _against_heads(size.value, layout, model)
        if not reason:
            return
        smaller = next(
            other
            for other in range(min(size.value - 1, layout.tensor * layout.prefill_context), 0, -1)
            if other == 1 or not (_against_ranks(other, layout) or _against_heads(other, layout, model))
        )
        place = facts.args.place("tensor_parallel_size")
        is_tabled = facts.release.judged == releases()[-1] and not facts.release.doubt
        yield self.finding(
            facts,
            facts.args.place(_DEST) or facts.launch.at,
            reason + facts.release.caveat(False),
            "leave the option out, or raise `--tensor-parallel-size`" if smaller == 1 else f"take {smaller}",
            severity=Severity.ERROR if is_tabled else Severity.WARNING,
            source=self.source if ranks else "config/model.py:1581",
            related=() if place is None else (Related(place, "the ranks"),),
            fix=_fix(facts, smaller),
            subject=f"decode_context_parallel_size={size.value}",
        )


def _model(facts: LaunchFacts) -> ModelFacts | None:
    """Return a model that is known to be without latent attention, and to have its heads as they are."""
    model = facts.maybe_model
    if isinstance(model, Unknown) or model.kv_lora_rank != 0:
        return None
    return None if given_otherwise(facts.args, ("hf_overrides",)) else model


def _against_ranks(size: int, layout: Parallel) -> str:
    """Say why the ranks do not take `size`; empty when they do (`config/parallel.py:597`)."""
    if layout.prefill_context == 1:
        wrong = layout.tensor % size != 0
        return (
            f"decode context parallel size {size} does not divide tensor parallel size {layout.tensor}"
            if wrong
            else ""
        )
    valid = sorted({1, layout.prefill_context, layout.tensor * layout.prefill_context})
    if size in valid:
        return ""
    return (
        f"decode context parallel size {size} is none of {', '.join(map(str, valid))}, as tensor parallel"
        f" size {layout.tensor} and prefill context parallel size {layout.prefill_context} need"
    )


def _against_heads(size: int, layout: Parallel, model: ModelFacts | None) -> str:
    """Say why the heads do not take `size`; empty when they do (`config/model.py:1580`)."""
    heads = None if model is None else model.num_attention_heads
    shared = None if model is None else model.num_key_value_heads
    if model is None or not heads or not shared or size == 1:
        return ""
    if layout.tensor <= shared:
        return (
            f"decode context parallelism shares out copies of KV heads, and `{model.id}` has {shared}"
            f" for {layout.tensor} rank{'s' * (layout.tensor > 1)}: there are no copies"
        )
    if size > layout.tensor // shared:
        return (
            f"decode context parallel size {size} is more than the {layout.tensor // shared} that"
            f" {layout.tensor} ranks have of each of the {shared} KV heads of `{model.id}`"
        )
    if (heads // shared) % size != 0:
        return f"decode context parallel size {size} does not divide the {heads // shared} heads per KV head"
    return ""


def _fix(facts: LaunchFacts, size: int) -> Fix | None:
    """Write the smaller size, or take the option out."""
    argument = facts.args.given(_DEST)
    if size == 1 and argument is not None:
        edits, title = remove_argument(facts, argument), "leave the option out"
    else:
        edits = set_options(facts, (Setting("--decode-context-parallel-size", _DEST, str(size)),))
        title = f"use `--decode-context-parallel-size {size}`"
    return None if edits is None else Fix(title, Applicability.UNSAFE, edits)
