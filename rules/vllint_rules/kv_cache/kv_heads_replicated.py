"""KVC021 kv-heads-replicated."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Finding, Severity


class KvHeadsReplicated(Rule):
    """With more ranks than KV heads, the KV cache is stored several times.

    ## What it does

    Compares `--tensor-parallel-size` with the model's KV heads.

    ## Why is this bad?

    Each rank holds a KV head at least. With twice as many ranks as heads, the cache of each token is stored
    twice, and further GPUs only add room for weights.

    ## Example

    `vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 28`: 4 KV heads, each stored 7 times.

    ## Use instead

    `--decode-context-parallel-size`, which spreads the copies' room over the tokens, or less tensor
    parallelism with `--data-parallel-size`.

    ## Since

    0.1.0
    """

    code = "KVC021"
    name = "kv-heads-replicated"
    severity = Severity.INFO
    stage = "advice"
    source = "config/model.py"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/context_parallel_deployment.html"
    needs = ("arguments", "model", "gpu")
    waits_for = frozenset({"PAR001", "PAR004", "PRF001"})
    triggers = frozenset({"tensor_parallel_size"})
    tags = ("kv cache", "parallelism")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-235B-A22B --tensor-parallel-size 8\n"
            "#                                                      ~\n",
            gpu="H200:8",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-235B-A22B --tensor-parallel-size 4\n", gpu="H200:4"),
        Example(
            title="the copies' room is used",
            text="vllm serve Qwen/Qwen3-235B-A22B -tp 8 --decode-context-parallel-size 2\n",
            gpu="H200:8",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield advice where a KV head stands on several ranks."""
        model, tensor = facts.model, facts.parallel.tensor
        heads, place = model.num_key_value_heads, facts.args.place("tensor_parallel_size")
        if facts.gpu.value.vendor != "nvidia":
            return
        if place is None or not heads or model.kv_lora_rank != 0 or tensor <= heads or tensor % heads:
            return
        if facts.args.given("decode_context_parallel_size") is not None or model.encoder_only is not False:
            return
        yield self.finding(
            facts,
            place,
            f"`{model.id}` has {heads} KV heads: on {tensor} ranks its KV cache is stored"
            f" {tensor // heads} times",
            f"`--decode-context-parallel-size {tensor // heads}` spreads it, or take less tensor parallelism"
            " and more replicas",
            subject=f"tensor_parallel_size={tensor}",
        )
