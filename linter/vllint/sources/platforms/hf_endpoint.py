"""Hugging Face Inference Endpoints: create payloads and `hf endpoints describe` dumps, YAML or JSON.

Fields as `huggingface_hub` 2.4.0 sends them; `maxNumSeqs`, `maxNumBatchedTokens` and `kvCacheDtype` appear
in the product's form, their names in the API are not confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from vllint.endpoint_fields import FIELDS
from vllint.sources.commands import Script, Start, Surroundings, container_starts
from vllint.sources.endpoint_parts import PLATFORM, accelerators, mounted_model
from vllint.sources.files import Document, Found
from vllint.sources.shell import inner_script_starts
from vllint.sources.yaml_words import listed_words, scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint.vllm.version import image_version
from vllint_schemas import (
    Edit,
    EntryPoint,
    HardwareClaim,
    Launch,
    Located,
    Origin,
    Slot,
    SlotKind,
    SourceProblem,
    Unknown,
    Variable,
    Word,
)

_PLAIN_FIELDS = frozenset({"url", "port", "healthRoute", "credentials", *FIELDS})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def recognises(root: Node) -> bool:
    """Whether a document is a payload, or a list of some."""
    return any(True for _ in _payloads(root))


def launches(document: Document) -> Found:
    """Yield the launch of each payload whose engine is vLLM."""
    for payload in _payloads(document.root):
        yield from _misspelt_engine(payload)
        launch = _launch(payload)
        if launch is not None:
            yield launch


def _payloads(root: Node) -> Iterator[Mapping]:
    """Yield the payloads in a document: the document itself, or the items of its list.

    The API lists endpoints as `{"items": [...]}`.
    """
    if isinstance(root, Mapping) and _is_payload(root):
        yield root
        return
    listed = root.get("items") if isinstance(root, Mapping) else None
    root = root if listed is None else listed
    if isinstance(root, Sequence):
        for item in root:
            if isinstance(item, Mapping) and _is_payload(item):
                yield item


def _is_payload(node: Mapping) -> bool:
    compute, model = node.get("compute"), node.get("model")
    if not isinstance(compute, Mapping) or not isinstance(model, Mapping):
        return False
    return compute.get("instanceType") is not None and model.get("image") is not None


def _engine_entry(model: Mapping) -> tuple[Scalar, Node] | None:
    """Return the key of the image that is vLLM's, whatever its case, and the image."""
    image = model.get("image")
    for key, value in image.items() if isinstance(image, Mapping) else ():
        if isinstance(key, Scalar) and key.value.lower() == "vllm":
            return key, value
    return None


def _misspelt_engine(payload: Mapping) -> Iterator[SourceProblem]:
    """Yield a problem for `vllm`: the API tells its engines apart by case."""
    model = payload.get("model")
    entry = _engine_entry(model) if isinstance(model, Mapping) else None
    if entry is None or entry[0].value == "vLLM":
        return
    place = entry[0].word().text_span or entry[0].span
    message = f"the platform has no image `{entry[0].value}`: the engine is spelled `vLLM`"
    yield SourceProblem("not_parsed", message, place, (Edit(place, "vLLM"),))


def _ignored_fields(image: Mapping, is_engine: bool) -> Iterator[Located[str]]:
    """Yield the image's fields that are vLLM's options by another name: the API drops fields it has not."""
    from vllint.vllm.options import releases_with

    for key, value in image.items():
        if not isinstance(key, Scalar) or (isinstance(value, Scalar) and value.resolved() is None):
            continue
        if key.value in _PLAIN_FIELDS and (is_engine or key.value not in FIELDS):
            continue
        flag = "--" + _HUMP.sub("-", key.value).replace("_", "-").lower()
        if releases_with(flag):
            yield Located(key.value, key.span)


