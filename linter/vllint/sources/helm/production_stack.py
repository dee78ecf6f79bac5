"""The vLLM production stack's chart: `servingEngineSpec.modelSpec[]` and what its templates make of it.

Follows `helm/templates/deployment-vllm-multi.yaml` and, for `raySpec`, `ray-cluster.yaml` of
vllm-project/production-stack. Its `--host` and `--port` are vLLM's own defaults, and left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.helm.chart_engines import (
    Engine,
    is_on,
    made_mapping,
    named_variables,
    option,
    text_at,
    text_of,
    variable,
)
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence, scalar_of
from vllint_schemas import Origin, Word

_CONFIG_OPTIONS = (
    ("maxModelLen", "--max-model-len"),
    ("dtype", "--dtype"),
    ("tensorParallelSize", "--tensor-parallel-size"),
    ("pipelineParallelSize", "--pipeline-parallel-size"),
    ("maxNumSeqs", "--max-num-seqs"),
    ("gpuMemoryUtilization", "--gpu-memory-utilization"),
    ("maxLoras", "--max-loras"),
    ("runner", "--runner"),
    ("convert", "--convert"),
)
"""Keys of `vllmConfig` in the order of the template; only Ray's has `pipelineParallelSize`."""

_RAY_ONLY = frozenset({"pipelineParallelSize"})
_PLAIN_ONLY = frozenset({"runner", "convert"})
_DEFAULT_RESOURCE = "nvidia.com/gpu"


class _Spec(NamedTuple):
    """One item of `modelSpec`, with its `vllmConfig`."""

    values: Mapping
    config: Mapping | None
    on_ray: bool


def model_specs(root: Mapping) -> Sequence | None:
    """Return the models of a chart's values; `None` for values of another chart."""
    serving = root.get("servingEngineSpec")
    specs = serving.get("modelSpec") if isinstance(serving, Mapping) else None
    return specs if isinstance(specs, Sequence) else None


def engines(root: Mapping, specs: Sequence) -> Iterator[Engine]:
    """Yield the engine of each model."""
    serving = root.get("servingEngineSpec")
    shared = serving.get("env") if isinstance(serving, Mapping) else None
    for number, item in enumerate(specs):
        off = isinstance(item, Mapping) and item.get("enabled") is not None and not is_on(item.get("enabled"))
        if isinstance(item, Mapping) and not off and text_of(item.get("modelURL")) is not None:
            yield _engine(item, number, shared)


def _engine(item: Mapping, number: int, shared: Node | None) -> Engine:
    ray, config = item.get("raySpec"), item.get("vllmConfig")
    on_ray = isinstance(ray, Mapping) and is_on(ray.get("enabled"))
    spec = _Spec(item, config if isinstance(config, Mapping) else None, on_ray)
    name, url = item.get("name"), item.get("modelURL")
    launcher = tuple(text_at(word, item.span) for word in ("vllm", "serve"))
    model = () if url is None else (url,)
    return Engine(
        values=item,
        name=text_of(name) or f"model-{number + 1}",
        image=_image(item),
        command=(*launcher, *model, *_options(spec)),
        args=(),
        at=name.span if isinstance(name, Scalar) else None,
        environment=(*_own_variables(spec), *named_variables(shared), *named_variables(item.get("env"))),
        container=tuple(_resources(item)),
        settings=tuple(_selection(item)),
        grouped=on_ray,
    )


def _image(item: Mapping) -> Word | None:
    repository, tag = scalar_word(item.get("repository")), scalar_word(item.get("tag"))
    if repository is None or tag is None or not tag.text:
        return repository
    colon = Word.atomic(":", tag.site)
    return Word.join((repository, colon, tag), repository.site.cover(tag.site))


