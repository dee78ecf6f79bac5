"""Python programs: commands they start, engines and endpoints they build."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Origin, Unknown

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]


def only(read: Read, code: str) -> Launch:
    [launch] = read(textwrap.dedent(code), "deploy.py").launches
    return launch


@pytest.mark.parametrize(
    "call",
    [
        'subprocess.Popen(["vllm", "serve", "Q/x", "--port", "80"])',
        'subprocess.run(args=["vllm", "serve", "Q/x", "--port", "80"], check=True)',
        'subprocess.Popen("vllm serve Q/x --port 80", shell=True)',
        'subprocess.Popen(["vllm", "serve", "Q/x"] + ["--port", str(PORT)])',
        'subprocess.Popen(["vllm", "serve", MODEL, *["--port", f"{PORT}"]])',
        'subprocess.Popen(" ".join(["vllm", "serve", MODEL, "--port", "80"]), shell=True)',
        'subprocess.Popen("vllm serve Q/x --port 80".split())',
        'subprocess.Popen(shlex.split(f"vllm serve {MODEL} --port {PORT}"))',
        'os.system(f"vllm serve {MODEL} --port {PORT} &")',
        'os.system("vllm serve Q/x " "--port 80")',
        'os.execvp("vllm", ["vllm", "serve", "Q/x", "--port", "80"])',
        'os.execlp("vllm", "vllm", "serve", "Q/x", "--port", "80")',
        'await asyncio.create_subprocess_exec("vllm", "serve", "Q/x", "--port", "80")',
        'start_server(["vllm", "serve", "Q/x", "--port", "80"])',
        'subprocess.run(["bash", "-c", "exec vllm serve Q/x --port 80"])',
    ],
)
def test_a_command_is_found_however_it_is_started(read: Read, argv: Argv, call: str) -> None:
    code = f"import subprocess, os, asyncio, shlex\nMODEL = 'Q/x'\nPORT = 80\nasync def main():\n    {call}\n"
    assert argv(only(read, code)) == ["Q/x", "--port", "80"]


@pytest.mark.parametrize(
    "call",
    [
        'print("vllm serve Q/x")',
        'logger.info(["vllm", "serve", "Q/x"])',
        'subprocess.run(["pkill", "-f", "vllm serve"])',
        'subprocess.run(["vllm", "bench", "serve", "--model", "Q/x"])',
        'subprocess.run(["python", "-m", "sglang.launch_server", "--model", "vllm"])',
        'subprocess.run(command_of("vllm"))',
        'assert command == ["vllm", "serve", "Q/x"]',
    ],
)
def test_what_starts_no_server_is_no_launch(read: Read, call: str) -> None:
    assert read(f"import subprocess\n{call}\n", "deploy.py").launches == ()


def test_words_are_added_in_the_order_of_the_statements(read: Read, argv: Argv) -> None:
    code = """
        import subprocess
        FAST = True
        N = 2
        def serve():
            cmd = ["vllm", "serve", "Q/x"]
            cmd += ["--enforce-eager"] if FAST else []
            cmd += ["--tensor-parallel-size", str(N)]
            cmd.append("--port")
            cmd.append("80")
            if N > 1:
                cmd.extend(["--dtype", "half"])
            else:
                cmd.extend(["--dtype", "auto"])
            print(*cmd)
            subprocess.Popen(cmd)
            cmd.append("--late")
    """
    words = ["Q/x", "--enforce-eager", "--tensor-parallel-size", "2", "--port", "80", "--dtype", "half"]
    assert argv(only(read, code)) == words


def test_what_depends_on_a_condition_is_a_hole_for_any_number_of_words(read: Read, argv: Argv) -> None:
    code = """
        import subprocess
        def serve(model, eager, port=8000):
            cmd = ["vllm", "serve", model, "--port", str(port)]
            if eager:
                cmd += ["--enforce-eager"]
            cmd += ["-tp", "2"]
            subprocess.Popen(cmd)
    """
    launch = only(read, code)
    assert argv(launch) == ["?", "--port", "?", "?", "-tp", "2"]
    assert [word.splits for word in launch.argv] == [False, False, False, True, False, False]
    assert "`model`" in launch.argv[0].reason


def test_a_loop_s_own_names_are_holes(read: Read, argv: Argv) -> None:
    code = """
        import subprocess
        port = 8000
        extra = []
        for gpu in range(4):
            subprocess.Popen(["vllm", "serve", "Q/x", "--port", str(port), *extra],
                             env={"CUDA_VISIBLE_DEVICES": str(gpu)})
            port += 1
            extra.append("--x")
    """
    launch = only(read, code)
    assert argv(launch) == ["Q/x", "--port", "?", "?"]
    assert isinstance(launch.hardware.gpu_count, Unknown)


def test_the_environment_of_a_process_hides_cards(read: Read, gpu_count: Count) -> None:
    code = """
        import os, subprocess
        env = os.environ.copy()
        env["CUDA_VISIBLE_DEVICES"] = "0,1"
        env["VLLM_LOGGING_LEVEL"] = "DEBUG"
        subprocess.Popen(["vllm", "serve", "Q/x"], env=env)
    """
    launch = only(read, code)
    assert gpu_count(launch) == 2
    assert [variable.name for variable in launch.env] == ["CUDA_VISIBLE_DEVICES", "VLLM_LOGGING_LEVEL"]


@pytest.mark.parametrize("code", ["vllm = (", "vllm = '\\ud800'", "x = " + "(" * 300 + "vllm", "vllm\x00"])
def test_what_is_no_python_is_a_problem_or_nothing(read: Read, code: str) -> None:
    assert read(code, "deploy.py").launches == ()


def test_texts_that_double_stay_small(read: Read) -> None:
    code = "import subprocess\nx = 'vllm serve Q/x '\nl = [x]\nd = {'a': x}\n"
    code += "x = x + x\nl = l + l\nd = {'a': d, 'b': d}\n" * 60
    code += (
        "subprocess.run(x, shell=True)\nsubprocess.run(l)\nfrom vllm import LLM\nLLM('Q/x', hf_overrides=d)\n"
    )
    assert len(read(code, "deploy.py").launches) <= 2


@pytest.mark.filterwarnings("error")
def test_what_python_would_warn_of_is_kept_quiet(read: Read, argv: Argv) -> None:
    code = "import os\nx = 1if True else 0\nos.system('vllm serve Q/x --seed \\d')\n"
    assert argv(only(read, code))[:2] == ["Q/x", "--seed"]


def test_a_machine_s_first_script_is_read(read: Read, argv: Argv, gpu_count: Count) -> None:
    code = """
        USER_DATA = f\'\'\'#!/bin/bash
        docker run --gpus all vllm/vllm-openai:v0.11.0 --model {MODEL} \\\\
          --max-model-len 8192
        \'\'\'
    """
    launch = only(read, code)
    assert (argv(launch), gpu_count(launch)) == (["--model", "?", "--max-model-len", "8192"], "all")


@pytest.mark.parametrize(
    "command",
    [
        "f\"nohup {' '.join(words)} > log\"",
        "'nohup {} > log'.format(' '.join(words))",
        "'nohup {0} > {log}'.format(' '.join(words), log='log')",
        "'nohup %s > log' % ' '.join(words)",
        "'nohup %s > %s' % (' '.join(words), 'log')",
        "'nohup %(words)s > log' % {'words': ' '.join(words)}",
    ],
)
def test_words_that_are_put_into_a_text_are_known(read: Read, argv: Argv, command: str) -> None:
    program = f"""
