"""KubeAI's Model: the operator starts vLLM's server with its `args` (`modelcontroller/engine_vllm.go`)."""

from __future__ import annotations

from dataclasses import replace

from vllint.sources.deployments import mapped_variables
from vllint.sources.files import Document, Found
from vllint.sources.kserve.models import hub_model
from vllint.sources.kubernetes.fields import below, text_at
from vllint.sources.kubernetes.pods import name_of
from vllint.sources.yaml_words import scalar_word, scalar_words
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint.vllm.version import image_version
from vllint_schemas import EntryPoint, HardwareClaim, Launch, Located, Origin, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_PROVIDER = "kubeai"


def launches(resource: Mapping, document: Document) -> Found:
    """Yield the launch of a model whose engine is vLLM."""
    spec = resource.get("spec")
    if not isinstance(spec, Mapping) or text_at(spec, "engine") != "VLLM":
        return
    name, url = below(resource, "metadata", "name"), scalar_word(spec.get("url"))
    image = scalar_word(spec.get("image"))
    args = spec.get("args")
    yield Launch(
        path=resource.span.path,
        name=name_of(resource),
        kind="kubernetes",
        extent=resource.span,
        at=name.span if isinstance(name, Scalar) else spec.span,
        entry_point=EntryPoint.API_SERVER,
        argv=(*_model(url, spec), *(scalar_words(args) if isinstance(args, Sequence) else ())),
        hardware=resource_profile(spec.get("resourceProfile")),
        vllm_version=Unknown("KubeAI chooses the image") if image is None else image_version(image),
        env=mapped_variables(spec.get("env")),
        image=image,
    )


def _model(url: Word | None, spec: Mapping) -> tuple[Word, Word]:
    found = hub_model(url)
    site = spec.span if url is None else url.site
    option = Word.atomic("--model", site, Origin.PLATFORM)
    if found is not None:
        return option, replace(found.name.slice(0, _end(found.name.text)), slot=None)
    reason = "the model has no `url`" if url is None else f"the model comes from `{url.text}`"
    return option, Word.unknown(reason, site)


def _end(name: str) -> int:
    """Return where a model's name ends: parameters of a `url` follow behind `?`."""
    return name.find("?") if "?" in name else len(name)


def resource_profile(node: Node | None) -> HardwareClaim:
    """Read `NAME:COUNT`: so many times what the profile asks for, one GPU for those of KubeAI's chart."""
    profile = scalar_word(node)
    if profile is None:
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    if not profile.is_known:
        return HardwareClaim(Unknown(profile.reason), Unknown(profile.reason))
    name, _, count = profile.text.partition(":")
    if name == "cpu":
        return HardwareClaim(Unknown("the profile is of machines without a GPU"), NO_COUNT_CLAIM)
    from vllint.hardware.instances import find_instance

    found = find_instance(profile.text, _PROVIDER)
    if isinstance(found, Unknown):
        unknown = Unknown(f"what the profile `{name}` asks for is set where KubeAI is installed")
        return HardwareClaim(unknown, unknown)
    instance = Located(profile.text, profile.span, profile.origin, profile.via)
    number = profile.slice(len(name) + 1) if count else profile
    return HardwareClaim(
        NO_GPU_CLAIM, Located(found.gpu_count, number.span, Origin.PLATFORM), instance, _PROVIDER
    )
