"""Ray Serve LLM: `LLMConfig`s in Serve's configuration files, or in a file of their own.

Fields of `ray/llm/_internal/serve/core/configs/llm_config.py` (Ray 2.60): `engine_kwargs` are vLLM's engine
arguments under their Python names; Ray gives each replica the GPUs that these need.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.deployments import mapped_variables, platform_card
from vllint.sources.files import Document, Found
from vllint.sources.kubernetes.fields import below, mappings_in, text_at
from vllint.sources.ray.arguments import engine_words
from vllint.sources.ray.builders import applications, release_of
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint.vllm.version import image_version
from vllint_schemas import EntryPoint, HardwareClaim, Launch, Located, Origin, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_GPU_CLAIM

_ARGUMENTS = ("llm_config", "prefill_config", "decode_config", "config")
"""Arguments of Ray's builders that hold one `LLMConfig`."""

_WORKERS = ("compute_config", "worker_nodes")
_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")


class _Server(NamedTuple):
    """An `LLMConfig`, and the variables of the application around it."""

    config: Mapping
    variables: tuple[Variable, ...] = ()


def recognises(root: Node) -> bool:
    """Whether a document starts vLLM through Ray Serve."""
    return any(True for _ in serve_launches(root))


def launches(document: Document) -> Found:
    """Yield the launches of a document."""
    yield from serve_launches(document.root)


def serve_launches(root: Node) -> Iterator[Launch]:
    """Yield a launch for each `LLMConfig` of a document whose engine is vLLM, and for other applications."""
    for server in _servers(root):
        launch = _server_launch(server)
        if launch is not None:
            yield _on_anyscale(launch, root)
    yield from (_on_anyscale(launch, root) for launch in applications(root))


def _on_anyscale(launch: Launch, root: Node) -> Launch:
    """Return the launch with the image, and the one kind of workers, that an Anyscale service names."""
    image = scalar_word(below(root, "image_uri"))
    if image is not None:
        release = launch.vllm_version
        version = release if isinstance(release, Located) else image_version(image)
        launch = launch._replace(image=image, vllm_version=version)
    kinds = [scalar_word(one.get("instance_type")) for one in mappings_in(below(root, *_WORKERS))]
    only = kinds[0] if len(kinds) == 1 else None
    if only is None or not only.is_known:
        return launch
    return launch._replace(hardware=launch.hardware._replace(instance=Located(only.text, only.span)))


def _servers(root: Node) -> Iterator[_Server]:
    """Yield the `LLMConfig`s of a document: the document itself, or arguments of its applications."""
    if not isinstance(root, Mapping):
        return
    if isinstance(root.get("model_loading_config"), Mapping):
        yield _Server(root)
        return
    yield from (_Server(config) for config in _configs(root))
    for application in mappings_in(root.get("applications")):
        variables = mapped_variables(below(application, "runtime_env", "env_vars"))
        yield from (_Server(config, variables) for config in _configs(application.get("args")))


def _configs(arguments: Node | None) -> Iterator[Mapping]:
    if not isinstance(arguments, Mapping):
        return
    candidates: list[Node | None] = [
        *mappings_in(arguments.get("llm_configs")),
        *(arguments.get(name) for name in _ARGUMENTS),
    ]
    for candidate in candidates:
        if isinstance(candidate, Mapping) and isinstance(candidate.get("model_loading_config"), Mapping):
            yield candidate


def _server_launch(server: _Server) -> Launch | None:
    """Return the launch of an `LLMConfig`; `None` when its engine is not vLLM."""
    config = server.config
    engine = text_at(config, "llm_engine")
    if engine and engine.lower() != "vllm":
        return None
    named = below(config, "model_loading_config", "model_id")
    environment = config.get("runtime_env")
    return Launch(
        path=config.span.path,
        name=named.value if isinstance(named, Scalar) else "llm",
        kind="ray_serve",
        extent=config.span,
        at=named.span if isinstance(named, Scalar) else config.span,
        entry_point=EntryPoint.SERVE,
        argv=tuple(_argv(config)),
        hardware=HardwareClaim(_card(config), _gpus(config)),
        vllm_version=release_of(environment),
        env=server.variables + mapped_variables(below(environment, "env_vars")),
    )


def _argv(config: Mapping) -> Iterator[Word]:
    """Yield the model, then the engine's arguments."""
    yield _model(config)
    arguments = config.get("engine_kwargs")
    given = arguments if isinstance(arguments, Mapping) else None
    if given is None or given.get("distributed_executor_backend") is None:
        place = (config if given is None else given).span
        at = Span(place.path, place.start, place.start)
        yield Word.atomic("--distributed-executor-backend", at, Origin.PLATFORM)
        yield Word.atomic("ray", at, Origin.PLATFORM)
    if given is not None:
        yield from engine_words(given)


def _model(config: Mapping) -> Word:
    source = below(config, "model_loading_config", "model_source")
    word = scalar_word(source)
    if isinstance(source, Scalar) and source.resolved() is None:
        source = word = None
    if source is not None and word is None:
        return Word.unknown("the model comes from a bucket", source.span)
    found = word if word is not None else scalar_word(below(config, "model_loading_config", "model_id"))
    if found is None:
        return Word.unknown("`model_loading_config` names no model", config.span)
    if "://" in found.text:
        return Word.unknown(f"the model comes from `{found.text}`", found.site)
    return replace(found, slot=None)


def _card(config: Mapping) -> Located[str] | Unknown:
    word = scalar_word(config.get("accelerator_type"))
    return NO_GPU_CLAIM if word is None else platform_card(word, "ray")


def _gpus(config: Mapping) -> Located[int] | Unknown:
    """Return the GPUs of a replica: those that its bundles name, else one for each rank."""
    bundles = below(config, "placement_group_config", "bundles")
    if isinstance(bundles, Sequence):
        return _bundled(bundles)
    for field in ("placement_group_config", "accelerator_config", "resources_per_bundle"):
        if config.get(field) is not None:
            return Unknown(f"`{field}` says what a replica gets")
    needed = 1
    for name in _SIZES:
        size = scalar_word(below(config, "engine_kwargs", name))
        if size is None:
            continue
        if not size.is_known or not size.text.isdecimal():
            return Unknown(size.reason or f"`{name}` is no number")
        needed *= int(size.text)
    at = below(config, "engine_kwargs") or config
    return Located(needed, at.span, Origin.PLATFORM) if needed else Unknown("a size is 0")


def _bundled(bundles: Sequence) -> Located[int] | Unknown:
    total = 0.0
    for bundle in mappings_in(bundles):
        amount = scalar_word(bundle.get("GPU"))
        try:
            total += 0.0 if amount is None else float(amount.text)
        except ValueError:
            return Unknown("a bundle's `GPU` is no number")
    if total < 1 or total != int(total):
        return Unknown("the bundles hold parts of GPUs")
    return Located(int(total), bundles.span)
