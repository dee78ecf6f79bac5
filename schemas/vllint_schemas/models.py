"""What a model is made of."""

# Without `from __future__ import annotations`: a NamedTuple compiles annotations that are text, one by one.

from typing import Literal, NamedTuple

from vllint_schemas.terms import ModelSource


class Scheme(NamedTuple):
    """How some modules of a checkpoint are quantized: `targets` as the checkpoint names them."""

    targets: tuple[str, ...]
    bits: int
    group_size: int | None = None


class Quantization(NamedTuple):
    """How a checkpoint is quantized: `method` as vLLM names it, `bits` per weight, `group_size`.

    `block` is the shape of FP8 scale blocks. `None` fields are not known. `algorithm` is ModelOpt's
    (`NVFP4`, `MIXED_PRECISION`), `kv_cache` the algorithm for the KV cache (0-length: none), `ignored`
    the modules that stay unquantized as the checkpoint names them, `schemes` the precisions of a
    checkpoint that has several, whose other modules stay unquantized. Without zero points it is `symmetric`.
    `head` says that the language model head is quantized, too, `narrow_scales` that a group's scale has
    eight bits. `missing` are keys that vLLM wants of the method's `quantization_config`.
    """

    method: str
    bits: int | None = None
    group_size: int | None = None
    block: tuple[int, int] | None = None
    desc_act: bool | None = None
    algorithm: str | None = None
    kv_cache: str | None = None
    ignored: tuple[str, ...] | None = None
    schemes: tuple[Scheme, ...] = ()
    symmetric: bool | None = None
    head: bool = False
    narrow_scales: bool = False
    missing: tuple[str, ...] = ()


class Component(NamedTuple):
    """One kind of weights in elements, and how tensor parallelism divides it.

    `sharding` is `vocabulary` (padded rows divided), `query` (by attention heads), `key_value` (by KV
    heads, copied when there are fewer heads than ranks), `even` (divided by the size), `expert`
    (divided, or whole experts under expert parallelism) or `none` (a copy on every rank).
    `quantizable` says whether it is what quantization methods pack: a linear layer's weight.
    `units` are the heads that `key_value` divides where they are not the model's own KV heads, `width`
    the bytes of an element that does not follow the model's type. `outputs` counts a matrix's outputs,
    all of which every rank has when it is divided `by_inputs`.
    """

    name: str
    elements: int
    sharding: Literal["vocabulary", "query", "key_value", "even", "expert", "none"]
    quantizable: bool = False
    units: int = 0
    width: int = 0
    outputs: int = 0
    by_inputs: bool = False


class Components(NamedTuple):
    """The elements vLLM builds for a model, layer by layer.

    `embedding` (with it position tables) and `tower` (all vision and audio towers with their projectors)
    stand on the first pipeline stage, `final` and `head` on the last; when `tied`, the head is the
    embedding itself unless the stages differ. `layers` holds each decoder layer's components in order;
    equal layers are the same object. `partial` names the parts whose size is not known, which are left
    out, so that the rest is a lower bound: `tower` and `head`. `embeddings_copied` and `heads_copied` say
    that the other stages build embeddings, or heads, too; `everywhere` is what each stage builds besides.
    """

    embedding: tuple[Component, ...]
    layers: tuple[tuple[Component, ...], ...]
    final: tuple[Component, ...]
    head: tuple[Component, ...]
    tied: bool
    partial: tuple[Literal["tower", "head"], ...] = ()
    embeddings_copied: bool = False
    heads_copied: bool = False
    tower: tuple[Component, ...] = ()
    everywhere: tuple[Component, ...] = ()

    @property
    def total(self) -> int:
        """All elements on a single rank."""
        head = () if self.tied else self.head
        return sum(
            component.elements
            for part in (self.embedding, self.tower, *self.layers, self.final, self.everywhere, head)
            for component in part
        )


