"""CTR001 shm-too-small."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, container_setting, item_at, version_key
from vllint_schemas import (
    Applicability,
    Container,
    Edit,
    Finding,
    Fix,
    Located,
    Related,
    Severity,
    Span,
    Unknown,
)

_MIB = 1024**2
_DEFAULT = 64 * _MIB
"""Docker's (`docker run --help`: `--shm-size`), containerd's and CRI-O's."""

_NEEDED = 10 * (24 * _MIB + 2)
"""The queue in which each worker answers (`multiproc_executor.py:725`, `shm_broadcast.py:501`)."""

_FIRST_CHECK = (0, 27)
"""Releases from here on refuse a smaller /dev/shm (vLLM pull request 48879)."""

_VOLUME = "shared-memory"
_SIZE = r"\d+(?:\.\d+)?[A-Za-z]*"
_NO_WORKERS = ("tpu", "neuron", "hpu", "gaudi")
"""Parts of the names of images whose engines need no worker per card."""


class ShmTooSmall(Rule):
    """The workers of one model need more shared memory than a container gets by itself.

    ## What it does

    Finds containers that start a model on several GPUs (tensor, pipeline or context parallelism, or a
    mixture of experts with data parallelism), and whose `/dev/shm` is smaller than 240 MiB: by a size in
    the file, or because the file leaves it at the 64 MiB that container engines give.

    ## Why is this bad?

    vLLM's workers pass their results through `/dev/shm`, each through a buffer of 240 MiB, and NCCL uses it
    too. From release 0.27 on vLLM refuses to start when the buffer does not fit. Earlier releases start,
    and die by `SIGBUS` or hang under load.

    ## Example

    A compose service with `--tensor-parallel-size 2` and neither `shm_size` nor `ipc: host`.

    ## Use instead

    `shm_size: "16gb"`, `docker run --shm-size 16g`, in Kubernetes an `emptyDir` with `medium: Memory` mounted
    at `/dev/shm`. `ipc: host` does as well, and gives the container more than it needs.

    ## Fix safety

    Safe: the size is a limit, and memory is taken only as it is used.

    ## Since

    0.1.0
    """

    code = "CTR001"
    name = "shm-too-small"
    severity = Severity.WARNING
    stage = "build"
    source = "distributed/device_communicators/shm_broadcast.py:262"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/docker.html"
    needs = ("arguments",)
    triggers = frozenset({"launch.container"})
    tags = ("containers", "parallelism")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.30.0
    #      ~~~~~~~~~~~~~~~~~~~~~~~~
    command: --model Qwen/Qwen3-32B --tensor-parallel-size 2
    gpus: all
""",
            fixed="""\
services:
  vllm:
    shm_size: "16gb"
    image: vllm/vllm-openai:v0.30.0
    command: --model Qwen/Qwen3-32B --tensor-parallel-size 2
    gpus: all
