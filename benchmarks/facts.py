"""Compares vllint's facts of models with what the real vLLM 0.33.0 resolved: recorded verdicts, one a line.

    python benchmarks/facts.py VERDICTS/b1.jsonl VERDICTS/b2.jsonl --configs VERDICTS/configs.jsonl

Each pair of a config and the options that change facts is compared once. A fact is right, not known, or
wrong; with `--list` those that are wrong are shown, with `--unknown` those that are not known. Verdicts of
`benchmarks/default_configs.py` need no `--configs`.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from memory_verdicts import launch_of

from vllint.models.config import facts_from_config
from vllint_schemas import ModelFacts, Unknown

GOALS = {False: 0.001, True: 0.01}
"""How far bytes may be off: of unquantized checkpoints, of quantized ones."""


def _head_size(facts: ModelFacts) -> int | None:
    if facts.kv_lora_rank and facts.qk_rope_head_dim:
        return facts.kv_lora_rank + facts.qk_rope_head_dim
    if facts.num_attention_heads == 0 or facts.head_dim is None:
        return facts.num_attention_heads and facts.head_dim
    return max(facts.head_dim, facts.global_head_dim or 0)


FACTS: Mapping[str, Callable[[ModelFacts], object]] = {
    "heads": lambda facts: facts.num_attention_heads,
    "kv_heads": lambda facts: facts.num_key_value_heads,
    "layers": lambda facts: facts.num_hidden_layers,
    "head_size": _head_size,
    "vocab": lambda facts: facts.vocab_size,
    "hidden": lambda facts: facts.hidden_size,
    "experts": lambda facts: facts.num_experts,
    "is_moe": lambda facts: None if facts.num_experts is None else bool(facts.num_experts),
    "use_mla": lambda facts: None if facts.kv_lora_rank is None else bool(facts.kv_lora_rank),
    "multimodal": lambda facts: facts.multimodal,
    "hybrid": lambda facts: facts.linear_attention,
    "dtype": lambda facts: facts.dtype,
    "quantization": lambda facts: facts.quantization.method if facts.quantization else None,
    "max_model_len": lambda facts: facts.default_max_model_len,
}
"""Names of what vLLM resolves, and the same fact here; checkpoints in float32 are served in half of it."""

ALIKE = {"auto_awq": "awq", "awq_marlin": "awq", "auto_gptq": "gptq", "gptq_marlin": "gptq"}
OPTIONS = {
    "max_model_len": ("--max-model-len",),
    "dtype": ("--dtype",),
    "quantization": ("-q", "--quantization"),
}
"""Options that change what is resolved, and not the model's facts."""


class Compared(NamedTuple):
    """A fact of a model: vLLM's, and ours, which may be missing."""

    case: str
    fact: str
    theirs: object
    ours: object

    @property
    def verdict(self) -> str:
        """`right`, `unknown` or `wrong`."""
        if self.ours is None:
            return "unknown"
        return "right" if self.ours == self.theirs else "wrong"


def facts_compared(case: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Compared]:
    """Yield the facts that vLLM resolved, beside ours."""
    resolved = case["verdict"].get("resolved") or {}
    facts = facts_from_config(case["id"], config, "local")
    words = {str(word).partition("=")[0] for word in case["argv"]}
    if "--hf-overrides" in words:
        return
    for name, read in FACTS.items():
        if name not in resolved or words & set(OPTIONS.get(name, ())):
            continue
        theirs = resolved[name]
        if name == "hybrid":
            theirs = bool(theirs or resolved.get("attention_free"))
        ours = None if isinstance(facts, Unknown) else read(facts)
        if name == "quantization" and not isinstance(facts, Unknown) and facts.quantized is False:
            theirs, ours = theirs or "none", "none"
        if name == "dtype" and ours == "float32":
            ours = theirs if theirs in ("float16", "bfloat16") else ours
        theirs = ALIKE.get(str(theirs), theirs)
        yield Compared(case["id"], name, theirs, ALIKE.get(str(ours), ours))


def bytes_compared(case: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Compared]:
    """Yield the bytes of each rank's parameters; those within the goal count as right."""
    ranks = case["verdict"].get("ranks") or {}
    if not ranks:
        return
    launch = launch_of(case, config)
    own = {} if launch is None else {rank.name: rank.parameters_bytes for rank in launch.memory.ranks}
    goal = GOALS[bool((case["verdict"].get("resolved") or {}).get("quantization"))]
    for name, rank in ranks.items():
        theirs, ours = rank["param_bytes"], own.get(name)
        near = ours is not None and abs(ours - theirs) <= goal * theirs
        yield Compared(f"{case['id']}#{name}", "bytes", theirs, theirs if near else ours)


def table(compared: list[Compared]) -> Iterator[str]:
    """Yield one row a fact."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in compared:
        counts[one.fact][one.verdict] += 1
    yield f"{'fact':<16}{'right':>7}{'unknown':>9}{'wrong':>7}"
    for fact, counted in counts.items():
        yield f"{fact:<16}{counted['right']:>7}{counted['unknown']:>9}{counted['wrong']:>7}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cases", type=Path, nargs="+")
    parser.add_argument("--configs", type=Path)
    parser.add_argument("--bytes", action="store_true", help="compare the bytes of each rank, too")
    parser.add_argument("--list", type=int, default=0, metavar="N", help="list N that are wrong")
    parser.add_argument("--unknown", type=int, default=0, metavar="N", help="list N that are not known")
    parser.add_argument("--fact", help="list this fact only")
    options = parser.parse_args()
    lines = [] if options.configs is None else options.configs.read_text(encoding="utf-8").splitlines()
    configs = {row["config_id"]: row["config"] for row in map(json.loads, lines)}
    compared: list[Compared] = []
    seen: set[str] = set()
    for path in options.cases:
        for case in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            config = case.get("config") or configs.get(case.get("config_id", ""))
            if config is None:
                continue
            model = case.get("config_id") or "|".join(case["id"].split("|")[:3])
            if model not in seen and case["verdict"].get("resolved"):
                seen.add(model)
                compared += facts_compared(case, config)
            compared += bytes_compared(case, config) if options.bytes else ()
    for verdict, most in (("wrong", options.list), ("unknown", options.unknown)):
        listed = [one for one in compared if one.verdict == verdict and options.fact in (None, one.fact)]
        for one in listed[:most]:
            print(f"{verdict} {one.fact} of {one.case}: vLLM {one.theirs}, vllint {one.ours}")
    print(*table(compared), sep="\n")


if __name__ == "__main__":
    main()
