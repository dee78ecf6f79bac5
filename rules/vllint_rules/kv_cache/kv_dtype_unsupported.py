"""KVC004 kv-dtype-unsupported."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    CHANGE_ATTENTION,
    Example,
    LaunchFacts,
    Rule,
    Setting,
    attends_otherwise,
    attention_of,
    chosen_backend,
    given_otherwise,
    number_type,
    set_options,
    tabled_release,
)
from vllint_schemas import Applicability, Finding, Fix, Located, Severity

_FORMATS = ("fp8", "nvfp4", "int8", "int4")
_SIXTEEN_BITS = frozenset({"bfloat16", "float16"})


class KvDtypeUnsupported(Rule):
    """The KV cache's type must be one that the card has for the model.

    ## What it does

    Works out which attention backend vLLM takes for the model, the card and `--kv-cache-dtype`, and whether
    it takes the cache: on cards before Ada and Hopper, FP8 is left to FlashInfer, which is there from Ampere
    on, for heads of size 64, 128, 256 and 512, and not for latent attention (MLA) or Gemma 3's images. Finds
    `bfloat16` and `float16`, too, where the model runs in another type.

    ## Why is this bad?

    vLLM refuses while it builds the model: `FP8 KV cache is not supported by the Triton ... backend`, or
    `No valid attention backend found`; or before: `kv_cache_dtype="bfloat16" is incompatible with
    dtype="float16"`.

    ## Example

    `vllm serve deepseek-ai/DeepSeek-V2-Lite --kv-cache-dtype fp8` on an A100

    ## Use instead

    `vllm serve deepseek-ai/DeepSeek-V2-Lite --kv-cache-dtype auto`

    ## Fix safety

    Unsafe: the cache may take twice the memory.

    ## Since

    0.1.0
    """

    code = "KVC004"
    name = "kv-dtype-unsupported"
    severity = Severity.ERROR
    stage = "build"
    source = "v1/attention/backends/triton_attn.py:514"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/quantization/quantized_kvcache.html"
    needs = ("gpu", "model")
    waits_for = frozenset({"KVC001", "KVC007"})
    triggers = frozenset({"kv_cache_dtype"})
    tags = ("kv cache", "hardware")

    BAD = (
        Example(
            title="latent attention on Ampere",
            text="vllm serve deepseek-ai/DeepSeek-V2-Lite --kv-cache-dtype fp8\n"
            "#                                                        ~~~\n",
            fixed="vllm serve deepseek-ai/DeepSeek-V2-Lite --kv-cache-dtype auto\n",
            gpu="A100-80GB:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="Turing",
            text="vllm serve Qwen/Qwen3-1.7B --kv-cache-dtype fp8_e5m2\n",
            fixed="vllm serve Qwen/Qwen3-1.7B --kv-cache-dtype auto\n",
            gpu="T4:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="another type than the model's",
            text="vllm serve Qwen/Qwen3-8B --kv-cache-dtype bfloat16 --dtype half\n"
            "#                                         ~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --kv-cache-dtype auto --dtype half\n",
            gpu="A100-80GB:1",
            vllm_version="0.33.0",
        ),
    )
    GOOD = (
        Example(
            title="the model's own type",
            text="vllm serve Qwen/Qwen3-8B --kv-cache-dtype bfloat16\n",
            gpu="A100-80GB:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="FlashInfer takes it on Ampere",
            text="vllm serve Qwen/Qwen3-8B --kv-cache-dtype fp8\n",
            gpu="A100-80GB:1",
            vllm_version="0.33.0",
        ),
        Example(
            text="vllm serve deepseek-ai/DeepSeek-V2-Lite --kv-cache-dtype fp8\n",
            gpu="H100:1",
            vllm_version="0.33.0",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a type that no backend takes here, or one that the backend taken refuses."""
        attention, capability = attention_of(facts.model), facts.gpu.value.compute_capability
        cache, asked = facts.args.value("kv_cache_dtype"), facts.args.given("attention_backend")
        if facts.release.judged != tabled_release() or capability is None or not isinstance(cache, Located):
            return
        if cache.value in _SIXTEEN_BITS:
            yield from self._other_type(facts, str(cache.value))
        if asked is not None or not str(cache.value).startswith(_FORMATS):
            return
        if attention is None or attention.kind == "sparse":
            return
        if given_otherwise(facts.args, CHANGE_ATTENTION):
            return
        if attends_otherwise(facts.args, facts.launch, attention):
            return
        choice = chosen_backend(attention, cache.value, capability)
        if choice is None or (choice.backend is not None and choice.obstacle is None):
            return
        yield self._finding(facts, cache.value, choice.backend)

    def _other_type(self, facts: LaunchFacts, cache: str) -> Iterator[Finding]:
        """Yield a finding for a cache of 16 bits that is not of the model's own type."""
        own = (
            None
            if given_otherwise(facts.args, ("hf_overrides",))
            else number_type(facts.model, facts.args, facts.gpu.value)
        )
        if own is None or own == cache or facts.args.open_ended is not None:
            return
        edits = set_options(facts, (Setting("--kv-cache-dtype", "kv_cache_dtype", "auto"),))
        yield self.finding(
            facts,
            facts.args.place("kv_cache_dtype") or facts.launch.at,
            f"no KV cache of `{cache}`: `{facts.model.id}` runs in `{own}` here{facts.release.caveat(True)}",
            f"write `auto`, which takes {'the same memory' if own in _SIXTEEN_BITS else 'twice the memory'}",
            severity=facts.release.severity(True),
            stage="config",
            source="config/vllm.py:1506",
            fix=None if edits is None else Fix("write `auto`", Applicability.UNSAFE, edits),
            subject=f"kv_cache_dtype={cache}",
        )

    def _finding(self, facts: LaunchFacts, cache: str, backend: str | None) -> Finding:
        gpu, release = facts.gpu.value, facts.release
        capability = gpu.compute_capability or (0, 0)
        card = f"{gpu.name} (compute capability {capability[0]}.{capability[1]})"
        why = (
            f"no attention backend of vLLM {release.judged} takes it for `{facts.model.id}` there"
            if backend is None
            else f"`{facts.model.id}` is left to `{backend}` there, which takes FP8 from 8.9 on"
        )
        edits = set_options(facts, (Setting("--kv-cache-dtype", "kv_cache_dtype", "auto"),))
        return self.finding(
            facts,
            facts.args.place("kv_cache_dtype") or facts.launch.at,
            f"no KV cache of `{cache}` on {card}: {why}{release.caveat(True)}",
            "write `auto`, which takes twice the memory, or take a newer GPU",
            severity=release.severity(True),
            source="platforms/cuda.py:472" if backend is None else None,
            fix=None if edits is None else Fix("write `auto`", Applicability.UNSAFE, edits),
            subject=f"kv_cache_dtype={cache}",
        )
