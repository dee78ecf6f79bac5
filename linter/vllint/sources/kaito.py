"""KAITO's Workspace and InferenceSet: a preset's server with the options of `inference_config.yaml`.

KAITO (v0.9, `presets/workspace/inference/vllm/inference_api.py`, `pkg/model/interface.go`) passes the keys
below `vllm:` to vLLM's parser, and chooses by itself what they leave open: how the model is spread, its
length, and the share of memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.deployments import instance_claim
from vllint.sources.files import Document, Found
from vllint.sources.kubernetes import manifests
from vllint.sources.kubernetes.cluster import settings_of
from vllint.sources.kubernetes.container import namespace_of
from vllint.sources.kubernetes.fields import below, text_at
from vllint.sources.kubernetes.pods import name_of
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint.text.yaml.tree import parse_yaml
from vllint_schemas import EntryPoint, HardwareClaim, Launch, Located, Origin, SourceProblem, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM, AllGpus

_CONFIG_KEY = "inference_config.yaml"
_CHOSEN = ("--gpu-memory-utilization", "--max-model-len")
"""Options that KAITO sets when nobody else does."""

_SPREAD = ("--tensor-parallel-size", "--data-parallel-size")
_SPREAD_OVER_NODES = ("--pipeline-parallel-size",)
"""Options by which KAITO spreads a model over the GPUs of a machine, and over machines."""

_RUNTIME = "kaito.sh/runtime"

# fmt: off
PRESETS = {
    "deepseek-r1-distill-llama-8b": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    "deepseek-r1-distill-qwen-14b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B",
    "falcon-40b": "tiiuae/falcon-40b",
    "falcon-40b-instruct": "tiiuae/falcon-40b-instruct",
    "falcon-7b": "tiiuae/falcon-7b",
    "falcon-7b-instruct": "tiiuae/falcon-7b-instruct",
    "llama-3.1-8b-instruct": "meta-llama/Llama-3.1-8B-Instruct",
    "mistral-7b": "mistralai/Mistral-7B-v0.3",
    "mistral-7b-instruct": "mistralai/Mistral-7B-Instruct-v0.3",
    "phi-2": "microsoft/phi-2",
    "phi-3-medium-128k-instruct": "microsoft/Phi-3-medium-128k-instruct",
    "phi-3-medium-4k-instruct": "microsoft/Phi-3-medium-4k-instruct",
    "phi-3-mini-128k-instruct": "microsoft/Phi-3-mini-128k-instruct",
    "phi-3-mini-4k-instruct": "microsoft/Phi-3-mini-4k-instruct",
    "phi-3.5-mini-instruct": "microsoft/Phi-3.5-mini-instruct",
    "phi-4": "microsoft/phi-4",
    "phi-4-mini-instruct": "microsoft/Phi-4-mini-instruct",
    "qwen2.5-coder-32b-instruct": "Qwen/Qwen2.5-Coder-32B-Instruct",
    "qwen2.5-coder-7b-instruct": "Qwen/Qwen2.5-Coder-7B-Instruct",
}
# fmt: on
"""KAITO's presets and their models (`presets/workspace/models/supported_models.yaml`, `version`)."""


def launches(resource: Mapping, document: Document) -> Found:
    """Yield the launch of a preset, and those of a pod template."""
    template = below(resource, "spec", "template")
    holder = template if isinstance(template, Mapping) and template.get("inference") is not None else resource
    preset = below(holder, "inference", "preset", "name")
    if isinstance(preset, Scalar) and _runs_vllm(resource):
        words, problem = _configured(resource, holder, document)
        if problem is not None:
            yield problem
        yield _launch(resource, holder, preset, words)
    yield from manifests.launches(document._replace(root=resource))


def _runs_vllm(resource: Mapping) -> bool:
    """Whether the preset runs on vLLM, as it does unless an annotation says otherwise."""
    return text_at(resource, "metadata", "annotations", _RUNTIME) in {"", "vllm"}


