"""One start of a vLLM server, as found in a file."""

from enum import StrEnum
from typing import Literal, NamedTuple

from vllint_schemas.arguments import ConfigFile
from vllint_schemas.findings import Edit
from vllint_schemas.known import Located, Unknown
from vllint_schemas.position import Span
from vllint_schemas.terms import Kind
from vllint_schemas.words import Word

AllGpus = Literal["all"]


NO_GPU_CLAIM = Unknown("no card is named")
"""The claim of a file that is silent about the card."""

NO_COUNT_CLAIM = Unknown("nothing says how many GPUs there are")
"""The claim of a file that is silent about the number of GPUs."""


class EntryPoint(StrEnum):
    """Which of vLLM's front doors takes the words: they treat the model and replicas differently."""

    SERVE = "serve"
    """`vllm serve MODEL ...`."""
    API_SERVER = "api_server"
    """`python -m vllm.entrypoints.openai.api_server --model MODEL ...`."""
    LLM = "llm"
    """`LLM(model=MODEL, ...)` in Python: one process, so no data parallel replicas."""
    DYNAMO = "dynamo"
    """`python -m dynamo.vllm --model MODEL ...`: NVIDIA Dynamo's worker, with options of its own."""
    HUGGINGFACE_SERVER = "huggingfaceserver"
    """`python -m huggingfaceserver --model_id MODEL ...`: KServe's server, with options of its own."""

    @property
    def takes_model_as_option(self) -> bool:
        """Whether the model is the value of `--model`, and no positional argument is."""
        return self is not EntryPoint.SERVE and self is not EntryPoint.LLM


class Variable(NamedTuple):
    """An environment variable of the server's process."""

    name: str
    value: Word


class HardwareClaim(NamedTuple):
    """What the file itself says about the machine. `Unknown` where it says nothing or nothing certain.

    `gpu` is a card's name as written, `gpu_count` a number, or "all" of a machine that the file does
    not name. `instance` is an instance's name as written, with its provider where that is known.
    """

    gpu: Located[str] | Unknown
    gpu_count: Located[int | AllGpus] | Unknown
    instance: Located[str] | None = None
    provider: str | None = None


class PortMapping(NamedTuple):
    """Ports of a container that its host publishes: `length` of them, from the named ones upwards.

    `host_ip` is empty when it is every address; `host_port` is `None` when the host chooses one.
    """

    host_ip: str | Unknown
    host_port: Located[int] | Unknown | None
    container_port: Located[int] | Unknown
    length: int = 1


class Health(NamedTuple):
    """How a container's health is watched, by the key or option `name` at `span`.

    Failures of the first `grace_seconds` do not count; then `failures` in a row, one every
    `interval_seconds`, make the container unhealthy, and `kills` says that it is then killed. Numbers
    that the file does not state are the tool's own, with the origin PLATFORM. `awaited_by` are the
    services that start once the container is healthy. Another number, or a probe, can be written in front
    of `anchor`; `asks` is what a probe asks, as a line of YAML.
    """

    name: str
    span: Span
    kills: bool
    grace_seconds: Located[float] | Unknown
    interval_seconds: Located[float] | Unknown
    failures: Located[float] | Unknown
    awaited_by: tuple[str, ...] = ()
    anchor: Span | None = None
    asks: str = ""


class ListPlace(NamedTuple):
    """Where an item of a list can be written: in front of an item, or with the list's key before a key."""

    before: Span
    is_item: bool


