"""Terraform: the containers, start-up scripts and manifests written out in resources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.commands import Surroundings, container_starts
from vllint.sources.containers import gpu_number
from vllint.sources.deployments import instance_claim
from vllint.sources.files import Document, File, Found
from vllint.sources.formats import DOCUMENT_FORMATS, reader
from vllint.sources.hcl_values import (
    Fields,
    Scope,
    Tree,
    bodies,
    fields_of,
    scope_of,
    tree_of,
    tree_of_node,
    words,
)
from vllint.sources.platforms.sagemaker import sagemaker_server
from vllint.sources.process_launches import process_launches
from vllint.sources.shell import shell_launches
from vllint.sources.written_files import may_write, written_launches
from vllint.text.hcl import Body, HclError, parse_hcl
from vllint.text.json_tree import parse_json
from vllint.text.shell.words import CommandStringError, split_words
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Mapping, Scalar, Sequence
from vllint.text.yaml.tree import parse_yaml
from vllint.vllm.version import image_version
from vllint_schemas import HardwareClaim, Launch, Located, SourceProblem, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_PROVIDERS = {"aws": "aws", "google": "gcp", "azurerm": "azure"}
_MACHINES = ("instance_type", "machine_type", "vm_size", "size")
_SCRIPTS = frozenset(
    {
        "user_data", "user_data_base64", "user_data_replace_on_change", "metadata_startup_script",
        "startup-script", "startup_script", "custom_data", "script", "inline", "command", "content",
    }
)  # fmt: skip
"""Attributes whose text a machine runs, or writes to a file that it may run."""

_BESIDE = ("variables.tf", "vars.tf", "locals.tf")
"""Where modules keep what their other files refer to."""

_MODEL = re.compile(r"aws_sagemaker_model\.([\w-]+)")
_DEEPEST = 20


class Around(NamedTuple):
    """What the resource says that a container or script stands in."""

    name: str
    kind: str
    claim: HardwareClaim
    file: File


def recognises(file: File) -> bool:
    """Whether the file's name is Terraform's."""
    return file.path.lower().removesuffix(".example").endswith((".tf", ".tofu"))


def launches(file: File) -> Found:
    """Yield what the resources start; what is computed when they are applied is not known."""
    body = _parsed(file.whole)
    if body is None:
        return
    beside = [one for name in _BESIDE if (one := _beside(file, name)) is not None]
    scope = scope_of(body, beside, _beside(file, "terraform.tfvars"))
    machines = tuple(_endpoint_machines(body, scope))
    for block in body.blocks:
        if block.name.text in {"variable", "locals", "output", "provider", "terraform"} or not block.labels:
            continue
        fields = fields_of(block.body, scope)
        kind, name = block.labels[0].text, block.labels[-1].text
        claim = _claim(kind, fields)
        if kind == "aws_sagemaker_model":
            claim = _model_claim([machine for model, machine in machines if model == name], claim)
        around = Around(name, kind, claim, file)
        for found in _launches(fields, around, "", 0):
            yield found._replace(kind="terraform") if isinstance(found, Launch) else found


def _parsed(text: Word) -> Body | None:
    try:
        return parse_hcl(text)
    except HclError:
        return None


def _beside(file: File, name: str) -> Body | None:
    """Return another file of the module, unless it is this one."""
    source = None if file.path.rpartition("/")[2] == name else file.neighbour(name)
    return None if source is None else _parsed(Word.verbatim(source.text, source.path, 0))


def _endpoint_machines(body: Body, scope: Scope) -> Iterator[tuple[str, Word]]:
    """Yield models of SageMaker, by the names of their resources, with the machines of their endpoints."""
    for block in body.blocks:
        if [label.text for label in block.labels[:1]] != ["aws_sagemaker_endpoint_configuration"]:
            continue
        for variant in block.body.blocks:
            given = {name.text: value for name, value in variant.body.attributes}
            model = _MODEL.match(given["model_name"].text.text) if "model_name" in given else None
            machine = words(tree_of(given["instance_type"], scope)) if "instance_type" in given else ()
            if model is not None and machine:
                yield model[1], machine[0]


def _model_claim(machines: list[Word], claim: HardwareClaim) -> HardwareClaim:
    if not machines:
        return claim
    same = len({machine.text for machine in machines}) == 1 and machines[0].is_known
    return instance_claim(machines[0], "aws") if same else claim


def _claim(kind: str, fields: Fields) -> HardwareClaim:
    """Return the machine that a resource names: an instance type, or accelerators."""
    gpu: Located[str] | Unknown = NO_GPU_CLAIM
    count: Located[int | str] | Unknown = NO_COUNT_CLAIM
    instance: Located[str] | None = None
    for part in _parts(fields, 0):
        for machine in words(part.get(*_MACHINES))[:1]:
            if machine.is_known and instance is None:
                instance = Located(machine.text, machine.span, machine.origin, machine.via)
        card = words(part.get("accelerator_type")) or (
            words(part.get("type")) if "guest_accelerator" in part.labels else ()
        )
        number = words(part.get("accelerator_count", "count"))
        if card and card[0].is_known and isinstance(gpu, Unknown):
            gpu = Located(card[0].text, card[0].span, card[0].origin, card[0].via)
            found = gpu_number(number[0].text) if number and number[0].is_known else None
            if found is not None:
                count = Located(found, number[0].span, number[0].origin, number[0].via)
    provider = _PROVIDERS.get(kind.partition("_")[0])
    return HardwareClaim(gpu, count, instance, provider)  # type: ignore[arg-type]


def _parts(tree: Tree, depth: int) -> Iterator[Fields]:
    """Yield all objects in a tree, the outer ones first."""
    if isinstance(tree, Fields):
        yield tree
    if depth < _DEEPEST and not isinstance(tree, Word):
        for value in tree.values.values() if isinstance(tree, Fields) else tree:
            yield from _parts(value, depth + 1)


def _launches(tree: Tree, around: Around, key: str, depth: int) -> Found:
    """Yield what stands anywhere in a resource; `key` is the name of the attribute that `tree` is."""
    if isinstance(tree, Word):
        if "vllm" in tree.text.lower():
            yield from _text_launches(tree, around, key)
        return
    if depth > _DEEPEST:
        return
    if isinstance(tree, Fields):
        found = tuple(_container_launches(tree, around))
        yield from found
        for name, value in tree.values.items():
            if not (found and name in {"args", "command", "entryPoint", "entrypoint"}):
                yield from _launches(value, around, name, depth + 1)
        return
    if key in _SCRIPTS and tree and len(words(tree)) == len(tree):
        lines = [part for word in words(tree) for part in (word, Word.atomic("\n", word.site))]
        yield from _script_launches(Word.join(lines, lines[0].site.cover(lines[-1].site)), around)
        return
    for value in tree:
        yield from _launches(value, around, key, depth + 1)


def _text_launches(text: Word, around: Around, key: str) -> Found:
    """Yield what a text starts: a script, a `#cloud-config`, container definitions in JSON, a manifest."""
    content = text.text.lstrip()
    if content.startswith("#cloud-config"):
        yield from _cloud_config_launches(text, around)
    elif content.startswith("#!") or key in _SCRIPTS:
        yield from _script_launches(text, around)
    elif content[:1] in {"[", "{"}:
        try:
            root = parse_json(text)
        except YamlProblem:
            return
        yield from _launches(tree_of_node(root), around, key, 1)
    elif "\n" in content:
        yield from _document_launches(text, around.file)


def _script_launches(text: Word, around: Around) -> Found:
    for found in shell_launches(text, "terraform"):
        yield _on_machine(found, around)
    if may_write(text.text):
        for launch in written_launches(text, around.file):
            yield _on_machine(launch._replace(kind="terraform"), around)


def _on_machine(found: Launch | SourceProblem, around: Around) -> Launch | SourceProblem:
    """Return a launch with the machine that the resource names, which its own words narrow."""
    if not isinstance(found, Launch):
        return found
    count = found.hardware.gpu_count
    claim = around.claim if isinstance(count, Unknown) else around.claim._replace(gpu_count=count)
    named = claim.instance
    if count == NO_COUNT_CLAIM and claim.gpu_count == NO_COUNT_CLAIM and named is not None:
        # A process on the machine itself sees all its GPUs.
        claim = claim._replace(gpu_count=Located("all", named.span, named.origin, named.via))
    return found._replace(name=around.name, hardware=claim)


def _cloud_config_launches(text: Word, around: Around) -> Found:
    try:
        roots = parse_yaml(text)
    except YamlProblem:
        return
    for root in roots:
        if not isinstance(root, Mapping):
            continue
        for name in ("bootcmd", "runcmd"):
            commands = root.get(name)
            for command in commands if isinstance(commands, Sequence) else ():
                if isinstance(command, Scalar):
                    yield from _script_launches(command.word(), around)
        files = root.get("write_files")
        for file in files if isinstance(files, Sequence) else ():
            content = file.get("content") if isinstance(file, Mapping) else None
            if isinstance(content, Scalar) and content.value.lstrip().startswith("#!"):
                yield from _script_launches(content.word(), around)


def _document_launches(text: Word, file: File) -> Found:
    """Yield the launches of a manifest or of values for a chart."""
    try:
        roots = tuple(parse_yaml(text))
    except YamlProblem:
        return
    for root in roots:
        for form in DOCUMENT_FORMATS:
            if form.may_be(text.text) and reader(form.module).recognises(root):
                yield from reader(form.module).launches(Document(root, roots, file))
                break


def _container_launches(fields: Fields, around: Around) -> Found:
    """Yield what a container starts: of a pod, a task, a Cloud Run service or a model."""
    if fields.get("image_name") is not None:
        yield from _rented_launches(fields, around)
        return
    images = words(fields.get("image", "image_uri"))
    given = fields.get("command", "args", "entryPoint", "entrypoint", "environment")
    if len(images) != 1 or given is None:
        return
    image = images[0]
    variables = tuple(_variables(fields.get("env", "environment")))
    claim = _container_claim(fields, around.claim)
    environment = Surroundings(image=image).with_variables(variables)
    if around.kind == "aws_sagemaker_model":
        yield from _model_launch(image, variables, claim, fields, around)
        return
    is_docker = (
        "entryPoint" in fields.values or "essential" in fields.values or around.kind.startswith("docker")
    )
    first = fields.get("entryPoint", "entrypoint") if is_docker else fields.get("command")
    then = fields.get("command") if is_docker else fields.get("args")
    starts = container_starts(words(first) or None, words(then), environment, image.site)
    yield from process_launches(starts, "terraform", around.name, fields.site, claim)


def _rented_launches(fields: Fields, around: Around) -> Found:
    """Yield what a pod of RunPod starts, whose command is one text, or a list in newer providers."""
    images = words(fields.get("image_name"))
    first = _command_words(fields.get("container_entrypoint", "docker_entrypoint"))
    then = _command_words(fields.get("container_args", "docker_args", "docker_start_cmd"))
    if len(images) != 1 or not (first or then):
        return
    card, number = words(fields.get("gpu_type_id")), words(fields.get("gpu_count"))
    claim = around.claim
    if card and card[0].is_known:
        claim = claim._replace(gpu=Located(card[0].text, card[0].span, card[0].origin, card[0].via))
    found = gpu_number(number[0].text) if number and number[0].is_known else None
    if found is not None:
        count = Located(found, number[0].span, number[0].origin, number[0].via)
        claim = claim._replace(gpu_count=count)
    environment = Surroundings(image=images[0]).with_variables(tuple(_variables(fields.get("env"))))
    starts = container_starts(first or None, then, environment, images[0].site)
    yield from process_launches(starts, "terraform", around.name, fields.site, claim)


def _command_words(tree: Tree | None) -> tuple[Word, ...]:
    """Return the words of a command that is given as a list or as one text."""
    if not isinstance(tree, Word):
        return words(tree)
    try:
        return tuple(split_words(tree))
    except CommandStringError:
        return (Word.unknown("the text has an open quote", tree.site, splits=True),)


def _model_launch(
    image: Word, variables: tuple[Variable, ...], claim: HardwareClaim, fields: Fields, around: Around
) -> Found:
    server = sagemaker_server(variables, image, claim)
    if server is not None:
        yield Launch(
            path=fields.site.path,
            name=around.name,
            kind="terraform",
            extent=fields.site,
            at=image.site,
            entry_point=server.entry_point,
            argv=server.argv,
            hardware=server.hardware,
            vllm_version=image_version(image),
            env=variables,
            image=image,
            platform="sagemaker",
        )


def _container_claim(fields: Fields, claim: HardwareClaim) -> HardwareClaim:
    """Return the claim with the number of GPUs that the container itself asks for."""
    for part in _parts(fields, 0):
        asked = words(part.get("nvidia.com/gpu"))
        if words(part.get("type")) and words(part.get("type"))[0].text == "GPU":
            asked = words(part.get("value"))
        number = gpu_number(asked[0].text) if len(asked) == 1 and asked[0].is_known else None
        if number is not None:
            return claim._replace(gpu_count=Located(number, asked[0].span, asked[0].origin, asked[0].via))
    return claim


def _variables(tree: Tree | None) -> Iterator[Variable]:
    """Yield variables: an object of them, objects with `name` and `value`, or texts `NAME=value`."""
    if isinstance(tree, Fields) and "value" not in tree.values:
        for name, value in tree.values.items():
            if isinstance(value, Word):
                yield Variable(name, value)
        return
    for pair in bodies(tree):
        names, values = words(pair.get("name")), words(pair.get("value"))
        if names and values and names[0].is_known:
            yield Variable(names[0].text, values[0])
    for text in words(tree) if not isinstance(tree, Fields) else ():
        name, equals, _ = text.text.partition("=")
        if equals:
            yield Variable(name, text.slice(len(name) + 1))
