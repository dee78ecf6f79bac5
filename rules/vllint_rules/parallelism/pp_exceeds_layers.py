"""PAR007 pp-exceeds-layers."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, given_otherwise, has_trait, releases
from vllint_schemas import Finding, Related, Severity, Span, Stage, Unknown, Word

_PARTITION = "VLLM_PP_LAYER_PARTITION"
_STAGES = "pipeline_parallel_size"


class PpExceedsLayers(Rule):
    """Each pipeline stage needs layers of its own.

    ## What it does

    Checks that the model has a layer for each pipeline stage, and that `VLLM_PP_LAYER_PARTITION` has one
    number, not 0, for each stage and that they add up to the model's layers. Layers that do not divide
    evenly are fine: vLLM deals out the rest.

    ## Why is this bad?

    vLLM stops while it builds the model, or when it lays out the KV cache of a stage without layers.

    ## Example

    `VLLM_PP_LAYER_PARTITION=20,20,24 vllm serve Qwen/Qwen3-32B -pp 2`

    ## Use instead

    `VLLM_PP_LAYER_PARTITION=30,34 vllm serve Qwen/Qwen3-32B -pp 2`, or no partition.

    ## Since

    0.1.0
    """

    code = "PAR007"
    name = "pp-exceeds-layers"
    severity = Severity.ERROR
    stage = "build"
    source = "distributed/utils.py:219"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/parallelism_scaling.html"
    needs = ("arguments",)
    waits_for = frozenset({"PAR001", "PAR006"})
    triggers = frozenset({"pipeline_parallel_size", "$VLLM_PP_LAYER_PARTITION"})
    tags = ("parallelism",)

    BAD = (
        Example(
            title="a number too many",
            text="VLLM_PP_LAYER_PARTITION=20,20,24 vllm serve Qwen/Qwen3-32B -pp 2\n"
            "#                       ~~~~~~~~\n",
        ),
        Example(
            title="a layer too few",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, Qwen/Qwen3-32B, --pipeline-parallel-size, "2"]
    environment:
      VLLM_PP_LAYER_PARTITION: "31,32"
      #                         ~~~~~
""",
        ),
        Example(
            title="a stage without layers",
            text="VLLM_PP_LAYER_PARTITION=64,0 vllm serve Qwen/Qwen3-32B -pp 2\n"
            "#                       ~~~~\n",
        ),
        Example(
            title="more stages than layers",
            text="vllm serve Qwen/Qwen2.5-0.5B-Instruct -pp 32\n"
            "#                                         ~~\n",
        ),
    )
    GOOD = (
        Example(text="VLLM_PP_LAYER_PARTITION=30,34 vllm serve Qwen/Qwen3-32B -pp 2\n"),
        Example(title="the rest is dealt out", text="vllm serve Qwen/Qwen3-32B -pp 3\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a partition that does not fit, or for stages without layers."""
        stages, layers = facts.parallel.pipeline, _layers(facts)
        values = [variable.value for variable in facts.launch.env if variable.name == _PARTITION]
        if values:
            wrong = _wrong(values[-1], stages, layers)
            if wrong:
                advice = f"write {stages} numbers" + ("" if layers is None else f" that add up to {layers}")
                yield self._found(facts, values[-1].span, wrong, f"{advice}, or leave the variable out")
            elif _has_empty_stage(values[-1], stages):
                yield self._empty_stage(facts, values[-1].span, f"`{values[-1].text}` leaves a stage empty")
            return
        place = facts.args.place(_STAGES)
        if layers is None or stages <= layers or place is None:
            return
        message = f"{stages} pipeline stages for the {layers} layers of `{facts.model.id}`"
        yield self._empty_stage(facts, place, message)

    def _found(
        self,
        facts: LaunchFacts,
        place: Span,
        message: str,
        help: str,
        severity: Severity | None = None,
        stage: Stage | None = None,
        source: str | None = None,
    ) -> Finding:
        stages = facts.args.place(_STAGES)
        return self.finding(
            facts,
            place,
            message + facts.release.caveat(False),
            help,
            severity=severity or facts.release.severity(False),
            stage=stage,
            source=source,
            related=() if stages in (None, place) else (Related(stages, "the stages"),),
            subject=f"pipeline_parallel_size={facts.parallel.pipeline}",
        )

    def _empty_stage(self, facts: LaunchFacts, place: Span, message: str) -> Finding:
        """Speak of a stage without layers: the newest release divides by their number, others may not."""
        is_tabled = facts.release.judged == releases()[-1] and not facts.release.doubt
        severity = Severity.ERROR if is_tabled else Severity.WARNING
        advice, source = "give each stage at least one layer", "v1/core/kv_cache_planning.py:681"
        return self._found(facts, place, message, advice, severity, "run", source)


def _layers(facts: LaunchFacts) -> int | None:
    """Return the number of layers that vLLM deals out, `None` where it is not known for sure."""
    model = facts.maybe_model
    if isinstance(model, Unknown) or given_otherwise(facts.args, ("hf_overrides",)):
        return None
    # LongCat's layers are double ones, of which its config has two numbers.
    if (model.architecture or "").lower().startswith("longcat"):
        return None
    return model.num_hidden_layers if has_trait(model.architecture, "pipeline_parallel") else None


def _wrong(value: Word, stages: int, layers: int | None) -> str:
    """Say what is wrong with a partition; empty when nothing is, as far as is known."""
    if not value.is_known or not value.text.strip():
        return ""
    try:
        numbers = [int(part) for part in value.text.split(",")]
    except ValueError:
        return f"`{_PARTITION}` takes numbers between commas, not `{value.text}`"
    if len(numbers) != stages:
        return f"`{_PARTITION}` has {len(numbers)} numbers for {stages} pipeline stage{'s' * (stages > 1)}"
    if layers is not None and sum(numbers) != layers:
        return f"`{_PARTITION}` deals out {sum(numbers)} layers, and the model has {layers}"
    return ""


def _has_empty_stage(value: Word, stages: int) -> bool:
    """Whether a partition that is right otherwise gives one of several stages no layer."""
    return stages > 1 and value.is_known and any(part.strip() == "0" for part in value.text.split(","))
