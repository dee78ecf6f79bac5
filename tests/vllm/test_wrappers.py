"""Options that programs around vLLM keep for themselves or rename."""

from __future__ import annotations

import vllint
from vllint.sources.readers import read_command
from vllint_schemas import EntryPoint, Word


def words(command: str) -> tuple[EntryPoint, list[str]]:
    [launch] = read_command(Word.verbatim(command, "command", 0)).launches
    for word in launch.argv:
        place = word.text_span
        assert place is None or command[place.start : place.end] == word.text
    return launch.entry_point, [word.text for word in launch.argv]


def test_options_with_several_values_are_kept_with_them() -> None:
    entry_point, argv = words("python3 -m dynamo.vllm --model a/b --connector lmcache nixl --seed 1")
    assert entry_point is EntryPoint.DYNAMO
    assert argv == ["--model", "a/b", "--seed", "1"]


def test_renamed_options_keep_their_values_however_they_are_written() -> None:
    _, argv = words("python -m huggingfaceserver --model_id a/b --model-name=c --max_length 5 --task x")
    assert argv == ["--model", "a/b", "--served-model-name=c", "--max-model-len", "5"]


def test_an_option_that_only_the_program_may_know_is_no_error() -> None:
    report = vllint.check_command("python3 -m dynamo.vllm --model Qwen/Qwen3-8B --brand-new-thing 1")
    assert report.findings == ()


def test_a_slip_near_one_of_vllms_options_is_a_warning() -> None:
    report = vllint.check_command("python3 -m dynamo.vllm --model Qwen/Qwen3-8B --max-modl-len 1")
    assert [(finding.code, finding.severity) for finding in report.findings] == [("FLG001", "warning")]
