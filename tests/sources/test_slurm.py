"""Slurm batch scripts: what `#SBATCH` lines and `srun` say about GPUs, cards, nodes and variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

SERVE = "vllm serve Q/x\n"


def only(read: Read, *lines: str, serve: str = SERVE, suffix: str = "sbatch") -> Launch:
    text = "".join(f"{line}\n" for line in ("#!/bin/bash", *lines)) + serve
    [launch] = read(text, f"job.{suffix}").launches
    return launch


@pytest.mark.parametrize(
    ("directives", "count"),
    [
        (["--gres=gpu:4"], 4),
        (["--gres=gpu:h100:4"], 4),
        (["--gres gpu:h100:4"], 4),
        (["--gres=gpu"], 1),
        (["--gres=gpu:a40"], 1),
        (["--gres=nvme:1,gpu:2"], 2),
        (["--gres=gpu:2(S:0-1)"], 2),
        (['--gres="gpu:2"'], 2),
        (["--gpus-per-node=8"], 8),
        (["--gpus-per-node=a100:8"], 8),
        (["--gpus=2"], 2),
        (["-G 2"], 2),
        (["-G2"], 2),
        (["-N 1 -G a100:2"], 2),
        (["-N1", "-n1", "-G4"], 4),
        (["--gpus-per-task=2"], 2),
        (["--ntasks=4", "--gpus-per-task=2"], 8),
        (["--gres=gpu:4 # all of them"], 4),
        (["--gres=gpu:4", "--gres=gpu:8"], 8),
        (["--nodes=2", "--gres=gpu:4"], 4),
        (["--nodes=2", "--gpus=8"], None),
        (["--mem=32G"], None),
        (["--gres=shard:4"], None),
        (["--gres=gpu:$N"], None),
    ],
)
def test_directives_say_how_many_gpus_a_node_gives(
    read: Read, gpu_count: Count, directives: list[str], count: int | None
) -> None:
    launch = only(read, *(f"#SBATCH {directive}" for directive in directives))
    assert gpu_count(launch) == count
    assert launch.kind == "slurm"


def test_the_number_and_the_card_stand_in_the_comment(read: Read) -> None:
    text = f"#!/bin/bash\n#SBATCH --gres=gpu:h100:4\n{SERVE}"
    [launch] = read(text, "job.slurm").launches
    count, card = launch.hardware.gpu_count, launch.hardware.gpu
    assert isinstance(count, Located) and count.span is not None
    assert isinstance(card, Located) and card.span is not None
    assert text[count.span.start : count.span.end] == "4"
    assert text[card.span.start : card.span.end] == card.value == "h100"


@pytest.mark.parametrize(
    ("directive", "card"),
    [
        ("--gres=gpu:a40:8", "a40"),
        ("--gpus-per-node=h200:8", "h200"),
        ("-C h100", "h100"),
        ("--constraint=a100-80gb", "a100-80gb"),
        ("--constraint=ib", None),
        ("--constraint='h100|a100'", None),
        ("--gres=gpu:tesla:2", None),
        ("--gres=gpu:2", None),
    ],
)
def test_a_type_or_feature_is_a_card_when_it_names_one(read: Read, directive: str, card: str | None) -> None:
    claim = only(read, f"#SBATCH {directive}").hardware.gpu
    assert (claim.value if isinstance(claim, Located) else None) == card


@pytest.mark.parametrize(
    "lines",
    [
        ["##SBATCH --gres=gpu:8"],
        ["# SBATCH --gres=gpu:8"],
        ["#SBATCH --mem=1G", "module load cuda", "#SBATCH --gres=gpu:8"],
    ],
)
def test_lines_that_slurm_does_not_read_say_nothing(read: Read, gpu_count: Count, lines: list[str]) -> None:
    assert gpu_count(only(read, *lines)) is None


def test_lines_of_another_launch_make_no_slurm_script(read: Read) -> None:
    [launch] = read(f"#!/bin/bash\necho\n#SBATCH --gres=gpu:8\n{SERVE}", "run.sh").launches
    assert launch.kind == "shell"


@pytest.mark.parametrize(
    ("directives", "words", "values"),
    [
        (["--gpus-per-node=4"], "$SLURM_GPUS_ON_NODE", ["4"]),
        (["--gres=gpu:a100:2"], "${SLURM_GPUS_ON_NODE}", ["2"]),
        (["--nodes=2"], "$SLURM_NNODES $SLURM_JOB_NUM_NODES", ["2", "2"]),
        (["-n 3"], "$SLURM_NTASKS", ["3"]),
        (["--nodes=2", "--gres=gpu:4"], "$((SLURM_NNODES * SLURM_GPUS_ON_NODE))", ["8"]),
        (["--cpus-per-task=16"], "$SLURM_CPUS_PER_TASK", ["16"]),
        (["--nodes=2-4"], "$SLURM_NNODES", ["?"]),
        ([], "$SLURM_GPUS_ON_NODE", ["?"]),
    ],
)
def test_slurms_variables_are_what_the_directives_fix(
    read: Read, argv: Argv, directives: list[str], words: str, values: list[str]
) -> None:
    lines = [f"#SBATCH {directive}" for directive in ("--job-name=x", *directives)]
    launch = only(read, *lines, serve=f"srun vllm serve Q/x {words}\n")
    assert argv(launch)[1:] == values
    assert not any(variable.name.startswith("SLURM") for variable in launch.env)


@pytest.mark.parametrize(
    ("directives", "nodes"),
    [(["-N 2"], 2), (["--nodes=1"], None), ([], None), (["--nodes=4", "--gres=gpu:8"], 4)],
)
def test_more_nodes_may_hold_one_model(read: Read, directives: list[str], nodes: int | None) -> None:
    found = only(read, "#SBATCH -J x", *(f"#SBATCH {directive}" for directive in directives)).nodes
    assert (found.value if isinstance(found, Located) else found) == nodes


def test_a_range_of_nodes_is_no_number(read: Read) -> None:
    assert isinstance(only(read, "#SBATCH --nodes=2-4").nodes, Unknown)


@pytest.mark.parametrize(
    ("command", "count"),
    [
        ("CUDA_VISIBLE_DEVICES=0,1 vllm serve Q/x", 2),
        ("srun --gres=gpu:2 vllm serve Q/x", 2),
        ("srun -n1 --gpus=3 bash -c 'vllm serve Q/x'", 3),
        ("srun --overlap vllm serve Q/x --gpus=9", 8),
        ("apptainer exec --nv x.sif vllm serve Q/x", 8),
    ],
)
def test_a_step_may_see_fewer_gpus_than_the_job(
    read: Read, gpu_count: Count, command: str, count: int
) -> None:
    assert gpu_count(only(read, "#SBATCH --gpus-per-node=8", serve=f"{command}\n")) == count


def test_the_image_of_a_step_tells_its_release(read: Read) -> None:
    command = "srun --container-image=vllm/vllm-openai:v0.9.1 --container-mounts=/a:/a vllm serve Q/x\n"
    launch = only(read, "#SBATCH --gres=gpu:1", serve=command)
    assert launch.image is not None and launch.image.text == "vllm/vllm-openai:v0.9.1"
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.9.1"


def test_a_job_given_as_an_option_or_a_here_document_is_read(read: Read, gpu_count: Count) -> None:
    text = (
        "sbatch --gres=gpu:4 --wrap='vllm serve Q/a'\n"
        "sbatch <<'EOF'\n#!/bin/bash\n#SBATCH --gres=gpu:2\nvllm serve Q/b\nEOF\n"
    )
    launches = read(text, "submit.sh").launches
    assert [(launch.argv[0].text, gpu_count(launch)) for launch in launches] == [("Q/a", 4), ("Q/b", 2)]


def test_a_container_that_forgets_the_variables_keeps_the_gpus_of_the_job(
    read: Read, gpu_count: Callable[[Launch], Any]
) -> None:
    script = "#!/bin/bash\n#SBATCH --gpus-per-node=4\napptainer exec --cleanenv --nv x.sif vllm serve a/b\n"
    [launch] = read(script, "job.sbatch").launches
    assert gpu_count(launch) == 4
