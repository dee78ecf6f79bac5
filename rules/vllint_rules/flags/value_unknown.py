"""FLG035 value-unknown."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Mistake,
    NamedValue,
    Rule,
    accepting_releases,
    doubtful,
    is_removed_choice,
    near_fix,
    option_table,
    similar_name,
    unknown_name,
    when_known,
)
from vllint_schemas import Finding, Severity, Stage, Word

_NAMED: tuple[tuple[str, Stage, str], ...] = (
    ("load_format", "build", "model_executor/model_loader/__init__.py"),
    ("tokenizer_mode", "run", "tokenizers/registry.py"),
    ("distributed_executor_backend", "config", "config/parallel.py:1182"),
)
"""Options that the parser lets pass with any name, where vLLM stumbles over it, and in which file."""

_MOVED = {
    ("all2all_backend", "mori"): ("mori_high_throughput", "mori_low_latency"),
    ("tokenizer_mode", "slow"): ("auto",),
}
"""Names that went, and those that took their place , as the parsers of releases list them."""

_RULED = frozenset({"kv_cache_dtype", "max_lora_rank", "quantization"})
"""Options whose names have a rule to themselves."""

_SHOWN = 8


class ValueUnknown(Rule):
    """A name that an option takes must be one of the release's.

    ## What it does

    Finds names that releases before the one the file runs took and that are gone, as
    `--all2all-backend mori`, and names that the parser lets pass and vLLM does not know: load formats,
    tokenizer modes, executor backends.

    ## Why is this bad?

    vLLM exits with `invalid choice`, or later, when it looks the name up.

    ## Example

    `--all2all-backend mori` on vLLM 0.33.0.

    ## Use instead

    `--all2all-backend mori_high_throughput` or `mori_low_latency`.

    ## Fix safety

    Safe where the same name is written as vLLM writes it; else unsafe, since the nearest name may not be
    the one that was meant.

    ## Since

    0.1.0
    """

    code = "FLG035"
    name = "value-unknown"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:520"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"wrong_value", "load_format", "tokenizer_mode", "distributed_executor_backend"})
    tags = ("flags",)

    BAD = (
        Example(
            title="gone",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: Qwen/Qwen3-30B-A3B -ep --all2all-backend mori
    #                                                 ~~~~
""",
        ),
        Example(
            title="near a name",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --load-format dumy\n",
            fixed="vllm serve Qwen/Qwen3-8B --load-format dummy\n",
        ),
        Example(
            title="letters",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --distributed-executor-backend Ray\n",
            fixed="vllm serve Qwen/Qwen3-8B --distributed-executor-backend ray\n",
        ),
    )
    GOOD = (
        Example(vllm_version="0.33.0", text="vllm serve Qwen/Qwen3-8B --load-format SAFETENSORS\n"),
        Example(
            title="a class",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --distributed-executor-backend mine.Executor\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every name that is gone or unknown."""
        for mistake in facts.mistakes:
            named = mistake.kind == "wrong_value" and mistake.argument.dest not in _RULED
            if named and is_removed_choice(facts, mistake):
                yield self._gone(facts, mistake)
        parsed = {mistake.argument.dest for mistake in facts.mistakes}
        for dest, stage, source in _NAMED:
            if dest not in parsed:
                yield from self._unknown(facts, dest, stage, source)

    def _gone(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        argument = mistake.argument
        word = argument.values[-1]
        option = option_table(facts.release.judged).by_flag[argument.option]
        names = [str(choice) for choice in option.choices or () if choice is not None]
        others = accepting_releases(argument.option, word.text)
        return self._finding(facts, word, argument.dest, argument.option, names, others, "parse", self.source)

    def _unknown(self, facts: LaunchFacts, dest: str, stage: Stage, source: str) -> Iterator[Finding]:
        fold = str if dest == "distributed_executor_backend" else str.lower
        found = unknown_name(facts.args, _as_named(dest), fold, frozenset({"", "none", "None"}))
        # A dotted name is a class of the user's own, and other releases may register more.
        if found is None or "." in found.name:
            return
        flag = f"--{dest.replace('_', '-')}"
        names = sorted(found.names)
        said = self._finding(facts, found.word, dest, flag, names, found.others, stage, source)
        doubted = doubtful(found, facts.release.stated) and said.severity is Severity.ERROR
        yield said._replace(severity=Severity.WARNING) if doubted else said

    def _finding(
        self,
        facts: LaunchFacts,
        word: Word,
        dest: str,
        flag: str,
        names: list[str],
        others: tuple[str, ...],
        stage: Stage,
        source: str,
    ) -> Finding:
        release = facts.release
        moved = [name for name in _MOVED.get((dest, word.text), ()) if name in names]
        near = moved[0] if len(moved) == 1 else None if moved else similar_name(word.text, names)
        past = f"{when_known(others, release.judged)}{release.caveat(bool(others))}"
        return self.finding(
            facts,
            word.span,
            f"`{flag}` does not take `{word.text}` in vLLM {release.judged}{past}",
            _advice(moved, near, names),
            severity=release.severity(bool(others)),
            stage=stage,
            source=source,
            fix=near_fix(word, near),
            subject=f"{dest}={word.text}",
        )


def _as_named(dest: str) -> NamedValue:
    if dest == "load_format":
        return "load_format"
    return "tokenizer_mode" if dest == "tokenizer_mode" else "distributed_executor_backend"


def _advice(moved: list[str], near: str | None, names: list[str]) -> str:
    if near is not None:
        return f"did you mean `{near}`?"
    if moved:
        return f"write {' or '.join(f'`{name}`' for name in moved)}"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it takes {', '.join(f'`{name}`' for name in names[:_SHOWN])}{more}"
