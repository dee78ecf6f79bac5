"""What containers are given, by compose services, `docker run` and pods."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.containers import gpus_option
from vllint.sources.readers import Reading
from vllint_schemas import Container, Launch, Located, Unknown, Word

Read = Callable[..., Reading]
Service = Callable[..., Launch]

VLLM = "image: vllm/vllm-openai:v0.22.1\ncommand: --model Qwen/Qwen3-8B\n"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      args: [--model, Qwen/Qwen3-8B]
"""


def value(fact: Any) -> Any:
    """Return what a fact says: its value, `?` where it is not known."""
    if isinstance(fact, Unknown):
        return "?"
    return fact.value if isinstance(fact, Located) else fact


def given_to(launch: Launch) -> Container:
    assert launch.container is not None
    return launch.container


def run(read: Read, options: str) -> Container:
    text = f"docker run {options} vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n"
    [launch] = read(text, "run.sh").launches
    return given_to(launch)


def pod(read: Read, keys: str, more: str = "") -> Container:
    text = POD + textwrap.indent(textwrap.dedent(keys), "      ") + more
    [launch] = read(text, "pod.yaml").launches
    return given_to(launch)


@pytest.mark.parametrize(
    ("written", "host", "container"),
    [
        ("${PORT}:8000", "?", 8000),
        ("${PORT:-8001}:8000", 8001, 8000),
        ("8001:${PORT}", 8001, "?"),
        ("${BIND}:8001:8000", 8001, 8000),
        ("${PORTS}", None, "?"),
    ],
)
def test_only_the_parts_of_a_port_that_are_not_known_are_unknown(
    service: Service, written: str, host: object, container: object
) -> None:
    [mapping] = given_to(service(f"{VLLM}ports: ['{written}']")).ports
    assert (value(mapping.host_port), value(mapping.container_port)) == (host, container)


def test_the_long_form_of_a_port(service: Service) -> None:
    [mapping] = given_to(
        service(f"{VLLM}ports:\n  - target: 8000\n    published: '8001'\n    host_ip: 127.0.0.1")
    ).ports
    assert (value(mapping.host_port), value(mapping.container_port)) == (8001, 8000)
    assert mapping.host_ip == "127.0.0.1"


@pytest.mark.parametrize(
    ("keys", "size"),
    [
        ("", None),
        ("shm_size: 2gb", 2 * 1024**3),
        ("shm_size: ${SHM}", "?"),
        ("shm_size: '${SHM:-1g}'", 1024**3),
        ("tmpfs: [/dev/shm]", "?"),
        ("ipc: service:other", "?"),
        ("ipc: ${IPC}", "?"),
    ],
)
def test_the_shared_memory_of_a_service(service: Service, keys: str, size: object) -> None:
    assert value(given_to(service(VLLM + keys)).shared_memory) == size


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("--gpus all", None),
        ("--shm-size 16g", 16 * 1024**3),
        ("--shm-size=1g", 1024**3),
        ("--tmpfs /dev/shm:size=8g", "?"),
        ("--ipc container:other", "?"),
    ],
)
def test_the_shared_memory_of_a_docker_run(read: Read, options: str, size: object) -> None:
    assert value(run(read, options).shared_memory) == size


@pytest.mark.parametrize(
    ("volume", "size"),
    [
        ("emptyDir: {medium: Memory, sizeLimit: 8Gi}", 8 * 1024**3),
        ("emptyDir: {medium: Memory}", "?"),
        ("emptyDir: {}", "?"),
        ("hostPath: {path: /dev/shm}", "?"),
    ],
)
def test_the_shared_memory_of_a_pod(read: Read, volume: str, size: object) -> None:
    mounts = "volumeMounts: [{name: shm, mountPath: /dev/shm}]\n"
    assert value(pod(read, mounts, f"  volumes: [{{name: shm, {volume}}}]\n").shared_memory) == size
    assert pod(read, "").shared_memory is None


def test_what_is_the_hosts(read: Read, service: Service) -> None:
    for shared in (
        given_to(service(f"{VLLM}ipc: host\nnetwork_mode: host")),
        run(read, "--ipc=host --network host"),
        pod(read, "", "  hostIPC: true\n  hostNetwork: true\n"),
    ):
        assert shared.shares_host_ipc
        assert shared.shares_host_network


