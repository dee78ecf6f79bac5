"""Endpoints that Python programs create: through Hugging Face, SageMaker, Vertex AI and RunPod."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from vllint.endpoint_fields import FIELDS
from vllint.sources.blank_words import words_at_blanks
from vllint.sources.commands import Script, Start, Surroundings, container_starts
from vllint.sources.deployments import Deployment, deployed, instance_claim, platform_card, whole_number
from vllint.sources.endpoint_parts import PLATFORM, accelerators, mounted_model
from vllint.sources.files import Found
from vllint.sources.platforms.sagemaker import sagemaker_server
from vllint.sources.python.commands import variables_of
from vllint.sources.python.flow import Flow, Site
from vllint.sources.python.values import Items, Table, Text, Value, text_word
from vllint_schemas import EntryPoint, HardwareClaim, Launch, Located, Origin, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_SAGEMAKER = frozenset({"Model", "HuggingFaceModel", "DJLModel", "LMIModel", "create_model"})
_ENDPOINT_CALLS = _SAGEMAKER | {
    "create_inference_endpoint",
    "upload",
    "deploy",
    "create_endpoint_config",
    "create_pod",
}
_UNKNOWN_MACHINE = Unknown("the program deploys on different machines")


def is_endpoint_call(flow: Flow, site: Site) -> bool:
    """Whether a call may create an endpoint or say which machine one runs on."""
    return flow.module.dotted(site.call.func).rpartition(".")[2] in _ENDPOINT_CALLS


def endpoint_launches(flow: Flow, site: Site, sites: Sequence[Site]) -> Found:
    """Yield the server of the endpoint that a call creates; `sites` are all calls of the program."""
    name = flow.module.dotted(site.call.func).rpartition(".")[2]
    if name == "create_inference_endpoint":
        yield from _hugging_face(flow, site)
    elif name in _SAGEMAKER:
        yield from _sagemaker(flow, site, sites)
    elif name == "upload":
        yield from _vertex(flow, site, sites)
    elif name == "create_pod":
        yield from _runpod(flow, site)


def _keywords(flow: Flow, site: Site) -> dict[str, Value]:
    return {
        keyword.arg: flow.evaluator.value(keyword.value, site.state)
        for keyword in site.call.keywords
        if keyword.arg is not None
    }


def _list(value: Value | None) -> tuple[Word, ...]:
    return value.words if isinstance(value, Items) else ()


def _named(site: Site, fallback: str) -> str:
    return site.inside[0].name if site.inside else fallback


def _variables(flow: Flow, value: Value | None) -> tuple[Variable, ...]:
    return tuple(variables_of(flow, value)) if isinstance(value, Table) else ()


def _hugging_face(flow: Flow, site: Site) -> Found:
    given = _keywords(flow, site)
    image, repository = given.get("custom_image"), text_word(given.get("repository"))
    if not isinstance(image, Table) or repository is None:
        return
    engine = image.get("vLLM")
    custom = image.get("custom")
    inner = next((part for part in (engine, custom) if isinstance(part, Table)), image)
    deployment = Deployment(
        path=flow.module.path,
        name=_endpoint_name(flow, site, given),
        kind="python",
        extent=flow.module.span(site.call),
        hardware=_hugging_face_machine(given),
        environment=(*_variables(flow, inner.get("env")), *_variables(flow, given.get("env"))),
        image=text_word(inner.get("url")),
    )
    args = _list(given.get("container_args"))
    around = deployment.surroundings
    if isinstance(engine, Table):
        words = (repository, *_fields(engine), *args)
        found: Iterator[Start | Script] = iter((Start(EntryPoint.SERVE, words, repository.site, around),))
    else:
        command = _list(given.get("container_command"))
        found = container_starts(command or None, args, around, repository.site)
    for launch in deployed(deployment, found):
        if isinstance(launch, Launch):
            argv = tuple(mounted_model(word, repository) for word in launch.argv)
            yield launch._replace(argv=argv, platform=PLATFORM if isinstance(engine, Table) else None)
        else:
            yield launch


def _endpoint_name(flow: Flow, site: Site, given: dict[str, Value]) -> str:
    first = flow.evaluator.value(site.call.args[0], site.state) if site.call.args else given.get("name")
    word = text_word(first)
    return word.text if word is not None and word.is_known and word.text else "endpoint"


def _fields(engine: Table) -> Iterator[Word]:
    for name, value, span in engine.entries:
        if name in FIELDS and isinstance(value, Text):
            yield Word.atomic(FIELDS[name], span)
            yield value.word


def _hugging_face_machine(given: dict[str, Value]) -> HardwareClaim:
    kind, size = text_word(given.get("instance_type")), text_word(given.get("instance_size"))
    vendor = text_word(given.get("vendor"))
    if kind is None or size is None or not kind.is_known or not size.is_known:
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    number = accelerators(size)
    count = Located(int(number.text), number.span) if number.is_known else Unknown(number.reason)
    instance = Located(f"{kind.text} {size.text}", kind.span, kind.origin, kind.via)
    provider = vendor.text if vendor is not None and vendor.is_known else None
    return HardwareClaim(NO_GPU_CLAIM, count, instance, provider)


def _sagemaker(flow: Flow, site: Site, sites: Sequence[Site]) -> Found:
    given = _keywords(flow, site)
    container = given.get("PrimaryContainer")
    environment, image = given.get("env"), text_word(given.get("image_uri"))
    if isinstance(container, Table):
        environment, image = container.get("Environment"), text_word(container.get("Image"))
    variables = _variables(flow, environment)
    machine = _agreed(_machines(flow, sites, "instance_type", "InstanceType"), "aws")
    server = sagemaker_server(variables, image, machine)
    if server is None or not server.argv:
        return
    deployment = Deployment(
        path=flow.module.path,
        name=_named(site, "model"),
        kind="python",
        extent=flow.module.span(site.call),
        hardware=server.hardware,
        environment=variables,
        image=image,
    )
    start = Start(server.entry_point, server.argv, server.argv[0].site, deployment.surroundings)
    yield from deployed(deployment, (start,))


def _machines(flow: Flow, sites: Sequence[Site], keyword: str, key: str) -> Iterator[Word]:
    """Yield the machines that the program's calls name: as a keyword, or in a list of variants."""
    for site in sites:
        deploys = flow.module.dotted(site.call.func).endswith("deploy")
        for argument in site.call.keywords:
            if argument.arg == keyword and deploys:
                word = text_word(flow.evaluator.value(argument.value, site.state))
                yield word or Word.unknown("the machine is computed", flow.module.span(argument))
            elif argument.arg == "ProductionVariants" and isinstance(argument.value, ast.List):
                for variant in argument.value.elts:
                    table = flow.evaluator.value(variant, site.state)
                    word = text_word(table.get(key)) if isinstance(table, Table) else None
                    yield word or Word.unknown("the machine is computed", flow.module.span(argument))


