"""vLLM 0.33.0's own argument semantics on top of argparse's, and words that are not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint_schemas import EngineArgs, Located, Unknown

Understand = Callable[..., EngineArgs]


def value(args: EngineArgs, dest: str) -> Any:
    """Return what an option is set to; `Unknown` as it is."""
    found = args.value(dest)
    return found.value if isinstance(found, Located) else found


def accepted(args: EngineArgs) -> EngineArgs:
    assert not args.problems, [problem.message for problem in args.problems]
    return args


@pytest.mark.parametrize(
    ("words", "dest", "expected"),
    [
        ("--tensor-parallel-size 2", "tensor_parallel_size", 2),
        ("-tp 2", "tensor_parallel_size", 2),
        ("-tp=2", "tensor_parallel_size", 2),
        ("--tensor_parallel_size 2", "tensor_parallel_size", 2),
        ("--tensor_parallel-size=2", "tensor_parallel_size", 2),
        ("--tensor-parallel 2", "tensor_parallel_size", 2),
        ("--tensor_par=2", "tensor_parallel_size", 2),
        ("-t 2", "tensor_parallel_size", 2),
        ("-q awq", "quantization", "awq"),
        ("-qawq", "quantization", "awq"),
        ("-q=awq", "quantization", "awq"),
        ("--enforce-eager", "enforce_eager", True),
        ("--enforce_eager", "enforce_eager", True),
        ("--no-enforce-eager", "enforce_eager", False),
        ("--enforce-eager --no-enforce-eager", "enforce_eager", False),
        ("--no-enable-prefix-caching", "enable_prefix_caching", False),
        ("--enable-expert-parallel", "enable_expert_parallel", True),
        ("-ep", "enable_expert_parallel", True),
        ("-tp 2 -tp 4", "tensor_parallel_size", 4),
        ("-tp 2 --tensor-parallel-size=8", "tensor_parallel_size", 8),
        ("--max-model-len 32k", "max_model_len", 32_000),
        ("--max-model-len 32K", "max_model_len", 32_768),
        ("--max-model-len 1.5k", "max_model_len", 1_500),
        ("--max-model-len auto", "max_model_len", -1),
        ("--max-model-len -1", "max_model_len", -1),
        ("--max-model-len 4_096", "max_model_len", 4_096),
        ("--gpu-memory-utilization .9", "gpu_memory_utilization", 0.9),
        ("--served-model-name a b", "served_model_name", ["a", "b"]),
        ("--hf-token", "hf_token", True),
        ("--hf-token secret", "hf_token", "secret"),
        ("-O3", "optimization_level", "3"),
        ("-O 3", "optimization_level", "3"),
        ("-O=1", "optimization_level", "1"),
        ("--optimization-level 0", "optimization_level", "0"),
    ],
)
def test_each_way_to_write_an_option_sets_it(
    serve: Understand, words: str, dest: str, expected: object
) -> None:
    assert value(accepted(serve(f"Q/x {words}")), dest) == expected


@pytest.mark.parametrize(
    ("words", "dest", "expected"),
    [
        ("--compilation-config.mode=3", "compilation_config", {"mode": 3}),
        ("--compilation-config.mode 3", "compilation_config", {"mode": 3}),
        ("-cc.mode=3", "compilation_config", {"mode": 3}),
        ("--compilation_config.mode=3", "compilation_config", {"mode": 3}),
        (
            "--compilation-config.mode=3 --compilation-config.pass_config.fuse_act_quant true",
            "compilation_config",
            {"mode": 3, "pass_config": {"fuse_act_quant": True}},
        ),
        ("--hf-overrides.a.b.c x", "hf_overrides", {"a": {"b": {"c": "x"}}}),
        ("--hf-overrides.a_b x", "hf_overrides", {"a_b": "x"}),
        ("--hf-overrides.x+ a,b", "hf_overrides", {"x": ["a", "b"]}),
        ("--hf-overrides.x+=a,b --hf-overrides.x+ c", "hf_overrides", {"x": ["a", "b", "c"]}),
        ("--hf-overrides.x 1 --hf-overrides.x 2", "hf_overrides", {"x": 2}),
        ("--hf-overrides.x 80g", "hf_overrides", {"x": 80_000_000_000}),
        ("--hf-overrides.x null", "hf_overrides", {"x": None}),
        ("--hf-overrides.x a.b", "hf_overrides", {"x": "a.b"}),
        ("--hf-overrides.x=a=b", "hf_overrides", {"x": "a=b"}),
        ("--hf-overrides.x -1.5", "hf_overrides", {"x": -1.5}),
        ('--compilation-config {"mode":3}', "compilation_config", {"mode": 3}),
        ('--hf-overrides {"a":{"b":[1,2]}}', "hf_overrides", {"a": {"b": [1, 2]}}),
    ],
)
def test_json_options_are_read_whole_and_key_by_key(
    serve: Understand, words: str, dest: str, expected: object
) -> None:
    assert value(accepted(serve(f"Q/x {words}")), dest) == expected


def test_dotted_keys_come_last_and_so_beat_the_whole_option(serve: Understand) -> None:
    args = accepted(serve('Q/x --hf-overrides.a 1 --hf-overrides {"b":2}'))
    assert value(args, "hf_overrides") == {"a": 1}


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("Q/x --nope", "unknown_option", "--nope"),
        ("Q/x --tensor-parallel-sizes 2", "unknown_option", "--tensor-parallel-sizes"),
        ("Q/x -tp2", "unknown_option", "-tp2"),
        ("Q/x --Tensor-Parallel-Size 2", "unknown_option", "--Tensor-Parallel-Size"),
        ("Q/x --max-model 5 --max 5", "ambiguous_option", "--max could match"),
        ("Q/x --enable-l", "ambiguous_option", "--enable-l could match"),
        ("Q/x -tp", "missing_value", "expected one argument"),
        ("Q/x -tp --enforce-eager", "missing_value", "expected one argument"),
        ("Q/x --served-model-name", "missing_value", "expected at least one argument"),
        ("Q/x -tp two", "invalid_value", "invalid int value: 'two'"),
        ("Q/x -tp 2.0", "invalid_value", "invalid int value: '2.0'"),
        ("Q/x -tp=", "invalid_value", "invalid int value: ''"),
        ("Q/x --max-model-len 1.5K", "invalid_value", "binary suffixes"),
        ("Q/x --max-num-seqs 4k", "invalid_value", "4k"),
        ("Q/x --dtype int4", "invalid_choice", "invalid choice: 'int4'"),
        ("Q/x --compilation-config {mode:3}", "invalid_value", "compilation-config"),
        ("Q/x --compilation-config 3", "invalid_value", "compilation-config"),
        ("Q/x --enforce-eager=True", "value_on_flag", "ignored explicit argument 'True'"),
        ("Q/x --enforce-eager True", "unexpected_word", "unrecognized arguments: True"),
        ("Q/x Q/y", "unexpected_word", "unrecognized arguments: Q/y"),
        ("--model Q/x Q/y", "unexpected_word", "unrecognized arguments: Q/y"),
        ("Q/x --no-disable-log-requests", "unknown_option", "--no-disable-log-requests"),
        ("--model", "missing_value", "list index out of range"),
        ("--served-model-name a Q/x", "model_missing", "first positional argument"),
        ("Q/x -tp 2 --", "unexpected_word", "--"),
        ("Q/x --hf-overrides.a", "missing_value", ""),
    ],
)
def test_what_vllm_refuses_is_a_problem_of_its_kind(
    serve: Understand, words: str, kind: str, said: str
) -> None:
    problems = serve(words).problems
    assert kind in [problem.kind for problem in problems]
    assert any(said in problem.message for problem in problems)


@pytest.mark.parametrize("words", ["Q/x -tp 2 --nope", "Q/x --nope -tp 2", "Q/x -tp 2 Q/y --dtype int4"])
def test_a_refused_word_does_not_hide_the_options_beside_it(serve: Understand, words: str) -> None:
    args = serve(words)
    assert args.problems
    assert value(args, "tensor_parallel_size") == 2


def test_problems_come_in_the_order_in_which_argparse_stumbles_and_name_their_words(
    serve: Understand,
) -> None:
    args = serve("Q/x --nope --dtype int4 Q/y --max 5")
    assert [problem.index for problem in args.problems] == [5, 3, 1, 4, 6]
    assert [problem.word.text for problem in args.problems] == ["--max", "int4", "--nope", "Q/y", "5"]


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("Q/x", "Q/x"),
        ("--model Q/x", "Q/x"),
        ("--model=Q/x", "Q/x"),
        ("-tp 2 Q/x", "Q/x"),
        ("-tp 2 --model Q/x --port 1", "Q/x"),
        ("--enforce-eager Q/x", "Q/x"),
        ("--enforce-eager True", "True"),
        ("-- Q/x", "Q/x"),
    ],
)
def test_the_model_is_the_positional_or_the_option(serve: Understand, words: str, model: str) -> None:
    found = serve(words).model
    assert isinstance(found, Located)
    assert found.value == model


@pytest.mark.parametrize("words", ["", "--api-key k Q/x", "--hf-token Q/x", "--api-key k --"])
def test_a_list_option_swallows_the_model_and_vllm_takes_its_default(serve: Understand, words: str) -> None:
    found = serve(words).model
    assert isinstance(found, Located)
    assert found.value == "Qwen/Qwen3-0.6B"
    assert found.span is None


def test_the_api_server_has_its_model_in_the_option(api_server: Understand) -> None:
    found = api_server("--model Q/x -tp 2").model
    assert isinstance(found, Located)
    assert found.value == "Q/x"
    assert api_server("--served-model-name a --model Q/x").problems == ()


def test_an_unknown_value_is_unknown_for_its_option_alone(serve: Understand) -> None:
    for words in ("Q/x -tp ? --port 1", "Q/x -tp=? --port 1", "Q/x --tensor_parallel_size=1? --port 1"):
        args = accepted(serve(words))
        assert isinstance(value(args, "tensor_parallel_size"), Unknown)
        assert value(args, "port") == 1
        assert value(args, "pipeline_parallel_size") == 1
        assert args.open_ended is None


def test_an_unknown_value_is_forgotten_when_a_known_one_comes_later(serve: Understand) -> None:
    assert value(accepted(serve("Q/x -tp ? -tp 2")), "tensor_parallel_size") == 2
    assert isinstance(value(serve("Q/x -tp 2 -tp ?"), "tensor_parallel_size"), Unknown)


def test_an_unknown_model_is_unknown_and_its_options_are_not(serve: Understand) -> None:
    args = accepted(serve("? -tp 2"))
    assert isinstance(args.model, Unknown)
    assert value(args, "tensor_parallel_size") == 2


@pytest.mark.parametrize("words", ["?", "--model ?", "--model=?"])
def test_an_unknown_word_that_stands_alone_and_is_one_names_the_model(serve: Understand, words: str) -> None:
    args = accepted(serve(words))
    assert isinstance(args.model, Unknown)
    assert args.open_ended is None
    assert value(args, "pipeline_parallel_size") == 1


@pytest.mark.parametrize("words", ["*", "--model *"])
def test_unknown_words_that_stand_alone_may_be_any_options(serve: Understand, words: str) -> None:
    args = accepted(serve(words))
    assert args.open_ended is not None
    assert isinstance(value(args, "pipeline_parallel_size"), Unknown)


@pytest.mark.parametrize("words", ["Q/x *", "Q/x * -tp 2", "Q/x -tp 2 *", "Q/x -tp 2 ?", "Q/x ? -tp 2"])
def test_an_unknown_word_behind_the_model_may_be_any_option(serve: Understand, words: str) -> None:
    args = accepted(serve(words))
    assert isinstance(args.model, Located)
    assert args.open_ended is not None
    assert isinstance(value(args, "pipeline_parallel_size"), Unknown)
    if "-tp" in words:
        assert value(args, "tensor_parallel_size") == 2


@pytest.mark.parametrize("words", ["Q/x -?", "Q/x --?", "Q/x --max-?", "Q/x --?=3", "Q/x --tensor?size 2"])
def test_an_option_whose_name_is_not_known_may_be_any(serve: Understand, words: str) -> None:
    args = serve(words)
    assert args.open_ended is not None
    assert all(problem.kind == "unexpected_word" for problem in args.problems)


def test_nothing_is_refused_for_what_an_unknown_word_may_change(serve: Understand) -> None:
    assert serve("Q/x --? 2").problems == ()


def test_an_unknown_list_may_hold_the_options_that_follow(serve: Understand) -> None:
    args = accepted(serve("Q/x --served-model-name * -tp 2"))
    assert isinstance(value(args, "served_model_name"), Unknown)
    assert value(args, "tensor_parallel_size") == 2


def test_an_unknown_json_key_value_is_unknown_for_the_whole_option(serve: Understand) -> None:
    args = accepted(serve("Q/x --hf-overrides.a ? --hf-overrides.b 2 -tp 2"))
    assert isinstance(value(args, "hf_overrides"), Unknown)
    assert value(args, "tensor_parallel_size") == 2


def test_an_argument_knows_its_words(serve: Understand) -> None:
    args = serve("Q/x -tp 2 --port=8000 --served-model-name a b --enforce-eager")
    tensor, port, names, eager = args.arguments
    assert (tensor.first, tensor.last, tensor.flag.text) == (1, 2, "-tp")
    assert (port.first, port.last, port.flag.text) == (3, 3, "--port")
    assert [word.text for word in port.values] == ["8000"]
    assert (names.first, names.last) == (4, 6)
    assert (eager.first, eager.last, eager.values) == (7, 7, ())
    assert tensor.option == "--tensor-parallel-size"


def test_a_value_stands_where_it_is_written(serve: Understand) -> None:
    line = "Q/x -tp 2 --port=8000"
    args = serve(line)
    for dest, text in (("tensor_parallel_size", "2"), ("port", "8000")):
        found = args.value(dest)
        assert isinstance(found, Located) and found.span is not None
        assert line[found.span.start : found.span.end] == text


@pytest.mark.parametrize(
    ("release", "words", "accepts"),
    [
        ("0.8.5.post1", "-O3", True),
        ("0.8.5.post1", "-O 3", True),
        ("0.8.5.post1", "--compilation-config 3", True),
        ("0.8.5.post1", "--compilation-config.level 3", False),
        ("0.10.2", "-O3", True),
        ("0.10.2", "-O.level 3", True),
        ("0.10.2", "--compilation-config.level 3", True),
        ("0.10.2", "--compilation-config 3", False),
        ("0.16.0", "-O3", True),
        ("0.8.5.post1", "--task generate", True),
        ("0.33.0", "--task generate", False),
    ],
)
def test_a_release_reads_only_what_it_knows(
    serve: Understand, release: str, words: str, accepts: bool
) -> None:
    assert (serve(f"Q/x {words}", release).problems == ()) is accepts
