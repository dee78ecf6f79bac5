"""MEM013 token-buffer-large."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, pinned_parts
from vllint_schemas import GIB, Finding, Located, Severity, Unknown

_SHARE = 0.25


class TokenBufferLarge(Rule):
    """Each rank pins room on the host for the tokens of all requests at full length.

    ## What it does

    Multiplies `--max-num-seqs` by `--max-model-len` and 4 bytes, for all ranks, and compares it with the
    container's memory limit: it speaks from a quarter of it on.

    ## Why is this bad?

    Since 0.30 vLLM allocates this buffer at start-up, in memory that cannot be swapped out. With a context of
    a million tokens and 1,024 requests it is 4 GiB for each GPU, of which hardly anything is ever used.

    ## Example

    1,024 requests of 262,144 tokens on 8 GPUs: 8 GiB of a limit of 16 GiB.

    ## Use instead

    Fewer `--max-num-seqs`, a shorter `--max-model-len`, or a higher limit.

    ## Since

    0.1.0
    """

    code = "MEM013"
    name = "token-buffer-large"
    severity = Severity.INFO
    stage = "run"
    source = "v1/worker/gpu/states.py:38"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html"
    needs = ("arguments", "model", "gpu", "memory")
    triggers = frozenset({"container.memory_limit"})
    waits_for = frozenset({"PAR001", "PAR004", "MEM001", "MEM012"})
    preview = True
    tags = ("memory", "containers")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-235B-A22B-Instruct-2507 -tp 8
    mem_limit: 16g
    #          ~~~
    gpus: all
""",
            gpu="H200:8",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-235B-A22B-Instruct-2507 -tp 8 --max-num-seqs 128
    mem_limit: 16g
    gpus: all
""",
            gpu="H200:8",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding where the buffers are a large part of the limit."""
        container = facts.launch.container
        limit = None if container is None else container.memory_limit
        length, seqs = facts.memory.max_model_len, facts.memory.max_num_seqs
        if not isinstance(limit, Located) or isinstance(length, Unknown) or isinstance(seqs, Unknown):
            return
        size = sum(part.size for part in pinned_parts(facts) if part.name == "buffers of tokens")
        if size < _SHARE * limit.value:
            return
        yield self.finding(
            facts,
            limit.span or facts.launch.at,
            f"{seqs:,} requests of {length:,} tokens take {size / GIB:.1f} GiB of pinned memory for their"
            f" tokens, of the {limit.value / GIB:.1f} GiB that the container may take",
            "lower `--max-num-seqs` or `--max-model-len`, or raise the limit",
            subject="token_buffer",
        )