""",
        ),
        Example(
            title="a size that is too small",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.30.0
    command: --model Qwen/Qwen3-32B --tensor-parallel-size 2
    shm_size: 128m
    #         ~~~~
    gpus: all
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.30.0
    command: --model Qwen/Qwen3-32B --tensor-parallel-size 2
    shm_size: 16gb
    gpus: all
""",
        ),
        Example(
            title="docker run",
            text="docker run --gpus all vllm/vllm-openai:v0.22.1 Qwen/Qwen3-32B -tp 2\n"
            "#                     ~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="docker run --gpus all --shm-size 16g vllm/vllm-openai:v0.22.1 Qwen/Qwen3-32B -tp 2\n",
        ),
        Example(
            title="Kubernetes",
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.30.0
      #      ~~~~~~~~~~~~~~~~~~~~~~~~
      args: ["--model", "Qwen/Qwen3-32B", "--tensor-parallel-size", "2"]
      resources: {limits: {nvidia.com/gpu: 2}}
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  volumes:
    - {name: shared-memory, emptyDir: {medium: Memory, sizeLimit: 16Gi}}
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.30.0
      args: ["--model", "Qwen/Qwen3-32B", "--tensor-parallel-size", "2"]
      volumeMounts:
        - {name: shared-memory, mountPath: /dev/shm}
      resources: {limits: {nvidia.com/gpu: 2}}
""",
        ),
        Example(
            title="beside other volumes",
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.30.0
      #      ~~~~~~~~~~~~~~~~~~~~~~~~
      args: ["--model", "Qwen/Qwen3-32B", "--tensor-parallel-size", "2"]
      volumeMounts:
        - mountPath: /root/.cache
          name: cache
      resources: {limits: {nvidia.com/gpu: 2}}
  volumes:
  - name: cache
    emptyDir: {}
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.30.0
      args: ["--model", "Qwen/Qwen3-32B", "--tensor-parallel-size", "2"]
      volumeMounts:
        - {name: shared-memory, mountPath: /dev/shm}
        - mountPath: /root/.cache
          name: cache
      resources: {limits: {nvidia.com/gpu: 2}}
  volumes:
  - {name: shared-memory, emptyDir: {medium: Memory, sizeLimit: 16Gi}}
  - name: cache
    emptyDir: {}
""",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.30.0\n"
            "    command: --model Qwen/Qwen3-32B -tp 2\n    gpus: all\n    shm_size: 1gb\n",
        ),
        Example(
            title="the host's",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.30.0\n"
            "    command: --model Qwen/Qwen3-32B -tp 2\n    gpus: all\n    ipc: host\n",
        ),
        Example(
            title="copies of a dense model share nothing",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.30.0\n"
            "    command: --model Qwen/Qwen3-8B -dp 2\n    gpus: all\n",
        ),
        Example(
            title="a volume in memory",
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.30.0
      args: ["--model", "Qwen/Qwen3-32B", "--tensor-parallel-size", "2"]
      volumeMounts: [{name: shm, mountPath: /dev/shm}]
  volumes: [{name: shm, emptyDir: {medium: Memory, sizeLimit: 8Gi}}]
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the workers' queue does not fit."""
        container = facts.launch.container
        if container is None or container.shares_host_ipc or not _passes_messages(facts):
            return
        size = container.shared_memory
        if isinstance(size, Unknown) or (size is None and container.open_ended is not None):
            return
        if size is not None and size.value >= _NEEDED:
            return
        refuses = version_key(facts.release.judged) >= _FIRST_CHECK and _has_workers(facts)
        place = _place(facts, size)
        workers = facts.args.place("tensor_parallel_size") or facts.args.place("pipeline_parallel_size")
        yield self.finding(
            facts,
            place,
            _message(facts, size, refuses),
            _ADVICE[container.kind],
            severity=Severity.ERROR if size is not None and refuses and not facts.release.doubt else None,
            related=() if workers is None else (Related(workers, "what needs it"),),
            fix=_fix(facts, container, size),
            subject="shared_memory",
        )


_ADVICE = {
    "compose": 'set `shm_size: "16gb"`; memory is taken only as it is used',
    "docker run": "add `--shm-size 16g`; memory is taken only as it is used",
    "kubernetes": "mount a volume `emptyDir: {medium: Memory, sizeLimit: 16Gi}` at `/dev/shm`",
}


def _passes_messages(facts: LaunchFacts) -> bool:
    """Whether several processes work on one model."""
    image = facts.launch.image
    if image is not None and any(part in image.text.lower() for part in _NO_WORKERS):
        return False
    layout, model = facts.parallel, facts.maybe_model
    if layout.gpus_per_replica > 1:
        return True
    return layout.data_local > 1 and not isinstance(model, Unknown) and bool(model.num_experts)


def _has_workers(facts: LaunchFacts) -> bool:
    """Whether vLLM surely makes the queues of its own executor."""
    backend = facts.args.value("distributed_executor_backend")
    known = isinstance(backend, Located) and backend.value in {None, "mp"}
    return known and facts.parallel.gpus_per_replica > 1 and facts.parallel.nodes == 1


def _place(facts: LaunchFacts, size: Located[int] | None) -> Span:
    if size is not None and size.span is not None:
        return size.span
    return facts.launch.image.span if facts.launch.image is not None else facts.launch.at


def _message(facts: LaunchFacts, size: Located[int] | None, refuses: bool) -> str:
    layout = facts.parallel
    processes = layout.gpus_per_replica if layout.gpus_per_replica > 1 else layout.data_local
    has = (
        f"`/dev/shm` has {size.value / _MIB:,.0f} MiB"
        if size is not None
        else f"the file leaves `/dev/shm` at the container engine's default, {_DEFAULT // _MIB} MiB"
    )
    release = facts.release.judged
    if refuses:
        then = f"vLLM {release} refuses to start with less than {_NEEDED // _MIB} MiB"
    else:
        then = f"vLLM {release} and NCCL hang or die when they need more"
    return f"{has}, and {processes} processes pass their messages through it: {then}"


def _mounted(facts: LaunchFacts, container: Container) -> Fix | None:
    """Mount memory at /dev/shm: a volume of the pod, and the container's mount."""
    mount, volume = container.mount_place, container.volume_place
    if mount is None or volume is None or facts.launch.kind != "kubernetes":
        return None
    texts = [facts.sources.get(place.before.path, "") for place in (mount, volume)]
    if any(f"name: {_VOLUME}" in text for text in texts):
        return None
    at = item_at(texts[0], mount, "volumeMounts", f"{{name: {_VOLUME}, mountPath: /dev/shm}}")
    memory = f"{{name: {_VOLUME}, emptyDir: {{medium: Memory, sizeLimit: 16Gi}}}}"
    of_pod = item_at(texts[1], volume, "volumes", memory)
    if at is None or of_pod is None:
        return None
    return Fix("mount 16 GiB of memory at `/dev/shm`", Applicability.SAFE, (at, of_pod))


def _fix(facts: LaunchFacts, container: Container, size: Located[int] | None) -> Fix | None:
    """Raise the size, or set it."""
    if container.kind == "kubernetes":
        return _mounted(facts, container) if size is None else None
    if size is None:
        text = facts.sources.get(container.anchor.path) if container.anchor is not None else None
        if text is None:
            return None
        edit = container_setting(text, container, 'shm_size: "16gb"', "--shm-size 16g")
        return None if edit is None else Fix("give `/dev/shm` 16 GB", Applicability.SAFE, (edit,))
    if size.span is None or size.via:
        return None
    written = facts.sources.get(size.span.path, "")[size.span.start : size.span.end]
    if not re.fullmatch(_SIZE, written):
        return None
    return Fix("give `/dev/shm` 16 GB", Applicability.SAFE, (Edit(size.span, "16gb"),))
