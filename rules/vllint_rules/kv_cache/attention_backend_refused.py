"""KVC007 attention-backend-refused."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    CHANGE_ATTENTION,
    Attention,
    Choice,
    Example,
    LaunchFacts,
    Rule,
    attends_otherwise,
    attention_of,
    backend_obstacle,
    chosen_backend,
    given_otherwise,
    number_type,
    remove_argument,
    tabled_release,
)
from vllint_schemas import Applicability, Finding, Fix, Located, Severity, Unknown


class AttentionBackendRefused(Rule):
    """The attention backend must serve the model on the card.

    ## What it does

    Looks the backend of `--attention-backend` up in a table of which backend takes which kind of attention,
    head size, type of numbers, block size and KV cache on which card. Without the option, it finds models and
    block sizes for which the card has none.

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
            title="sinks",
            text="vllm serve openai/gpt-oss-20b --attention-backend FLASHINFER\n",
            fixed="vllm serve openai/gpt-oss-20b\n",
            gpu="A100-80GB:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="a backend of vision towers",
            text="vllm serve Qwen/Qwen3-8B --attention-backend TORCH_SDPA\n",
            fixed="vllm serve Qwen/Qwen3-8B\n",
            gpu="H100:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="blocks that no backend takes",
            text="vllm serve Qwen/Qwen3-8B --block-size 8\n#                                     ~\n",
            gpu="H100:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="in an object",
            text="vllm serve deepseek-ai/DeepSeek-V2-Lite --attention-config.backend FLASH_ATTN\n",
            gpu="H100:1",
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
        capability, cache = facts.gpu.value.compute_capability, facts.args.value("kv_cache_dtype")
        if capability is None or facts.release.judged != tabled_release() or not isinstance(cache, Located):
            return
        backend, attention = _asked(facts), _attention(facts)
        if isinstance(backend, Unknown) or attention is None:
            return
        if given_otherwise(facts.args, CHANGE_ATTENTION):
            return
        if attends_otherwise(facts.args, facts.launch, attention):
            return
        if backend is not None:
            held = cache.value if attention.kind == "plain" and isinstance(cache.value, str) else "auto"
            obstacle = backend_obstacle(backend, attention, held, capability)
            if obstacle is not None:
                yield self._refused(facts, f"the attention backend `{backend}` {obstacle}")
            return
        choice = chosen_backend(attention, "auto", capability)
        if choice is not None and choice.backend is None:
            yield self._missing(facts, attention, capability)

    def _refused(self, facts: LaunchFacts, message: str) -> Finding:
        argument = facts.args.given("attention_backend")
        place = facts.args.place("attention_backend") or facts.args.place("attention_config")
        edits = None if argument is None else remove_argument(facts, argument)
        return self.finding(
            facts,
            place or facts.launch.at,
            f"{message}{_here(facts)}{facts.release.caveat(True)}",
            "leave the option out, and vLLM takes the best backend that the card has",
            severity=facts.release.severity(True),
            fix=None if edits is None else Fix("remove the option", Applicability.UNSAFE, edits),
            subject="attention_backend",
        )

    def _missing(self, facts: LaunchFacts, attention: Attention, capability: tuple[int, int]) -> Finding:
        place = facts.model_span
        blocks, help = "", "take a newer GPU, or another model"
        if chosen_backend(attention._replace(block_size=None), "auto", capability) != _NOTHING:
            place = facts.args.place("block_size") or place
            blocks = f" with blocks of {attention.block_size} tokens"
            help = "leave `--block-size` out, and vLLM takes the best size of the backend"
        return self.finding(
            facts,
            place or facts.launch.at,
            f"vLLM {facts.release.judged} has no attention backend for `{facts.model.id}`{blocks}"
            f"{_here(facts)}{facts.release.caveat(True)}",
            help,
            severity=facts.release.severity(True),
            source="platforms/cuda.py:472",
            subject=f"model={facts.model.id}",
        )


_NOTHING = Choice(None, None)


def _asked(facts: LaunchFacts) -> str | Unknown | None:
    """Return the backend that is asked for, by its own option or in the object of all of attention's."""
    option, config = facts.args.value("attention_backend"), facts.args.value("attention_config")
    if isinstance(option, Unknown) or isinstance(config, Unknown):
        return Unknown("the options of attention are not all known")
    content = config.value if isinstance(config.value, dict) else {}
    asked = content.get("backend") if option.value is None else option.value
    name = asked.upper() if isinstance(asked, str) else None
    return None if name in {"AUTO", "", "NONE"} else name


def _attention(facts: LaunchFacts) -> Attention | None:
    """Return what the model's attention asks of a backend, with the type and blocks that the launch takes."""
    attention, blocks = attention_of(facts.model), facts.args.given("block_size")
    if attention is None or given_otherwise(facts.args, ("hf_overrides",)):
        return attention
    attention = attention._replace(dtype=number_type(facts.model, facts.args, facts.gpu.value))
    size = facts.args.integer("block_size")
    if blocks is None or isinstance(size, Unknown) or size.value < 1:
        return attention
    return attention._replace(block_size=size.value)


def _here(facts: LaunchFacts) -> str:
    gpu = facts.gpu.value
    capability = gpu.compute_capability or (0, 0)
    return f": `{facts.model.id}` on {gpu.name} (compute capability {capability[0]}.{capability[1]})"
