"""KVC001 kv-dtype-invalid."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, near_fix, option_table, similar_name, value_names
from vllint_schemas import Argument, Finding, Severity, Word

_SHOWN = 8


class KvDtypeInvalid(Rule):
    """The KV cache's type must be one that vLLM has.

    ## What it does

    Looks the value of `--kv-cache-dtype` up in the list of the release that the file runs.

    ## Why is this bad?

    vLLM refuses the configuration. From 0.33.0 on the parser takes any text, and the refusal comes later.

    ## Example

    `--kv-cache-dtype fp8_e4m3fn`

    ## Use instead

    `--kv-cache-dtype fp8_e4m3`

    ## Fix safety

    Safe where the same name is written as vLLM writes it; else unsafe, since the nearest name may not be
    the one that was meant.

    ## Since

    0.1.0
    """

    code = "KVC001"
    name = "kv-dtype-invalid"
    severity = Severity.ERROR
    stage = "config"
    source = "config/cache.py:471"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/quantization/quantized_kvcache.html"
    triggers = frozenset({"kv_cache_dtype"})
    tags = ("kv cache",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --kv-cache-dtype fp8_e4m3fn\n"
            "#                                         ~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --kv-cache-dtype fp8_e4m3\n",
        ),
        Example(
            title="letters",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--kv-cache-dtype", "FP8"]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--kv-cache-dtype", "fp8"]
""",
        ),
        Example(
            title="not yet",
            vllm_version="0.18.1",
            text="vllm serve Qwen/Qwen3-8B --kv-cache-dtype nvfp4\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --kv-cache-dtype fp8_e5m2\n"),
        Example(vllm_version="0.22.1", text="vllm serve Qwen/Qwen3-8B --kv-cache-dtype nvfp4\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a type that the release has not."""
        argument = facts.args.given("kv_cache_dtype")
        names = value_names("kv_cache_dtype").of(facts.release.judged)
        if argument is None or names is None or not argument.values:
            return
        word = argument.values[-1]
        if word.is_known and word.text not in names:
            yield self._invalid(facts, argument, word, names)

    def _invalid(self, facts: LaunchFacts, argument: Argument, word: Word, names: frozenset[str]) -> Finding:
        release = facts.release
        others = value_names("kv_cache_dtype").releases_with(word.text)
        first = f"; {others[0]} is the first with it" if others else ""
        near = similar_name(word.text, sorted(names))
        listed = [name for name in names if "_" not in name or name.startswith("fp8_e")]
        return self.finding(
            facts,
            word.span,
            f"vLLM {release.judged} has no KV cache type `{word.text}`{first}{release.caveat(bool(others))}",
            f"did you mean `{near}`?" if near else f"it takes {_shown(sorted(listed))}, and others",
            severity=release.severity(bool(others)),
            stage="parse" if option_table(release.judged).by_flag[argument.option].choices else "config",
            fix=near_fix(word, near),
            subject=f"kv_cache_dtype={word.text}",
        )


def _shown(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:_SHOWN])
