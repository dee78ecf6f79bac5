"""What a whole command line sets: given, default, open-ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.vllm.releases import releases
from vllint_schemas import EngineArgs, Located, Origin, Unknown

Understand = Callable[..., EngineArgs]


def test_an_option_that_is_not_given_has_the_releases_default(serve: Understand) -> None:
    for release, expected in (("0.33.0", 0.92), ("0.10.2", 0.9)):
        found = serve("Q/x", release).value("gpu_memory_utilization")
        assert isinstance(found, Located)
        assert (found.value, found.span, found.origin) == (expected, None, Origin.FLAG_DEFAULT)


def test_a_dest_that_the_release_does_not_have_is_none(serve: Understand) -> None:
    found = serve("Q/x", "0.4.3").value("data_parallel_size")
    assert isinstance(found, Located) and found.value is None


def test_a_whole_number_is_one_and_a_switch_is_none(serve: Understand) -> None:
    args = serve("Q/x -tp 2 --enforce-eager --max-num-seqs ?")
    tensor = args.integer("tensor_parallel_size")
    assert isinstance(tensor, Located) and tensor.value == 2
    for dest in ("enforce_eager", "max_num_seqs", "max_model_len", "dtype"):
        assert isinstance(args.integer(dest), Unknown)


def test_an_unset_switch_is_off(serve: Understand) -> None:
    args = serve("Q/x --enable-expert-parallel")
    for dest, on in (("enable_expert_parallel", True), ("enforce_eager", False)):
        found = args.is_on(dest)
        assert isinstance(found, Located) and found.value is on


def test_an_option_is_placed_at_its_value_and_a_switch_at_its_flag(serve: Understand) -> None:
    line = "Q/x -tp 2 --enforce-eager"
    args = serve(line)
    for dest, text in (("tensor_parallel_size", "2"), ("enforce_eager", "--enforce-eager")):
        place = args.place(dest)
        assert place is not None
        assert line[place.start : place.end] == text
    assert args.place("port") is None


def test_the_default_model_is_the_releases(serve: Understand) -> None:
    model = serve("").model
    assert isinstance(model, Located)
    assert (model.value, model.origin) == ("Qwen/Qwen3-0.6B", Origin.FLAG_DEFAULT)


@pytest.mark.parametrize("release", releases())
def test_every_release_reads_a_plain_command(serve: Understand, api_server: Understand, release: str) -> None:
    line = "--tensor-parallel-size 2 --max-model-len 4096 --dtype bfloat16 --port 8000"
    for args in (serve(f"Q/x {line}", release), api_server(f"--model Q/x {line}", release)):
        assert args.problems == ()
        tensor = args.value("tensor_parallel_size")
        assert isinstance(tensor, Located) and tensor.value == 2
        assert isinstance(args.model, Located) and args.model.value == "Q/x"


def test_a_release_without_a_table_is_an_error_of_the_caller(serve: Understand) -> None:
    with pytest.raises(ValueError, match="no table"):
        serve("Q/x", "0.15.0")
