"""MEM009 kv-bytes-and-utilization."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, remove_argument
from vllint_schemas import Applicability, Finding, Fix, Severity, Unknown

_USUAL_SHARE = 0.92
_DEST = "gpu_memory_utilization"


class KvBytesAndUtilization(Rule):
    """With `--kv-cache-memory-bytes`, `--gpu-memory-utilization` sizes nothing.

    ## What it does

    Finds launches that give both options.

    ## Why is this bad?

    The cache is as large as the bytes say. Of the utilization only the check at start-up is left, that so
    much of the card is free; who raises it for a larger cache gets none.

    ## Example

    `vllm serve Qwen/Qwen3-8B --kv-cache-memory-bytes 8G --gpu-memory-utilization 0.95`

    ## Use instead

    One of the two. A low utilization beside the bytes is of use on a card that others take memory of: it
    passes the check.

    ## Fix safety

    Unsafe: less must be free at start-up then. There is a fix where the utilization is above the usual one,
    which is of no use beside the bytes.

    ## Since

    0.1.0
    """

    code = "MEM009"
    name = "kv-bytes-and-utilization"
    severity = Severity.INFO
    stage = "run"
    source = "v1/worker/gpu_worker.py"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"kv_cache_memory_bytes"})
    tags = ("memory",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --kv-cache-memory-bytes 8G --gpu-memory-utilization 0.95\n"
            "#                                                                            ~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --kv-cache-memory-bytes 8G\n",
        ),
        Example(
            title="a low share, as others use the card",
            text="vllm serve Qwen/Qwen3-8B --kv-cache-memory-bytes 8G --gpu-memory-utilization 0.5\n"
            "#                                                                            ~~~\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization 0.95\n"),
        Example(text="vllm serve Qwen/Qwen3-8B --kv-cache-memory-bytes 8G\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding where the bytes leave the share nothing to decide."""
        size, place = facts.args.given("kv_cache_memory_bytes"), facts.args.place(_DEST)
        if size is None or place is None:
            return
        yield self.finding(
            facts,
            place,
            "`--kv-cache-memory-bytes` says how large the KV cache is: `--gpu-memory-utilization` is only"
            " what must be free at start-up",
            "drop one of them, or keep the utilization low on a card that others use as well",
            fix=_fix(facts),
            subject=_DEST,
        )


def _fix(facts: LaunchFacts) -> Fix | None:
    argument, share = facts.args.given(_DEST), facts.args.value(_DEST)
    if argument is None or isinstance(share, Unknown) or not isinstance(share.value, int | float):
        return None
    if share.value < _USUAL_SHARE:
        return None
    edits = remove_argument(facts, argument)
    title = "drop `--gpu-memory-utilization`: the bytes say how large the KV cache is"
    return None if edits is None else Fix(title, Applicability.UNSAFE, edits)