@pytest.mark.parametrize(
    ("keys", "count", "ids"),
    [
        ("gpus: all", "all", None),
        ("gpus: 2", 2, None),
        ("gpus: [{driver: nvidia, count: 2}]", 2, None),
        ("runtime: nvidia\nenvironment: {NVIDIA_VISIBLE_DEVICES: '2,3'}", 2, ("2", "3")),
        ("runtime: nvidia", "?", None),
        ("devices: [nvidia.com/gpu=all]", "all", None),
        ("privileged: true", "?", None),
        ("environment: {NVIDIA_VISIBLE_DEVICES: all}", "?", None),
        ("", None, None),
        (
            "deploy: {resources: {reservations: {devices: [{device_ids: ['0,1'], capabilities: [gpu]}]}}}",
            2,
            ("0", "1"),
        ),
    ],
)
def test_the_gpus_that_a_service_is_handed(service: Service, keys: str, count: object, ids: object) -> None:
    found = given_to(service(VLLM + keys))
    assert value(found.gpu_count) == count
    assert value(found.device_ids) == ids
    assert (found.gpu_reservation is None) == (count is None)


@pytest.mark.parametrize(
    ("options", "count", "ids"),
    [
        ("--gpus all", "all", None),
        ("""--gpus '"device=2,3"'""", 2, ("2", "3")),
        ("--gpus device=GPU-1234", 1, ("GPU-1234",)),
        ("--runtime nvidia -e NVIDIA_VISIBLE_DEVICES=1", 1, ("1",)),
        ("--device nvidia.com/gpu=all", None, None),
        ("--gpus all --privileged", "?", None),
    ],
)
def test_the_gpus_that_a_docker_run_hands_out(read: Read, options: str, count: object, ids: object) -> None:
    found = run(read, options)
    assert value(found.gpu_count) == count
    assert value(found.device_ids) == ids
    assert found.gpu_reservation is not None


def test_a_healthcheck_has_the_numbers_of_docker_where_it_states_none(service: Service) -> None:
    health = given_to(service(f"{VLLM}healthcheck: {{test: curl http://localhost:8000/health}}")).health
    assert health is not None
    assert not health.kills
    assert [value(n) for n in (health.grace_seconds, health.interval_seconds, health.failures)] == [0, 30, 3]


@pytest.mark.parametrize(
    "check", ["{disable: true, test: curl http://localhost}", "{test: nvidia-smi}", "{}"]
)
def test_a_healthcheck_that_asks_no_server_is_none(service: Service, check: str) -> None:
    assert given_to(service(f"{VLLM}healthcheck: {check}")).health is None


@pytest.mark.parametrize(
    ("probes", "name", "numbers"),
    [
        ("livenessProbe: {httpGet: {port: 8000}}", "livenessProbe", [0, 10, 3]),
        (
            "livenessProbe: {tcpSocket: {port: 8000}, initialDelaySeconds: 60, failureThreshold: 5}",
            "livenessProbe",
            [60, 10, 5],
        ),
        (
            "livenessProbe: {httpGet: {port: 8000}}\nstartupProbe: {httpGet: {port: 8000}, periodSeconds: 5}",
            "startupProbe",
            [0, 5, 3],
        ),
    ],
)
def test_the_probe_that_decides_while_the_server_starts(
    read: Read, probes: str, name: str, numbers: list[int]
) -> None:
    health = pod(read, probes).health
    assert health is not None
    assert (health.name, health.kills) == (name, True)
    assert [value(n) for n in (health.grace_seconds, health.interval_seconds, health.failures)] == numbers


def test_a_probe_that_runs_a_command_is_not_judged(read: Read) -> None:
    assert pod(read, "livenessProbe: {exec: {command: [test, -f, /ready]}}").health is None


SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {{name: vllm{0}}}\nspec: {1}\n"


@pytest.mark.parametrize(
    ("more", "names"),
    [
        (SERVICE.format("", "{ports: [{port: 80}]}"), ["vllm"]),
        (SERVICE.format("", "{clusterIP: None}"), []),
        (SERVICE.format("", "{type: ExternalName}"), []),
        (SERVICE.format(", namespace: other", "{}"), []),
        ("  enableServiceLinks: false\n" + SERVICE.format("", "{}"), []),
    ],
)
def test_the_services_whose_addresses_a_pod_gets(read: Read, more: str, names: list[str]) -> None:
    assert [name.value for name in pod(read, "", more).services] == names


@pytest.mark.parametrize(
    ("volumes", "targets"),
    [
        ("[./m:/models:ro]", ("/models",)),
        ("[weights:/models]", ("/models",)),
        ("['${HOME}/m:/models']", ("/models",)),
        ("['${VOLUME}']", ("?",)),
        ("[{type: bind, source: ./m, target: /models}]", ("/models",)),
        ("[/models]", ("/models",)),
    ],
)
def test_the_places_at_which_something_is_mounted(
    service: Service, volumes: str, targets: tuple[str, ...]
) -> None:
    assert given_to(service(f"{VLLM}volumes: {volumes}")).mount_targets == targets


