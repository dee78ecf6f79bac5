"""MEM016 enforce-eager."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, fits_with, remove_argument
from vllint_schemas import Applicability, Finding, Fix, Located, Severity


class EnforceEager(Rule):
    """`--enforce-eager` makes a server start faster and answer slower.

    ## What it does

    Finds launches with `--enforce-eager` on NVIDIA cards. On others vLLM may need it.

    ## Why is this bad?

    Neither `torch.compile` nor CUDA graphs are used then. It is meant for debugging, and left on more
    often than needed: small batches are the slower for it. It saves some GiB at most.

    ## Example

    `vllm serve Qwen/Qwen3-8B --enforce-eager`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B`; to save memory, fewer `--max-num-seqs`.

    ## Fix safety

    Unsafe: the start takes longer, and CUDA graphs some memory. There is a fix where the launch is known to
    fit with them.

    ## Since

    0.1.0
    """

    code = "MEM016"
    name = "enforce-eager"
    severity = Severity.INFO
    stage = "advice"
    source = "config/vllm.py:1778"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("gpu", "model")
    triggers = frozenset({"enforce_eager"})
    tags = ("memory", "performance")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --enforce-eager\n#                        ~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B\n",
            gpu="H100:1",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B\n", gpu="H100:1"),
        Example(title="another vendor", text="vllm serve Qwen/Qwen3-8B --enforce-eager\n", gpu="MI300X:1"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield advice where CUDA graphs are switched off."""
        eager, place = facts.args.is_on("enforce_eager"), facts.args.place("enforce_eager")
        if facts.gpu.value.vendor != "nvidia":
            return
        if place is None or not isinstance(eager, Located) or not eager.value:
            return
        yield self.finding(
            facts,
            place,
            "`--enforce-eager` switches off `torch.compile` and CUDA graphs, and small batches run slower",
            "leave it out, unless you are debugging or the start-up counts more",
            fix=_fix(facts),
            subject="enforce_eager",
        )


def _fix(facts: LaunchFacts) -> Fix | None:
    argument = facts.args.given("enforce_eager")
    if argument is None or not fits_with(facts, {"enforce_eager": False}):
        return None
    edits = remove_argument(facts, argument)
    title = "drop `--enforce-eager`: it fits with CUDA graphs, too"
    return None if edits is None else Fix(title, Applicability.UNSAFE, edits)
