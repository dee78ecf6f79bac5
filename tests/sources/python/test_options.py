"""Python programs: the options that they declare, and what their own functions give."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Origin

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]


def launches(read: Read, code: str) -> tuple[Launch, ...]:
    return read(textwrap.dedent(code), "run.py").launches


def only(read: Read, code: str) -> Launch:
    [launch] = launches(read, code)
    return launch


DECLARED = """
import argparse, os, subprocess
from argparse import ArgumentParser
from vllm import LLM
MODEL = "Q/x"
parser = ArgumentParser(description="Ask a model.")
{}
args = parser.parse_args()
llm = LLM(model="Q/y", {})
"""


def option(read: Read, argv: Argv, declared: str, keyword: str) -> list[str]:
    return argv(only(read, DECLARED.format(declared, keyword)))[1:]


@pytest.mark.parametrize(
    ("declared", "use", "value"),
    [
        ('"--seed", type=int, default=3', "args.seed", "3"),
        ('"--seed", type=int, default="3"', "args.seed", "3"),
        ('"-s", "--my-seed", default=3', "args.my_seed", "3"),
        ('"-s", default=3', "args.s", "3"),
        ('"--seed", dest="chosen", default=3', "args.chosen", "3"),
        ('"seed", nargs="?", default=3', "args.seed", "3"),
        ('"--seed", default=3', 'getattr(args, "seed")', "3"),
        ('"--seed", default=3', 'vars(args)["seed"]', "3"),
        ('"--seed", default=32_768', "int(args.seed)", "32768"),
        ('"--name", default=MODEL', "args.name", "Q/x"),
        ('"--name", default=os.environ.get("NAME", "Q/x")', "args.name", "Q/x"),
        ('"--name", default="Q/x", required=False', "args.name", "Q/x"),
        ('"seed"', "args.seed", "?"),
        ('"--seed", required=True', "args.seed", "?"),
        ('"--seed", required=True, default=3', "args.seed", "?"),
        ('"--seed", default=argparse.SUPPRESS', "args.seed", "?"),
        ('"--name", type=resolve, default="Q/x"', "args.name", "?"),
        ('"--name", default="Q/x", **more', "args.name", "?"),
        ('"--seed", default=2 * 3', "args.seed", "?"),
    ],
)
def test_an_option_is_worth_its_default(read: Read, argv: Argv, declared: str, use: str, value: str) -> None:
    found = option(read, argv, f"parser.add_argument({declared})", f"seed={use}")
    assert found == ["--seed", value]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ('action="store_true"', ["--no-enforce-eager"]),
        ('action="store_false"', ["--enforce-eager"]),
        ('action="store_true", default=True', ["--enforce-eager"]),
        ("action=argparse.BooleanOptionalAction, default=False", ["--no-enforce-eager"]),
        ("type=bool", []),
        ("type=bool, default=None", []),
    ],
)
def test_a_switch_that_nobody_gives(read: Read, argv: Argv, declared: str, words: list[str]) -> None:
    line = f'parser.add_argument("--enforce-eager", {declared})'
    assert option(read, argv, line, "enforce_eager=args.enforce_eager") == words


def test_a_default_is_marked_as_one_and_stands_where_it_is_written(read: Read) -> None:
    code = DECLARED.format('parser.add_argument("--seed", type=int, default=3)', "seed=args.seed")
    word = only(read, code).argv[2]
    assert word.text_span is not None
    assert (word.origin, word.slot) == (Origin.DEFAULT, None)
    assert word.text_span.start == code.index("default=3") + len("default=")
    assert [code[place.start : place.end] for place in word.via] == ["args.seed"]


@pytest.mark.parametrize(
    "lines",
    [
        'parser.add_argument("--seed", default=3); args = parser.parse_args(); args.seed = compute()',
        'parser.add_argument("--seed", default=3)\nif MODEL == input(): parser.set_defaults(seed=4)',
        'parser.add_argument("--seed", default=3); sub = parser.add_subparsers()',
        'parser = other(); parser.add_argument("--seed", default=3)',
        'parser = ArgumentParser(argument_default=5); parser.add_argument("--seed")',
        'parser.add_argument("--seed", default=3)\nfor name in names: setattr(args, name, 1)',
        'parser.add_argument("--seed", default=3)\ndef change(p): p.set_defaults(seed=4)\nchange(parser)',
        "extend(parser)",
    ],
)
def test_what_may_have_changed_is_not_known(read: Read, argv: Argv, lines: str) -> None:
    assert option(read, argv, lines, "seed=args.seed") == ["--seed", "?"]


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("parser.parse_args()", "3"),
        ("parser.parse_args(sys.argv[1:])", "3"),
        ("parser.parse_args([])", "3"),
        ("parser.parse_known_args()[0]", "3"),
        ('parser.parse_args(["--seed", "4"])', "?"),
        ("parser.parse_args(namespace=other)", "?"),
    ],
)
def test_options_are_those_of_the_program_s_own_arguments(
    read: Read, argv: Argv, call: str, value: str
) -> None:
    lines = f'parser.add_argument("--seed", default=3)\nothers = {call}'
    assert option(read, argv, lines, "seed=others.seed") == ["--seed", value]


def test_a_pair_of_known_options_and_the_rest_is_taken_apart(read: Read, argv: Argv) -> None:
    lines = 'parser.add_argument("--seed", default=3)\nmine, rest = parser.parse_known_args()'
    assert option(read, argv, lines, "seed=mine.seed") == ["--seed", "3"]


def test_groups_and_later_defaults_belong_to_the_parser(read: Read, argv: Argv) -> None:
    lines = (
        'group = parser.add_argument_group("x")\ngroup.add_argument("--a", default=1)\n'
        'parser.add_argument_group("y").add_argument("--b", default=2)\nparser.set_defaults(a=5, c=7)'
    )
    assert option(read, argv, lines, "a=args.a, b=args.b, c=args.c") == ["--a", "5", "--b", "2", "--c", "7"]


def test_the_first_of_options_that_share_a_name_gives_the_default_as_argparse_has_it(
    read: Read, argv: Argv
) -> None:
    lines = (
        'parser.add_argument("--on", dest="seed", default=1)\n'
        'parser.add_argument("--off", dest="seed", action="store_const", const=9, default=2)'
    )
    parser = argparse.ArgumentParser()
    exec(lines, {"parser": parser})
    assert option(read, argv, lines, "seed=args.seed") == ["--seed", str(parser.parse_args([]).seed)]


def test_all_options_may_be_passed_on(read: Read, argv: Argv) -> None:
    code = """
        import argparse
        from vllm import LLM
        parser = argparse.ArgumentParser()
        parser.add_argument("--model", default="Q/x")
        parser.add_argument("--max-model-len", type=int, default=4096)
        parser.add_argument("--prompt", default="hello")
        parser.add_argument("--seed", type=int)
        options = vars(parser.parse_args())
        prompt = options.pop("prompt")
        llm = LLM(**options)
    """
    assert argv(only(read, code)) == ["--model", "Q/x", "--max-model-len", "4096"]


def test_what_a_program_takes_out_of_a_table_is_no_option(read: Read, argv: Argv) -> None:
    code = """
        from vllm import LLM
        options = {"model": "Q/x", "prompt": "hello", "n": 1}
        del options["n"]
        options.pop("prompt", None)
        llm = LLM(**options)
        options.pop(name)
        LLM(**options)
    """
    first, second = launches(read, code)
    assert (argv(first), argv(second)) == (["--model", "Q/x"], ["?"])


def test_vllm_s_own_options_stay_unknown(read: Read, argv: Argv) -> None:
    code = """
        from vllm import LLM, EngineArgs
        from vllm.utils import FlexibleArgumentParser
        parser = FlexibleArgumentParser()
        EngineArgs.add_cli_args(parser)
        parser.set_defaults(model="Q/x")
        args = parser.parse_args()
        engine = EngineArgs.from_cli_args(args)
        llm = LLM(model=args.model, tensor_parallel_size=args.tensor_parallel_size)
    """
    assert argv(only(read, code)) == ["Q/x", "--tensor-parallel-size", "?"]


def test_an_option_without_a_default_is_a_hole_in_a_command(read: Read, argv: Argv) -> None:
    code = """
        import argparse, os
        parser = argparse.ArgumentParser()
        parser.add_argument("--model")
        args = parser.parse_args()
        os.system(f"vllm serve {args.model} --port 80")
    """
    assert argv(only(read, code)) == ["?", "--port", "80"]


def test_a_table_that_others_add_to_holds_defaults(read: Read) -> None:
    code = """
        from vllm import LLM
        def options(given):
            return {**{"size": 2}, **given}
        def main(given):
            LLM("Q/x", tensor_parallel_size=options(given)["size"])
    """
    assert only(read, code).argv[2].origin is Origin.DEFAULT


@pytest.mark.parametrize(
    ("head", "parameters", "tail"),
    [
        ('@click.command()\n@click.option("--model", default="Q/x")\n'
         '@click.option("-n", "--size", default=2)',
         "size, model", "main()"),
        ('@click.command()\n@click.option("--the-model", "model", default="Q/x")\n'
         '@click.option("--size", type=int, default=2, help="x")', "model, size", "main()"),
        ("app = typer.Typer()\n@app.command()", 'model: str = "Q/x", size: int = typer.Option(2)', ""),
        ("", 'model: str = typer.Argument("Q/x"), size: int = 2', "typer.run(main)"),
        ("", 'model="Q/x", *, size=2', "fire.Fire(main)"),
    ],
)  # fmt: skip
def test_parameters_of_a_command_are_worth_their_defaults(
    read: Read, argv: Argv, head: str, parameters: str, tail: str
) -> None:
    code = (
        f"import click, typer, fire\nfrom vllm import LLM\n{head}\ndef main({parameters}):\n"
        f"    LLM(model, tensor_parallel_size=size)\n{tail}\n"
    )
    launch = only(read, code)
    assert argv(launch) == ["Q/x", "--tensor-parallel-size", "2"]
    assert {launch.argv[0].origin, launch.argv[2].origin} == {Origin.DEFAULT}


@pytest.mark.parametrize(
    ("head", "parameter"),
    [
        ('@click.command()\n@click.option("--model", required=True)', "model"),
        ('@click.command()\n@click.option("--model", default="Q/x", callback=change)', "model"),
        ('@click.command()\n@click.option("--model")', "model"),
        ('@click.command()\n@click.argument("model")', "model"),
        ("app = typer.Typer()\n@app.command()", "model: str = typer.Argument(...)"),
        ("app = other()\n@app.command()", 'model: str = "Q/x"'),
        ("", 'model: str = "Q/x"'),
    ],
)
def test_parameters_that_somebody_passes_are_not_known(
    read: Read, argv: Argv, head: str, parameter: str
) -> None:
    code = f"import click, typer\nfrom vllm import LLM\n{head}\ndef main({parameter}):\n    LLM(model)\n"
    assert argv(only(read, code)) == ["?"]


def test_what_a_default_chooses_is_a_default(read: Read, argv: Argv) -> None:
    lines = 'parser.add_argument("--size", default="small")\nMODELS = {"small": "Q/s", "large": "Q/l"}'
    found = option(
        read,
        argv,
        lines,
        'a=MODELS[args.size], b=MODELS.get(args.size), c=1 if MODELS[args.size] == "Q/s" else 2',
    )
    assert found == ["--a", "Q/s", "--b", "Q/s", "--c", "?"]


def test_a_value_that_stands_for_none_is_not_taken_for_one(read: Read, argv: Argv) -> None:
    code = """
        import argparse
        from vllm import LLM
        parser = argparse.ArgumentParser()
        parser.add_argument("--model", default="Q/x")
        parser.add_argument("--size", type=int, default=0)
        parser.add_argument("--length", type=int, default=-1)
        parser.add_argument("--quantization", default="none")
        args = parser.parse_args()
        size = args.size
        if size == 0:
            size = count()
        options = {}
        if args.length > 0:
            options["max_model_len"] = args.length
        llm = LLM(args.model, tensor_parallel_size=size, seed=args.size or 1,
                  quantization=None if args.quantization == "none" else args.quantization, **options)
    """
    words = ["Q/x", "--tensor-parallel-size", "?", "--seed", "1", "--quantization", "?", "?"]
    assert argv(only(read, code)) == words


@pytest.mark.parametrize(
    "lines",
    [
        'parser.add_argument("-a", "--b-c", "--d", default=1)',
        'parser.add_argument("-a", "-b", default="x")',
        'parser.add_argument("a", nargs="?", default=1)',
        'parser.add_argument("--a", type=int, default="7"); parser.set_defaults(a=8, b=9)',
        'parser.set_defaults(a=8); parser.add_argument("--a", default=9)',
        'parser.set_defaults(a=8); parser.add_argument("--a")',
        'parser.add_argument("--a", dest="b", default=1); parser.add_argument("--c", dest="b", default=2)',
        'parser.add_argument("--a", type=float, default=1)',
        'parser.add_argument("-v", action="version", version="1"); parser.add_argument("--a", default=1)',
        'parser.set_defaults(a=8); parser.add_argument("--a", type=int); parser.set_defaults(b=1)',
        'parser.add_mutually_exclusive_group().add_argument("--a", default=3)',
    ],
)
def test_defaults_are_what_argparse_itself_gives(read: Read, argv: Argv, lines: str) -> None:
    parser = argparse.ArgumentParser()
    exec(lines, {"parser": parser})
    expected = [
        word for name, value in vars(parser.parse_args([])).items() for word in (f"--{name}", str(value))
    ]
    found = option(read, argv, lines, "**vars(args)")
    pairs = sorted(zip(found[::2], found[1::2], strict=True))
    assert pairs == sorted(
        (a.replace("_", "-"), b) for a, b in zip(expected[::2], expected[1::2], strict=True)
    )


@pytest.mark.parametrize(
    ("expression", "word", "origin"),
    [
        ("os.getenv('MODEL') or 'Q/x'", "Q/x", Origin.DEFAULT),
        ("os.environ.get('MODEL', '') or 'Q/x'", "Q/x", Origin.DEFAULT),
        ("os.environ.get('MODEL', None) or 'Q/x'", "Q/x", Origin.DEFAULT),
        ("os.environ.get('MODEL', 'Q/y') or 'Q/x'", "Q/y", Origin.DEFAULT),
        ("None or 'Q/x'", "Q/x", Origin.LITERAL),
        ("'Q/y' or 'Q/x'", "Q/y", Origin.LITERAL),
        ("chosen() or 'Q/x'", "?", Origin.LITERAL),
        ("os.getenv('MODEL') or chosen()", "?", Origin.LITERAL),
    ],
)
def test_the_first_of_values_that_is_not_empty_counts(
    read: Read, argv: Argv, expression: str, word: str, origin: Origin
) -> None:
    [launch] = read(f"import os\nfrom vllm import LLM\nLLM({expression})\n", "x.py").launches
    assert argv(launch) == [word]
    assert word == "?" or launch.argv[0].origin is origin
