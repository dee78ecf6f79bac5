"""MDL003 option-of-other-models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from vllint import Example, LaunchFacts, Rule, given_otherwise, has_trait, releases, remove_argument
from vllint_schemas import Applicability, Finding, Fix, Located, Related, Severity

_TRAITS: tuple[tuple[str, Literal["replayssm"], str], ...] = (
    ("use_replayssm", "replayssm", "config/vllm.py:3475"),
)
"""Switches that vLLM refuses for architectures without a trait, and where."""


class OptionOfOtherModels(Rule):
    """Some options are for models of a few architectures only.

    ## What it does

    Finds `--use-replayssm` for an architecture whose class in vLLM cannot replay recurrent states.

    ## Why is this bad?

    vLLM says that the option is not supported for the architecture, and exits.

    ## Example

    `vllm serve Qwen/Qwen3-8B --use-replayssm`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B`

    ## Fix safety

    Safe: the option goes, which does nothing for such a model. Unsafe where the release is not the one that
    vllint knows.

    ## Since

    0.1.0
    """

    code = "MDL003"
    name = "option-of-other-models"
    severity = Severity.ERROR
    stage = "config"
    source = "config/vllm.py"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    needs = ("model",)
    triggers = frozenset({"use_replayssm"})
    tags = ("flags", "models")

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --use-replayssm --port 8001\n"
            "#                        ~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --port 8001\n",
        ),
    )
    GOOD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve nvidia/NVIDIA-Nemotron-Nano-9B-v2 --use-replayssm\n",
        ),
        Example(vllm_version="0.33.0", text="vllm serve Qwen/Qwen3-8B --no-use-replayssm\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a switch that the model's class does not have."""
        for dest, trait, source in _TRAITS:
            argument, switched = facts.args.given(dest), facts.args.is_on(dest)
            if argument is None or not isinstance(switched, Located) or not switched.value:
                continue
            if given_otherwise(facts.args, ("hf_overrides", "model_impl")):
                continue
            if has_trait(facts.model.architecture, trait) is not False:
                continue
            # The table is the newest release's; a class of another one may have the trait.
            is_tabled = facts.release.judged == releases()[-1] and not facts.release.doubt
            named = facts.model_span
            edits = remove_argument(facts, argument)
            level = Applicability.SAFE if is_tabled else Applicability.UNSAFE
            yield self.finding(
                facts,
                argument.flag.span,
                f"`{argument.option}` is not for `{facts.model.architecture}`{facts.release.caveat(False)}",
                "leave the option out",
                severity=Severity.ERROR if is_tabled else Severity.WARNING,
                source=source,
                related=() if named is None else (Related(named, "the model"),),
                fix=None if edits is None else Fix("leave the option out", level, edits),
                subject=f"flag={argument.option}",
            )