import os
words = ['vllm', 'serve', 'a/b', '--port', str(8000)]
os.system({command})
"""
    [launch] = read(program, "run.py").launches
    assert argv(launch) == ["a/b", "--port", "8000"]


@pytest.mark.parametrize(
    "command",
    [
        "'vllm serve a/b --port {:d}'.format(port)",
        "'vllm serve a/b --port {}'.format(*ports)",
        "'vllm serve a/b --port %5d' % port",
        "'vllm serve a/b --port {p[0]}'.format(p=port)",
    ],
)
def test_a_text_that_is_formatted_in_its_own_way_is_not_guessed(read: Read, argv: Argv, command: str) -> None:
    launches = read(f"import os\nport = 8000\nos.system({command})\n", "run.py").launches
    assert all(argv(launch) == ["a/b", "--port", "?"] for launch in launches)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            """
            if gpu:
                command = ["vllm", "serve", m, "-tp", "2"]
            else:
                command = ["vllm", "serve", m]
            run(command)
            """,
            ["?", "?"],
        ),
        (
            """
            command = f"vllm serve {m} --port {p}"
            if half:
                command += " --dtype half"
            context.run(command)
            """,
            ["?", "--port", "?", "?"],
        ),
        (
            """
            command = "vllm serve Q/x -tp 2"
            if half:
                command = command + " --dtype half"
            run(command)
            """,
            ["Q/x", "-tp", "2", "?"],
        ),
        ('command = "vllm serve Q/x"\nif half:\n    command = "vllm serve Q/y"\nrun(command)\n', None),
    ],
)
def test_a_command_that_differs_in_branches_is_known_as_far_as_they_agree(
    read: Read, argv: Argv, code: str, words: list[str] | None
) -> None:
    launches = read(textwrap.dedent(code), "deploy.py").launches
    assert [argv(launch) for launch in launches] == ([] if words is None else [words])


FUNCTION = """\
def serve(model, tp: int = 4, *, port=80, extra=None):
    command = ["vllm", "serve", model, "--tensor-parallel-size", str(tp), "--port", str(port)]
    if extra is not None:
        command += extra
    subprocess.Popen(command)
