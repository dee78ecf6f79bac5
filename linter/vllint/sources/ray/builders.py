"""Ray Serve applications with a builder of their own, as Ray's and KubeRay's examples for vLLM have it.

`args` are options for vLLM's parser (`serve run llm:build_app model=... tensor-parallel-size=2`); KubeRay's
`samples/vllm/serve.py` reads variables instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.deployments import installed_release, mapped_variables
from vllint.sources.kubernetes.fields import below, mappings_in, text_at
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import EntryPoint, HardwareClaim, Launch, Located, Origin, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_OF_SAMPLE = "vllm.serve:model"
_VARIABLES = {
    "TENSOR_PARALLELISM": "--tensor-parallel-size",
    "PIPELINE_PARALLELISM": "--pipeline-parallel-size",
}
"""Variables that KubeRay's sample reads, besides `MODEL_ID`."""


def applications(root: Node) -> Iterator[Launch]:
    """Yield the launches of applications whose builder is given options of vLLM's."""
    for application in mappings_in(below(root, "applications")):
        argv = tuple(_of_sample(application)) or tuple(_of_arguments(application))
        if argv:
            yield _launch(application, argv)


def _of_sample(application: Mapping) -> Iterator[Word]:
    variables = below(application, "runtime_env", "env_vars")
    model = scalar_word(below(variables, "MODEL_ID"))
    if model is None or not text_at(application, "import_path").endswith(_OF_SAMPLE):
        return
    yield replace(model, slot=None)
    for name, option in _VARIABLES.items():
        word = scalar_word(below(variables, name))
        if word is not None:
            yield Word.atomic(option, word.site, Origin.PLATFORM)
            yield replace(word, slot=None)


def _of_arguments(application: Mapping) -> Iterator[Word]:
    """Yield the arguments that are vLLM's options; a builder may have others of its own."""
    arguments = application.get("args")
    model = below(arguments, "model")
    if not isinstance(arguments, Mapping) or not isinstance(model, Scalar):
        return
    from vllint.vllm.options import releases_with

    options = [
        (key, value)
        for key, value in arguments.items()
        if isinstance(key, Scalar) and isinstance(value, Scalar) and releases_with(_flag(key))
    ]
    if len(options) < 2:
        return
    yield replace(model.word(), slot=None)
    for key, value in options:
        if key.value == "model":
            continue
        yield Word.atomic(_flag(key), key.span)
        if value.resolved() is not True:
            yield replace(value.word(), slot=None)


def _flag(key: Scalar) -> str:
    return f"--{key.value.replace('_', '-')}"


def _launch(application: Mapping, argv: tuple[Word, ...]) -> Launch:
    name = application.get("name")
    environment = application.get("runtime_env")
    return Launch(
        path=application.span.path,
        name=name.value if isinstance(name, Scalar) else "application",
        kind="ray_serve",
        extent=application.span,
        at=name.span if isinstance(name, Scalar) else argv[0].site,
        entry_point=EntryPoint.SERVE,
        argv=argv,
        hardware=HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM),
        vllm_version=release_of(environment),
        env=mapped_variables(below(environment, "env_vars")),
    )


def release_of(environment: Node | None) -> Located[str] | Unknown:
    """Return the release that a Ray runtime environment installs."""
    pip = below(environment, "pip")
    packages = pip if isinstance(pip, Sequence) else below(pip, "packages")
    texts = (scalar_word(item) for item in packages) if isinstance(packages, Sequence) else ()
    return installed_release(*texts)
