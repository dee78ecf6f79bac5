"""Which words of a command start a server: wrappers, shells in shells, and containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]


def only(read: Read, command: str) -> Launch:
    reading = read(f"{command}\n", "run.sh")
    assert not reading.problems
    [launch] = reading.launches
    return launch


@pytest.mark.parametrize(
    "command",
    [
        "vllm serve Q/x -tp 2",
        "/opt/venv/bin/vllm serve Q/x -tp 2",
        "$VENV/bin/vllm serve Q/x -tp 2",
        "exec vllm serve Q/x -tp 2",
        "exec vllm serve Q/x -tp 2 2>&1 | tee log",
        "nohup vllm serve Q/x -tp 2 > log 2>&1 &",
        "nohup nice -n 5 vllm serve Q/x -tp 2 &",
        "env vllm serve Q/x -tp 2",
        "env A=1 B=2 vllm serve Q/x -tp 2",
        "sudo -u vllm vllm serve Q/x -tp 2",
        "time vllm serve Q/x -tp 2",
        "uv run --with vllm vllm serve Q/x -tp 2",
        "conda run -n env --no-capture-output vllm serve Q/x -tp 2",
        "timeout 60 vllm serve Q/x -tp 2",
        "setsid vllm serve Q/x -tp 2",
        "srun --gpus=2 vllm serve Q/x -tp 2",
        "numactl --cpunodebind=0 vllm serve Q/x -tp 2",
        "(cd /srv && vllm serve Q/x -tp 2)",
        "cd /srv; { vllm serve Q/x -tp 2; }",
        "bash -c 'vllm serve Q/x -tp 2'",
        'bash -c "vllm serve Q/x -tp 2"',
        "bash -lc 'vllm serve Q/x -tp 2'",
        "bash -ceu 'vllm serve Q/x -tp 2'",
        "bash -euo pipefail -c 'vllm serve Q/x -tp 2'",
        "bash -o pipefail -c 'vllm serve Q/x -tp 2'",
        "bash --norc -x -c 'vllm serve Q/x -tp 2'",
        "bash -c -- 'vllm serve Q/x -tp 2'",
        "sh -c 'exec vllm serve Q/x -tp 2' ignored",
        "bash -c \"bash -c 'vllm serve Q/x -tp 2'\"",
        "nohup bash -c 'vllm serve Q/x -tp 2' &",
        "screen -dmS llm bash -c 'vllm serve Q/x -tp 2'",
        "screen -S llm -X stuff 'vllm serve Q/x -tp 2^M'",
        "screen -S llm -X stuff $'vllm serve Q/x -tp 2\\n'",
        "tmux new-session -d -s llm 'vllm serve Q/x -tp 2'",
        "tmux new -ds llm -c /srv vllm serve Q/x -tp 2",
        "tmux -L sock send-keys -t llm:0 'vllm serve Q/x -tp 2' C-m",
        "tmux send-keys -t llm vllm Space ignored; vllm serve Q/x -tp 2",
        "ssh -i key -o A=b user@host 'cd /srv && vllm serve Q/x -tp 2'",
        "ssh host vllm serve Q/x -tp 2",
        "pdsh -w n1 'vllm serve Q/x -tp 2'",
        "su - vllm -c 'vllm serve Q/x -tp 2'",
        "sg docker -c 'vllm serve Q/x -tp 2'",
        "gcloud compute ssh vm --zone z --command='vllm serve Q/x -tp 2'",
        "kubectl exec -it pod -- vllm serve Q/x -tp 2",
        "kubectl exec pod -- bash -c 'vllm serve Q/x -tp 2'",
        "docker exec -d llm vllm serve Q/x -tp 2",
        "docker compose run --rm llm vllm serve Q/x -tp 2",
        "mpirun -np 1 -x A=b vllm serve Q/x -tp 2",
        "apptainer exec --nv --bind /data llm.sif vllm serve Q/x -tp 2",
        "shifter --image=vllm/vllm-openai:v0.8.3 --module=gpu vllm serve Q/x -tp 2",
        "srun shifter --image vllm/vllm-openai:v0.8.3 vllm serve Q/x -tp 2",
        "singularity exec --nv docker://vllm/vllm-openai:v0.9.1 vllm serve Q/x -tp 2",
        "enroot start --rw llm vllm serve Q/x -tp 2",
        "poetry run vllm serve Q/x -tp 2",
        "pixi run vllm serve Q/x -tp 2",
        "taskset -c 0-7 stdbuf -oL timeout -k 1 10 nice -n 5 vllm serve Q/x -tp 2",
        "uvx vllm@0.9.1 serve Q/x -tp 2",
        "$VLLM_BIN serve Q/x -tp 2",
        '"${VLLM:?}" serve Q/x -tp 2',
        "bash <<< 'vllm serve Q/x -tp 2'",
        "bash -s <<'EOF'\nvllm serve Q/x -tp 2\nEOF",
        "ssh host <<EOF\nvllm serve Q/x -tp 2\nEOF",
        "eval vllm serve Q/x -tp 2",
        "eval 'vllm serve' 'Q/x -tp 2'",
        "python -m vllm.entrypoints.cli.main serve Q/x -tp 2",
        "kubectl exec pod -- vllm serve Q/x -tp 2",
    ],
)
def test_a_server_is_found_behind_what_runs_it(read: Read, argv: Argv, command: str) -> None:
    launch = only(read, command)
    assert launch.entry_point is EntryPoint.SERVE
    assert argv(launch) == ["Q/x", "-tp", "2"]


@pytest.mark.parametrize(
    "command",
    [
        "python -m vllm.entrypoints.openai.api_server --model Q/x",
        "python3 -u -m vllm.entrypoints.openai.api_server --model Q/x",
        "/usr/bin/python3.12 -m vllm.entrypoints.openai.api_server --model Q/x",
        "CUDA_VISIBLE_DEVICES=0 nohup python -m vllm.entrypoints.openai.api_server --model Q/x &",
        "torchrun --nproc 1 -m vllm.entrypoints.openai.api_server --model Q/x",
    ],
)
def test_the_api_server_module_is_the_other_front_door(read: Read, argv: Argv, command: str) -> None:
    launch = only(read, command)
    assert launch.entry_point is EntryPoint.API_SERVER
    assert argv(launch) == ["--model", "Q/x"]


@pytest.mark.parametrize(
    "command",
    [
        "echo vllm serve Q/x",
        "printf '%s' 'vllm serve Q/x'",
        "pkill -f 'vllm serve'",
        "pgrep -f vllm serve",
        "ps aux | grep vllm serve",
        "which vllm serve",
        "# vllm serve Q/x",
        "cat <<EOF\nvllm serve Q/x\nEOF",
        "x='vllm serve Q/x'",
        "vllm bench serve --model Q/x",
        "vllm chat --model Q/x",
        "vllm",
        "pip install vllm",
        "python -m vllm.entrypoints.cli.main bench",
        "python -m vllm.entrypoints.openai.run_batch -i a",
        "bash script.sh -c 'vllm serve Q/x'",
        "docker build -t vllm .",
        "docker run",
        "docker run --rm",
        "docker run python:3 echo vllm serve",
        "docker pull vllm/vllm-openai:v0.9.1",
    ],
)
def test_words_that_only_mention_the_server_start_none(read: Read, command: str) -> None:
    assert read(f"{command}\n", "run.sh").launches == ()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("vllm serve Q/x", None),
        ("CUDA_VISIBLE_DEVICES=0,1 vllm serve Q/x", 2),
        ("CUDA_VISIBLE_DEVICES=0,1 nohup vllm serve Q/x", 2),
        ("env CUDA_VISIBLE_DEVICES=0,1 vllm serve Q/x", 2),
        ("env -i A=1 CUDA_VISIBLE_DEVICES=0,1 vllm serve Q/x", 2),
        ("env -u HOME CUDA_VISIBLE_DEVICES=3 vllm serve Q/x", 1),
        ("nohup env CUDA_VISIBLE_DEVICES=3 vllm serve Q/x", 1),
        ("sudo -E CUDA_VISIBLE_DEVICES=3 vllm serve Q/x", 1),
        ("export CUDA_VISIBLE_DEVICES=0,1\nvllm serve Q/x", 2),
        ("declare -x CUDA_VISIBLE_DEVICES=0,1\nvllm serve Q/x", 2),
        ("CUDA_VISIBLE_DEVICES=0,1\nexport CUDA_VISIBLE_DEVICES\nvllm serve Q/x", 2),
        ("CUDA_VISIBLE_DEVICES=0,1\nvllm serve Q/x", None),
        ("export CUDA_VISIBLE_DEVICES=0\nunset CUDA_VISIBLE_DEVICES\nvllm serve Q/x", None),
        ("export CUDA_VISIBLE_DEVICES=0\nCUDA_VISIBLE_DEVICES=0,1 vllm serve Q/x", 2),
        ("export CUDA_VISIBLE_DEVICES=$1\nvllm serve Q/x", None),
        ("export CUDA_VISIBLE_DEVICES=${1:-0,1}\nvllm serve Q/x", 2),
        ("CUDA_VISIBLE_DEVICES=0 bash -c 'vllm serve Q/x'", 1),
        ("bash -c 'CUDA_VISIBLE_DEVICES=0 vllm serve Q/x'", 1),
        ("CUDA_VISIBLE_DEVICES=0 true\nvllm serve Q/x", None),
        ("(export CUDA_VISIBLE_DEVICES=0)\nvllm serve Q/x", None),
    ],
)
def test_gpus_are_what_the_servers_process_may_see(
    read: Read, gpu_count: Count, command: str, expected: object
) -> None:
    assert gpu_count(only(read, command)) == expected


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("pip install vllm==0.8.5", "0.8.5"),
        ("pip install -U 'vllm==0.8.5.post1' torch", "0.8.5.post1"),
        ('uv pip install "vllm[audio,video]==0.10.2" --torch-backend=auto', "0.10.2"),
        ("python -m pip install vllm==0.8.5", "0.8.5"),
        ("pip install vllm", None),
        ("pip install 'vllm>=0.8'", None),
        ("pip install vllm==$VERSION", None),
        ("VERSION=0.9.1\npip install vllm==$VERSION", "0.9.1"),
        ("pip download vllm==0.8.5", None),
        ("pip install vllm-flash-attn==2.6.1", None),
        ("pip install vllm==0.7.3\npip install vllm==0.8.5", "0.8.5"),
    ],
)
def test_the_release_is_what_the_script_installed_last(read: Read, line: str, version: str | None) -> None:
    found = only(read, f"{line}\nvllm serve Q/x").vllm_version
    assert (found.value if isinstance(found, Located) else None) == version


@pytest.mark.parametrize(
    "command",
    [
        "python3 /opt/vllm/entrypoints/openai/api_server.py --model Q/x",
        "$PYTHON -u $ROOT/vllm/entrypoints/openai/api_server.py --model Q/x",
        "apptainer run --nv docker://vllm/vllm-openai:v0.9.1 --model Q/x",
        "kubectl run llm --image=vllm/vllm-openai:v0.9.1 --port=8000 -- --model Q/x",
    ],
)
def test_the_module_is_started_by_its_file_or_by_its_image(read: Read, argv: Argv, command: str) -> None:
    launch = only(read, command)
    assert launch.entry_point is EntryPoint.API_SERVER
    assert argv(launch) == ["--model", "Q/x"]


@pytest.mark.parametrize(
    "command",
    [
        "ls /opt/vllm/entrypoints/openai/api_server.py",
        "tmux kill-session -t 'vllm serve'",
        "$OTHER serve Q/x",
        "vllm serve --help",
        "ssh host 'pkill -f vllm serve'",
    ],
)
def test_other_commands_that_name_the_server_start_none(read: Read, command: str) -> None:
    assert read(f"{command}\n", "run.sh").launches == ()


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("ssh host vllm serve Q/x", set()),
        ("ssh host 'B=2 vllm serve Q/x'", {"B"}),
        ("kubectl exec pod -- vllm serve Q/x", set()),
        ("docker exec -e B=2 llm vllm serve Q/x", {"B"}),
        ("docker exec llm env B=2 vllm serve Q/x", {"B"}),
        ("apptainer exec --env B=2,C=3 a.sif vllm serve Q/x", {"A", "B", "C"}),
        ("apptainer exec --cleanenv --env B=2 a.sif vllm serve Q/x", {"B"}),
        ("tmux new -d 'vllm serve Q/x'", {"A"}),
        ("srun vllm serve Q/x", {"A"}),
    ],
)
def test_the_variables_of_this_shell_do_not_reach_another_machine(
    read: Read, command: str, names: set[str]
) -> None:
    launch = only(read, f"export A=1\n{command}")
    assert {variable.name for variable in launch.env} == names


@pytest.mark.parametrize(
    "command",
    [
        "uv run --with vllm==0.9.1 vllm serve Q/x",
        "uvx --from 'vllm[audio]==0.9.1' vllm serve Q/x",
        "uvx vllm@0.9.1 serve Q/x",
        "uv pip install vllm==0.9.1\nvllm serve Q/x",
        "apptainer exec docker://vllm/vllm-openai:v0.9.1 vllm serve Q/x",
    ],
)
def test_the_release_that_a_runner_takes_is_known(read: Read, command: str) -> None:
    version = only(read, command).vllm_version
    assert isinstance(version, Located) and version.value == "0.9.1"


@pytest.mark.parametrize("command", ["xargs -n1 vllm serve", "parallel vllm serve {} --port 1"])
def test_what_xargs_adds_is_not_known(read: Read, command: str) -> None:
    launch = only(read, f"cat models | {command}")
    assert launch.argv[-1].splits and not launch.argv[0].is_known


@pytest.mark.parametrize(
    ("command", "version"),
    [
        ("shifter --image=vllm/vllm-openai:v0.8.3 vllm serve Q/x", "0.8.3"),
        ("apptainer exec --nv images/vllm-openai_v0.9.1.sif vllm serve Q/x", "0.9.1"),
        ("apptainer run --nv $DIR/vllm-openai_v0.9.1.sif --model Q/x", "0.9.1"),
        ("apptainer instance run --nv vllm-openai_v0.9.1.sif name --model Q/x", "0.9.1"),
        ("apptainer run $OPTIONS --bind a:b vllm-openai_v0.9.1.sif --model Q/x", "0.9.1"),
        ("apptainer run vllm-openai_latest.sif --model Q/x", None),
        ("apptainer run my_v0.9.1.sif vllm serve Q/x", None),
    ],
)
def test_images_of_clusters_tell_their_release(read: Read, command: str, version: str | None) -> None:
    found = only(read, command).vllm_version
    assert (found.value if isinstance(found, Located) else None) == version