"""


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ('serve("Q/x")', ["Q/x", "4", "80"]),
        ('serve("Q/x", 2, port=81)', ["Q/x", "2", "81"]),
        ('serve("Q/x")\nserve("Q/y", tp=4)', ["?", "4", "80"]),
        ("serve(args.model)", ["?", "4", "80"]),
        ("serve(*given)", ["?", "?", "?"]),
        ("map(serve, models)", ["?", "?", "?"]),
        ("", ["?", "?", "?"]),
    ],
)
def test_parameters_are_what_every_call_in_the_program_gives_them(
    read: Read, argv: Argv, calls: str, words: list[str]
) -> None:
    launch = only(read, f"import subprocess\n{FUNCTION}\n{calls}\n")
    assert argv(launch)[:5:2] == [words[0], words[1], words[2]]
    assert [word.origin for word in launch.argv[:1] if word.is_known] == [Origin.DEFAULT] * (words[0] != "?")


SERVER = """\
import subprocess
class Server:
    def start(self):
        command = ["vllm", "serve", self.model, "--port", str(self.port), "-tp", self.size, *self.extra]
        return subprocess.Popen(command)
    def __init__(self, model, size=1, port: int = 8000):
        self.model = model
        self.size = str(size)
        self.port = port
        self.extra = ["--seed", "1"]
def run(server: Server) -> Server:
    return server
"""


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("Server('Q/x', size=2).start()", ["Q/x", "--port", "8000", "-tp", "2", "--seed", "1"]),
        ("Server('Q/x')\nServer('Q/y')", ["?", "--port", "8000", "-tp", "1", "--seed", "1"]),
        ("", ["?", "--port", "?", "-tp", "?", "--seed", "1"]),
        ("make(Server)", ["?", "--port", "?", "-tp", "?", "--seed", "1"]),
        ("one = Server('Q/x')\none.model = 'Q/y'", ["?", "--port", "8000", "-tp", "1", "--seed", "1"]),
        ("one = Server('Q/x')\none.extra.append('--x')", ["Q/x", "--port", "8000", "-tp", "1", "?"]),
        ("class Other(Server): pass\nServer('Q/x')", ["?", "--port", "?", "-tp", "?", "?"]),
        ("one = Server('Q/x')\nsetattr(one, name, 1)", ["?", "--port", "?", "-tp", "?", "?"]),
    ],
)
def test_a_method_sees_what_the_constructor_gives_its_object(
    read: Read, argv: Argv, rest: str, words: list[str]
) -> None:
    [launch] = read(f"{SERVER}{rest}\n", "server.py").launches
    assert argv(launch) == words


@pytest.mark.parametrize(
    ("model", "word"),
    [
        ("os.path.join('/models', 'a', 'b')", "/models/a/b"),
        ("os.path.join('/models/', 'a')", "/models/a"),
        ("os.path.join('/models', '/other')", "?"),
        ("os.path.join(base, 'a')", "?"),
        ("Path('/models') / 'a'", "/models/a"),
        ("str(Path('/models', 'a'))", "/models/a"),
        ("Path('/models/') / 'a'", "?"),
        ("Path('./models')", "?"),
        ("Path('/models/')", "?"),
        ("str(6 / 2)", "?"),
    ],
)
def test_paths_are_put_together_as_python_does(read: Read, argv: Argv, model: str, word: str) -> None:
    text = f"import os\nfrom pathlib import Path\nfrom vllm import LLM\nLLM(model={model})\n"
    [launch] = read(text, "x.py").launches
    assert argv(launch) == [word]
    found = eval(model, {"os": os, "Path": Path, "base": "/x"}) if "base" not in model else None
    assert word == "?" or str(found) == word
