"""Commands in documents of no known format, and `hf endpoints deploy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.commands import Start, Surroundings
from vllint.sources.hf_deploy import deploy_starts, is_deploy
from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scripts: {start: 'docker run vllm/vllm-openai:v0.12.0 Q/x --port 80'}\n", ["Q/x", "--port", "80"]),
        ("a: {b: [{launch_command: |\n  export A=1\n  vllm serve Q/x\n}]}\n", None),
        ("- [python3, -m, vllm.entrypoints.openai.api_server, --model, Q/x]\n", ["--model", "Q/x"]),
        ('worker_init: |\n  go() { bash -c "$1"; }\n  go "vllm serve Q/x"\n', ["Q/x"]),
        ("- title: how to\n  text: vllm serve Q/x\n", None),
        ("start: you run vllm serve Q/x for this\n", None),
        ("start: python -m sglang.launch_server --model vllm\n", None),
    ],
)
def test_a_command_under_a_key_for_commands_is_found(
    read: Read, argv: Argv, text: str, words: list[str] | None
) -> None:
    launches = read(text, "own.yaml").launches
    assert [argv(launch) for launch in launches] == ([] if words is None else [words])


def deployed(*options: str) -> list[Any]:
    texts = ["hf", "endpoints", "deploy", "chat", "--repo", "Q/x", "--instance-size", "x4", *options]
    words = [Word.verbatim(text, "a.sh", 100 * number) for number, text in enumerate(texts)]
    assert is_deploy(words)
    starts = list(deploy_starts(words, Surroundings()))
    assert all(isinstance(start, Start) for start in starts)
    return starts


IMAGE = "vllm/vllm-openai:v0.23.0"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--engine=vllm", "--custom-image", IMAGE], ["Q/x", "--tensor-parallel-size", "4"]),
        (
            ["--engine", "vllm", "--custom-image", IMAGE, "--data-parallel-size", "4"],
            ["Q/x", "--data-parallel-size", "4"],
        ),
        (
            ["--custom-image", IMAGE, "--container-args", "--model /repository -tp 4"],
            ["--model", "Q/x", "-tp", "4"],
        ),
    ],
)
def test_an_endpoint_made_on_the_command_line_is_a_start(options: list[str], words: list[str]) -> None:
    [start] = deployed(*options)
    assert [word.text for word in start.argv] == words
    assert isinstance(start.surroundings.gpu_count, Located) and start.surroundings.gpu_count.value == 4


@pytest.mark.parametrize(
    "options", [[], ["--engine", "tgi", "--custom-image", "tgi:3"], ["--framework", "custom"]]
)
def test_an_endpoint_of_another_engine_starts_nothing_of_ours(options: list[str]) -> None:
    assert deployed(*options) == []
