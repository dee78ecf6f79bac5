"""GPUStack's models: catalogues and bodies of `POST /v2/models` (`gpustack/schemas/models.py` of 2.3.0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.commands import Script, Start
from vllint.sources.deployments import Deployment, deployed, mapped_variables, text_of, whole_number
from vllint.sources.files import Document, Found
from vllint.sources.yaml_words import scalar_word, scalar_words
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import EntryPoint, HardwareClaim, Located, Origin, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_SOURCES = ("huggingface_repo_id", "model_scope_model_id", "local_path")
_SPREADING = ("--tensor-p", "-tp", "--data-parallel-size", "-dp", "--pipeline-p", "-pp")


class _Spec(NamedTuple):
    name: str
    body: Mapping


def recognises(root: Node) -> bool:
    """Whether a document is a catalogue or a model."""
    return any(True for _ in _specs(root))


def launches(document: Document) -> Found:
    """Yield the server of each model that vLLM runs."""
    for spec in _specs(document.root):
        if text_of(spec.body.get("backend"), "vLLM").lower() != "vllm":
            continue
        yield from _launches(document, spec)


def _specs(root: Node) -> Iterator[_Spec]:
    """Yield the specifications of a document: a model, a list of them, or a catalogue's sets."""
    if isinstance(root, Sequence):
        for item in root:
            yield from _specs(item)
    if not isinstance(root, Mapping):
        return
    sets = root.get("model_sets")
    for one in sets if isinstance(sets, Sequence) else ():
        specs = one.get("specs") if isinstance(one, Mapping) else None
        for spec in specs if isinstance(specs, Sequence) else ():
            if isinstance(one, Mapping) and isinstance(spec, Mapping) and _is_spec(spec):
                yield _Spec(text_of(spec.get("name"), text_of(one.get("name"), "model")), spec)
    if sets is None and _is_spec(root):
        yield _Spec(text_of(root.get("name"), "model"), root)


def _is_spec(node: Mapping) -> bool:
    has_source = any(node.get(key) is not None for key in _SOURCES)
    return has_source and any(
        node.get(key) is not None for key in ("backend", "backend_parameters", "source")
    )


def _launches(document: Document, spec: _Spec) -> Found:
    body = spec.body
    hardware = _hardware(body)
    deployment = Deployment(
        path=document.file.path,
        name=spec.name,
        kind="gpustack",
        extent=body.span,
        hardware=hardware,
        environment=mapped_variables(body.get("env")),
        image=scalar_word(body.get("image_name")),
        release=_release(body),
    )
    command = scalar_word(body.get("run_command"))
    if command is not None and command.text.strip():
        yield from deployed(deployment, (Script(command, deployment.surroundings),))
        return
    model = next((word for key in _SOURCES if (word := scalar_word(body.get(key))) is not None), None)
    if model is None:
        return
    argv = (model, *_parameters(body), *_automatic(body, hardware))
    start = Start(EntryPoint.SERVE, argv, model.site, deployment.surroundings)
    yield from deployed(deployment, (start,))


def _parameters(body: Mapping) -> tuple[Word, ...]:
    listed = body.get("backend_parameters")
    return scalar_words(listed) if isinstance(listed, Sequence) else ()


def _automatic(body: Mapping, hardware: HardwareClaim) -> Iterator[Word]:
    """Yield the layout that GPUStack chooses: the tensor parallel size is the number of cards given."""
    if any(word.text.replace("_", "-").startswith(_SPREADING) for word in _parameters(body)):
        return
    count = hardware.gpu_count
    if isinstance(count, Located) and count.span is not None:
        yield Word.atomic("--tensor-parallel-size", count.span, Origin.PLATFORM)
        yield Word.atomic(str(count.value), count.span, Origin.PLATFORM)
    else:
        reason = count.reason if isinstance(count, Unknown) else "the cards are not listed"
        yield Word.unknown(f"GPUStack chooses the layout: {reason}", body.span, splits=True)


def _release(body: Mapping) -> Located[str] | Unknown:
    version = scalar_word(body.get("backend_version"))
    if version is None or not version.text:
        return Unknown("the file does not name a vLLM release")
    start = 1 if version.text.startswith("v") else 0
    part = version.slice(start)
    return Located(part.text, part.text_span)


def _hardware(body: Mapping) -> HardwareClaim:
    """Return how many cards `gpu_selector` gives one replica."""
    selector = body.get("gpu_selector")
    if not isinstance(selector, Mapping):
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    each = selector.get("gpus_per_replica")
    if isinstance(each, Scalar) and each.resolved() is not None:
        return HardwareClaim(NO_GPU_CLAIM, whole_number(scalar_word(each)))
    ids = selector.get("gpu_ids")
    replicas = text_of(body.get("replicas"), "1")
    if isinstance(ids, Sequence) and len(ids) and replicas == "1":
        return HardwareClaim(NO_GPU_CLAIM, Located(len(ids), ids.span))
    return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