def _launch(payload: Mapping) -> Launch | None:
    """Return the launch of a payload; `None` when its engine is not vLLM."""
    compute, model = payload.get("compute"), payload.get("model")
    if not isinstance(compute, Mapping) or not isinstance(model, Mapping):
        return None
    image_union = model.get("image")
    if not isinstance(image_union, Mapping):
        return None
    entry = _engine_entry(model)
    engine = entry[1] if entry is not None else None
    custom = image_union.get("custom") or image_union
    image = engine if isinstance(engine, Mapping) else custom
    if not isinstance(image, Mapping):
        return None
    url = scalar_word(image.get("url"))
    hardware = _hardware(payload, compute)
    surroundings = Surroundings(tuple(_variables(model.get("env"))), hardware.gpu_count, url)
    start = _start(model, engine, url, surroundings, compute)
    if start is None:
        return None
    name, repository = payload.get("name"), scalar_word(model.get("repository"))
    return Launch(
        path=payload.span.path,
        name=name.value if isinstance(name, Scalar) else "endpoint",
        kind="hf_endpoint",
        extent=payload.span,
        at=start.at,
        entry_point=start.entry_point,
        argv=tuple(mounted_model(word, repository) for word in start.argv),
        hardware=hardware,
        vllm_version=image_version(url),
        env=surroundings.environment,
        image=url,
        platform=PLATFORM if isinstance(engine, Mapping) else None,
        ignored_fields=tuple(_ignored_fields(image, isinstance(engine, Mapping))),
    )


def _start(
    model: Mapping, engine: Node | None, url: Word | None, surroundings: Surroundings, compute: Mapping
) -> Start | None:
    """Return what the endpoint starts: the platform's own words, then `args`."""
    command, args = listed_words(model.get("command")), listed_words(model.get("args"))
    repository = scalar_word(model.get("repository"))
    at = repository.site if repository is not None else model.span
    if isinstance(engine, Mapping) and not command:
        argv = (repository,) if repository is not None else ()
        return Start(
            EntryPoint.SERVE, argv + tuple(_field_words(engine, args, compute)) + args, at, surroundings
        )
    found = next(container_starts(command or None, args, surroundings, at), None)
    return _script_start(found) if isinstance(found, Script) else found


def _script_start(script: Script) -> Start | None:
    """Return the first server that a shell's text starts."""
    found = next(inner_script_starts(script), None)
    return None if found is None or found.broken else found.start


def _field_words(engine: Mapping, args: tuple[Word, ...], compute: Mapping) -> Iterator[Word]:
    """Yield the options that the image's fields stand for."""
    for key, value in engine.items():
        if isinstance(key, Scalar) and isinstance(value, Scalar) and value.resolved() is not None:
            option = FIELDS.get(key.value)
            if option is not None:
                yield Word.atomic(option, key.span)
                yield value.word()
    size = compute.get("instanceSize")
    if _sets_tensor_parallel(engine, args) or not isinstance(size, Scalar):
        return
    yield Word.atomic(FIELDS["tensorParallelSize"], size.span, Origin.PLATFORM)
    null = engine.get("tensorParallelSize")
    slot = Slot(SlotKind.FIELD, null.span) if isinstance(null, Scalar) else None
    yield replace(accelerators(size.word()), origin=Origin.PLATFORM, slot=slot)


def _sets_tensor_parallel(engine: Mapping, args: tuple[Word, ...]) -> bool:
    """Whether the payload itself says how the model is spread over the instance."""
    for field in ("tensorParallelSize", "dataParallelSize"):
        value = engine.get(field)
        if isinstance(value, Scalar) and value.resolved() is not None:
            return True
    return any(word.text.replace("_", "-").startswith(_SPREADING) for word in args)


_SPREADING = ("--tensor-p", "-tp", "--data-parallel-size", "-dp", "--pipeline-p", "-pp")
"""How the options begin that say how a model is spread."""


def _hardware(payload: Mapping, compute: Mapping) -> HardwareClaim:
    provider = payload.get("provider")
    vendor = provider.get("vendor") if isinstance(provider, Mapping) else None
    kind, size = scalar_word(compute.get("instanceType")), scalar_word(compute.get("instanceSize"))
    count: Located[int] | Unknown = Unknown("the payload has no `instanceSize`")
    instance: Located[str] | None = None
    if size is not None:
        number = accelerators(size)
        count = Located(int(number.text), number.span) if number.is_known else Unknown(number.reason)
    if kind is not None:
        name = f"{kind.text} {size.text}" if size is not None else kind.text
        instance = Located(name, kind.span)
    return HardwareClaim(
        gpu=Unknown("the instance type is looked up"),
        gpu_count=count,
        instance=instance,
        provider=vendor.value if isinstance(vendor, Scalar) else None,
    )


def _variables(node: Node | None) -> Iterator[Variable]:
    if not isinstance(node, Mapping):
        return
    for key, value in node.items():
        if isinstance(key, Scalar) and isinstance(value, Scalar):
            yield Variable(key.value, value.word())
