"""Units, drop-ins and quadlets in, launches out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.readers import Reading
from vllint.sources.systemd_words import unit_words
from vllint_schemas import Launch, Origin, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]


def unit(*lines: str) -> str:
    return "[Unit]\nDescription=x\n[Service]\n" + "\n".join(lines) + "\n[Install]\n"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/opt/bin/vllm serve Q/x --port 80", ["Q/x", "--port", "80"]),
        ("vllm serve Q/x \\\n  # not a word\n  --port 80", ["Q/x", "--port", "80"]),
        ("-vllm serve 'Q/x' --json '{\"a\": 1}'", ["Q/x", "--json", '{"a": 1}']),
        ('vllm serve Q/x --json "{\\"a\\": 1}"', ["Q/x", "--json", '{"a": 1}']),
        ("vllm serve ${MODEL} --name '${MODEL}-x'", ["Q/m", "--name", "Q/m-x"]),
        ("vllm serve Q/x $ARGS", ["Q/x", "-tp", "2"]),
        ("vllm serve Q/x --x=$ARGS", ["Q/x", "--x=$ARGS"]),
        ("vllm serve Q/x ${ARGS}", ["Q/x", "-tp 2"]),
        ("vllm serve Q/x --cost $$5 100%%", ["Q/x", "--cost", "$5", "100%"]),
        ("vllm serve %h/models/x", ["?/models/x"]),
        ("vllm serve Q/x $NONE ${NONE}", ["Q/x", "?", "?"]),
        (":vllm serve Q/x ${MODEL}", ["Q/x", "${MODEL}"]),
        ("/bin/bash -c 'cd /x && exec vllm serve Q/x $$ARGS'", ["Q/x", "-tp", "2"]),
        ("python -m vllm.entrypoints.openai.api_server --model {{ model }}", ["--model", "?"]),
        ("vllm serve Q/x\\x2dy", ["Q/x-y"]),
    ],
)
def test_a_command_is_split_as_systemd_does(
    read: Read, argv: Argv, command: str, expected: list[str]
) -> None:
    lines = ("Environment=MODEL=Q/m 'ARGS=-tp 2'", f"ExecStart={command}")
    [launch] = read(unit(*lines), "vllm.service").launches
    assert argv(launch) == expected
    assert launch.name == "vllm"


def test_an_empty_command_forgets_those_before_it(read: Read, argv: Argv) -> None:
    text = unit("ExecStart=vllm serve Q/x", "ExecStart=", "ExecStart=vllm serve Q/y")
    assert [argv(launch) for launch in read(text, "a.service").launches] == [["Q/y"]]


def test_a_service_may_start_several_commands(read: Read, argv: Argv) -> None:
    text = unit("ExecStart=vllm serve Q/x ; vllm serve Q/y", "ExecStart=vllm serve Q/z")
    assert [argv(launch) for launch in read(text, "a.service").launches] == [["Q/x"], ["Q/y"], ["Q/z"]]


def test_the_environment_shows_the_cards(read: Read, gpu_count: Callable[[Launch], Any]) -> None:
    text = unit('Environment="CUDA_VISIBLE_DEVICES=0,1" HF_HOME=/x', "ExecStart=vllm serve Q/x")
    [launch] = read(text, "a.service").launches
    assert gpu_count(launch) == 2
    assert [(one.name, one.value.text) for one in launch.env][1] == ("HF_HOME", "/x")


def test_an_environment_file_beside_the_unit_wins(read: Read, argv: Argv) -> None:
    text = unit("Environment=TP=1", "EnvironmentFile=-/etc/vllm.env", "ExecStart=vllm serve Q/x -tp ${TP}")
    [launch] = read(text, "a.service", {"vllm.env": "TP=4\n"}).launches
    assert argv(launch) == ["Q/x", "-tp", "4"]
    assert launch.argv[2].origin is Origin.ENV_FILE


def test_an_environment_file_that_is_not_at_hand_may_set_anything(read: Read, argv: Argv) -> None:
    text = unit("Environment=TP=1", "EnvironmentFile=/etc/x.env", "ExecStart=vllm serve ${M} -tp ${TP}")
    [launch] = read(text, "a.service").launches
    assert argv(launch) == ["?", "-tp", "1"]
    assert "/etc/x.env" in launch.argv[0].reason
    assert launch.argv[2].origin is Origin.DEFAULT


def test_a_drop_in_changes_the_unit_and_is_no_launch_of_its_own(read: Read, argv: Argv) -> None:
    main, drop_in = unit("Environment=TP=1", "ExecStart=vllm serve Q/x -tp ${TP}"), unit("Environment=TP=2")
    beside = {"a.service.d/": "x.conf", "a.service.d/x.conf": drop_in}
    assert [argv(launch) for launch in read(main, "a.service", beside).launches] == [["Q/x", "-tp", "2"]]
    alone = unit("ExecStart=", "ExecStart=vllm serve Q/y")
    assert not read(alone, "a.service.d/x.conf", {"../a.service": main}).launches
    assert len(read(alone, "a.service.d/x.conf").launches) == 1


def test_a_container_that_a_service_runs_is_read(read: Read, argv: Argv) -> None:
    text = unit("ExecStart=/usr/bin/docker run --gpus all vllm/vllm-openai:v0.9.1 --model Q/x -tp 2")
    [launch] = read(text, "a.service").launches
    assert argv(launch) == ["--model", "Q/x", "-tp", "2"]
    assert launch.image is not None
    assert launch.container is not None


QUADLET = """\
[Container]
Image=docker.io/vllm/vllm-openai:v0.9.1
Exec=--model Q/x \\
  --tensor-parallel-size 2
