"""Which sizes quantized weights allow: a rank must get whole blocks or groups of those that share a scale."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.vllm.legality_experts import KEEP_EXPERTS_WHOLE, expert_ranks
from vllint.vllm.legality_towers import COPY_TOWER, divided_tower
from vllint.vllm.obstacle import Obstacle
from vllint_schemas import EngineArgs, ModelFacts, Quantization, Unknown
from vllint_schemas.parallel import Parallel

BLOCK_METHODS = frozenset({"fp8", "compressed-tensors"})
GROUP_METHODS = frozenset({"awq", "gptq"})
LEAST_SHARED = 32
"""The smallest block or group that expert kernels take (vLLM `fused_moe/oracle/fp8.py:319`,
`quantization/moe_wna16.py:286`)."""

CHECKPOINT_KERNELS = frozenset(
    {
        None,
        "fp8",
        "compressed-tensors",
        "awq",
        "awq_marlin",
        "auto_awq",
        "gptq",
        "gptq_marlin",
        "auto_gptq",
        "moe_wna16",
    }
)
"""Values of `--quantization` under which these checkpoints are read as what they are."""

_QUANTIZATION = "model_executor/layers/quantization"


class _Unit(NamedTuple):
    """What shares a scale: how many inputs, what to call it, and where vLLM checks it."""

    length: int
    name: str
    source: str


class _Layer(NamedTuple):
    """A linear layer whose input is divided: its name and width, and names of modules that are part of it."""

    subject: str
    size: int | None
    modules: re.Pattern[str]


_ATTENTION = re.compile(r"attn|attention|[qkvo]_proj|qkv")
_MLP = re.compile(r"(?<!experts\.)\b(down|up|gate|gate_up)_proj|\bmlp(\W*$|\.\*)|layers\W+\d+\W*$")
_SHARED_EXPERTS = re.compile(r"shared_experts?(?!_gate)|\bmlp(\W*$|\.\*)|layers\W+\d+\W*$")
_EXPERTS = re.compile(r"(?<!shared_)experts?(?!_gate)|\bmlp(\W*$|\.\*)")
_GATES = re.compile(r"in_proj_ba|in_proj_[ba]\b|linear_attn(\W*$|\.\*)|layers\W+\d+\W*$")
_TOWER = re.compile(r"visual|vision|tower|vit\b|image|encoder|blocks|merger|projector|\*")
_ELSEWHERE = re.compile(r"visual|vision|audio|tower|mtp|embed|lm_head|linear_attn|norm")


def quantized_obstacles(model: ModelFacts, parallel: Parallel, args: EngineArgs | None) -> Iterator[Obstacle]:
    """Yield what is wrong with dividing the checkpoint's packed weights in this layout."""
    how = model.quantization
    if how is None or not _is_among(args, "quantization", CHECKPOINT_KERNELS):
        return
    if how.block is not None and how.method in BLOCK_METHODS:
        yield from _blocks(model, how, how.block, parallel)
        yield from _tower_blocks(model, how, how.block, parallel.tensor, args)
        if _is_among(args, "moe_backend", frozenset({None, "auto"})):
            yield from _expert_blocks(model, how, how.block, parallel)
    group = how.group_size
    if how.method in GROUP_METHODS and group is not None and group > 0:
        yield from _groups(model, how, group, parallel) if how.method == "awq" else ()
        yield from _expert_groups(model, how, group, parallel)


def _is_among(args: EngineArgs | None, dest: str, values: frozenset[str | None]) -> bool:
    """Whether an option surely has one of these values."""
    found = None if args is None else args.value(dest)
    return found is None or (not isinstance(found, Unknown) and found.value in values)


def _blocks(
    model: ModelFacts, how: Quantization, block: tuple[int, int], parallel: Parallel
) -> Iterator[Obstacle]:
    """FP8 scales cover blocks of rows and columns; vLLM checks the inputs once they are divided."""
    unit = _Unit(block[1], "FP8 block", f"{_QUANTIZATION}/utils/fp8_utils.py:1324")
    for layer in _layers(model, how):
        yield from _misaligned(layer, parallel.tensor, unit)
    unit = _Unit(block[0], "FP8 block", f"{_QUANTIZATION}/utils/fp8_utils.py:1340")
    for layer in _single_outputs(model):
        if _is_quantized(model, how, layer.modules):
            yield from _misaligned(layer, parallel.tensor, unit)


def _tower_blocks(
    model: ModelFacts, how: Quantization, block: tuple[int, int], tensor: int, args: EngineArgs | None
) -> Iterator[Obstacle]:
    """A tower that is not left out is packed as well; what the catalogue leaves out is not known."""
    tower = divided_tower(model, tensor, args)
    left_out = model.source == "catalogue" if how.ignored is None else _names_tower(how.ignored)
    if tower is None or not tower.packed or left_out:
        return
    unit = _Unit(block[1], "FP8 block", f"{_QUANTIZATION}/utils/fp8_utils.py:1324")
    for subject, size in (
        ("vision attention size", model.vision_hidden_size),
        ("vision MLP size", model.vision_intermediate_size),
    ):
        for found in _misaligned(_Layer(subject, size, _TOWER), tensor, unit):
            yield found._replace(remedy=COPY_TOWER if tower.can_be_copied else None)


def _names_tower(names: tuple[str, ...]) -> bool:
    return any(name.startswith("re:") or _TOWER.search(name.lower()) for name in names)


