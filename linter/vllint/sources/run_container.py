"""What the options of `docker run` give a container besides a command."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.containers import ContainerRun, gpus_option, listed_ids, visible_devices
from vllint.sources.docker_health import asks_server, docker_health
from vllint.sources.ports import port_mapping
from vllint.sources.quantities import docker_bytes
from vllint_schemas import Container, Health, Located, Unknown, Variable, Word
from vllint_schemas.launch import AllGpus

_GPU_OPTIONS = ("--gpus", "--runtime", "--device", "--privileged", "--device-cgroup-rule", "--cdi-spec-dir")


def options_container(run: ContainerRun, environment: tuple[Variable, ...]) -> Container:
    """Return what the options of `docker run` give the container."""
    reservation = run.last(*_GPU_OPTIONS)
    handed_out = {variable.name: variable.value for variable in environment}.get("NVIDIA_VISIBLE_DEVICES")
    open_ended = run.open_ended
    if open_ended is None and run.last("--volumes-from", "--env-file") is not None:
        open_ended = Unknown("some settings come from elsewhere")
    place = reservation if reservation is not None else handed_out
    ipc, network = run.last("--ipc"), run.last("--network", "--net")
    limit = run.last("-m", "--memory")
    return Container(
        kind="docker run",
        open_ended=open_ended,
        shared_memory=_shared_memory(run, ipc),
        memory_limit=None if limit is None else docker_bytes(limit),
        shares_host_ipc=ipc is not None and ipc.text == "host",
        shares_host_network=network is not None and network.text == "host",
        ports=tuple(filter(None, (port_mapping(word) for word in run.all("-p", "--publish")))),
        health=_health(run),
        gpu_reservation=None if place is None else place.site,
        gpu_count=_gpu_count(run, handed_out),
        device_ids=_device_ids(run, handed_out),
        mount_targets=tuple(_mount_targets(run)),
        anchor=run.image.site if not run.image.via else None,
    )


def runs_in_background(run: ContainerRun) -> bool:
    """Whether the command ends as soon as the container runs."""
    return run.last("-d", "--detach") is not None


def _gpu_count(run: ContainerRun, handed_out: Word | None) -> Located[int | AllGpus] | Unknown | None:
    gpus, runtime = run.last("--gpus"), run.last("--runtime")
    if run.last("--privileged") is not None:
        return Unknown("a privileged container sees the GPUs of its machine")
    if gpus is not None:
        return gpus_option(gpus)
    if handed_out is not None and runtime is not None and runtime.text == "nvidia":
        return visible_devices(handed_out)
    return None


def _device_ids(run: ContainerRun, handed_out: Word | None) -> Located[tuple[str, ...]] | None:
    gpus, runtime = run.last("--gpus"), run.last("--runtime")
    if run.last("--privileged") is not None:
        return None
    if gpus is not None:
        place = gpus.text.find("device=")
        return listed_ids(_unquoted(gpus.slice(place + len("device=")))) if place >= 0 else None
    if handed_out is not None and runtime is not None and runtime.text == "nvidia":
        return listed_ids(handed_out)
    return None


def _unquoted(ids: Word) -> Word:
    """Return the ids of `"device=0,1",capabilities=compute` alone."""
    end = next((place for place, character in enumerate(ids.text) if character in "\"'"), len(ids.text))
    named = ids.text.find("=", 0, end)
    return ids.slice(0, end if named < 0 else max(ids.text.rfind(",", 0, named), 0))


def _shared_memory(run: ContainerRun, ipc: Word | None) -> Located[int] | Unknown | None:
    if ipc is not None and not ipc.is_known:
        return Unknown(ipc.reason)
    if ipc is not None and ipc.text.startswith("container:"):
        return Unknown("another container shares its memory")
    if "/dev/shm" in _mount_targets(run):
        return Unknown("something is mounted at /dev/shm")
    size = run.last("--shm-size")
    return None if size is None else docker_bytes(size)


def _mount_targets(run: ContainerRun) -> Iterator[str]:
    """Yield the places in the container at which something is mounted; `?` where that is not known."""
    for word in run.all("-v", "--volume"):
        # A drive letter and modes aside, the last path is the container's: `SOURCE:TARGET[:MODE]`.
        paths = [part for part in word.text.split(":") if part.startswith("/")]
        yield paths[-1] if paths and word.text.rfind(paths[-1]) >= _last_hole(word) else "?"
    for word in run.all("--tmpfs"):
        yield word.text.partition(":")[0] if word.is_known else "?"
    for word in run.all("--mount"):
        fields = dict(part.partition("=")[::2] for part in word.text.split(","))
        named = (fields.get(name) for name in ("target", "dst", "destination"))
        yield next(filter(None, named), "?") if word.is_known else "?"


def _last_hole(word: Word) -> int:
    return max((hole.at for hole in word.holes), default=0)


def _health(run: ContainerRun) -> Health | None:
    command = run.last("--health-cmd")
    if command is None or not asks_server(command.text):
        return None
    given = (run.last(f"--health-{name}") for name in ("start-period", "interval", "retries"))
    return docker_health("--health-cmd", command.site, *given)
