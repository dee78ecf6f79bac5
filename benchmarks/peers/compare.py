"""Compares vllint's KV pool with peers' published formulas on recorded start-ups, and hf-mem's real code.

    python benchmarks/peers/compare.py [SHARED] [--hf-mem PYTHON]

PYTHON is an interpreter in whose environment hf-mem is installed from PyPI (`pip install hf-mem`): its own
function then counts the KV cache of a request, which is compared with what the logs say. All pools are per
GPU, of start-ups whose log says every option, one pipeline stage, and the logged weights are given to all.
vllint's constants are fitted to these rows; `--leave-out` judges each family by a fit without it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from formulas import FORMULAS, Case

sys.path.insert(0, str(Path(__file__).parents[1]))

from recorded_startups import startups
from startups import SHARED, Error, Judged, judged, left_out, pool_errors, token_errors

from vllint.memory import budget
from vllint.memory.estimate import max_model_len
from vllint.release_order import version_key
from vllint_schemas import GIB, Unknown

HF_MEM = """
import json, sys
from hf_mem.safetensors.kv_cache import compute_safetensors_kv_cache_size as size
for line in sys.stdin:
    case = json.loads(line)
    print(size(case["config"], case["dtype"], case["length"]))
"""


def case_of(error: Error) -> Case | None:
    """Return what the formulas take of a start-up."""
    one = error.of
    if one.model is None or one.gpu is None or one.parallel is None or one.weights is None:
        return None
    share, total = budget.utilization(one.args), budget.card_total(one.gpu)
    length = max_model_len(one.model, one.args)
    limits = budget.batch_limits(
        one.args, one.gpu, None if isinstance(length, Unknown) else length, one.model
    )
    if isinstance(share, Unknown) or isinstance(total, Unknown) or isinstance(limits, Unknown):
        return None
    if one.parallel.pipeline > 1 or not one.complete or one.model.hidden_size is None:
        return None
    nominal = 16 * round(total.mid / GIB / 16 + 0.2) if total.mid > 40 * GIB else round(total.mid / GIB + 0.4)
    return Case(
        total.mid / GIB,
        nominal,
        share,
        one.weights,
        one.parallel.tensor,
        limits.max_num_batched_tokens,
        one.model.hidden_size,
        one.model.intermediate_size or one.model.moe_intermediate_size or 4 * one.model.hidden_size,
        one.model.architecture or "",
        one.model.num_experts != 0,
        one.model.multimodal is True,
    )


def row(name: str, off: Sequence[float]) -> str:
    """Return a line of the table."""
    size = [abs(one) for one in off]
    return (
        f"{name:<34}{len(off):>5}{mean(size):>8.2f}{median(size):>8.2f}{mean(off):>+8.2f}"
        f"{max(off):>+8.2f}{min(off):>+8.2f}"
    )


def table(errors: Sequence[Error]) -> Iterator[str]:
    """Yield one line a formula, vllint first."""
    cases = [(error, case) for error in errors for case in [case_of(error)] if case is not None]
    yield f"{'KV pool, GiB per GPU':<34}{'rows':>5}{'mean':>8}{'median':>8}{'bias':>8}{'over':>8}{'under':>8}"
    yield row("vllint", [error.off for error, _ in cases])
    for name, formula in FORMULAS.items():
        yield row(name, [formula(case) - error.logged for error, case in cases])


def config_of(one: Judged) -> dict[str, Any] | None:
    """Return the part of a config.json that hf-mem reads."""
    model = one.of.model
    if model is None or None in (model.hidden_size, model.num_attention_heads, model.num_hidden_layers):
        return None
    config: dict[str, Any] = {
        "architectures": [model.architecture],
        "model_type": model.text_model_type,
        "hidden_size": model.hidden_size,
        "num_attention_heads": model.num_attention_heads,
        "num_key_value_heads": model.num_key_value_heads,
        "num_hidden_layers": model.num_hidden_layers,
        "head_dim": model.head_dim,
    }
    if model.sliding_window and model.num_sliding_attention_layers:
        full, sliding = model.num_full_attention_layers or 0, model.num_sliding_attention_layers
        config["sliding_window"] = model.sliding_window
        config["layer_types"] = ["full_attention"] * full + ["sliding_attention"] * sliding
    return {key: value for key, value in config.items() if value is not None}


def hf_mem(rows: Iterable[Judged], python: str) -> Iterator[str]:
    """Yield how near hf-mem's and our bytes of a full request are to the logs."""
    by_id = {one.of.id: one for one in rows}
    asked: list[tuple[Error, int, dict[str, Any]]] = []
    for error in token_errors(by_id.values()):
        one = by_id[error.of.id]
        config = config_of(one)
        length = max_model_len(one.of.model, one.of.args) if one.of.model is not None else Unknown("no model")
        if config is not None and not isinstance(length, Unknown):
            fp8 = str(getattr(one.of.args.value("kv_cache_dtype"), "value", "")).startswith("fp8")
            dtype = "F8_E4M3" if fp8 else "BF16"
            asked.append((error, length, {"config": config, "dtype": dtype, "length": length}))
    lines = "\n".join(json.dumps(case) for _, _, case in asked)
    done = subprocess.run([python, "-c", HF_MEM], input=lines, text=True, capture_output=True, check=True)
    theirs = [int(line) for line in done.stdout.split()]
    heads = "".join(f"{name:>8}" for name in ("mean", "median", "worst", "in 0.2%"))
    yield f"\n{'KV bytes per token, error in %':<34}{'rows':>5}{heads}"
    ours_off = [abs(error.off) / error.logged * 100 for error, _, _ in asked]
    theirs_off = [
        abs(size / length / 1024 - error.logged) / error.logged * 100
        for size, (error, length, _) in zip(theirs, asked, strict=True)
    ]
    for name, off in (("vllint", ours_off), ("hf-mem from PyPI, really run", theirs_off)):
        near = sum(one <= 0.2 for one in off)
        yield f"{name:<34}{len(off):>5}{mean(off):>8.2f}{median(off):>8.2f}{max(off):>8.1f}{near:>8}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("shared", type=Path, nargs="?", default=SHARED)
    parser.add_argument("--hf-mem", metavar="PYTHON")
    parser.add_argument("--leave-out", action="store_true")
    options = parser.parse_args()
    rows = left_out(options.shared) if options.leave_out else list(judged(startups(options.shared)))
    errors = pool_errors(rows, given_weights=True)
    print(*table(errors), sep="\n")
    print("\nvLLM 0.19 on H100 alone")
    print(*table([error for error in errors if version_key(error.of.version)[:2] == (0, 19)]), sep="\n")
    if options.hf_mem:
        print(*hf_mem(rows, options.hf_mem), sep="\n")


if __name__ == "__main__":
    main()