def _agreed(machines: Iterator[Word], provider: str) -> HardwareClaim:
    found = list(machines)
    if not found:
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    if len({word.text for word in found}) > 1:
        return HardwareClaim(_UNKNOWN_MACHINE, _UNKNOWN_MACHINE)
    return instance_claim(found[0], provider)


def _vertex(flow: Flow, site: Site, sites: Sequence[Site]) -> Found:
    given = _keywords(flow, site)
    if "serving_container_image_uri" not in given:
        return
    deployment = Deployment(
        path=flow.module.path,
        name=_named(site, "model"),
        kind="python",
        extent=flow.module.span(site.call),
        hardware=_vertex_machine(flow, sites),
        environment=_variables(flow, given.get("serving_container_environment_variables")),
        image=text_word(given.get("serving_container_image_uri")),
    )
    command = _list(given.get("serving_container_command"))
    args = _list(given.get("serving_container_args"))
    around: Surroundings = deployment.surroundings
    yield from deployed(deployment, container_starts(command or None, args, around, deployment.extent))


def _vertex_machine(flow: Flow, sites: Sequence[Site]) -> HardwareClaim:
    """Return the cards of the `deploy` calls, where these agree."""
    claims: list[HardwareClaim] = []
    for site in sites:
        given = _keywords(flow, site) if flow.module.dotted(site.call.func).endswith("deploy") else {}
        card, machine = text_word(given.get("accelerator_type")), text_word(given.get("machine_type"))
        if card is not None:
            count = text_word(given.get("accelerator_count"))
            claims.append(HardwareClaim(platform_card(card, "gcp"), whole_number(count)))
        elif machine is not None:
            claims.append(instance_claim(machine, "gcp"))
    shown = {(str(claim.gpu), str(claim.gpu_count)) for claim in claims}
    if not claims:
        return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
    return claims[0] if len(shown) == 1 else HardwareClaim(_UNKNOWN_MACHINE, _UNKNOWN_MACHINE)


def _runpod(flow: Flow, site: Site) -> Found:
    """Yield what `runpod.create_pod` starts; `docker_args` are the words behind the image."""
    given = _keywords(flow, site)
    image, card = text_word(given.get("image_name")), text_word(given.get("gpu_type_id"))
    if image is None:
        return
    count = whole_number(text_word(given.get("gpu_count"))) if "gpu_count" in given else _one(flow, site)
    deployment = Deployment(
        path=flow.module.path,
        name=_named(site, "pod"),
        kind="python",
        extent=flow.module.span(site.call),
        hardware=HardwareClaim(NO_GPU_CLAIM if card is None else platform_card(card, "runpod"), count),
        environment=_variables(flow, given.get("env")),
        image=image,
    )
    words = _text_words(text_word(given.get("docker_args")))
    yield from deployed(deployment, container_starts(None, words, deployment.surroundings, image.site))


def _one(flow: Flow, site: Site) -> Located[int]:
    """Return the one GPU that a pod gets unless it is told otherwise."""
    return Located(1, flow.module.span(site.call), Origin.PLATFORM)


def _text_words(text: Word | None) -> tuple[Word, ...]:
    """Return the words of a text, of one with quotes none that are known."""
    if text is None:
        return ()
    if set(text.text) & set("'\"\\"):
        return (Word.unknown("a text is taken apart as the platform does", text.site, splits=True),)
    return tuple(words_at_blanks(text))
