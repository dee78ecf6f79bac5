"""KServe's LLMInferenceService, and the LLMInferenceServiceConfig that its `baseRefs` name.

Without a command of its own the container `main` runs KServe's preset (`config/llmisvcconfig/*.yaml`):
`vllm serve /mnt/models`, options for `parallelism`, `$VLLM_ADDITIONAL_ARGS`, then the container's `args`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.files import Document, Found
from vllint.sources.kserve.models import FOLDER, hub_model, naming
from vllint.sources.kserve.runtimes import with_names
from vllint.sources.kubernetes.cluster import Cluster, find_all
from vllint.sources.kubernetes.container import namespace_of
from vllint.sources.kubernetes.fields import below, mappings_in, text_at
from vllint.sources.kubernetes.manifests import cluster_of, pod_launches
from vllint.sources.resource_pods import (
    containers_of,
    laid_over,
    named_after,
    pod_of,
    shared_by_platform,
    with_fields,
    written_at,
)
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Entry, Mapping, Scalar
from vllint_schemas import Launch, Located, Origin, Unknown, Word

_CONFIG = "LLMInferenceServiceConfig"
_MAIN = "main"
_ADDITIONAL = "VLLM_ADDITIONAL_ARGS"
_ONE_NODE = (("tensor", "--tensor-parallel-size"),)
_SEVERAL_NODES = (
    *_ONE_NODE,
    ("pipeline", "--pipeline-parallel-size"),
    ("data", "--data-parallel-size"),
    ("dataLocal", "--data-parallel-size-local"),
)
"""Fields of `parallelism` and the options that the presets make of them, with and without a `worker`."""

_OF_GROUP = "--data-parallel-address"
"""What the preset for replicas on several machines finds out of their leader."""


def launches(resource: Mapping, document: Document) -> Found:
    """Yield the launches of a service's pods: those that decode or do all, and those that prefill."""
    cluster = cluster_of(document)
    spec = resource.get("spec")
    if not isinstance(spec, Mapping):
        return
    whole, missing = _with_bases(spec, namespace_of(resource), cluster)
    if any("sglang" in text_at(one, "name") for one in mappings_in(spec.get("baseRefs"))):
        return
    yield from _workload(resource, whole, whole, "", missing, cluster)
    prefill = whole.get("prefill")
    if isinstance(prefill, Mapping):
        yield from _workload(resource, prefill, whole, "prefill-", missing, cluster)


def _with_bases(spec: Mapping, namespace: str, cluster: Cluster) -> tuple[Mapping, Word | None]:
    """Return a specification laid over those it names, and a hole for one that is not at hand."""
    base: Mapping | None = None
    missing: Word | None = None
    for reference in mappings_in(spec.get("baseRefs")):
        name = text_at(reference, "name")
        found = find_all(cluster, _CONFIG, name, namespace)
        other = found[0].get("spec") if len(found) == 1 else None
        if not isinstance(other, Mapping):
            reason = f"the {_CONFIG} `{name}` is not at hand"
            missing = Word.unknown(reason, reference.span, splits=True)
            continue
        base = other if base is None else laid_over(base, other)
    return (spec if base is None else laid_over(base, spec)), missing


def _workload(
    resource: Mapping, workload: Mapping, spec: Mapping, role: str, missing: Word | None, cluster: Cluster
) -> Found:
    """Yield the launches of one kind of pods: by their own commands, or by the preset's."""
    own_command = False
    for part in ("template", "worker"):
        pod = workload.get(part)
        filled = with_names(pod, None) if isinstance(pod, Mapping) else None
        with_command = (
            [one for one in containers_of(filled) if one.get("command") is not None] if filled else []
        )
        if filled is not None and with_command:
            own_command = own_command or part == "template"
            for found in pod_launches(pod_of(resource, filled, with_command), cluster):
                yield _of_preset(found, spec) if isinstance(found, Launch) else found
    if own_command or (text_at(resource, "kind") == _CONFIG and not _says_enough(workload, spec)):
        return
    for found in _preset(resource, workload, spec, cluster):
        if isinstance(found, Launch):
            yield _completed(found, resource, workload, spec, missing)._replace(
                name=f"{text_at(resource, 'metadata', 'name')}/{role}{_MAIN}"
            )
        else:
            yield found


def _says_enough(workload: Mapping, spec: Mapping) -> bool:
    """Whether a configuration says something of the server: its model, or options."""
    main = _main(workload)
    variables = mappings_in(main.get("env")) if main is not None else ()
    return text_at(spec, "model", "uri") != "" or any(
        text_at(one, "name") == _ADDITIONAL for one in variables
    )


