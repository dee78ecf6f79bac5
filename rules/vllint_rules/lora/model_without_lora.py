"""LRA006 model-without-lora."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, given_otherwise, has_trait, releases, remove_argument
from vllint_schemas import Applicability, Finding, Fix, Located, Related, Severity

_OTHER_CLASSES = ("model_impl", "hf_overrides", "runner", "convert", "task")
"""Options by which vLLM may take another class than the one named after the architecture."""


class ModelWithoutLora(Rule):
    """Not every model takes LoRA adapters.

    ## What it does

    Checks that vLLM's class for the model's architecture takes adapters, where `--enable-lora` asks for
    them.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `vllm serve EleutherAI/gpt-j-6b --enable-lora`

    ## Use instead

    `vllm serve EleutherAI/gpt-j-6b`, or a checkpoint with the adapter merged into it.

    ## Fix safety

    Unsafe: requests that name an adapter find none.

    ## Since

    0.1.0
    """

    code = "LRA006"
    name = "model-without-lora"
    severity = Severity.ERROR
    stage = "config"
    source = "config/lora.py:150"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/lora.html"
    needs = ("model",)
    triggers = frozenset({"enable_lora"})
    tags = ("lora",)

    BAD = (
        Example(
            text="vllm serve EleutherAI/gpt-j-6b --enable-lora\n"
            "#                              ~~~~~~~~~~~~~\n",
            fixed="vllm serve EleutherAI/gpt-j-6b\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --enable-lora\n"),
        Example(title="without adapters", text="vllm serve EleutherAI/gpt-j-6b --no-enable-lora\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for adapters of a model whose class takes none."""
        argument, asked = facts.args.given("enable_lora"), facts.args.value("enable_lora")
        if argument is None or not isinstance(asked, Located) or asked.value is not True:
            return
        if facts.args.open_ended is not None or given_otherwise(facts.args, _OTHER_CLASSES):
            return
        if has_trait(facts.model.architecture, "lora") is not False:
            return
        # The table is the newest release's; a class of an older one may be another.
        is_tabled = facts.release.judged == releases()[-1] and not facts.release.doubt
        named = facts.model_span
        edits = remove_argument(facts, argument)
        yield self.finding(
            facts,
            facts.args.place("enable_lora") or facts.launch.at,
            f"vLLM's `{facts.model.architecture}` takes no LoRA adapters{facts.release.caveat(False)}",
            "leave the option out, and serve a checkpoint with the adapter merged into it",
            severity=Severity.ERROR if is_tabled else Severity.WARNING,
            related=() if named is None else (Related(named, "the model"),),
            fix=None if edits is None else Fix("leave the option out", Applicability.UNSAFE, edits),
            subject="enable_lora",
        )
