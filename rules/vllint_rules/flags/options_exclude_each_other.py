"""FLG025 options-exclude-each-other."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Broken,
    Example,
    LaunchFacts,
    Requirement,
    Rule,
    broken_requirements,
    remove_argument,
    written,
)
from vllint_schemas import Applicability, Argument, Finding, Fix, Related, Severity


class OptionsExcludeEachOther(Rule):
    """Options that exclude each other must not stand together.

    ## What it does

    Finds pairs of options, or an option and a variable or a kind of model, that vLLM does not take together:
    a setting that is given twice, by its own option and in a configuration object; ways of balancing load
    between replicas; elastic experts and pipeline stages; request metrics without statistics; and so on.

    ## Why is this bad?

    vLLM refuses the configuration.

    ## Example

    `--headless --api-server-count 2`

    ## Use instead

    `--headless`

    ## Fix safety

    Unsafe: the fix takes one of the two out, and the other may be the mistake.

    ## Since

    0.1.0
    """

    code = "FLG025"
    name = "options-exclude-each-other"
    severity = Severity.ERROR
    stage = "config"
    source = "engine/arg_utils.py:2384"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    tags = ("flags",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --headless --api-server-count 2\n"
            "#                                   ~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --headless\n",
        ),
        Example(
            title="the same twice",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --attention-backend FLASH_ATTN -ac.backend=FLASHINFER\n"
            "#                                                       ~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            title="replicas of a dense model are servers of their own",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B -dp 2 --data-parallel-rank 0\n"
            "#                              ~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B -dp 2\n",
        ),
        Example(
            title="a variable",
            text="VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 vllm serve Qwen/Qwen3-8B --enable-lora -dp 2\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --headless\n"),
        Example(text="vllm serve Qwen/Qwen3-30B-A3B -dp 2 --data-parallel-rank 0\n"),
        Example(
            text="VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 vllm serve Qwen/Qwen3-8B --enable-lora -dp 2"
            " --api-server-count 1\n"
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every pair."""
        for broken in broken_requirements(facts, "excludes"):
            yield self._finding(facts, broken)

    def _finding(self, facts: LaunchFacts, broken: Broken) -> Finding:
        requirement = broken.requirement
        other = requirement.other or requirement.option
        second = facts.args.given(other.dest) if other.is_option else None
        blamed = second or broken.argument
        first = facts.args.given(requirement.option.dest)
        related = () if first is None or first is blamed else (Related(first.flag.span, "the other"),)
        one, two = written(facts, requirement.option), written(facts, other)
        edits = remove_argument(facts, blamed) if _is_whole(broken, blamed) else None
        return self.finding(
            facts,
            blamed.flag.span,
            f"{_said(requirement, one, two)}{broken.caveat}",
            requirement.help or "remove one of them",
            severity=broken.severity,
            stage=requirement.stage,
            source=requirement.source,
            related=related,
            fix=None
            if edits is None
            else Fix(f"remove `{blamed.flag.text.partition('=')[0]}`", Applicability.UNSAFE, edits),
            subject=f"options={requirement.option.name},{other.name}",
        )


def _said(requirement: Requirement, one: str, two: str) -> str:
    why = f": {requirement.why}" if requirement.why else ""
    if requirement.effect == "ignored":
        return f"{two} has no effect with {one}{why}"
    if requirement.other is not None and not requirement.other.is_option:
        return f"{one} does not go with {two}{why}"
    return f"{one} and {two} exclude each other{why}"


def _is_whole(broken: Broken, argument: Argument) -> bool:
    """Whether the requirement is about an option as a whole, not about one of an object's keys or a size."""
    requirement = broken.requirement
    terms = [part for part in requirement.options if part.dest == argument.dest]
    return all((not part.key and part.operator != ">") or part.name == "api_server_count" for part in terms)
