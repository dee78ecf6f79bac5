"""Reads recorded start-ups of vLLM as launches that vllint can judge, beside what their logs say."""

from __future__ import annotations

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from vllint.hardware.cards import find_card
from vllint.models.catalogue import find_model, model_ids
from vllint.vllm.engine_args import engine_args
from vllint.vllm.options import nearest
from vllint.vllm.parallel import parallel_sizes
from vllint.vllm.releases import releases
from vllint_schemas import GIB, EngineArgs, EntryPoint, Gpu, ModelFacts, Unknown, Word
from vllint_schemas.parallel import Parallel

_OPTIONS = (
    ("tp", "--tensor-parallel-size"),
    ("pp", "--pipeline-parallel-size"),
    ("dp", "--data-parallel-size"),
    ("dtype", "--dtype"),
    ("kv_cache_dtype", "--kv-cache-dtype"),
    ("max_model_len", "--max-model-len"),
    ("gpu_memory_utilization", "--gpu-memory-utilization"),
    ("max_num_seqs", "--max-num-seqs"),
    ("max_num_batched_tokens", "--max-num-batched-tokens"),
)
_SWITCHES = (("enforce_eager", "--enforce-eager"), ("ep", "--enable-expert-parallel"))
_SAID = (
    (r"'language_model_only': True", ("--language-model-only",)),
    (r"'runner': 'pooling'", ("--runner", "pooling")),
    (r"'enable_expert_parallel': True", ("--enable-expert-parallel",)),
    (r"'enable_prefix_caching': True", ("--enable-prefix-caching",)),
    (r"mm-encoder-tp-mode data", ("--mm-encoder-tp-mode", "data")),
    (r"'enable_prefix_caching': False", ("--no-enable-prefix-caching",)),
    (r"'limit_mm_per_prompt': \{'image': 0", ("--limit-mm-per-prompt", '{"image": 0, "video": 0}')),
    (r"image=1,video=0", ("--limit-mm-per-prompt", '{"image": 1, "video": 0}')),
    (r"'method': 'mtp'", ("--speculative-config", '{"method": "mtp", "num_speculative_tokens": 3}')),
)
"""Options that change memory and stand in the logged arguments alone."""

_CARDS = {"H100": "H100-80GB", "H100-80G": "H100-80GB", "L40 48G": "L40", "A10 24GB": "A10"}
_LAST_OF_FIRST_ENGINE = "0.7.3"


class StartUp(NamedTuple):
    """A start-up: what was launched, and what its log says in GiB (per rank); `None` where it does not."""

    id: str
    family: str
    source: str
    version: str
    model: ModelFacts | None
    args: EngineArgs
    parallel: Parallel | None
    gpu: Gpu | None
    outcome: str
    detail: str
    weights: float | None
    activation: float | None
    non_torch: float | None
    graphs: float | None
    taken: float | None
    kv: float | None
    kv_tokens: float | None
    concurrency: float | None
    outside: float | None
    states_version: bool
    complete: bool
    names_release: bool


def startups(folder: Path) -> Iterator[StartUp]:
    """Yield the start-ups of both collections, whatever is known of them."""
    for row in _rows(folder / "data/startups-dev.jsonl"):
        yield _startup(row, row)
    for row in _rows(folder / "data/peer-cases-dev.jsonl"):
        if row["kind"] in {"measured_vllm", "measured_vllm_failure"}:
            said = row["expected"]
            named = {
                "gpu_name": str(row.get("gpu") or "").split(" ")[0],
                "gpu_total_gib": said.get("total_mem_gib"),
                "outcome": "ok" if row["kind"] == "measured_vllm" else said.get("cause", "other"),
                "weights_gib_per_gpu": said.get("weight_gib_per_gpu"),
                "activation_gib": said.get("activation_peak_gib"),
                "non_torch_gib": said.get("non_torch_gib"),
                "cudagraph_estimated_gib": said.get("cudagraph_estimated_gib"),
                "kv_cache_gib": said.get("kv_cache_gib_per_gpu", said.get("kv_cache_gib")),
                "kv_tokens": said.get("kv_cache_tokens"),
                "max_concurrency": said.get("max_concurrency"),
                "free_gib": said.get("free_mem_gib_at_start"),
            }
            yield _startup({**row, **named}, row)


LATER = Path(__file__).with_name("startups_later.jsonl")
"""Start-ups collected after the constants were fitted: figures of public logs, each with its source.

`complete` says that the log names the card and every option that memory depends on; `code search N` is a file
of a public code index that names no repository.
"""