def _expert_blocks(
    model: ModelFacts, how: Quantization, block: tuple[int, int], parallel: Parallel
) -> Iterator[Obstacle]:
    """FP8 experts are read in smaller blocks where kernels take them; compressed-tensors' are not."""
    share = _expert_share(model, how, parallel)
    if not share or (share % block[0] == 0 and (parallel.tensor == 1 or share % block[1] == 0)):
        return
    divisor = math.gcd(*block, share, model.hidden_size or share)
    if how.method == "fp8" and divisor >= LEAST_SHARED:
        return
    reason = "" if how.method != "fp8" else f", and shares no divisor of {LEAST_SHARED} or more with it"
    yield Obstacle(
        "expert size in FP8 blocks",
        f"{_division(model, parallel, share)} is not a multiple of the FP8 block of {block[0]}{reason}",
        f"{_QUANTIZATION}/utils/fp8_utils.py:1362",
        "build",
        KEEP_EXPERTS_WHOLE,
    )


def _groups(model: ModelFacts, how: Quantization, group: int, parallel: Parallel) -> Iterator[Obstacle]:
    """AWQ scales cover groups of inputs, on one rank as well."""
    unit = _Unit(group, "AWQ group", f"{_QUANTIZATION}/auto_awq.py:821")
    for layer in _layers(model, how):
        if layer.size and layer.size % group == 0:
            yield from _misaligned(layer, parallel.tensor, unit)
        elif layer.size and model.source != "catalogue":
            arithmetic = f"{layer.subject} {layer.size:,} is not a multiple of the AWQ group of {group}"
            yield Obstacle(f"{layer.subject} in AWQ groups", arithmetic, unit.source, "build")


def _expert_groups(
    model: ModelFacts, how: Quantization, group: int, parallel: Parallel
) -> Iterator[Obstacle]:
    """Experts are read in smaller groups where their share is no multiple of the checkpoint's."""
    share = _expert_share(model, how, parallel)
    if share and share % group and math.gcd(group, share) < LEAST_SHARED:
        yield Obstacle(
            f"expert size in {how.method.upper()} groups",
            f"{_division(model, parallel, share)} shares no divisor of {LEAST_SHARED} or more with the"
            f" {how.method.upper()} group of {group}",
            f"{_QUANTIZATION}/moe_wna16.py:286",
            "build",
            KEEP_EXPERTS_WHOLE,
        )


def _misaligned(layer: _Layer, ranks: int, unit: _Unit) -> Iterator[Obstacle]:
    """Yield an obstacle when a rank's share of a layer is whole, but not in units."""
    if ranks == 1 or not layer.size or layer.size % ranks:
        return
    share = layer.size // ranks
    if share % unit.length:
        yield Obstacle(
            f"{layer.subject} in {unit.name}s",
            f"{layer.subject} {layer.size:,} / {ranks} = {share:,} is not a multiple of the {unit.name}"
            f" of {unit.length}",
            unit.source,
            "build",
        )


def _expert_share(model: ModelFacts, how: Quantization, parallel: Parallel) -> int | None:
    """Return the width of a quantized expert on one rank, where that is known and whole."""
    size, ranks = model.moe_intermediate_size, expert_ranks(parallel)
    if not model.num_experts or not size or size % ranks or ranks == 1:
        return None
    return size // ranks if _is_quantized(model, how, _EXPERTS) else None


def _division(model: ModelFacts, parallel: Parallel, share: int) -> str:
    return f"expert size {model.moe_intermediate_size:,} / {expert_ranks(parallel)} = {share:,}"


def _layers(model: ModelFacts, how: Quantization) -> Iterator[_Layer]:
    """Yield the layers that surely are quantized and whose input is divided."""
    layers = [_Layer("attention size", _attention_size(model), _ATTENTION)]
    if model.num_experts == 0 or model.num_dense_layers:
        layers.append(_Layer("MLP size", model.intermediate_size, _MLP))
    if model.num_experts:
        layers.append(_Layer("shared expert size", model.shared_expert_intermediate_size, _SHARED_EXPERTS))
    for layer in layers:
        if _is_quantized(model, how, layer.modules):
            yield layer


def _single_outputs(model: ModelFacts) -> Iterator[_Layer]:
    """Yield the layers whose outputs are divided, and that vLLM does not merge with others.

    Of merged ones it lets shapes pass that are no multiple of blocks (0.33.0 `layers/linear.py:562`).
    """
    heads, head = model.num_attention_heads, model.qk_nope_head_dim
    if model.kv_lora_rank and heads and head and model.qk_rope_head_dim:
        yield _Layer("latent query size", heads * (head + model.qk_rope_head_dim), _ATTENTION)
    if model.kv_lora_rank and heads and head and model.v_head_dim:
        yield _Layer("latent key and value size", heads * (head + model.v_head_dim), _ATTENTION)
    if model.text_model_type == "qwen3_next" and model.linear_num_value_heads:
        yield _Layer("linear attention gate size", model.linear_num_value_heads * 2, _GATES)


def _is_quantized(model: ModelFacts, how: Quantization, modules: re.Pattern[str]) -> bool:
    """Whether no such module is left out; the catalogue does not say, and attention sometimes is."""
    if how.ignored is None:
        return model.source != "catalogue" or modules not in (_ATTENTION, _GATES)
    names = [name.lower() for name in how.ignored]
    if modules is _GATES:
        return not any(modules.search(name) for name in names)
    return not any(modules.search(name) and not _ELSEWHERE.search(name) for name in names)


def _attention_size(model: ModelFacts) -> int | None:
    """Return the width of what attention's output layer reads: all heads side by side."""
    heads = model.num_attention_heads
    size = model.v_head_dim if model.kv_lora_rank else model.head_dim
    return heads * size if heads and size else None
