"""What goes through a Python program's own functions: options, commands, starts."""

from __future__ import annotations

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


def test_options_go_through_the_program_s_functions(read: Read, argv: Argv) -> None:
    code = """
        import argparse
        from vllm import LLM, EngineArgs

        def engine(model, size):
            return LLM(model=model, tensor_parallel_size=size)

        def main(args):
            engine(args.model, args.tensor_parallel_size)

        def parse_args():
            parser = argparse.ArgumentParser()
            parser.add_argument("--model", type=str, default="Q/x")
            parser.add_argument("--tensor-parallel-size", type=int, default=2)
            return parser.parse_args()

        if __name__ == "__main__":
            main(parse_args())
    """
    launch = only(read, code)
    assert argv(launch) == ["Q/x", "--tensor-parallel-size", "2"]
    assert launch.argv[0].origin is Origin.DEFAULT


def test_a_function_that_is_called_with_other_values_too_is_not_judged_by_one(read: Read, argv: Argv) -> None:
    code = """
        from vllm import LLM
        FIRST = "Q/a"
        def engine(model, size):
            return LLM(model=model, tensor_parallel_size=size)
        engine(FIRST, 2)
        engine(other(), 2)
    """
    assert argv(only(read, code)) == ["?", "--tensor-parallel-size", "2"]


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.run(build('Q/x', PORT))",
        "cmd = build('Q/x', PORT)\nsubprocess.Popen(cmd)",
        "subprocess.Popen(build(port=PORT, model='Q/x') + [])",
        "subprocess.run(outer())",
        "subprocess.run(text(args), shell=True)",
        "os.system(text(args))",
    ],
)
def test_a_command_may_come_from_a_function(read: Read, argv: Argv, start: str) -> None:
    code = textwrap.dedent("""
        import argparse, os, subprocess
        PORT = 80
        def build(model, port, size=2):
            if not model:
                raise ValueError("no model")
            cmd = ["vllm", "serve", model]
            cmd += ["--port", str(port), "-tp", str(size)]
            return cmd
        def outer():
            return build("Q/x", PORT)
        def text(args):
            return f"vllm serve {args.model} --port {args.port} -tp 2"
        parser = argparse.ArgumentParser()
        parser.add_argument("--model", default="Q/x")
        parser.add_argument("--port", type=int, default=80)
        args = parser.parse_args()
    """)
    assert argv(only(read, f"{code}\n{start}\n")) == ["Q/x", "--port", "80", "-tp", "2"]


def test_each_start_has_what_its_own_call_passes(read: Read, argv: Argv) -> None:
    code = """
        import subprocess
        def build(model, port):
            return ["vllm", "serve", model, "--port", str(port)]
        subprocess.Popen(build("Q/a", 1))
        subprocess.Popen(build("Q/b", 2))
    """
    found = [argv(launch) for launch in launches(read, code)]
    assert found == [["Q/a", "--port", "1"], ["Q/b", "--port", "2"]]


def test_a_method_gives_its_object_s_command(read: Read, argv: Argv) -> None:
    code = """
        import subprocess
        class Server:
            model = "Q/x"
            def command(self, port):
                return ["vllm", "serve", self.model, "--port", str(port)]
            def start(self):
                self.process = subprocess.Popen(self.command(80))
    """
    assert argv(only(read, code)) == ["Q/x", "--port", "80"]


def test_what_a_condition_adds_in_a_function_is_a_hole(read: Read, argv: Argv) -> None:
    code = """
        import argparse, subprocess
        def build(args):
            cmd = ["vllm", "serve", args.model]
            if args.eager:
                cmd.append("--enforce-eager")
            if args.length is not None:
                return cmd + ["--max-model-len", str(args.length)]
            return cmd
        parser = argparse.ArgumentParser()
        parser.add_argument("--model", default="Q/x")
        parser.add_argument("--eager", action="store_true")
        parser.add_argument("--length", type=int)
        subprocess.run(build(parser.parse_args()))
    """
    launch = only(read, code)
    assert argv(launch)[0] == "Q/x"
    assert all(not word.is_known for word in launch.argv[1:])


@pytest.mark.parametrize(
    "body",
    [
        "return build(port)",
        "yield ['vllm', 'serve', 'Q/x']",
        "raise NotImplementedError",
        "pass",
        "global PORT\n    PORT = 2\n    return compute(PORT)",
    ],
)
def test_a_function_that_gives_no_command_starts_nothing(read: Read, body: str) -> None:
    code = f"import subprocess\nPORT = 1\ndef build(port):\n    {body}\nsubprocess.run(build(PORT))\n# vllm\n"
    assert read(code, "run.py").launches == ()


def test_a_command_that_is_passed_on_is_one_start(read: Read) -> None:
    code = """
        import subprocess
        def run_server(cmd):
            subprocess.Popen(cmd)
        def build():
            return ["vllm", "serve", "Q/x"]
        run_server(build())
    """
    assert len(launches(read, code)) == 1


@pytest.mark.parametrize(
    "inner", ["def size(): return other()", "size = other", "for size in others: pass", "class size: pass"]
)
def test_a_function_of_the_same_name_elsewhere_leaves_both_unknown(
    read: Read, argv: Argv, inner: str
) -> None:
    code = f"""
        from vllm import LLM
        def size():
            return 2
        def main():
            {inner}
            LLM("Q/x", tensor_parallel_size=size())
    """
    assert argv(only(read, code)) == ["Q/x", "--tensor-parallel-size", "?"]