def later_startups() -> Iterator[StartUp]:
    """Yield the start-ups that no constant was fitted to."""
    for row in _rows(LATER):
        yield _startup(row, row)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _startup(row: Mapping[str, Any], original: Mapping[str, Any]) -> StartUp:
    stated = row.get("vllm_version") or ""
    known = bool(re.match(r"\d+\.\d+\.\d", stated)) or row.get("engine") == "v0"
    assumed = _LAST_OF_FIRST_ENGINE if row.get("engine") == "v0" else releases()[-1]
    version = stated if re.match(r"\d+\.\d+\.\d", stated) else assumed
    model = _model(str(row.get("model") or ""))
    release, _ = nearest(re.sub(r"rc\d+|\.dev.*|\+.*", "", version))
    args = engine_args(
        tuple(Word.verbatim(word, "log", 0) for word in [*_words(row), *_online(row, model)]),
        EntryPoint.SERVE,
        release,
    )
    layout = parallel_sizes(args)
    return StartUp(
        str(original["id"]),
        str(original.get("family") or ""),
        str(original.get("source") or ""),
        version,
        model,
        args,
        None if isinstance(layout, Unknown) else layout,
        _card(row),
        str(row["outcome"]),
        str(row.get("outcome_detail") or row.get("note") or ""),
        row.get("weights_gib_per_gpu"),
        row.get("activation_gib"),
        row.get("non_torch_gib"),
        row.get("cudagraph_estimated_gib"),
        row.get("cudagraph_gib"),
        row.get("kv_cache_gib"),
        row.get("kv_tokens"),
        row.get("max_concurrency"),
        row["gpu_total_gib"] - row["free_gib"] if row.get("gpu_total_gib") and row.get("free_gib") else None,
        known,
        _is_complete(row),
        bool(re.match(r"\d+\.\d+\.\d", stated)),
    )


def _is_complete(row: Mapping[str, Any]) -> bool:
    """Whether the record says all options: by its whole command, or each that memory depends on."""
    if "complete" in row:
        return bool(row["complete"])
    command = str(row.get("command") or "")
    if command.startswith("vllm serve ") or (command.startswith("{") and "}" in command):
        return True
    return all(row.get(name) is not None for name in ("gpu_memory_utilization", "max_num_seqs"))


def _words(row: Mapping[str, Any]) -> list[str]:
    """Return a command line that says what the log says."""
    command = str(row.get("command") or "")
    named = re.search(r"(0\.\d+)GRAM", str(row.get("source") or ""))
    if named and row.get("gpu_memory_utilization") is None:
        row = {**row, "gpu_memory_utilization": named[1]}
    words = [str(row.get("model") or "model")]
    if command.startswith("vllm serve "):
        words = [word for word in shlex.split(command)[2:] if word != "<model>"] or words
    for name, flag in _OPTIONS:
        value = row.get(name)
        if value is not None and flag not in words and str(value) != "None":
            words += [flag, str(value)]
    words += [flag for name, flag in _SWITCHES if row.get(name) and flag not in words]
    said = f"{command} {row.get('other_flags') or ''}"
    for pattern, extra in _SAID:
        if re.search(pattern, said) and extra[0] not in words:
            words += extra
    return words + _tier(row, words)


def _online(row: Mapping[str, Any], model: ModelFacts | None) -> list[str]:
    """Return the option by which vLLM itself quantizes a checkpoint that is not."""
    method = str(row.get("quantization") or row.get("quant") or "")
    plain = model is not None and model.quantized is False
    return ["--quantization", method] if plain and method in {"fp8", "bitsandbytes"} else []


def _tier(row: Mapping[str, Any], words: list[str]) -> list[str]:
    """Return the sequences that go with logged tokens: 2048 is what vLLM takes with 256 of them."""
    given = "max_num_batched_tokens" in str(row.get("command") or "") or "--max-num-seqs" in words
    return ["--max-num-seqs", "256"] if row.get("max_num_batched_tokens") == 2048 and not given else []


def _card(row: Mapping[str, Any]) -> Gpu | None:
    name = re.sub(r"^NVIDIA | \(.*| 80GB HBM3", "", str(row.get("gpu_name") or ""))
    name = _CARDS.get(name, name)
    total = row.get("gpu_total_gib")
    if total and not name:
        # CUDA reports these totals of an H100 alone.
        name = "H100" if 79.0 <= total <= 79.23 else "card"
    found = find_card(f"{name}@{total}GiB" if total else name) if name else None
    return None if found is None or isinstance(found, Unknown) else found


def _model(name: str) -> ModelFacts | None:
    """Return the facts of a model by its id, or of a local copy by the end of its path."""
    found = find_model(name)
    if found is not None or not name:
        return found
    ids = _by_tail().get(name.rstrip("/").split("/")[-1].lower().replace("___", "."), ())
    shapes = {find_model(one)._replace(id="", gated=None, source="name") for one in ids}  # type: ignore[union-attr]
    return find_model(ids[-1]) if ids and len({one.params_total for one in shapes}) == 1 else None


@cache
def _by_tail() -> dict[str, tuple[str, ...]]:
    tails: dict[str, list[str]] = defaultdict(list)
    for one in model_ids():
        tails[one.split("/")[-1].lower()].append(one)
    return {
        tail: tuple(sorted(ids, key=lambda one: one.startswith("unsloth"), reverse=True))
        for tail, ids in tails.items()
    }


def gib(number: float) -> float:
    """Return bytes in GiB."""
    return number / GIB
