"""Ray's engines in Python programs.

`LLMConfig(...)` of Ray Serve LLM takes what its configuration files hold; `vLLMEngineProcessorConfig(...)` of
Ray Data builds an engine for each worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.deployments import installed_release, platform_card
from vllint.sources.files import Found
from vllint.sources.python.commands import variables_of
from vllint.sources.python.engines import engine_launch, keyword_value, table_options
from vllint.sources.python.flow import Flow, Site
from vllint.sources.python.values import Constant, Items, Table, Text, Value, text_word
from vllint_schemas import EntryPoint, HardwareClaim, Launch, Located, Origin, Span, Unknown, Word
from vllint_schemas.launch import NO_GPU_CLAIM

_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
_BUNDLES = ("placement_group_config", "accelerator_config", "resources_per_bundle")


def ray_launches(flow: Flow, site: Site) -> Found:
    """Yield the engine that a call of Ray's stands for, if it stands for one."""
    package, _, last = flow.module.dotted(site.call.func).rpartition(".")
    if not package.startswith("ray."):
        return
    if last == "vLLMEngineProcessorConfig":
        yield engine_launch(flow, site, EntryPoint.LLM, tuple(_processor_words(flow, site)))
    elif last == "LLMConfig":
        yield from _server(flow, site)


def _processor_words(flow: Flow, site: Site) -> Iterator[Word]:
    for keyword in site.call.keywords:
        if keyword.arg == "model_source":
            yield keyword_value(flow, site, keyword.value)
    yield from _engine_words(flow, site)


def _engine_words(flow: Flow, site: Site) -> Iterator[Word]:
    for keyword in site.call.keywords:
        if keyword.arg == "engine_kwargs":
            table = flow.evaluator.value(keyword.value, site.state)
            span = flow.module.span(keyword)
            if isinstance(table, Table):
                yield from table_options(flow, table)
            if not isinstance(table, Table) or table.open:
                yield Word.unknown("the engine's arguments are not written here", span, splits=True)


def _server(flow: Flow, site: Site) -> Iterator[Launch]:
    """Yield the server of an `LLMConfig`, unless its engine is another than vLLM."""
    given = {
        keyword.arg: flow.evaluator.value(keyword.value, site.state)
        for keyword in site.call.keywords
        if keyword.arg is not None
    }
    engine = text_word(given.get("llm_engine"))
    if engine is not None and engine.text.lower() != "vllm":
        return
    model = _model(given.get("model_loading_config"), flow.module.span(site.call))
    if model is None:
        return
    arguments = given.get("engine_kwargs")
    launch = engine_launch(
        flow, site, EntryPoint.SERVE, (model, *_executor(arguments, model), *_engine_words(flow, site))
    )
    card = text_word(given.get("accelerator_type"))
    environment = given.get("runtime_env")
    own = environment.get("env_vars") if isinstance(environment, Table) else None
    release = _installed(environment)
    yield launch._replace(
        name="llm",
        hardware=HardwareClaim(
            NO_GPU_CLAIM if card is None else platform_card(card, "ray"), _gpus(given, arguments, launch.at)
        ),
        env=(*launch.env, *(variables_of(flow, own) if isinstance(own, Table) else ())),
        vllm_version=release if isinstance(release, Located) else launch.vllm_version,
    )


def _model(loading: Value | None, at: Span) -> Word | None:
    """Return what `model_loading_config` serves; `None` where the call has none that says."""
    if not isinstance(loading, Table):
        return None if loading is None else Word.unknown("`model_loading_config` is not written here", at)
    source = loading.get("model_source")
    if isinstance(source, Constant):
        source = None
    if source is not None and not isinstance(source, Text):
        return Word.unknown(
            "the model comes from a bucket" if isinstance(source, Table) else _why(source), at
        )
    found = text_word(source) or text_word(loading.get("model_id"))
    if found is None:
        return Word.unknown(_why(loading.get("model_id")), at)
    if "://" in found.text:
        return Word.unknown(f"the model comes from `{found.text}`", found.site)
    return replace(found, slot=None)


def _why(value: Value | None) -> str:
    return getattr(value, "reason", "") or "`model_loading_config` names no model"


def _executor(arguments: Value | None, model: Word) -> Iterator[Word]:
    """Yield what Ray adds unless the arguments say otherwise."""
    if isinstance(arguments, Table) and arguments.get("distributed_executor_backend") is not None:
        return
    at = Span(model.site.path, model.site.end, model.site.end)
    yield Word.atomic("--distributed-executor-backend", at, Origin.PLATFORM)
    yield Word.atomic("ray", at, Origin.PLATFORM)


def _gpus(given: dict[str, Value], arguments: Value | None, at: Span) -> Located[int] | Unknown:
    """Return the GPUs of a replica: one for each rank, unless the program says what a replica gets."""
    for field in _BUNDLES:
        if field in given:
            return Unknown(f"`{field}` says what a replica gets")
    if arguments is not None and (not isinstance(arguments, Table) or arguments.open):
        return Unknown("the engine's arguments are not written here")
    needed = 1
    for name in _SIZES:
        size = arguments.get(name) if isinstance(arguments, Table) else None
        if size is None:
            continue
        if not isinstance(size, Text) or not size.word.is_known or not size.word.text.isdecimal():
            return Unknown(
                _why(size) if not isinstance(size, Text) else size.word.reason or "a size is no number"
            )
        needed *= int(size.word.text)
    return Located(needed, at, Origin.PLATFORM) if needed else Unknown("a size is 0")


def _installed(environment: Value | None) -> Located[str] | Unknown:
    """Return the release that a Ray runtime environment installs."""
    packages = environment.get("pip") if isinstance(environment, Table) else None
    if isinstance(packages, Table):
        packages = packages.get("packages")
    return installed_release(*(packages.words if isinstance(packages, Items) else ()))