def _launch(resource: Mapping, holder: Mapping, preset: Scalar, words: tuple[Word, ...]) -> Launch:
    name = below(resource, "metadata", "name")
    given = {word.text.partition("=")[0].replace("_", "-") for word in words}
    hardware, nodes = _hardware(holder), _nodes(holder)
    options = (*_CHOSEN, *_spreading(hardware.gpu_count, nodes))
    return Launch(
        path=resource.span.path,
        name=name_of(resource),
        kind="kubernetes",
        extent=resource.span,
        at=name.span if isinstance(name, Scalar) else preset.span,
        entry_point=EntryPoint.API_SERVER,
        argv=(*_model(preset), *_chosen(preset, options, given), *words),
        hardware=hardware,
        vllm_version=Unknown("KAITO chooses the image"),
        nodes=nodes,
    )


def _model(preset: Scalar) -> tuple[Word, Word]:
    """Return the preset's model; names with an owner are the Hub's own."""
    word = preset.word()
    option = Word.atomic("--model", word.site, Origin.PLATFORM)
    if "/" in word.text:
        return option, replace(word, slot=None)
    known = PRESETS.get(word.text)
    if known is None:
        return option, Word.unknown(f"which model the preset `{word.text}` is, is not known", word.site)
    return option, Word.atomic(known, word.site, Origin.PLATFORM)


def _spreading(
    gpu_count: Located[int | AllGpus] | Unknown, nodes: Located[int] | Unknown | None
) -> tuple[str, ...]:
    """Return the sizes that KAITO chooses: none of them on a single GPU."""
    if nodes is not None:
        return (*_SPREAD, *_SPREAD_OVER_NODES)
    return () if isinstance(gpu_count, Located) and gpu_count.value == 1 else _SPREAD


def _chosen(preset: Scalar, options: tuple[str, ...], given: set[str]) -> Iterator[Word]:
    for option in options:
        if option not in given:
            yield Word.atomic(option, preset.span, Origin.PLATFORM)
            yield Word.unknown(f"KAITO chooses `{option}` by the model and the machine", preset.span)


def _configured(
    resource: Mapping, holder: Mapping, document: Document
) -> tuple[tuple[Word, ...], SourceProblem | None]:
    """Return the options of the ConfigMap that the resource names; a hole where it is not at hand."""
    named = scalar_word(below(holder, "inference", "config"))
    if named is None:
        return (), None
    cluster = manifests.cluster_of(document)
    found = settings_of(cluster, "ConfigMap", named.text, namespace_of(resource))
    if isinstance(found, Unknown) or _CONFIG_KEY not in found:
        reason = found.reason if isinstance(found, Unknown) else f"the ConfigMap has no `{_CONFIG_KEY}`"
        return (Word.unknown(reason, named.site, splits=True),), None
    from vllint.vllm.config_file import option_words

    try:
        roots = tuple(parse_yaml(found[_CONFIG_KEY]))
    except YamlProblem as problem:
        message = f"`{_CONFIG_KEY}` cannot be read: {problem.message}"
        return (Word.unknown(message, named.site, splits=True),), SourceProblem(
            "not_parsed", message, problem.span
        )
    section: Node | None = below(roots[0], "vllm") if roots else None
    if not isinstance(section, Mapping):
        return (), None
    entries = ((key, value) for key, value in section.items() if not _is_false(value))
    words = (word for key, value in entries if isinstance(key, Scalar) for word in option_words(key, value))
    return tuple(replace(word, slot=None) for word in words), None


def _is_false(value: Node) -> bool:
    return isinstance(value, Scalar) and value.resolved() is False


def _hardware(holder: Mapping) -> HardwareClaim:
    instance = scalar_word(below(holder, "resource", "instanceType"))
    return (
        HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM) if instance is None else instance_claim(instance, "azure")
    )


def _nodes(holder: Mapping) -> Located[int] | Unknown | None:
    """Return how many machines the workspace asks for."""
    count = scalar_word(below(holder, "resource", "count"))
    if count is None or count.text == "1":
        return None
    if not count.is_known or not count.text.isdecimal():
        return Unknown(count.reason or f"`count: {count.text}` is not a number")
    return Located(int(count.text), count.span, count.origin, count.via)