class Container(NamedTuple):
    """What a container is given. `None` and `Unknown` as everywhere: not said, and not known.

    `open_ended` says why more may be given than is seen here. `shared_memory` is the size of /dev/shm in
    bytes, `memory_limit` what it may take of the host's memory; `shares_host_ipc` and
    `shares_host_network` say that it uses the host's. `gpu_reservation` is the part of the file that hands
    out GPUs, `gpu_count` how many these are, `device_ids` the list in it, `gpu_count_key` the count beside
    it. `mount_targets` are the places of all that is mounted.
    `service` is its name in a compose file, `published_together` the ports of all services that start
    together, its own among them, by their names: one list that all of them share. `starts_after` are the
    services whose health it waits for. `services` are the Kubernetes Services of the file whose addresses
    become variables of the pod. `builds_image` says that the image is built from files beside this one. A
    setting can be written in front of `anchor`: a key of the service or pod, or the image of a `docker run`.
    A pod's container gets another mount in front of `mount_place`, and the pod another volume in front of
    `volume_place`.
    """

    kind: Literal["compose", "kubernetes", "docker run"]
    open_ended: Unknown | None = None
    shared_memory: Located[int] | Unknown | None = None
    memory_limit: Located[int] | Unknown | None = None
    shares_host_ipc: bool = False
    shares_host_network: bool = False
    ports: tuple[PortMapping, ...] = ()
    health: Health | None = None
    gpu_reservation: Span | None = None
    gpu_count: Located[int | AllGpus] | Unknown | None = None
    gpu_count_key: Span | None = None
    device_ids: Located[tuple[str, ...]] | None = None
    mount_targets: tuple[str, ...] = ()
    service: str = ""
    published_together: tuple[tuple[str, PortMapping], ...] = ()
    starts_after: tuple[str, ...] = ()
    services: tuple[Located[str], ...] = ()
    builds_image: bool = False
    anchor: Span | None = None
    mount_place: ListPlace | None = None
    volume_place: ListPlace | None = None

    def given_more(self, why: Unknown) -> "Container":
        """Return the container where more may be given to it than is said, at places that are not known."""
        return self._replace(
            open_ended=why,
            shared_memory=why,
            memory_limit=why,
            anchor=None,
            mount_place=None,
            volume_place=None,
        )


class Mount(NamedTuple):
    """A part of the host that a container sees: `source` as the file names it, `target` in the container."""

    source: str
    target: str


class Launch(NamedTuple):
    """One vLLM server start: `argv` are the words after `vllm serve` or after the module's name.

    `extent` is the part of the file that makes up the launch; comments in it belong to it. `at` is the
    word to point at for findings about the launch as a whole. `platform` names a platform that turns
    fields of its own into options. `repeated_launcher` are words that start vLLM once more, although the
    image does so itself (`image_entry_point`): `argv` is then what the file means, not what runs. `config`
    is the file that `--config` names, if it could be read; `container` what its container is given.
    Launches of a file with the same `together` run at the same time on the same machine; `in_script` says
    that a script starts the server, which may do more than that. `nodes` counts the machines that may hold
    one model together, each with the GPUs of `hardware`; `None` where the server has one machine.
    `ignored_fields` name options in fields that the platform does not have and drops. `cut_off` are options
    that stand right behind the command and are none of its words, since a line does not go on. `not_found`
    is the word that is taken for a program or a file that is not there: `argv` is then what the file means.
    """

    path: str
    name: str
    kind: Kind
    extent: Span
    at: Span
    entry_point: EntryPoint
    argv: tuple[Word, ...]
    hardware: HardwareClaim
    vllm_version: Located[str] | Unknown
    env: tuple[Variable, ...] = ()
    image: Word | None = None
    platform: str | None = None
    image_entry_point: EntryPoint | None = None
    repeated_launcher: tuple[Word, ...] = ()
    mounts: tuple[Mount, ...] = ()
    container: Container | None = None
    config: ConfigFile | Unknown | None = None
    together: str | None = None
    in_script: bool = False
    nodes: Located[int] | Unknown | None = None
    ignored_fields: tuple[Located[str], ...] = ()
    cut_off: tuple[Word, ...] = ()
    not_found: Word | None = None

    def host_path(self, path: str) -> str | None:
        """Return where a path of the process lies beside the file; `None` where that is not known."""
        if self.image is None:
            return None if path.startswith(("/", "~")) else path
        for mount in sorted(self.mounts, key=lambda mount: -len(mount.target)):
            target = mount.target.rstrip("/")
            if path == target or path.startswith(f"{target}/"):
                inside = path[len(target) :]
                return f"{mount.source.rstrip('/')}{inside}" if mount.source.startswith(".") else None
        return None

    @property
    def id(self) -> str:
        """The launch's stable name: `path#name`."""
        return f"{self.path}#{self.name}"


class SourceProblem(NamedTuple):
    """Something about a file rather than a launch in it; `edits` mend it where that can be done.

    `not_parsed`: it looks like one of ours and cannot be read; `not_rendered`: a template; the others: a
    comment that suppresses nothing, names a rule that does not exist, or a card or release that is none.
    """

    kind: Literal["not_parsed", "not_rendered", "unused_suppression", "unknown_rule", "unknown_fact"]
    message: str
    span: Span
    edits: tuple[Edit, ...] = ()
