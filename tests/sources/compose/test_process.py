"""What compose services run: scripts and Dockerfiles of the repository, configs, environments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Origin

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]

SCRIPT = '#!/bin/bash\nset -e\nexec vllm serve "$MODEL" --port 9000 "$@"\n'


def _one(read: Read, keys: str, files: dict[str, str] | None = None) -> Launch:
    text = "services:\n  llm:\n" + "".join(f"    {line}\n" for line in keys.strip().splitlines())
    [launch] = read(text, "deploy/compose.yaml", files).launches
    return launch


@pytest.mark.parametrize(
    "started",
    [
        "entrypoint: /serve.sh\ncommand: -tp 2",
        "entrypoint: [/serve.sh, -tp, '2']",
        "entrypoint: [bash, /serve.sh]\ncommand: ['-tp', '2']",
        "command: bash -x /serve.sh -tp 2",
        "entrypoint: []\ncommand: [/usr/bin/tini, --, /bin/bash, /serve.sh, -tp, '2']",
        "entrypoint: [bash, -lc]\ncommand: ['/serve.sh -tp 2']",
        "entrypoint: /bin/sh\ncommand: -c 'chmod +x /serve.sh && exec /serve.sh -tp 2'",
        "working_dir: /\nentrypoint: ./serve.sh\ncommand: -tp 2",
    ],
)
def test_a_mounted_script_gets_the_words_behind_it(read: Read, argv: Argv, started: str) -> None:
    keys = f"image: my/vllm:1\nenvironment: [MODEL=Q/x]\nvolumes: ['./serve.sh:/serve.sh:ro']\n{started}"
    launch = _one(read, keys, {"serve.sh": SCRIPT})
    assert argv(launch) == ["Q/x", "--port", "9000", "-tp", "2"]
    port = launch.argv[2].text_span
    assert port is not None and port.path == "serve.sh" and SCRIPT[port.start : port.end] == "9000"
    two = launch.argv[-1].text_span
    assert two is not None and two.path == "deploy/compose.yaml"
    assert launch.in_script and launch.name == "llm" and launch.path == "deploy/compose.yaml"


def test_a_command_that_only_handles_a_script_does_not_run_it(read: Read) -> None:
    keys = "image: x\n    volumes: [./s.sh:/s.sh]\n    entrypoint: [bash, -c]\n"
    words = "['chmod +x /s.sh; cat /s.sh']"
    assert (
        read(f"services:\n  a:\n    {keys}    command: {words}\n", "compose.yaml", {"s.sh": SCRIPT}).launches
        == ()
    )


def test_a_script_in_a_mounted_folder_is_read(read: Read, argv: Argv) -> None:
    keys = (
        "image: my/vllm\nenvironment: [MODEL=Q/x]\nvolumes: ['../scripts:/opt/s']\ncommand: /opt/s/a/serve.sh"
    )
    assert argv(_one(read, keys, {"../scripts/a/serve.sh": SCRIPT})) == ["Q/x", "--port", "9000"]


def test_a_script_that_runs_its_arguments_starts_the_command(read: Read, argv: Argv) -> None:
    keys = "image: x\nvolumes: [./e.sh:/e.sh]\nentrypoint: [/e.sh]\ncommand: [vllm, serve, Q/x, -tp, '2']"
    launch = _one(read, keys, {"e.sh": '#!/bin/sh\nexport A=1\nexec "$@"\n'})
    assert argv(launch) == ["Q/x", "-tp", "2"]
    assert ("A", "1") in [(variable.name, variable.value.text) for variable in launch.env]


def test_a_script_that_is_not_at_hand_starts_nothing_that_is_guessed(read: Read) -> None:
    text = "services:\n  a:\n    image: vllm/vllm-openai\n    entrypoint: /e.sh\n    command: --model Q/x\n"
    assert read(text, "compose.yaml").launches == ()


def test_a_script_among_the_configs_is_read_where_it_is_written(read: Read, argv: Argv) -> None:
    text = (
        "services:\n  llm:\n    image: my/vllm\n    entrypoint: [bash, /run.sh]\n"
        "    configs:\n      - {source: run, target: /run.sh}\n"
        "configs:\n  run:\n    content: |\n      MODEL=Q/x\n      vllm serve $$MODEL --port ${PORT:-7000}\n"
    )
    [launch] = read(text, "compose.yaml").launches
    assert argv(launch) == ["Q/x", "--port", "7000"]
    place = launch.argv[2].text_span
    assert place is not None and text[place.start : place.end] == "7000"


def test_a_script_that_a_config_takes_from_a_file_is_read(read: Read, argv: Argv) -> None:
    text = (
        "services:\n  llm:\n    image: x\n    environment: [MODEL=Q/x]\n"
        "    configs: [run]\n    command: sh /run\nconfigs:\n  run: {file: serve.sh}\n"
    )
    [launch] = read(text, "compose.yaml", {"serve.sh": SCRIPT}).launches
    assert argv(launch) == ["Q/x", "--port", "9000"]


@pytest.mark.parametrize(
    ("build", "folder"),
    [
        ("build: .", ""),
        ("build: ./llm", "llm/"),
        ("build: {context: ., dockerfile: Dockerfile}", ""),
        ("build: {context: ../img}", "../img/"),
        ("build: {context: '${DIR:-llm}'}", "llm/"),
    ],
)
def test_what_a_dockerfile_starts_is_what_the_service_starts(
    read: Read, argv: Argv, build: str, folder: str
) -> None:
    dockerfile = (
        "FROM vllm/vllm-openai:v0.9.1\nENV MODEL=Q/x\nCOPY serve.sh /app/\nWORKDIR /app\n"
        'ENTRYPOINT ["/app/serve.sh"]\nCMD ["-tp", "2"]\n'
    )
    files = {f"{folder}Dockerfile": dockerfile, f"{folder}serve.sh": SCRIPT}
    launch = _one(read, f"{build}\ngpus: 2", files)
    assert argv(launch) == ["Q/x", "--port", "9000", "-tp", "2"]
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.9.1"
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.9.1"
    assert argv(_one(read, f"{build}\ncommand: -tp 4", files))[-1] == "4"
    assert argv(_one(read, f"{build}\nentrypoint: vllm serve Q/z", files)) == ["Q/z"]


def test_the_image_a_dockerfile_starts_from_gives_the_entrypoint(read: Read, argv: Argv) -> None:
    files = {"Dockerfile": "ARG TAG=v0.9.0\nFROM vllm/vllm-openai:${TAG}\nRUN pip install timm\n"}
    launch = _one(read, "build: {context: ., args: {TAG: v0.11.2}}\ncommand: Q/x -tp 2", files)
    assert argv(launch) == ["Q/x", "-tp", "2"]
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.11.2"


def test_a_dockerfile_written_in_the_compose_file_is_read(read: Read, argv: Argv) -> None:
    keys = 'build:\n  dockerfile_inline: |\n    FROM vllm/vllm-openai:v0.9.1\n    CMD ["--model", "Q/x"]\n'
    assert argv(_one(read, keys)) == ["--model", "Q/x"]


def test_the_target_stage_is_the_one_that_runs(read: Read, argv: Argv) -> None:
    dockerfile = (
        'FROM vllm/vllm-openai:v0.9.1 AS one\nCMD ["--model", "Q/1"]\n'
        'FROM vllm/vllm-openai:v0.9.1 AS two\nCMD ["--model", "Q/2"]\n'
    )
    files = {"Dockerfile": dockerfile}
    assert argv(_one(read, "build: {context: ., target: one}", files)) == ["--model", "Q/1"]
    assert argv(_one(read, "build: .", files)) == ["--model", "Q/2"]


@pytest.mark.parametrize(
    "env_file",
    [
        "env_file: llm.env",
        "env_file: [other.env, ./llm.env]",
        "env_file:\n  - path: llm.env\n    required: false",
        "env_file: [{path: gone.env, required: false}, llm.env]",
        "env_file: '${FILE:-llm}.env'",
    ],
)
def test_variables_of_an_env_file_reach_the_container(read: Read, argv: Argv, env_file: str) -> None:
    files = {"llm.env": "MODEL='Q/x'\nTP=2 # two\n", "other.env": "MODEL=Q/no\n"}
    keys = f"image: my/vllm\n{env_file}\nentrypoint: [bash, -c]\ncommand: ['vllm serve $$MODEL -tp $$TP']"
    launch = _one(read, keys, files)
    assert argv(launch) == ["Q/x", "-tp", "2"]
    place = launch.argv[0].text_span
    assert place is not None and place.path == "llm.env"


def test_what_the_file_itself_sets_counts_before_its_env_files(read: Read) -> None:
    keys = "image: vllm/vllm-openai\nenv_file: a.env\nenvironment: [A=own]\ncommand: --model Q/x"
    launch = _one(read, keys, {"a.env": "A=file\nB=${A}-${C}-${D:-d}\n", ".env": "C=c\n"})
    env = {variable.name: variable.value.text for variable in launch.env}
    assert env == {"A": "own", "B": "own-c-d"}


def test_a_raw_env_file_is_taken_as_it_stands(read: Read) -> None:
    keys = "image: vllm/vllm-openai\nenv_file: [{path: a.env, format: raw}]\ncommand: --model Q/x"
    launch = _one(read, keys, {"a.env": "# no\nA='$B' # x\n\nC=\n"})
    assert {variable.name: variable.value.text for variable in launch.env} == {"A": "'$B' # x", "C": ""}


def test_names_alone_take_their_value_from_the_project(read: Read) -> None:
    keys = "image: vllm/vllm-openai\nenvironment: [HF_HOME, OTHER]\ncommand: --model Q/x"
    launch = _one(read, keys, {".env": "HF_HOME=/hf\n"})
    home, other = launch.env
    assert home.value.text == "/hf" and not other.value.is_known


def test_an_image_alone_starts_its_default(read: Read, argv: Argv) -> None:
    assert argv(_one(read, "image: vllm/vllm-openai:v0.9.1\nports: ['8000:8000']")) == []
    assert argv(_one(read, "image: vllm/vllm-openai:v0.9.1\ncommand:")) == []
    assert argv(_one(read, "image: vllm/vllm-openai:v0.9.1\ncommand: ''")) == []


@pytest.mark.parametrize("entrypoint", ["[]", "''", "/bin/true"])
def test_an_entrypoint_of_its_own_takes_the_images_place(read: Read, entrypoint: str) -> None:
    keys = f"image: vllm/vllm-openai\n    entrypoint: {entrypoint}\n    command: --model Q/x\n"
    text = f"services:\n  a:\n    {keys}"
    assert read(text, "compose.yaml").launches == ()


def test_a_null_entrypoint_is_the_images(read: Read, argv: Argv) -> None:
    keys = "image: vllm/vllm-openai\nentrypoint: null\ncommand: --model Q/x"
    assert argv(_one(read, keys)) == ["--model", "Q/x"]


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("image: ${VLLM_IMAGE}", "[--model, Q/x]"),
        ("image: '${VLLM_IMAGE:?set it}'", "--model=Q/x"),
        ("image: ${IMAGE}", "[--model, Q/x, --max_model_len=4096]"),
        ("image: ${REGISTRY}/llm:1", "[Q/x, --gpu-memory-utilization=0.9]"),
        ("build: {context: gone}", "[Q/x, --gpu-memory-utilization, '0.9']"),
    ],
)
def test_an_image_that_is_left_open_starts_vllm_if_the_words_are_vllms(
    read: Read, argv: Argv, image: str, command: str
) -> None:
    launch = _one(read, f"{image}\ncommand: {command}")
    assert any(word in {"Q/x", "--model=Q/x"} for word in argv(launch))
    assert not isinstance(launch.vllm_version, Located)


@pytest.mark.parametrize(
    "keys",
    [
        "image: ${IMAGE}\n    command: [--model, Q/x]",
        "image: ${IMAGE}\n    command: [/models/x, --ctx-size, '1']",
        "image: ${VLLM_IMAGE}\n    command: [--model-path, Q/x]",
        "image: ${VLLM_IMAGE}\n    entrypoint: /start\n    command: [--model, Q/x]",
        "image: sglang/sglang\n    command: [--model, Q/x, --max-model-len, '1']",
        "image: ${VLLM_IMAGE}",
    ],
)
def test_other_images_and_words_start_no_vllm(read: Read, keys: str) -> None:
    assert read(f"services:\n  llm:\n    {keys}\n", "compose.yaml").launches == ()


def test_only_the_words_that_a_variable_fills_come_from_it(read: Read) -> None:
    keys = "image: vllm/vllm-openai\ncommand: --model Q/x -tp ${TP} --port ${PORT:-8000} --dtype auto"
    launch = _one(read, keys, {".env": "TP=4\n"})
    origins = {word.text: word.origin for word in launch.argv if word.origin is not Origin.LITERAL}
    assert origins == {"4": Origin.ENV_FILE, "8000": Origin.DEFAULT}
    text = "services:\n  llm:\n" + "".join(f"    {line}\n" for line in keys.splitlines())
    [place] = launch.argv[3].via
    assert text[place.start : place.end] == "${TP}"
    assert all(not word.via for word in launch.argv if word.text != "4")


def test_words_of_a_script_know_which_of_composes_variables_fills_them(read: Read, argv: Argv) -> None:
    keys = (
        "image: x\nentrypoint: [bash, -c]\ncommand:\n  - |\n    TP=${TP:-2}\n"
        "    vllm serve Q/x -tp $$TP --port ${PORT}\n"
    )
    launch = _one(read, keys, {".env": "PORT=9000\n"})
    assert argv(launch) == ["Q/x", "-tp", "2", "--port", "9000"]
    kept = [word.origin for word in launch.argv]
    assert kept == [Origin.LITERAL, Origin.LITERAL, Origin.DEFAULT, Origin.LITERAL, Origin.ENV_FILE]
