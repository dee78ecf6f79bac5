"""Nomad jobs: the tasks that Docker, Podman or the machine itself run (`job` specification)."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.commands import Script, Start, Surroundings, container_starts, starts_in
from vllint.sources.containers import gpu_number
from vllint.sources.files import File, Found
from vllint.sources.hcl_values import Fields, bodies, fields_of, scope_of, words
from vllint.sources.process_launches import process_launches
from vllint.text.hcl import Block, HclError, parse_hcl
from vllint_schemas import HardwareClaim, Located, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM, AllGpus

_CONTAINERS = frozenset({"docker", "podman", "containerd-driver"})


def recognises(file: File) -> bool:
    """Whether the file has a job."""
    return any(line.startswith(("job ", "job\t")) for line in file.text.splitlines())


def launches(file: File) -> Found:
    """Yield what the tasks start, each named after its task."""
    try:
        body = parse_hcl(file.whole)
    except HclError:
        return
    scope = scope_of(body)
    for task in _tasks(body.blocks):
        fields = fields_of(task.body, scope)
        name = task.labels[0].text if task.labels else "task"
        claim = HardwareClaim(NO_GPU_CLAIM, _gpu_count(fields))
        for config in bodies(fields.get("config")):
            starts = _starts(config, fields)
            yield from process_launches(starts, "nomad", name, task.body.text.site, claim)


def _tasks(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for block in blocks:
        if block.name.text == "task":
            yield block
        elif block.name.text in {"job", "group"}:
            yield from _tasks(block.body.blocks)


def _starts(config: Fields, task: Fields) -> Iterator[Start | Script]:
    drivers, images = words(task.get("driver")), words(config.get("image"))
    command = (*words(config.get("command")), *words(config.get("args")))
    around = Surroundings().with_variables(_variables(task))
    if images and drivers and drivers[0].text in _CONTAINERS:
        entrypoint = words(config.get("entrypoint")) or None
        around = around._replace(image=images[0])
        yield from container_starts(entrypoint, command, around, images[0].site)
    elif command:
        yield from starts_in(command, around)


def _variables(task: Fields) -> Iterator[Variable]:
    for env in bodies(task.get("env")):
        for name, value in env.values.items():
            if isinstance(value, Word):
                yield Variable(name, value)


def _gpu_count(task: Fields) -> Located[int | AllGpus] | Unknown:
    """Return how many GPUs a task asks for: `device "nvidia/gpu" { count = 2 }`, one if it says no number."""
    for resources in bodies(task.get("resources")):
        for device in bodies(resources.get("device")):
            if not device.labels or "gpu" not in device.labels[0]:
                continue
            counts = words(device.get("count"))
            number = gpu_number(counts[0].text) if counts and counts[0].is_known else None
            if number is not None:
                return Located(number, counts[0].span, counts[0].origin, counts[0].via)
            return (
                Located(1, device.site)
                if not counts
                else Unknown(counts[0].reason or "the count is no number")
            )
    return NO_COUNT_CLAIM
