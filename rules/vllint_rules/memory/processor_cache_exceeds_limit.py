"""MEM014 processor-cache-exceeds-limit."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, set_options
from vllint_schemas import GIB, Applicability, Finding, Fix, Located, Severity, Unknown

_SHARE = 0.5
_DEST = "mm_processor_cache_gb"


class ProcessorCacheExceedsLimit(Rule):
    """The cache of processed pictures must fit what the container may take.

    ## What it does

    Multiplies `--mm-processor-cache-gb`, 4 unless it is set, by the number of processes that keep one: each
    API server and each data parallel engine. It speaks where that is more than half of the container's memory
    limit.

    ## Why is this bad?

    The caches fill up as pictures come in. A server that starts well is killed hours later.

    ## Example

    A model that sees pictures in a container with `mem_limit: 12g`: 2 caches of 4 GiB.

    ## Use instead

    `--mm-processor-cache-gb 1`, or a higher limit.

    ## Fix safety

    Unsafe: pictures that are sent again are processed again. The fix takes an eighth of the limit for all
    caches.

    ## Since

    0.1.0
    """

    code = "MEM014"
    name = "processor-cache-exceeds-limit"
    severity = Severity.WARNING
    stage = "run"
    source = "config/multimodal.py:357"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model")
    triggers = frozenset({"container.memory_limit"})
    waits_for = frozenset({"MEM012", "MEM015"})
    tags = ("memory", "containers", "multimodal")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen2.5-VL-7B-Instruct
    mem_limit: 12g
    #          ~~~
    gpus: all
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen2.5-VL-7B-Instruct --mm-processor-cache-gb 0.75
    mem_limit: 12g
    gpus: all
""",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen2.5-VL-7B-Instruct --mm-processor-cache-gb 1
    mem_limit: 12g
    gpus: all
""",
        ),
        Example(
            title="no pictures",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen2.5-7B-Instruct
    mem_limit: 12g
    gpus: all
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding where the caches may take more than half of the limit."""
        container, each = facts.launch.container, facts.args.value(_DEST)
        limit = None if container is None else container.memory_limit
        if not isinstance(limit, Located) or facts.model.multimodal is not True or _sees_nothing(facts):
            return
        if isinstance(each, Unknown) or not isinstance(each.value, int | float):
            return
        caches = 1 + facts.parallel.data_local
        size = each.value * caches * GIB
        if size <= _SHARE * limit.value:
            return
        yield self.finding(
            facts,
            limit.span or facts.launch.at,
            f"{caches} caches of processed pictures may grow to {each.value:g} GiB each, of the"
            f" {limit.value / GIB:.1f} GiB that the container may take",
            "lower `--mm-processor-cache-gb`, or raise the limit",
            fix=_fix(facts, limit.value / 8 / caches),
            subject=_DEST,
        )


def _sees_nothing(facts: LaunchFacts) -> bool:
    """Whether options keep pictures out, or change what is kept."""
    return any(
        facts.args.given(dest) is not None
        for dest in ("language_model_only", "limit_mm_per_prompt", "mm_processor_cache_type")
    )


def _fix(facts: LaunchFacts, size: float) -> Fix | None:
    gib = int(4 * size / GIB) / 4
    edits = set_options(facts, (Setting("--mm-processor-cache-gb", _DEST, f"{gib:g}"),))
    return (
        None if edits is None else Fix(f"use `--mm-processor-cache-gb {gib:g}`", Applicability.UNSAFE, edits)
    )
