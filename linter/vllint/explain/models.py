"""A model of the catalogue: its shape, its size, and the tensor parallel sizes it can be cut for."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.checking import COMMAND_PATH, Checker
from vllint.command_check import estimate
from vllint.explain.rows import gib, row
from vllint.models.catalogue import find_model
from vllint.models.resolve import Reference, Surroundings, look_up
from vllint.neighbours import neighbour_of
from vllint.report.colours import Palette
from vllint.vllm.legality import tensor_parallel_obstacles
from vllint.vllm.releases import releases
from vllint_schemas import ModelFacts, ModelSource, Unknown
from vllint_schemas.parallel import Parallel

SIZES = range(1, 17)
"""The tensor parallel sizes that are tried."""

_SOURCES: dict[ModelSource, str] = {
    "catalogue": "vllint's catalogue",
    "settings": "the settings",
    "lock": "vllint.lock.json",
    "local": "its folder",
    "cache": "the Hugging Face cache of this machine",
    "hub": "the Hugging Face Hub",
}


def known_model(name: str, checker: Checker) -> ModelFacts | Unknown | None:
    """Return the facts of a model as launches in the working directory would have them.

    `None` where `name` is neither a model's id nor a path.
    """
    if "/" not in name and not name.startswith("."):
        return find_model(name)
    conditions = checker.conditions(COMMAND_PATH)
    around = Surroundings(neighbour_of(COMMAND_PATH, {}), _host_path)
    return look_up(Reference(name.rstrip("/") or name), conditions.assumptions.models, around)


def _host_path(path: str) -> str | None:
    return None if path.startswith(("/", "~")) else path


def summary_line(model: ModelFacts, longest: int) -> str:
    """Return a model in a line: its id, of at most `longest` characters, its size and its context."""
    size = f"{model.params_total / 1e9:,.2f}B" if model.params_total else "-"
    length = model.default_max_model_len or model.max_position_embeddings
    context = f"{length:,}" if length else "-"
    return f"{model.id:<{longest}} {size:>10} {context:>12}".rstrip()


def model_lines(model: ModelFacts, colours: Palette) -> Iterator[str]:
    """Yield what is known of a model; what is not known is left out."""
    yield colours.paint(colours.strong, model.id)
    yield from row("source", _SOURCES.get(model.source, model.source))
    yield from row("is", ", ".join(_nature(model)))
    yield from row("shape", ", ".join(_shape(model)))
    yield from row("size", ", ".join(_size(model)))
    yield from row("context", *_context(model))
    yield from _parallel(model)


def _nature(model: ModelFacts) -> Iterator[str]:
    if model.architecture:
        yield model.architecture
    if model.num_experts:
        routed = f", {model.num_experts_per_tok} for each token" if model.num_experts_per_tok else ""
        yield f"mixture of {model.num_experts} experts{routed}"
    elif model.num_experts == 0:
        yield "dense"
    if model.kv_lora_rank:
        yield "latent attention"
    traits = (
        (model.multimodal, "multimodal"),
        (model.encoder_only, "encoder"),
        (model.linear_attention, "with linear attention"),
        (model.sliding_window, f"sliding window of {model.sliding_window or 0:,}"),
        (model.gated, "gated on the Hub"),
    )
    yield from (words for holds, words in traits if holds)


def _shape(model: ModelFacts) -> Iterator[str]:
    parts = (
        (model.num_hidden_layers, "layers"),
        (model.num_attention_heads, "attention heads"),
        (None if model.kv_lora_rank else model.num_key_value_heads, "KV heads"),
        (model.head_dim, "head size"),
        (model.hidden_size, "hidden size"),
        (model.intermediate_size, "MLP size"),
        (model.moe_intermediate_size or None, "expert size"),
        (model.vocab_size, "vocabulary"),
    )
    yield from (f"{number:,} {words}" for number, words in parts if number is not None)


def _size(model: ModelFacts) -> Iterator[str]:
    if model.params_total:
        about = "" if model.params_exact else "about "
        yield f"{about}{model.params_total / 1e9:,.2f} billion parameters"
    if model.weights_bytes:
        yield f"{gib(model.weights_bytes)} of weights"
    elif model.weights_bytes_estimate:
        yield f"about {gib(model.weights_bytes_estimate)} of weights"
    if model.quantization is not None:
        bits = f", {model.quantization.bits} bits" if model.quantization.bits else ""
        yield f"quantized with {model.quantization.method}{bits}"
    elif model.dtype:
        yield model.dtype


def _context(model: ModelFacts) -> Iterator[str]:
    """Yield the context that vLLM takes by itself, and what a request of that length needs."""
    length = model.default_max_model_len or model.max_position_embeddings
    if length is None:
        return
    most = model.derived_max_model_len
    limit = f", at most {most:,}" if most is not None and most > length else ""
    yield f"{length:,} tokens by default{limit}"
    memory = estimate(["vllm", "serve", model.id])
    if isinstance(memory, Unknown) or isinstance(memory.ranks[0].kv_needed, Unknown):
        return
    if isinstance(memory.max_model_len, int):
        needed = gib(memory.ranks[0].kv_needed)
        yield f"one request of {memory.max_model_len:,} tokens takes {needed} of KV cache on one GPU"


def _parallel(model: ModelFacts) -> Iterator[str]:
    """Yield the sizes without a known obstacle, and the obstacles to the others."""
    if model.num_attention_heads is None:
        yield from row("TP", "the heads are not known, so nothing can be said of tensor parallelism")
        return
    obstacles = {size: tensor_parallel_obstacles(model, Parallel(tensor=size)) for size in SIZES}
    valid = ", ".join(str(size) for size, found in obstacles.items() if not found)
    yield from row("TP", f"{valid} of {SIZES[0]} to {SIZES[-1]}, as vLLM {releases()[-1]} judges")
    ruled_out: dict[str, list[int]] = {}
    examples: dict[str, str] = {}
    for size, found in obstacles.items():
        for obstacle in found:
            ruled_out.setdefault(obstacle.subject, []).append(size)
            examples.setdefault(obstacle.subject, obstacle.arithmetic)
    for subject, sizes in ruled_out.items():
        yield from row("", f"not {', '.join(map(str, sizes))} for the {subject}: {examples[subject]}")