@pytest.mark.parametrize(
    ("options", "targets"),
    [
        ("-v $PWD/m:/models", ("/models",)),
        ("-v weights:/models:ro", ("/models",)),
        ("--mount type=bind,source=/m,target=/models", ("/models",)),
        ("-v $VOLUME", ("?",)),
        ("-v /srv:/models/$NAME", ("?",)),
    ],
)
def test_the_mounts_of_a_docker_run(read: Read, options: str, targets: tuple[str, ...]) -> None:
    assert run(read, options).mount_targets == targets


def test_words_that_are_not_known_may_be_any_option(read: Read) -> None:
    assert run(read, "$EXTRA --gpus all").open_ended is not None
    assert run(read, "--gpus all").open_ended is None


def test_services_of_the_same_profiles_start_together(read: Read) -> None:
    text = """\
services:
  one: {image: vllm/vllm-openai:v0.22.1, command: --model Q/a, ports: ["1:1"]}
  two: {image: vllm/vllm-openai:v0.22.1, command: --model Q/a, ports: ["2:2"], profiles: [more]}
  other: {image: redis, ports: ["3:3"]}
"""
    one, two = read(text, "compose.yaml").launches
    assert one.together != two.together
    assert [name for name, _ in given_to(one).published_together] == ["one", "other"]


@pytest.mark.parametrize(
    ("script", "together"),
    [
        ("vllm serve a/b &\nvllm serve a/c\n", True),
        ("nohup vllm serve a/b > log 2>&1 &\nsleep 5\nvllm serve a/c &\n", True),
        ("docker run -d vllm/vllm-openai a/b\ndocker run -dit vllm/vllm-openai a/c\n", True),
        ("bash -c 'vllm serve a/b' &\nvllm serve a/c\n", True),
        ("vllm serve a/b\nvllm serve a/c\n", False),
        ("vllm serve a/b &\nwait\nvllm serve a/c\n", False),
        ("vllm serve a/b &\nsudo pkill vllm\nvllm serve a/c\n", False),
        ("docker run -d --name x vllm/vllm-openai a/b\ndocker rm -f x\nvllm serve a/c\n", False),
        ("if $x; then vllm serve a/b &\nelse vllm serve a/c &\nfi\n", False),
        ("start() { vllm serve a/b & }\nvllm serve a/c\n", False),
        ("ssh one vllm serve a/b &\nssh two vllm serve a/c &\n", False),
        ("vllm serve a/b && vllm serve a/c\n", False),
    ],
)
def test_servers_run_together_where_a_script_surely_leaves_them_running(
    read: Read, script: str, together: bool
) -> None:
    one, two = read(script, "start.sh").launches
    assert (one.together is not None and one.together == two.together) == together


LIMITS = [("mem_limit: 16g\n", 16 * 2**30), ("deploy: {resources: {limits: {memory: 512M}}}\n", 512 * 2**20)]


@pytest.mark.parametrize(("key", "size"), LIMITS)
def test_a_service_may_take_as_much_memory_as_its_limit_says(service: Service, key: str, size: int) -> None:
    assert value(given_to(service(VLLM + key)).memory_limit) == size


def test_a_limit_of_memory_that_a_variable_sets_is_not_known(service: Service) -> None:
    assert value(given_to(service(VLLM + "mem_limit: ${LIMIT}\n")).memory_limit) == "?"


@pytest.mark.parametrize("options", ["-m 16g", "--memory 16g", "--memory=16g"])
def test_docker_run_limits_memory(read: Read, options: str) -> None:
    assert value(run(read, f"--gpus all {options}").memory_limit) == 16 * 2**30


def test_a_pods_container_has_the_limit_of_its_resources(read: Read) -> None:
    keys = "resources: {limits: {memory: 16Gi, nvidia.com/gpu: 1}}\n"
    assert value(pod(read, keys).memory_limit) == 16 * 2**30
    assert value(pod(read, "").memory_limit) is None


def test_a_runtimes_limit_of_memory_is_what_its_services_make_of_it(read: Read) -> None:
    text = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: vllm}
spec:
  containers:
    - name: kserve-container
      image: vllm/vllm-openai:v0.22.1
      args: [--model, Qwen/Qwen3-8B]
      resources: {limits: {memory: 2Gi}}
"""
    [launch] = read(text, "runtime.yaml").launches
    assert value(given_to(launch).memory_limit) == "?"


def test_a_value_that_docker_cannot_take_apart_names_no_gpus() -> None:
    broken = gpus_option(Word.verbatim("device=0\r2", "run.sh", 0))
    assert isinstance(broken, Unknown) and broken.reason.startswith("docker cannot read")
