"""Mistral's own `params.json` in the terms of a `config.json`, as vLLM translates it.

vLLM 0.33.0 `transformers_utils/configs/mistral.py`, adapt_config_dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vllint.models.attributes import count, mapping

_NAMES = {
    "dim": "hidden_size",
    "norm_eps": "rms_norm_eps",
    "n_kv_heads": "num_key_value_heads",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "hidden_dim": "intermediate_size",
    "tied_embeddings": "tie_word_embeddings",
    "activation": "hidden_act",
}
_MOE_NAMES = {
    "first_k_dense_replace": "first_k_dense_replace",
    "num_experts_per_tok": "num_experts_per_tok",
    "num_experts": "n_routed_experts",
    "expert_hidden_dim": "moe_intermediate_size",
    "num_shared_experts": "n_shared_experts",
}
LENGTH_WHEN_SILENT = 128_000


def config_of_params(
    params: Mapping[str, object], beside: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """Return the `config.json` that vLLM makes of `params.json`; `beside` fills what it leaves out."""
    config: dict[str, Any] = {_NAMES.get(name, name): value for name, value in params.items()}
    length = mapping(beside).get("max_position_embeddings")
    config.setdefault("tie_word_embeddings", False)
    # vLLM builds no class of Mistral's of it, whose default would be a window.
    config.setdefault("sliding_window", None)
    config.setdefault("max_position_embeddings", length or LENGTH_WHEN_SILENT)
    config.update(_quantization(mapping(config.pop("quantization", None))))
    config.update(_window(config))
    config.update(_architecture(config))
    if config.get("yarn"):
        yarn = mapping(config.pop("yarn"))
        original = yarn.get("original_max_position_embeddings")
        config["rope_parameters"] = {
            "rope_type": "yarn",
            "factor": yarn.get("factor"),
            "original_max_position_embeddings": original,
        }
    config = _composite(config)
    return {**{name: value for name, value in mapping(beside).items() if name not in config}, **config}


def _quantization(written: Mapping[str, Any]) -> dict[str, Any]:
    if written.get("qformat_weight") == "fp8_e4m3":
        scheme = "dynamic" if written.get("qscheme_act") == "NO_SCALES" else "static"
        return {"quantization_config": {"quant_method": "fp8", "activation_scheme": scheme}}
    return {"quantization_config": dict(written)} if written else {}


def _window(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kinds of layers that a list of windows means; the list repeats over the layers."""
    window, layers = config.get("sliding_window"), count(config.get("num_hidden_layers"), 2**12)
    if not isinstance(window, list) or not 0 < len(window) <= (layers or 0):
        return {}
    kinds = ["full_attention" if size is None else "sliding_attention" for size in window]
    sizes = [size for size in window if size is not None]
    repeats = (layers or 0) // len(window)
    return {"layer_types": kinds * repeats, "sliding_window": sizes[0] if sizes else None}


def _architecture(config: dict[str, Any]) -> dict[str, Any]:
    experts = mapping(config.get("moe"))
    if config.get("model_type") == "mamba":
        return {"architectures": ["Mamba2ForCausalLM"]}
    if experts and experts.get("num_shared_experts"):
        named = {new: experts[old] for old, new in _MOE_NAMES.items() if old in experts}
        return {
            **named,
            "model_type": "deepseek_v3",
            "architectures": ["MistralLarge3ForCausalLM"],
        }
    if experts:
        return {
            "model_type": "mixtral",
            "architectures": ["MixtralForCausalLM"],
            "num_local_experts": experts.get("num_experts"),
            "num_experts_per_tok": experts.get("num_experts_per_tok"),
        }
    kind = "deepseek_v3" if config.get("qk_nope_head_dim") else "mistral"
    return {"model_type": kind, "architectures": ["MistralForCausalLM"]}


def _composite(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a model that sees or hears, with the text model as a part of it."""
    parts = mapping(config.get("multimodal"))
    vision = parts.get("vision_encoder_args") or config.get("vision_encoder")
    audio = mapping(parts.get("whisper_model_args")).get("encoder_args")
    if not vision and not audio:
        return config
    text = {name: value for name, value in config.items() if name not in ("multimodal", "vision_encoder")}
    whole: dict[str, Any] = {"text_config": text}
    if "quantization_config" in text:
        whole["quantization_config"] = text["quantization_config"]
    if vision:
        kind, architecture = "pixtral", "PixtralForConditionalGeneration"
        seen = mapping(vision)
        tower = {_NAMES.get(name, name): value for name, value in seen.items()}
        return whole | {"model_type": kind, "architectures": [architecture], "vision_config": tower}
    causal = mapping(audio).get("causal")
    architecture = "VoxtralRealtimeGeneration" if causal else "VoxtralForConditionalGeneration"
    heard = _audio(mapping(audio), mapping(mapping(parts.get("whisper_model_args")).get("downsample_args")))
    return whole | {"model_type": "voxtral", "architectures": [architecture], "audio_config": heard}


def _audio(encoder: Mapping[str, Any], stacked: Mapping[str, Any]) -> dict[str, Any]:
    """Return an encoder of sound in the names of Whisper's configuration."""
    sounds = mapping(encoder.get("audio_encoding_args"))
    return {
        "model_type": "whisper",
        "d_model": encoder.get("dim"),
        "encoder_layers": encoder.get("n_layers"),
        "encoder_ffn_dim": encoder.get("hidden_dim"),
        "num_mel_bins": sounds.get("num_mel_bins"),
        "max_source_positions": encoder.get("max_source_positions"),
        "downsample_factor": stacked.get("downsample_factor"),
    }