Environment=HF_HOME=/x "A=b c"
PublishPort=8000:8000
ShmSize=8g
"""


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ("AddDevice=nvidia.com/gpu=all", "all"),
        ("AddDevice=nvidia.com/gpu=0\nAddDevice=nvidia.com/gpu=1", 2),
        ("PodmanArgs=--gpus 2", 2),
        ("AddDevice=/dev/kfd", None),
    ],
)
def test_a_quadlet_is_a_podman_run(
    read: Read, argv: Argv, gpu_count: Callable[[Launch], Any], devices: str, expected: int | str | None
) -> None:
    [launch] = read(f"{QUADLET}{devices}\n", "llm.container").launches
    assert argv(launch) == ["--model", "Q/x", "--tensor-parallel-size", "2"]
    assert gpu_count(launch) == expected
    assert {one.name: one.value.text for one in launch.env}["A"] == "b c"
    assert launch.container is not None
    assert launch.container.ports[0].host_port is not None


PROGRAM = """\
[program:llm]
command=/opt/bin/vllm serve Q/x --port %(ENV_PORT)s
  -tp 2 ; a comment
environment=CUDA_VISIBLE_DEVICES="0,1",PORT=8001
"""


def test_a_program_of_supervisord_is_read(read: Read, argv: Argv, gpu_count: Callable[[Launch], Any]) -> None:
    [launch] = read(PROGRAM, "supervisord.conf").launches
    assert argv(launch) == ["Q/x", "--port", "8001", "-tp", "2"]
    assert (launch.name, gpu_count(launch)) == ("llm", 2)


def test_a_procfile_has_one_command_a_line(read: Read, argv: Argv) -> None:
    [launch] = read("web: vllm serve Q/x --port $PORT\nworker: python work.py\n", "Procfile").launches
    assert (launch.name, argv(launch)) == ("web", ["Q/x", "--port", "?"])


@given(st.text(alphabet="a \\\"'\t;x2d", max_size=14))
def test_any_value_parts_into_words_with_their_places(text: str) -> None:
    for word in unit_words(Word.verbatim(text, "u", 0)):
        assert 0 <= word.site.start <= word.site.end <= len(text)
        for run in word.runs:
            if run.verbatim:
                assert (
                    text[run.source.start : run.source.end] == word.text[run.start : run.start + run.length]
                )


def test_systemd_fills_in_variables_of_a_quadlet_s_command(read: Read, argv: Argv) -> None:
    text = (
        "[Container]\nImage=vllm/vllm-openai:v0.9.1\nEnvironment=PORT=1\n"
        "Exec=--model Q/x --port ${PORT} --seed ${SEED}\n[Service]\nEnvironment=SEED=7\n"
    )
    [launch] = read(text, "llm.container").launches
    assert argv(launch) == ["--model", "Q/x", "--port", "?", "--seed", "7"]
