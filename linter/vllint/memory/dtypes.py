"""In which type a model runs, and how wide its numbers are."""

from __future__ import annotations

from vllint.models.architectures import FLOAT16_REFUSED
from vllint_schemas import EngineArgs, Gpu, ModelFacts, Unknown

WIDE = 4.0
NARROW = 2.0
_ASKED = {
    "half": NARROW,
    "float16": NARROW,
    "bfloat16": NARROW,
    "float": WIDE,
    "float32": WIDE,
}
_NAMES = {"half": "float16", "float": "float32"}
_FIRST_WITH_BFLOAT16 = (8, 0)


def element_bytes(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> float | Unknown:
    """Return the bytes of an unquantized weight (vLLM 0.33.0 `config/model.py:2420`).

    `auto` casts 32-bit checkpoints down to 16 bits. A card without bfloat16 falls back to float16, and to
    32 bits for the models that do not bear that.
    """
    asked = args.value("dtype")
    if isinstance(asked, Unknown):
        return asked
    width = _ASKED.get(str(asked.value))
    if width is not None:
        return width
    return WIDE if _falls_back_to_wide(model, gpu) else NARROW


def number_type(model: ModelFacts, args: EngineArgs, gpu: Gpu | Unknown) -> str | None:
    """Return the type that a model runs in, as `bfloat16`; `None` where that is not known for sure.

    32-bit checkpoints, which vLLM casts by more than the card, are not judged.
    """
    asked = args.value("dtype")
    if isinstance(asked, Unknown) or isinstance(gpu, Unknown) or gpu.compute_capability is None:
        return None
    has_bfloat16 = gpu.compute_capability >= _FIRST_WITH_BFLOAT16
    named = _NAMES.get(str(asked.value), str(asked.value))
    if named != "auto":
        return named if named in _ASKED and (named != "bfloat16" or has_bfloat16) else None
    refused = bool({model.model_type, model.text_model_type} & FLOAT16_REFUSED)
    if model.quantized is not False or refused or model.dtype not in ("bfloat16", "float16"):
        return None
    return model.dtype if has_bfloat16 else "float16"


def _falls_back_to_wide(model: ModelFacts, gpu: Gpu | Unknown) -> bool:
    if isinstance(gpu, Unknown) or gpu.compute_capability is None:
        return False
    refused = bool({model.model_type, model.text_model_type} & FLOAT16_REFUSED)
    return refused and gpu.compute_capability < _FIRST_WITH_BFLOAT16
