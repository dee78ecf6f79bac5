"""PAR006 pp-unsupported-model."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, given_otherwise, has_trait, releases, remove_argument
from vllint_schemas import Applicability, Finding, Fix, Related, Severity

_STAGES = "pipeline_parallel_size"

_OTHER_CLASSES = ("model_impl", "hf_overrides")
"""Options by which vLLM may take another class than the one named after the architecture."""


class PpUnsupportedModel(Rule):
    """Not every model can be cut into pipeline stages.

    ## What it does

    Checks that vLLM's class for the model's architecture does pipeline parallelism, where there are several
    stages.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `vllm serve openai/whisper-large-v3 -pp 2`

    ## Use instead

    `vllm serve openai/whisper-large-v3`, with `--data-parallel-size 2` for a second copy.

    ## Fix safety

    Unsafe: the model is on fewer GPUs then, and may not fit them.

    ## Since

    0.1.0
    """

    code = "PAR006"
    name = "pp-unsupported-model"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:1575"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/models/supported_models.html"
    needs = ("arguments", "model")
    waits_for = frozenset({"PAR001"})
    triggers = frozenset({"pipeline_parallel_size"})
    tags = ("parallelism",)

    BAD = (
        Example(
            text="vllm serve openai/whisper-large-v3 -pp 2\n#                                      ~\n",
            fixed="vllm serve openai/whisper-large-v3\n",
        ),
        Example(
            title="an encoder",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, BAAI/bge-m3, --pipeline-parallel-size, "2"]
    #                                                          ~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, BAAI/bge-m3]
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B -pp 2\n"),
        Example(title="no stages", text="vllm serve openai/whisper-large-v3 -tp 2\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for stages of a model whose class has none."""
        stages, argument = facts.parallel.pipeline, facts.args.given(_STAGES)
        if stages == 1 or argument is None or facts.args.open_ended is not None:
            return
        if given_otherwise(facts.args, _OTHER_CLASSES):
            return
        if has_trait(facts.model.architecture, "pipeline_parallel") is not False:
            return
        # The table is the newest release's; a class of an older one may be another.
        is_tabled = facts.release.judged == releases()[-1] and not facts.release.doubt
        named = facts.model_span
        edits = remove_argument(facts, argument)
        yield self.finding(
            facts,
            facts.args.place(_STAGES) or facts.launch.at,
            f"{stages} pipeline stages for `{facts.model.id}`, and vLLM's `{facts.model.architecture}` does"
            f" no pipeline parallelism{facts.release.caveat(False)}",
            "leave the stages out; `--tensor-parallel-size` spreads one copy over more GPUs,"
            " `--data-parallel-size` runs more copies",
            severity=Severity.ERROR if is_tabled else Severity.WARNING,
            related=() if named is None else (Related(named, "the model"),),
            fix=None if edits is None else Fix("leave the stages out", Applicability.UNSAFE, edits),
            subject=f"pipeline_parallel_size={stages}",
        )