class ModelFacts(NamedTuple):
    """A model's shape, in the names of its `config.json`.

    `None` means not known; 0 means known to be absent (`num_experts` 0: dense, `kv_lora_rank` 0: no
    latent attention, `sliding_window` 0: none). Sizes come from the text part of composite models.
    `params_total` counts parameters as built, `weights_bytes` is the checkpoint's size.

    `shared_expert_intermediate_size` is the width of all shared experts of a layer together,
    `num_dense_layers` the layers of a mixture-of-experts model with a plain MLP, as many of them first
    (`first_k_dense_replace`) as the architecture says. The `num_*_attention_layers` split
    `num_hidden_layers`; `num_linear_attention_layers` counts Mamba, gated delta net and the like.
    `derived_max_model_len` is the longest context vLLM 0.33 allows without an override,
    `default_max_model_len` what it takes when none is asked for. `quantization_name` is what the
    repository's name says (`awq`, `fp8`), which is no proof of the method; `bits_per_weight` likewise.
    `weights_bytes_estimate` is a formula's result or a count times two bytes. `params_exact` says that
    `params_total` equals the checkpoint's own count. `indexed_layers` says which layers of sparse attention
    have an indexer of their own, where not all do. `tower` holds the towers of a composite model, `built`
    the whole text model where its structure takes more than the other facts say; both come from a config
    alone. `configuration` says who has the class that reads the config: `known` Transformers or vLLM itself,
    `remote` the repository, whose code must be trusted, `missing` nobody. `partial_rotary_factor` is the
    share of a head that is rotated, `mamba_ssm_dtype` the type that the config asks for recurrent states
    (`auto`: none).
    """

    id: str
    source: ModelSource
    architecture: str | None = None
    model_type: str | None = None
    num_attention_heads: int | None = None
    num_key_value_heads: int | None = None
    num_hidden_layers: int | None = None
    hidden_size: int | None = None
    intermediate_size: int | None = None
    head_dim: int | None = None
    vocab_size: int | None = None
    max_position_embeddings: int | None = None
    num_experts: int | None = None
    num_experts_per_tok: int | None = None
    moe_intermediate_size: int | None = None
    kv_lora_rank: int | None = None
    qk_rope_head_dim: int | None = None
    sliding_window: int | None = None
    linear_attention: bool | None = None
    encoder_only: bool | None = None
    multimodal: bool | None = None
    tie_word_embeddings: bool | None = None
    dtype: str | None = None
    quantization: Quantization | None = None
    quantized: bool | None = None
    params_total: int | None = None
    weights_bytes: int | None = None
    gated: bool | None = None
    text_model_type: str | None = None
    shared_expert_intermediate_size: int | None = None
    num_dense_layers: int | None = None
    q_lora_rank: int | None = None
    qk_nope_head_dim: int | None = None
    v_head_dim: int | None = None
    index_topk: int | None = None
    index_n_heads: int | None = None
    index_head_dim: int | None = None
    num_full_attention_layers: int | None = None
    num_sliding_attention_layers: int | None = None
    num_linear_attention_layers: int | None = None
    num_kv_shared_layers: int | None = None
    num_global_key_value_heads: int | None = None
    global_head_dim: int | None = None
    linear_num_key_heads: int | None = None
    linear_num_value_heads: int | None = None
    linear_key_head_dim: int | None = None
    linear_value_head_dim: int | None = None
    linear_conv_kernel_dim: int | None = None
    mamba_num_heads: int | None = None
    mamba_head_dim: int | None = None
    mamba_n_groups: int | None = None
    mamba_d_state: int | None = None
    mamba_d_conv: int | None = None
    attention_bias: bool | None = None
    mlp_bias: bool | None = None
    num_nextn_predict_layers: int | None = None
    vision_num_attention_heads: int | None = None
    vision_hidden_size: int | None = None
    vision_intermediate_size: int | None = None
    vision_num_hidden_layers: int | None = None
    vision_params: int | None = None
    rope_type: str | None = None
    rope_factor: float | None = None
    original_max_position_embeddings: int | None = None
    derived_max_model_len: int | None = None
    default_max_model_len: int | None = None
    quantization_name: str | None = None
    bits_per_weight: int | None = None
    params_exact: bool | None = None
    weights_bytes_estimate: int | None = None
    indexed_layers: tuple[bool, ...] | None = None
    tower: tuple[Component, ...] | None = None
    built: Components | None = None
    configuration: Literal["known", "remote", "missing"] | None = None
    partial_rotary_factor: float | None = None
    mamba_ssm_dtype: str | None = None
