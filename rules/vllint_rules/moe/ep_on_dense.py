"""MOE002 ep-on-dense."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, remove_argument, version_key
from vllint_schemas import Applicability, Finding, Fix, Located, Related, Severity, Unknown

_DEST = "enable_expert_parallel"

_FIRST_RELEASE = (0, 10)
"""The first release that is known to refuse it."""


class EpOnDense(Rule):
    """Expert parallelism needs a model with experts.

    ## What it does

    Looks for `--enable-expert-parallel` with a dense model.

    ## Why is this bad?

    vLLM refuses the configuration, after the model's own has been downloaded.

    ## Example

    `vllm serve Qwen/Qwen3-8B --enable-expert-parallel`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B`

    ## Fix safety

    Safe: there are no experts to place. Unsafe where a fork may know more than vLLM does.

    ## Since

    0.1.0
    """

    code = "MOE002"
    name = "ep-on-dense"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:1500"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/expert_parallel_deployment.html"
    needs = ("model",)
    triggers = frozenset({"enable_expert_parallel"})
    tags = ("mixture of experts", "parallelism")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B -tp 2 --enable-expert-parallel\n"
            "#                              ~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B -tp 2\n",
        ),
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--enable-expert-parallel", "-tp", "2"]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "-tp", "2"]
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-30B-A3B -tp 2 --enable-expert-parallel\n"),
        Example(text="vllm serve Qwen/Qwen3-8B --no-enable-expert-parallel\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for expert parallelism without experts."""
        argument, enabled = facts.args.given(_DEST), facts.args.value(_DEST)
        if argument is None or isinstance(enabled, Unknown) or enabled.value is not True:
            return
        release, model = facts.release, facts.args.model
        if not _is_dense(facts) or version_key(release.judged) < _FIRST_RELEASE:
            return
        edits = remove_argument(facts, argument)
        level = Applicability.UNSAFE if release.doubt else Applicability.SAFE
        yield self.finding(
            facts,
            argument.flag.span,
            f"`{facts.model.id}` has no experts for expert parallelism{release.caveat(False)}",
            f"remove `{argument.option}`",
            severity=release.severity(False),
            related=(Related(model.span, "the model"),)
            if isinstance(model, Located) and model.span is not None
            else (),
            fix=None if edits is None else Fix(f"remove `{argument.option}`", level, edits),
            subject=f"flag={argument.option}",
        )


def _is_dense(facts: LaunchFacts) -> bool:
    """Whether the model has no experts, by its configuration and by its architecture's name."""
    architecture = (facts.model.architecture or "moe").lower()
    return facts.model.num_experts == 0 and "moe" not in architecture and "dbrx" not in architecture