def _options(spec: _Spec) -> Iterator[Node]:
    """Yield the words behind the model."""
    item = spec.values
    if spec.on_ray:
        yield from (text_at(word, item.span) for word in ("--distributed-executor-backend", "ray"))
    for key, flag in (("enableLoRA", "--enable-lora"), ("enableTool", "--enable-auto-tool-choice")):
        entry = item.entry(key)
        if entry is not None and is_on(entry[1]):
            yield text_at(flag, entry[0].span)
    yield from _field(item, "toolCallParser", "--tool-call-parser")
    yield from _config_words(spec)
    yield from _field(item, "modelRevision", "--revision")
    yield from _transfer(spec)
    template = item.entry("chatTemplate")
    if template is not None and text_of(template[1]) is not None:
        reason = "the chart mounts the template"
        yield text_at("--chat-template", template[0].span)
        yield scalar_of(Word.unknown(reason, template[1].span))


def _field(item: Mapping, key: str, flag: str) -> Iterator[Node]:
    entry = item.entry(key)
    if entry is not None and text_of(entry[1]) is not None:
        yield from option(flag, *entry)


def _config_words(spec: _Spec) -> Iterator[Node]:
    """Yield the options of `vllmConfig`; the chart switches prefix caching off unless it is set."""
    config = spec.config
    if config is None:
        return
    yield from _switch(config, "enableChunkedPrefill", "chunked-prefill")
    if config.entry("enablePrefixCaching") is not None:
        yield from _switch(config, "enablePrefixCaching", "prefix-caching", negated=not spec.on_ray)
    elif not spec.on_ray:
        # The chart's own, so that the same among the extra arguments is no mistake.
        yield scalar_of(Word.atomic("--no-enable-prefix-caching", config.span, Origin.PLATFORM))
    left_out = _PLAIN_ONLY if spec.on_ray else _RAY_ONLY
    for key, flag in _CONFIG_OPTIONS:
        if key not in left_out:
            yield from _field(config, key, flag)
    extra = config.get("extraArgs")
    yield from extra if isinstance(extra, Sequence) else ()


def _switch(config: Mapping, key: str, name: str, negated: bool = True) -> Iterator[Node]:
    entry = config.entry(key)
    if entry is not None and is_on(entry[1]):
        yield text_at(f"--enable-{name}", entry[0].span)
    elif entry is not None and negated:
        yield text_at(f"--no-enable-{name}", entry[0].span)


def _transfer(spec: _Spec) -> Iterator[Node]:
    """Yield `--kv-transfer-config`, whose text the chart makes of several fields."""
    cache = spec.values.get("lmcacheConfig")
    entry = cache.entry("enabled") if isinstance(cache, Mapping) else None
    if entry is not None and is_on(entry[1]):
        yield text_at("--kv-transfer-config", entry[0].span)
        yield scalar_of(Word.unknown("the chart writes LMCache's settings", entry[0].span))


def _own_variables(spec: _Spec) -> Iterator[Node]:
    entry = None if spec.config is None or spec.on_ray else spec.config.entry("v0")
    if entry is not None and text_of(entry[1]) == "1":
        name, value = (text_at(text, entry[0].span) for text in ("VLLM_USE_V1", "0"))
        yield variable(spec.values, name, value)


def _resources(item: Mapping) -> Iterator[tuple[str, Node]]:
    """Yield the container's resources: those written out, else what `requestGPU` asks for."""
    written, count = item.get("resources"), item.get("requestGPU")
    if isinstance(written, Mapping) and is_on(written):
        yield "resources", written
    elif count is not None and is_on(count):
        kind = item.get("requestGPUType")
        resource = kind if isinstance(kind, Scalar) else text_at(_DEFAULT_RESOURCE, count.span)
        yield "resources", made_mapping(item, (("limits", item.with_entries(((resource, count),))),))


def _selection(item: Mapping) -> Iterator[tuple[str, Node]]:
    terms = item.get("nodeSelectorTerms")
    if isinstance(terms, Sequence) and len(terms):
        node: Node = terms
        for key in ("nodeSelectorTerms", "requiredDuringSchedulingIgnoredDuringExecution", "nodeAffinity"):
            node = made_mapping(item, ((key, node),))
        yield "affinity", node
    selector = item.get("nodeSelector")
    if isinstance(selector, Mapping):
        yield "nodeSelector", selector
