"""LRA002 adapter-rank-exceeds."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, option_table, set_options
from vllint_schemas import Applicability, Finding, Fix, Severity, Unknown

_RANK, _SWITCH = "max_lora_rank", "enable_lora"


class AdapterRankExceeds(Rule):
    """An adapter's rank must not be above the largest that the server is built for.

    ## What it does

    Reads `adapter_config.json` of the adapters in `--lora-modules` that stand beside the file, and compares
    their ranks with `--max-lora-rank`, which is 16 unless given.

    ## Why is this bad?

    vLLM loads the model, then the adapters, and ends: `LoRA rank 64 is greater than max_lora_rank 16.`

    ## Example

    `vllm serve Qwen/Qwen3-8B --enable-lora --lora-modules sql=./adapters/sql`, an adapter whose `r` is 64.

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --enable-lora --max-lora-rank 64 --lora-modules sql=./adapters/sql`

    ## Fix safety

    Safe: adapters of lower ranks are served as well, with a little more memory.

    ## Since

    0.1.0
    """

    code = "LRA002"
    name = "adapter-rank-exceeds"
    severity = Severity.ERROR
    stage = "run"
    source = "lora/peft_helper.py:196"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/lora.html"
    waits_for = frozenset({"LRA001"})
    triggers = frozenset({"lora_modules"})
    tags = ("lora",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --enable-lora --lora-modules sql=./adapters/sql\n"
            "#                                                     ~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --enable-lora --lora-modules sql=./adapters/sql"
            " --max-lora-rank 64\n",
            beside=(("./adapters/sql/adapter_config.json", '{"peft_type": "LORA", "r": 64}'),),
        ),
        Example(
            title="mounted, and given as JSON; one layer has a larger rank",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --enable-lora
      - --max-lora-rank=32
      - --lora-modules
      - '{"name": "sql", "path": "/adapters/sql"}'
    volumes: ["./adapters:/adapters"]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --enable-lora
      - --max-lora-rank=128
      - --lora-modules
      - '{"name": "sql", "path": "/adapters/sql"}'
    volumes: ["./adapters:/adapters"]
""",
            beside=(("./adapters/sql/adapter_config.json", '{"r": 16, "rank_pattern": {"q_proj": 100}}'),),
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --enable-lora --lora-modules sql=./adapters/sql\n",
            beside=(("./adapters/sql/adapter_config.json", '{"peft_type": "LORA", "r": 16}'),),
        ),
        Example(
            text="vllm serve Qwen/Qwen3-8B --enable-lora --lora-modules sql=acme/sql-adapter\n",
            title="the adapter is not beside the file",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for each adapter whose rank is too large."""
        limit, enabled = facts.args.integer(_RANK), facts.args.is_on(_SWITCH)
        if isinstance(limit, Unknown) or isinstance(enabled, Unknown) or not enabled.value:
            return
        wanted = max((adapter.rank for adapter in facts.adapters), default=0)
        for adapter in facts.adapters:
            if adapter.rank > limit.value:
                yield self.finding(
                    facts,
                    adapter.word.span,
                    f"the adapter in `{adapter.path}` has rank {adapter.rank}, and `--max-lora-rank` is"
                    f" {limit.value}{facts.release.caveat(False)}",
                    f"set `--max-lora-rank` to {adapter.rank} or more",
                    severity=facts.release.severity(False),
                    fix=_fix(facts, wanted),
                    subject=f"lora={adapter.path}",
                )


def _fix(facts: LaunchFacts, wanted: int) -> Fix | None:
    option = option_table(facts.release.judged).by_flag.get("--max-lora-rank")
    choices = option.choices if option is not None and option.choices else ()
    ranks = sorted(choice for choice in choices if isinstance(choice, int) and choice >= wanted)
    edits = set_options(facts, (Setting("--max-lora-rank", _RANK, str(ranks[0])),)) if ranks else None
    return None if edits is None else Fix(f"set `--max-lora-rank {ranks[0]}`", Applicability.SAFE, edits)