def _main(workload: Mapping) -> Mapping | None:
    template = workload.get("template")
    containers = containers_of(template) if isinstance(template, Mapping) else ()
    return next((one for one in containers if text_at(one, "name") == _MAIN), None)


def _preset(resource: Mapping, workload: Mapping, spec: Mapping, cluster: Cluster) -> Found:
    """Yield what a pod with the preset's command starts."""
    main, template = _main(workload), workload.get("template")
    place = below(spec, "model", "uri")
    like = place if place is not None else spec
    main = workload.with_entries(()) if main is None else main
    if "sglang" in text_at(main, "image"):
        return
    started = with_fields(main, ("command", written_at(like.span, like, "vllm", "serve", FOLDER)))
    around = template if isinstance(template, Mapping) else started
    yield from pod_launches(pod_of(resource, around, (started,), _nodes(workload)), cluster)


def _nodes(workload: Mapping) -> Located[int] | Unknown | None:
    """Return how many pods a pipeline runs in: the preset for workers gives each of them one stage."""
    word = scalar_word(below(workload, "parallelism", "pipeline"))
    if word is None or word.text == "1" or not isinstance(workload.get("worker"), Mapping):
        return None
    if not word.is_known or not word.text.isdecimal():
        return Unknown(word.reason or f"`pipeline: {word.text}` is not a number")
    return Located(int(word.text), word.span, word.origin, word.via)


def _of_preset(launch: Launch, spec: Mapping) -> Launch:
    """Return the launch of a pod that the preset's volumes are part of."""
    return shared_by_platform(_of_model(launch, spec), "KServe's preset")


def _of_model(launch: Launch, spec: Mapping) -> Launch:
    return launch._replace(argv=naming(launch.argv, hub_model(scalar_word(below(spec, "model", "uri")))))


def _completed(
    launch: Launch, resource: Mapping, workload: Mapping, spec: Mapping, missing: Word | None
) -> Launch:
    """Return the launch with the words that the preset adds, in the preset's order."""
    added = next((variable.value for variable in launch.env if variable.name == _ADDITIONAL), None)
    extra = () if added is None else _split(added)
    hole = () if missing is None else (missing,)
    options = tuple(_options(workload, spec))
    argv = (*launch.argv[:1], *hole, *options, *extra, *launch.argv[1:])
    launch = _of_preset(launch._replace(argv=argv), spec)
    return named_after(launch, resource, _MAIN)


def _split(text: Word) -> tuple[Word, ...]:
    """Return the words that the preset's shell makes of a variable."""
    if not text.is_known:
        return (Word.unknown(text.reason, text.site, splits=True),)
    from vllint.text.shell.words import CommandStringError, split_words

    try:
        return split_words(text)
    except CommandStringError:
        return (Word.unknown(f"`{_ADDITIONAL}` has an open quote", text.site, splits=True),)


def _options(workload: Mapping, spec: Mapping) -> Iterator[Word]:
    """Yield the options that the preset makes of fields."""
    name = scalar_word(below(spec, "model", "name"))
    if name is not None:
        yield Word.atomic("--served-model-name", name.site, Origin.PLATFORM)
        yield replace(name, origin=Origin.PLATFORM, slot=None)
    parallelism = workload.get("parallelism")
    if not isinstance(parallelism, Mapping):
        return
    several = isinstance(workload.get("worker"), Mapping)
    for field, option in _SEVERAL_NODES:
        entry = parallelism.entry(field)
        if entry is None:
            continue
        yield from _option(entry, option, (field, option) in _ONE_NODE or several)
        if field == "dataLocal" and several:
            yield Word.atomic(_OF_GROUP, entry[0].span, Origin.PLATFORM)
            yield Word.unknown("KServe's preset fills in the address of the leader", entry[0].span)
    expert = parallelism.entry("expert")
    if expert is not None and isinstance(expert[1], Scalar) and expert[1].resolved() is True:
        yield Word.atomic("--enable-expert-parallel", expert[0].span)


def _option(entry: Entry, option: str, applies: bool) -> Iterator[Word]:
    key, value = entry
    word = scalar_word(value)
    if word is None:
        return
    yield Word.atomic(option, key.span)
    reason = "without a `worker` KServe's presets differ in what they make of it"
    yield replace(word, slot=None) if applies else Word.unknown(reason, word.site)
