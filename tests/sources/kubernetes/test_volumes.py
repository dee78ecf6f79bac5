"""Files that ConfigMaps put into a container: vLLM's config files, and scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import ConfigFile, Launch, Unknown

Read = Callable[..., Reading]
Texts = Callable[[Launch], list[str]]

FILES = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: files}
data:
  vllm.yaml: |
    # sizes
    max-model-len: 4096
    served-model-name: "chat"
    enforce-eager: true
  start.sh: |
    #!/bin/bash
    set -euo pipefail
    exec vllm serve "$MODEL" --port "${1:-8000}"
"""


def manifest(words: str, mount: str, volume: str, files: str = FILES) -> str:
    """Return a pod whose container runs these words, with one volume."""
    return f"""\
apiVersion: v1
kind: Pod
metadata: {{name: chat}}
spec:
  containers:
    - name: c
      image: own/image
      command: {words}
      env: [{{name: MODEL, value: a/b}}]
      volumeMounts: [{{name: v, {mount}}}]
  volumes: [{{name: v, {volume}}}]
{files}"""


def one(read: Read, text: str, beside: dict[str, str] | None = None) -> Launch:
    """Return the one launch of a manifest."""
    [found] = read(text, "chat.yaml", beside).launches
    return found


WHOLE = "configMap: {name: files}"
PART = "configMap: {name: files, items: [{key: vllm.yaml, path: sub/c.yaml}]}"


@pytest.mark.parametrize(
    ("path", "mount", "volume"),
    [
        ("/etc/vllm.yaml", "mountPath: /etc/", WHOLE),
        ("/etc/sub/c.yaml", "mountPath: /etc", PART),
        ("/etc/own.yaml", "mountPath: /etc/own.yaml, subPath: vllm.yaml", WHOLE),
        ("/etc/sub/c.yaml", "mountPath: /etc", "projected: {sources: [{" + PART + "}]}"),
    ],
)
def test_a_mounted_config_file_is_read_with_exact_places(
    read: Read, path: str, mount: str, volume: str
) -> None:
    text = manifest(f"[vllm, serve, a/b, --config, {path}]", mount, volume)
    config = one(read, text).config
    assert isinstance(config, ConfigFile)
    assert [word.text for word in config.words] == [
        "--max-model-len", "4096", "--served-model-name", "chat", "--enforce-eager",
    ]  # fmt: skip
    for word in config.words[1], config.words[3]:
        place = word.text_span
        assert place is not None
        assert text[place.start : place.end] == word.text


def test_a_config_file_of_a_file_beside_is_read_there(read: Read) -> None:
    text = manifest("[vllm, serve, --config, /etc/vllm.yaml]", "mountPath: /etc", WHOLE, "")
    beside = {"./": "chat.yaml\nfiles.yaml", "files.yaml": FILES}
    config = one(read, text, beside).config
    assert isinstance(config, ConfigFile)
    assert config.words[0].site.path == "files.yaml"


@pytest.mark.parametrize(
    ("volume", "reason"),
    [
        ("configMap: {name: missing}", "the ConfigMap `missing` is not at hand"),
        ("persistentVolumeClaim: {claimName: x}", "the config file `/etc/vllm.yaml` is not at hand"),
    ],
)
def test_a_config_file_that_is_not_here_is_unknown(read: Read, volume: str, reason: str) -> None:
    settings_only = FILES.partition("  start.sh")[0]
    text = manifest("[vllm, serve, --config, /etc/vllm.yaml]", "mountPath: /etc", volume, settings_only)
    assert one(read, text).config == Unknown(reason)


@pytest.mark.parametrize(
    ("words", "port"),
    [
        ("[bash, /scripts/start.sh]", "8000"),
        ("[/bin/bash, -x, /scripts/start.sh, '9000']", "9000"),
        ("[/scripts/start.sh, '9000']", "9000"),
        ("[sh, -c, exec /scripts/start.sh 9000]", "9000"),
        ("[sh, -c, 'echo up; bash /scripts/start.sh 9000 2>&1']", "9000"),
    ],
)
def test_a_mounted_script_is_what_the_container_runs(read: Read, argv: Texts, words: str, port: str) -> None:
    text = manifest(words, "mountPath: /scripts", "configMap: {name: files, defaultMode: 0755}")
    found = one(read, text)
    assert argv(found) == ["a/b", "--port", port]
    assert found.in_script


def test_a_script_that_is_not_mounted_starts_nothing_that_is_seen(read: Read) -> None:
    text = manifest("[bash, /other/start.sh]", "mountPath: /scripts", WHOLE)
    assert read(text, "chat.yaml").launches == ()


def test_a_script_that_runs_itself_ends(read: Read) -> None:
    files = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: files}\ndata: {a.sh: bash /scripts/a.sh}\n"
    )
    text = manifest("[bash, /scripts/a.sh]", "mountPath: /scripts", WHOLE, files)
    assert read(text, "chat.yaml").launches == ()


def test_a_script_of_a_config_map_that_no_pod_here_mounts_is_read_for_itself(read: Read) -> None:
    [launch] = read(FILES.removeprefix("---\n"), "scripts.yaml").launches
    assert launch.name == "files/start.sh"
    assert [word.text for word in launch.argv] == ["", "--port", "8000"]


def test_a_mounted_script_is_read_once_with_its_pod_even_from_another_file(read: Read) -> None:
    pod = manifest("[/opt/start.sh]", "mountPath: /opt", WHOLE, files="")
    beside = {"./": "pod.yaml\nscripts.yaml", "pod.yaml": pod}
    assert not read(FILES.removeprefix("---\n"), "scripts.yaml", beside).launches


def test_files_of_a_config_map_that_are_no_scripts_start_nothing(read: Read) -> None:
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  README: "vllm serve a/b"\n'
    assert not read(text, "a.yaml").launches
