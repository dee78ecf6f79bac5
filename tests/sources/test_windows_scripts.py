"""Scripts for Windows in, the launches of their commands out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.readers import Reading
from vllint.sources.windows_scripts import CMD, POWERSHELL, windows_launches
from vllint_schemas import Launch, Origin, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

BATCH = """\
@echo off
set MODEL=Q/x
set "PORT=8001"
set /p SIZE=How many?
if exist cards.txt (
    set EXTRA=--gpus all
) else (
    set EXTRA=
)
REM docker run vllm/vllm-openai:v0.9.1 --model Q/old
echo docker run vllm/vllm-openai:v0.9.1 --model Q/said
docker run --rm -it ^
    --gpus "device=0,1" ^
    -p %PORT%:8000 ^
    -v "%USERPROFILE%\\.cache\\huggingface:/root/.cache/huggingface" ^
    -v D:\\models:/models ^
    vllm/vllm-openai:v0.10.0 ^
    --model %MODEL% ^
    --served-model-name "%MODEL%-chat" ^
    --max-model-len 8192 --limit-mm-per-prompt "{\\"image\\":1}" ^
    -tp %SIZE%
pause
"""


def test_a_command_of_a_batch_file_is_read(read: Read, argv: Argv, gpu_count: Count) -> None:
    [launch] = read(BATCH, "start.bat").launches
    assert argv(launch) == [
        "--model", "Q/x", "--served-model-name", "Q/x-chat", "--max-model-len", "8192",
        "--limit-mm-per-prompt", '{"image":1}', "-tp", "?",
    ]  # fmt: skip
    assert (launch.kind, gpu_count(launch)) == ("windows", 2)
    assert launch.container is not None and launch.container.mount_targets[0] == "/root/.cache/huggingface"
    place = launch.argv[1].text_span
    assert place is not None and BATCH[place.start - 6 : place.end] == "MODEL=Q/x"


SCRIPT = """\
param(
    [string]$Model = "Q/x",
    [int]$Length = 4096
)
$Port = 8001
$name = if ($args[0]) { $args[0] } else { "chat" }
<# docker run vllm/vllm-openai:v0.9.1 --model Q/old #>
Write-Host "docker run vllm/vllm-openai:v0.9.1 --model Q/said"
if (-not (Test-Path $HOME)) { exit 1 }
docker run -d --name vllm `
  --gpus all `
  -p "$($Port):8000" `
  -v "${env:USERPROFILE}\\models:/models" `
  -e HF_TOKEN=$env:HF_TOKEN `
  vllm/vllm-openai:v0.10.0 `
  --model $Model `
  --max-model-len ${Length} `
  --served-model-name $name 2>$null | Out-Null
"""


def test_a_command_of_powershell_is_read(read: Read, argv: Argv, gpu_count: Count) -> None:
    [launch] = read(SCRIPT, "start.ps1").launches
    assert argv(launch) == ["--model", "Q/x", "--max-model-len", "4096", "--served-model-name", "?"]
    assert [word.origin for word in launch.argv[1:4:2]] == [Origin.DEFAULT, Origin.DEFAULT]
    assert gpu_count(launch) == "all"


@pytest.mark.parametrize(
    "script",
    [
        'wsl -d Ubuntu -- bash -c "vllm serve Q/x -tp 2"\n',
        "call docker run vllm/vllm-openai:v0.10.0 Q/x -tp 2\r\n",
        "python -m vllm.entrypoints.cli.main serve Q/x -tp 2\n",
    ],
)
def test_other_starts_of_windows_are_read(read: Read, argv: Argv, script: str) -> None:
    [launch] = read(script, "start.cmd").launches
    assert argv(launch) == ["Q/x", "-tp", "2"]


@pytest.mark.parametrize(
    "document",
    [
        "```powershell\ndocker run `\n  vllm/vllm-openai:v0.10.0 `\n  Q/x -tp 2\n```\n",
        "```bat\ndocker run ^\n  vllm/vllm-openai:v0.10.0 ^\n  Q/x -tp 2\n```\n",
        "```bash\ndocker run ^\n  vllm/vllm-openai:v0.10.0 ^\n  Q/x -tp 2\n```\n",
        "```\ndocker run `\n  vllm/vllm-openai:v0.10.0 `\n  Q/x -tp 2\n```\n",
    ],
)
def test_a_block_for_windows_is_read(read: Read, argv: Argv, document: str) -> None:
    [launch] = read(document, "README.md").launches
    assert argv(launch) == ["Q/x", "-tp", "2"]


def test_what_the_reader_fills_in_at_the_end_of_a_line_is_one_unknown_word(read: Read, argv: Argv) -> None:
    document = "```bat\ndocker run ^\n  vllm/vllm-openai:v0.10.0 ^\n  --api-key <KEY> ^\n  --port 81\n```\n"
    [launch] = read(document, "README.md").launches
    assert argv(launch) == ["--api-key", "?", "--port", "81"]


def test_words_beside_a_variable_come_from_the_file_itself(read: Read) -> None:
    script = '$Port = 81\ndocker run -p "${Port}:8000" `\n  vllm/vllm-openai:v0.10.0 Q/x\n'
    [launch] = read(script, "start.ps1").launches
    assert [(word.text, word.origin.value, word.via) for word in launch.argv] == [("Q/x", "literal", ())]


TOKENS = (
    "docker run ",
    "vllm/vllm-openai:v1 ",
    "^\n",
    "`\n",
    "\n",
    "%A%",
    "set A=b\n",
    "$A",
    "$A = 'b'\n",
    '"',
    "\\",
    "#>",
)


@given(st.lists(st.sampled_from(TOKENS), max_size=30).map("".join), st.sampled_from([CMD, POWERSHELL]))
def test_any_text_is_read_with_its_places(text: str, dialect: Any) -> None:
    for launch in windows_launches(Word.verbatim(text, "a.bat", 0), dialect):
        for word in launch.argv:
            place = word.text_span
            assert place is None or not word.is_known or text[place.start : place.end] == word.text
