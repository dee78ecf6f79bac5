"""Compose projects of several files: extends, include and override files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import ConfigFile, Launch, Located, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]

BASE = "services:\n  base:\n    image: vllm/vllm-openai:v0.9.1\n    command: --model Q/x -tp 2\n"


def _env(launch: Launch) -> dict[str, str]:
    return {variable.name: variable.value.text for variable in launch.env if variable.value.is_known}


def test_a_service_takes_over_what_it_extends_in_its_own_file(read: Read, argv: Argv) -> None:
    text = BASE + "  big:\n    extends: base\n    command: [--model, Q/y]\n    gpus: 4\n"
    base, big = read(text, "compose.yaml").launches
    assert (argv(base), argv(big)) == (["--model", "Q/x", "-tp", "2"], ["--model", "Q/y"])
    assert big.image is not None and big.image.text == "vllm/vllm-openai:v0.9.1"
    assert text[big.at.start : big.at.end] == "big"
    assert big.container is not None and big.container.open_ended is None


def test_words_taken_from_another_file_stand_in_that_file(read: Read, argv: Argv) -> None:
    common = BASE.replace("Q/x", "Q/z")
    text = "services:\n  llm:\n    extends: {file: shared/common.yml, service: base}\n"
    [launch] = read(text, "compose.yaml", {"shared/common.yml": common}).launches
    assert argv(launch) == ["--model", "Q/z", "-tp", "2"]
    place = launch.argv[1].text_span
    assert place is not None and place.path == "shared/common.yml"
    assert common[place.start : place.end] == "Q/z"
    assert (launch.path, launch.name) == ("compose.yaml", "llm")


def test_paths_in_an_extended_file_are_seen_from_its_folder(read: Read, argv: Argv) -> None:
    files = {
        "shared/common.yml": BASE.replace("Q/x", "$$MODEL").replace(
            "command:", "entrypoint: [bash, -c]\n    env_file: llm.env\n    command:"
        ),
        "shared/llm.env": "MODEL=Q/w\n",
    }
    files["shared/common.yml"] = files["shared/common.yml"].replace(
        "command: --model $$MODEL -tp 2", "command: [vllm serve $$MODEL -tp 2]"
    )
    text = "services:\n  llm:\n    extends: {file: shared/common.yml, service: base}\n"
    [launch] = read(text, "compose.yaml", files).launches
    assert argv(launch) == ["Q/w", "-tp", "2"]


def test_what_an_extended_file_mounts_is_found_beside_that_file(read: Read) -> None:
    common = BASE.replace("-tp 2", "--config /c/v.yaml") + "    volumes: ['./conf:/c']\n"
    files = {"shared/common.yml": common, "shared/conf/v.yaml": "tensor-parallel-size: 4\n"}
    text = "services:\n  llm:\n    extends: {file: shared/common.yml, service: base}\n"
    [launch] = read(text, "compose.yaml", {f"./{name}": at for name, at in files.items()} | files).launches
    assert isinstance(launch.config, ConfigFile)


def test_what_is_extended_may_extend_a_file_beside_it(read: Read, argv: Argv) -> None:
    files = {
        "a/one.yml": "services:\n  one:\n    extends: {file: ../b/two.yml, service: base}\n    ipc: host\n",
        "b/two.yml": BASE,
    }
    text = "services:\n  llm:\n    extends: {file: a/one.yml, service: one}\n"
    [launch] = read(text, "compose.yaml", files).launches
    assert argv(launch) == ["--model", "Q/x", "-tp", "2"]
    assert launch.container is not None and launch.container.shares_host_ipc


def test_environments_of_both_forms_are_laid_over_each_other(read: Read) -> None:
    text = (
        BASE + "    environment: {A: one, B: one}\n"
        "  llm:\n    extends: base\n    environment: [B=two, C=two]\n"
        "  other:\n    extends: {service: base}\n    environment: {B: three}\n"
    )
    _, llm, other = read(text, "compose.yaml").launches
    assert _env(llm) == {"A": "one", "B": "two", "C": "two"}
    assert _env(other) == {"A": "one", "B": "three"}


@pytest.mark.parametrize("extends", ["{file: gone.yml, service: base}", "gone", "llm", "{service: '${X}'}"])
def test_a_service_whose_base_is_not_at_hand_starts_nothing_that_is_guessed(read: Read, extends: str) -> None:
    text = f"services:\n  llm:\n    image: vllm/vllm-openai\n    extends: {extends}\n"
    assert read(text, "compose.yaml").launches == ()
    [launch] = read(text + "    command: --model Q/x\n", "compose.yaml").launches
    assert launch.container is not None and isinstance(launch.container.open_ended, Unknown)


def test_services_that_extend_each_other_end(read: Read) -> None:
    text = "services:\n  a: {extends: b, image: vllm/vllm-openai}\n  b: {extends: a, command: --model Q/x}\n"
    assert len(read(text, "compose.yaml").launches) == 2


@pytest.mark.parametrize("name", ["compose.override.yml", "docker-compose.override.yaml"])
@pytest.mark.parametrize("base", ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"])
def test_the_override_file_beside_the_base_is_laid_over_it(
    read: Read, argv: Argv, base: str, name: str
) -> None:
    override = "services:\n  base:\n    image: vllm/vllm-openai:v0.11.2\n"
    [launch] = read(BASE, base, {name: override}).launches
    assert argv(launch) == ["--model", "Q/x", "-tp", "2"]
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.11.2"
    assert launch.path == base


def test_a_launch_belongs_to_the_file_that_decides_what_is_started(read: Read, argv: Argv) -> None:
    more = "services:\n  base:\n    gpus: 2\n    environment: [A=1]\n"
    override = "compose.override.yml"
    [launch] = read(BASE, "compose.yaml", {override: more}).launches
    assert _env(launch) == {"A": "1"}
    assert read(more, override, {"compose.yaml": BASE}).launches == ()

    command = "services:\n  base:\n    command: --model Q/o\n"
    assert read(BASE, "compose.yaml", {override: command}).launches == ()
    [launch] = read(command, override, {"compose.yaml": BASE}).launches
    assert argv(launch) == ["--model", "Q/o"]
    assert launch.image is not None and launch.image.site.path == "compose.yaml"
    assert launch.path == override


def test_an_override_file_without_its_base_says_only_what_it_knows(read: Read, argv: Argv) -> None:
    text = "services:\n  llm:\n    image: vllm/vllm-openai:v0.9.1\n    gpus: all\n"
    assert read(text, "docker-compose.override.yml").launches == ()
    [launch] = read(text + "    command: --model Q/x\n", "docker-compose.override.yml").launches
    assert argv(launch) == ["--model", "Q/x"]
    assert launch.container is not None and isinstance(launch.container.open_ended, Unknown)


def test_a_file_that_compose_does_not_read_by_itself_has_no_override(read: Read, argv: Argv) -> None:
    override = {"compose.override.yml": "services:\n  base:\n    command: --model Q/o\n"}
    [launch] = read(BASE, "gpu.yaml", override).launches
    assert argv(launch) == ["--model", "Q/x", "-tp", "2"]
    [launch] = read(BASE, "docker-compose.yml", override | {"compose.yaml": "services: {}"}).launches
    assert argv(launch) == ["--model", "Q/x", "-tp", "2"]


def test_what_an_override_resets_is_gone(read: Read) -> None:
    base = BASE + "    environment: [A=1]\n    ports: ['8000:8000']\n    volumes: ['a:/m', 'b:/n']\n"
    changes = "environment: !reset null\n    ports: !override ['1:1']\n    volumes: ['c:/m']\n"
    override = f"services:\n  base:\n    {changes}"
    [launch] = read(base, "compose.yaml", {"compose.override.yaml": override}).launches
    assert launch.env == ()
    assert launch.container is not None
    assert len(launch.container.ports) == 1
    assert sorted(launch.container.mount_targets) == ["/m", "/n"]


def test_an_included_file_is_judged_by_itself_unless_it_gets_other_variables(read: Read, argv: Argv) -> None:
    inner = BASE.replace("Q/x", "${MODEL:-Q/default}")
    own = "services:\n  web:\n    image: nginx\n"
    files = {"llm/compose.yaml": inner}
    assert read("include: [llm/compose.yaml]\n" + own, "compose.yaml", files).launches == ()

    outer = {**files, ".env": "MODEL=Q/outer\n"}
    [launch] = read("include: [llm/compose.yaml]\n" + own, "compose.yaml", outer).launches
    assert argv(launch)[1] == "Q/outer"
    assert launch.path == "llm/compose.yaml"

    named = {**files, "prod.env": "MODEL=Q/prod\n"}
    text = "include:\n  - path: llm/compose.yaml\n    env_file: prod.env\n" + own
    [launch] = read(text, "compose.yaml", named).launches
    assert argv(launch)[1] == "Q/prod"


def test_files_that_include_each_other_end(read: Read) -> None:
    text = "include: [b.yml]\n" + BASE
    [launch] = read(text, "a.yml", {"b.yml": "include: [a.yml]\n", "a.yml": text}).launches
    assert launch.name == "base"


def test_ports_of_included_services_are_published_together(read: Read) -> None:
    files = {"web.yml": "services:\n  web:\n    image: nginx\n    ports: ['8000:80']\n"}
    [launch] = read("include: [web.yml]\n" + BASE, "compose.yaml", files).launches
    assert launch.container is not None
    assert [name for name, _ in launch.container.published_together] == ["web"]


def test_an_included_file_is_read_once_however_often_it_is_included(read: Read) -> None:
    files = {f"{n}.yml": f"include: [{n + 1}.yml, {n + 1}.yml, {n}.yml]\n" for n in range(40)}
    [launch] = read("include: [0.yml]\n" + BASE, "compose.yaml", files).launches
    assert launch.name == "base"
