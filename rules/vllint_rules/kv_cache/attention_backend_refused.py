"""KVC007 attention-backend-refused."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    attends_otherwise,
    attention_of,
    backend_obstacle,
    chosen_backend,
    remove_argument,
    tabled_release,
)
from vllint_schemas import Applicability, Finding, Fix, Located, Severity


class AttentionBackendRefused(Rule):
    """The attention backend must serve the model on the card.

    ## What it does

    Looks the backend of `--attention-backend` up in a table of which backend takes which kind of attention,
    head size and KV cache on which card. Without the option, it finds models for which the card has none.

    ## Why is this bad?

    vLLM refuses while it builds the model: `Selected backend ... is not valid for this configuration`, or
    `No valid attention backend found`.

    ## Example

    `vllm serve deepseek-ai/DeepSeek-V2-Lite --attention-backend FLASHMLA` on an A100: FlashMLA needs a
    Hopper card.

    ## Use instead

    `vllm serve deepseek-ai/DeepSeek-V2-Lite`: vLLM takes the best backend that the card has.

    ## Fix safety

    Unsafe: the backend was asked for.

    ## Since

    0.1.0
    """

    code = "KVC007"
    name = "attention-backend-refused"
    severity = Severity.ERROR
    stage = "build"
    source = "platforms/cuda.py:443"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/design/attention_backends.html"
    needs = ("gpu", "model")
    waits_for = frozenset({"FLG030", "KVC001"})
    tags = ("kv cache", "hardware")

    BAD = (
        Example(
            text="vllm serve deepseek-ai/DeepSeek-V2-Lite --attention-backend FLASHMLA\n"
            "#                                                           ~~~~~~~~\n",
            fixed="vllm serve deepseek-ai/DeepSeek-V2-Lite\n",
            gpu="A100-80GB:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="a backend without latent attention",
            text="vllm serve deepseek-ai/DeepSeek-V2-Lite --attention-backend FLASH_ATTN -tp 2\n",
            fixed="vllm serve deepseek-ai/DeepSeek-V2-Lite -tp 2\n",
            gpu="H100:2",
            vllm_version="0.33.0",
        ),
        Example(
            title="sparse attention on Ampere",
            text="vllm serve deepseek-ai/DeepSeek-V3.2 -tp 8 -pp 2\n#          ~~~~~~~~~~~~~~~~~~~~~~~~~\n",
            gpu="A100-80GB:16",
            vllm_version="0.33.0",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve deepseek-ai/DeepSeek-V2-Lite --attention-backend FLASHMLA\n",
            gpu="H100:1",
            vllm_version="0.33.0",
        ),
        Example(
            text="vllm serve Qwen/Qwen3-8B --attention-backend FLASHINFER\n",
            gpu="A100-80GB:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="an older release",
            text="vllm serve Qwen/Qwen3-8B --attention-backend FLASHINFER\n",
            gpu="T4:8",
            vllm_version="0.22.1",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a backend that cannot serve the model on the card, or where there is none."""
        attention, capability = attention_of(facts.model), facts.gpu.value.compute_capability
        asked, cache = facts.args.value("attention_backend"), facts.args.value("kv_cache_dtype")
        if attention is None or capability is None or facts.release.judged != tabled_release():
            return
        if (
            not isinstance(asked, Located)
            or not isinstance(cache, Located)
            or attends_otherwise(facts.args, facts.launch, attention)
        ):
            return
        if isinstance(asked.value, str) and asked.value.upper() not in {"AUTO", "", "NONE"}:
            held = cache.value if attention.kind == "plain" and isinstance(cache.value, str) else "auto"
            obstacle = backend_obstacle(asked.value.upper(), attention, held, capability)
            if obstacle is not None:
                yield self._refused(facts, f"the attention backend `{asked.value}` {obstacle}")
            return
        choice = chosen_backend(attention, "auto", capability)
        if asked.value is None and choice is not None and choice.backend is None:
            yield self._missing(facts)

    def _refused(self, facts: LaunchFacts, message: str) -> Finding:
        argument = facts.args.given("attention_backend")
        edits = None if argument is None else remove_argument(facts, argument)
        return self.finding(
            facts,
            facts.args.place("attention_backend") or facts.launch.at,
            f"{message}{_here(facts)}{facts.release.caveat(True)}",
            "leave the option out, and vLLM takes the best backend that the card has",
            severity=facts.release.severity(True),
            fix=None if edits is None else Fix("remove the option", Applicability.UNSAFE, edits),
            subject="attention_backend",
        )

    def _missing(self, facts: LaunchFacts) -> Finding:
        place = facts.args.model.span if isinstance(facts.args.model, Located) else None
        return self.finding(
            facts,
            place or facts.launch.at,
            f"vLLM {facts.release.judged} has no attention backend for `{facts.model.id}`{_here(facts)}"
            f"{facts.release.caveat(True)}",
            "take a newer GPU, or another model",
            severity=facts.release.severity(True),
            source="platforms/cuda.py:472",
            subject=f"model={facts.model.id}",
        )


def _here(facts: LaunchFacts) -> str:
    gpu = facts.gpu.value
    capability = gpu.compute_capability or (0, 0)
    return f": `{facts.model.id}` on {gpu.name} (compute capability {capability[0]}.{capability[1]})"
