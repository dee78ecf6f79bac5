"""How the towers of multimodal models are divided: their heads and sizes are their own.

Each record was tried on vLLM 0.33.0: a text model that divides with a tower that does not. Text-only use
(`--language-model-only`) builds the tower all the same. Towers without a record are not divided by tensor
parallelism (Gemma 4), or nobody has looked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vllint.vllm.obstacle import MEASURE, Obstacle, Remedy, undivided
from vllint_schemas import EngineArgs, ModelFacts, Unknown

COPY_TOWER = Remedy("--mm-encoder-tp-mode", "mm_encoder_tp_mode", "data", "copies the tower to every rank")


class Tower(NamedTuple):
    """How vLLM divides an architecture's vision tower.

    Its MLP size must divide; `heads` says that its attention heads must as well. `can_be_copied` says that
    `--mm-encoder-tp-mode data` keeps it whole; elsewhere vLLM ignores that option. `projector` says that
    the text model's hidden size is divided too, in both modes. `packed` says that a checkpoint's quantization
    holds for the tower, too, unless it is left out by name.
    """

    source: str
    can_be_copied: bool
    heads: bool = True
    projector: bool = False
    packed: bool = True


_CLIP = "model_executor/models/clip.py:402"
_GLM = "model_executor/models/glm4_1v.py:292"
_IDEFICS = "model_executor/models/idefics2_vision_model.py:178"
_PIXTRAL = "model_executor/models/pixtral.py:1338"
_QWEN = "model_executor/models/qwen2_5_vl.py:374"
_SIGLIP = "model_executor/models/siglip.py:377"

TOWERS: Mapping[str, Tower] = {
    "Blip2ForConditionalGeneration": Tower("model_executor/models/blip.py:123", False),
    "Cohere2VisionForConditionalGeneration": Tower(_SIGLIP, False),
    "Exaone4_5_ForConditionalGeneration": Tower(_QWEN, True),
    "Gemma3ForConditionalGeneration": Tower(_SIGLIP, False),
    "Glm4vForConditionalGeneration": Tower(_GLM, True),
    "Glm4vMoeForConditionalGeneration": Tower(_GLM, True),
    "Glm5NextForConditionalGeneration": Tower("models/glm5next/common/multimodal.py:140", True, packed=False),
    "GlmOcrForConditionalGeneration": Tower(_GLM, True),
    "Idefics3ForConditionalGeneration": Tower(_IDEFICS, False),
    "InternVLForConditionalGeneration": Tower(
        "model_executor/layers/linear.py:497", False, heads=False, packed=False
    ),
    "Lfm2VlForConditionalGeneration": Tower("model_executor/models/lfm2_siglip2.py:184", False),
    "Llama4ForConditionalGeneration": Tower(
        "model_executor/models/mllama4.py:255", True, projector=True, packed=False
    ),
    "LlavaForConditionalGeneration": Tower(_CLIP, False),
    "LlavaNextForConditionalGeneration": Tower(_CLIP, False),
    "LlavaNextVideoForConditionalGeneration": Tower(_CLIP, False),
    "LlavaOnevisionForConditionalGeneration": Tower(_SIGLIP, False),
    "MiniCPMV4_6ForConditionalGeneration": Tower(_IDEFICS, True),
    "Mistral3ForConditionalGeneration": Tower(_PIXTRAL, False),
    "PaddleOCRVLForConditionalGeneration": Tower("model_executor/models/paddleocr_vl.py:542", False),
    "PaliGemmaForConditionalGeneration": Tower(_SIGLIP, False),
    "Qwen2VLForConditionalGeneration": Tower("model_executor/models/qwen2_vl.py:299", True),
    "Qwen2_5_VLForConditionalGeneration": Tower(_QWEN, True),
    "Qwen3VLForConditionalGeneration": Tower(_QWEN, True),
    "Qwen3VLMoeForConditionalGeneration": Tower(_QWEN, True),
    "Qwen3_5ForConditionalGeneration": Tower(_QWEN, True),
    "Qwen3_5MoeForConditionalGeneration": Tower(_QWEN, True),
    "SmolVLMForConditionalGeneration": Tower(_IDEFICS, False),
}
"""By architecture."""


def divided_tower(model: ModelFacts, tensor: int, args: EngineArgs | None) -> Tower | None:
    """Return how the model's tower is divided over `tensor` ranks; `None` where it is not, or may not be."""
    tower = TOWERS.get(model.architecture or "")
    if tower is None or tensor == 1 or _is_built_by_transformers(args):
        return None
    return None if tower.can_be_copied and _may_be_copied(args) else tower


def tower_obstacles(model: ModelFacts, tensor: int, args: EngineArgs | None) -> Iterator[Obstacle]:
    """Yield what is wrong with dividing the model's vision tower over `tensor` ranks."""
    tower = TOWERS.get(model.architecture or "")
    if tower is None or tensor == 1 or _is_built_by_transformers(args):
        return
    if tower.projector:
        source = "model_executor/models/mllama4.py:172"
        yield from undivided("projector size", model.hidden_size, tensor, source, words=MEASURE)
    if tower.can_be_copied and _may_be_copied(args):
        return
    remedy = COPY_TOWER if tower.can_be_copied else None
    if tower.heads:
        heads = model.vision_num_attention_heads
        yield from undivided("vision heads", heads, tensor, tower.source, remedy=remedy)
    size, source = model.vision_intermediate_size, "model_executor/layers/linear.py:497"
    yield from undivided("vision MLP size", size, tensor, source, words=MEASURE, remedy=remedy)


def _may_be_copied(args: EngineArgs | None) -> bool:
    """Whether `--mm-encoder-tp-mode data` is asked for, or may be."""
    mode = None if args is None else args.value("mm_encoder_tp_mode")
    return isinstance(mode, Unknown) or (mode is not None and mode.value == "data")


def _is_built_by_transformers(args: EngineArgs | None) -> bool:
    """Whether vLLM may leave the model to Transformers, whose towers it divides by other rules."""
    found = None if args is None else args.value("model_impl")
    return isinstance(found, Unknown) or (found is not None and found.value == "transformers")
