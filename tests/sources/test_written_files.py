"""Files that shell scripts write as here-documents, and units in documents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: chat}
spec:
  selector: {matchLabels: {app: chat}}
  template:
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:v0.10.0
          args: ["--model", "$MODEL", "--tensor-parallel-size", "${TP}"]
          resources: {limits: {nvidia.com/gpu: 2}}
"""
UNIT = """\
[Unit]
Description=vLLM
[Service]
Environment=CUDA_VISIBLE_DEVICES=0,1
ExecStart=/opt/venv/bin/vllm serve a/b \\
    --tensor-parallel-size 2
[Install]
WantedBy=multi-user.target
"""


@pytest.mark.parametrize(
    "frame",
    [
        "cat <<EOF | kubectl apply -f -\n{}EOF\n",
        "kubectl apply -n x -f - <<EOF\n{}EOF\n",
        "cat > chat.yaml <<EOF\n{}EOF\nkubectl apply -f chat.yaml\n",
    ],
)
def test_a_manifest_in_a_here_document_is_read_with_the_variables_of_the_script(
    read: Read, argv: Argv, frame: str
) -> None:
    script = "#!/bin/bash\nMODEL=a/b\nTP=2\n" + frame.format(MANIFEST)
    [launch] = read(script, "deploy.sh").launches
    assert argv(launch) == ["--model", "a/b", "--tensor-parallel-size", "2"]
    assert (launch.path, launch.kind) == ("deploy.sh", "shell")
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.10.0"


def test_what_the_script_does_not_set_is_a_hole_in_what_it_writes(read: Read, argv: Argv) -> None:
    [launch] = read(f"cat > x.yaml <<EOF\n{MANIFEST}EOF\n", "deploy.sh").launches
    assert argv(launch) == ["--model", "?", "--tensor-parallel-size", "?"]


def test_a_quoted_here_document_is_read_as_it_stands(read: Read, argv: Argv) -> None:
    compose = "services:\n  llm:\n    image: vllm/vllm-openai\n    command: --model a/b -tp ${TP:-4}\n"
    [launch] = read(f"cat > compose.yaml << 'EOF'\n{compose}EOF\n", "setup.sh").launches
    assert argv(launch) == ["--model", "a/b", "-tp", "4"]


def test_the_same_document_written_in_two_branches_is_one_launch(read: Read) -> None:
    script = f"write() {{\ncat > x.yaml <<'EOF'\n{MANIFEST}EOF\n}}\nif $a; then write; else write; fi\n"
    assert len(read(script, "deploy.sh").launches) == 1


@pytest.mark.parametrize(
    "script",
    [
        f"cat > /etc/systemd/system/vllm.service <<'EOF'\n{UNIT}EOF\n",
        f"sudo tee /etc/systemd/system/vllm.service > /dev/null <<EOF\n{UNIT}EOF\n",
        f'sudo bash -c "cat > /etc/systemd/system/vllm.service <<EOF\n{UNIT}EOF"\n',
    ],
)
def test_a_unit_in_a_here_document_is_read(read: Read, argv: Argv, script: str) -> None:
    [launch] = read(script, "install.sh").launches
    assert argv(launch) == ["a/b", "--tensor-parallel-size", "2"]
    assert [variable.name for variable in launch.env] == ["CUDA_VISIBLE_DEVICES"]


@pytest.mark.parametrize("language", ["ini", "systemd", "", "text"])
def test_a_unit_in_a_fence_of_markdown_is_read(read: Read, argv: Argv, language: str) -> None:
    [launch] = read(f"# Run\n```{language}\n{UNIT}```\n", "README.md").launches
    assert argv(launch) == ["a/b", "--tensor-parallel-size", "2"]
    assert launch.kind == "markdown"


def test_here_documents_that_are_no_yaml_are_passed_over(read: Read) -> None:
    reading = read("cat > x <<EOF\nservices:\n  vllm: [\nEOF\nvllm serve a/b\n", "x.sh")
    assert len(reading.launches) == 1
    assert not reading.problems


def test_a_manifest_that_a_command_of_a_document_hands_on_is_read(read: Read, argv: Argv) -> None:
    text = f"# Run\n```bash\nMODEL=a/b\nTP=2\nkubectl apply -f - <<EOF\n{MANIFEST}EOF\n```\n"
    [launch] = read(text, "README.md").launches
    assert argv(launch) == ["--model", "a/b", "--tensor-parallel-size", "2"]
    assert launch.kind == "markdown"


SCRIPT = "#!/bin/bash\nvllm serve $MODEL --port \\$PORT -tp 2\n"


@pytest.mark.parametrize(
    "command",
    [
        f"cat <<EOF | sudo tee /opt/start.sh\n{SCRIPT}EOF\n",
        f"cat <<EOF | tee start > /dev/null\n{SCRIPT}EOF\n",
        f"cat <<EOF | ssh host bash\n{SCRIPT}EOF\n",
        f"sudo tee /opt/start.sh > /dev/null <<EOF\n{SCRIPT}EOF\n",
    ],
)
def test_a_script_that_is_piped_into_a_file_or_a_shell_is_read(read: Read, argv: Argv, command: str) -> None:
    [launch] = read(f"MODEL=Q/x\n{command}", "install.sh").launches
    assert argv(launch) == ["Q/x", "--port", "?", "-tp", "2"]


@pytest.mark.parametrize("filter_", ["sed s/a/b/", "cat -n", "envsubst"])
def test_what_a_filter_makes_of_a_script_is_not_known(read: Read, filter_: str) -> None:
    assert read(f"{filter_} <<EOF | tee x.sh\n{SCRIPT}EOF\n", "install.sh").launches == ()


def test_each_quadlet_that_a_script_writes_is_read_though_its_image_is_not_known(
    read: Read, argv: Argv
) -> None:
    units = [
        f"cat > {name}.container <<EOF\n[Container]\nImage=${{VLLM_IMAGE}}\nExec=--model Q/{name}\nEOF\n"
        for name in ("a", "b")
    ]
    launches = read("".join(units), "setup.sh").launches
    assert [argv(launch) for launch in launches] == [["--model", "Q/a"], ["--model", "Q/b"]]
    assert all(launch.image is not None and "$VLLM_IMAGE" in launch.image.reason for launch in launches)


def test_a_value_that_is_not_known_at_the_end_of_a_unit_s_line_stays(read: Read, argv: Argv) -> None:
    command = "vllm serve a/b \\\\\n  --served-model-name $NAME\nExecStop=true"
    script = f"NAME=$(hostname)\ncat > /etc/x.service <<EOF\n[Service]\nExecStart={command}\nEOF\n"
    [launch] = read(script, "install.sh").launches
    assert argv(launch) == ["a/b", "--served-model-name", "?"]
