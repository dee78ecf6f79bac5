"""Python programs: commands they start, engines and endpoints they build."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located, Origin, Unknown

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


MODAL = """
import modal, subprocess
N_GPU = 2
image = (
    modal.Image.debian_slim()
    .pip_install("vllm==0.13.0", "hf-transfer")
    .env({"VLLM_LOGGING_LEVEL": "DEBUG"})
)
app = modal.App("x")

@app.function(image=image, gpu=CARDS)
@modal.web_server(port=8000)
def serve():
    subprocess.Popen(["vllm", "serve", "Q/x", "-tp", str(N_GPU)])
"""


@pytest.mark.parametrize(
    ("gpu", "card", "count"),
    [
        ('"H100:8"', "H100 SXM 80GB", 8),
        ('"H100!:8"', "H100 SXM 80GB", 8),
        ('"A100"', "A100 40GB", 1),
        ('f"L40S:{N_GPU}"', "L40S 48GB", 2),
        ('modal.gpu.A100(size="80GB", count=4)', "A100 SXM 80GB", 4),
        ("modal.gpu.H100()", "H100 SXM 80GB", 1),
        ('["H100", "A100"]', None, 1),
        ('os.environ.get("GPU")', None, None),
        ("None", None, None),
    ],
)
def test_modal_s_decorator_gives_the_cards(
    read: Read, argv: Argv, gpu_count: Count, gpu: str, card: str | None, count: int | None
) -> None:
    launch = only(read, MODAL.replace("CARDS", gpu))
    found = launch.hardware.gpu
    assert (found.value if isinstance(found, Located) else None, gpu_count(launch)) == (card, count)
    assert argv(launch) == ["Q/x", "-tp", "2"]
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.13.0"
    assert (launch.name, [variable.name for variable in launch.env]) == ("serve", ["VLLM_LOGGING_LEVEL"])


def test_a_method_sees_what_its_class_says(read: Read, argv: Argv, gpu_count: Count) -> None:
    code = """
        import modal, subprocess
        @app.cls(gpu="L4:2")
        class Server:
            model = "Q/x"
            other = "Q/y"
            @modal.enter()
            def start(self):
                self.other = ask()
                subprocess.Popen(["vllm", "serve", self.model, "--served-model-name", self.other])
    """
    launch = only(read, code)
    assert argv(launch) == ["Q/x", "--served-model-name", "?"]
    assert gpu_count(launch) == 2


def test_an_engine_s_arguments_are_its_options(read: Read, argv: Argv) -> None:
    code = """
        from vllm import LLM
        OPTIONS = {"max_model_len": 4096, "enforce_eager": True, "seed": None}
        llm = LLM("Q/x", tensor_parallel_size=2, hf_overrides={"a": {"b": 1}, "c": True}, **OPTIONS)
    """
    launch = only(read, code)
    assert launch.entry_point is EntryPoint.LLM
    overrides = ["--hf-overrides", '{"a": {"b": 1}, "c": true}']
    options = ["--max-model-len", "4096", "--enforce-eager"]
    assert argv(launch) == ["Q/x", "--tensor-parallel-size", "2", *overrides, *options]


def test_ray_data_builds_engines(read: Read, argv: Argv) -> None:
    code = """
        from ray.data.llm import vLLMEngineProcessorConfig
        config = vLLMEngineProcessorConfig(
            model_source="Q/x", engine_kwargs=dict(tensor_parallel_size=2, enable_chunked_prefill=True)
        )
    """
    assert argv(only(read, code)) == ["Q/x", "--tensor-parallel-size", "2", "--enable-chunked-prefill"]


def test_a_hugging_face_endpoint_mounts_its_repository(read: Read, argv: Argv, gpu_count: Count) -> None:
    code = """
        from huggingface_hub import create_inference_endpoint
        create_inference_endpoint(
            "chat", repository="Q/x", framework="pytorch", accelerator="gpu", vendor="aws",
            instance_type="nvidia-l40s", instance_size="x4",
            custom_image={"url": "vllm/vllm-openai:v0.12.0", "health_route": "/health"},
            container_args=["--model", "/repository", "--tensor-parallel-size", "4"],
        )
    """
    launch = only(read, code)
    assert argv(launch) == ["--model", "Q/x", "--tensor-parallel-size", "4"]
    assert (launch.name, gpu_count(launch)) == ("chat", 4)


def test_a_sagemaker_model_runs_on_the_machine_it_is_deployed_to(
    read: Read, argv: Argv, gpu_count: Count
) -> None:
    code = """
        from sagemaker.model import Model
        env = {"HF_MODEL_ID": "Q/x", "OPTION_ROLLING_BATCH": "vllm", "TENSOR_PARALLEL_DEGREE": "max"}
        model = Model(image_uri=image, env=env, role=role)
        model.deploy(instance_type="ml.g6e.12xlarge", initial_instance_count=1)
    """
    launch = only(read, code)
    assert (argv(launch), gpu_count(launch)) == (["Q/x", "--tensor-parallel-size", "4"], 4)


def test_a_vertex_model_s_words_are_its_container_s(read: Read, argv: Argv, gpu_count: Count) -> None:
    code = """
        from google.cloud import aiplatform
        model = aiplatform.Model.upload(
            serving_container_image_uri="us-docker.pkg.dev/x/pytorch-vllm-serve:1",
            serving_container_args=["python", "-m", "vllm.entrypoints.api_server", "--model=Q/x"],
        )
        model.deploy(machine_type="g2-standard-24", accelerator_type="NVIDIA_L4", accelerator_count=2)
    """
    launch = only(read, code)
    assert (argv(launch), gpu_count(launch)) == (["--model=Q/x"], 2)


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


def test_a_pod_of_runpod_is_read(read: Read, argv: Argv, gpu_count: Count) -> None:
    launch = only(
        read,
        """
        import runpod
        MODEL = "Q/x"
        runpod.create_pod(
            name="llm", image_name="vllm/vllm-openai:v0.9.1", gpu_type_id="NVIDIA GeForce RTX 4090",
            gpu_count=2, docker_args=f"--model {MODEL} --port 80", env={"A": "1"},
        )
        """,
    )
    assert argv(launch) == ["--model", "Q/x", "--port", "80"]
    assert isinstance(launch.hardware.gpu, Located) and gpu_count(launch) == 2
    assert [variable.name for variable in launch.env] == ["A"]


LLM_CONFIG = """
from ray.serve.llm import LLMConfig, build_openai_app

config = LLMConfig(
    model_loading_config=dict(model_id="chat", model_source="Q/x"),
    accelerator_type="L40S",
    deployment_config=dict(autoscaling_config=dict(min_replicas=1)),
    engine_kwargs=dict(tensor_parallel_size=4, enforce_eager=True, max_model_len=8192),
    runtime_env=dict(env_vars={"A": "1"}, pip=["vllm==0.9.1"]),
)
app = build_openai_app({"llm_configs": [config]})
"""


def test_a_config_of_ray_serve_is_a_server(read: Read, argv: Argv, gpu_count: Count) -> None:
    launch = only(read, LLM_CONFIG)
    assert argv(launch) == [
        "Q/x", "--distributed-executor-backend", "ray", "--tensor-parallel-size", "4", "--enforce-eager",
        "--max-model-len", "8192",
    ]  # fmt: skip
    assert isinstance(launch.hardware.gpu, Located) and gpu_count(launch) == 4
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.9.1"
    assert [variable.name for variable in launch.env] == ["A"]


@pytest.mark.parametrize(
    ("old", "new", "model", "count"),
    [
        ('model_source="Q/x"', "model_source=None", "chat", 4),
        ('model_source="Q/x"', 'model_source="s3://bucket/x"', "?", 4),
        ('model_source="Q/x"', 'model_source={"bucket_uri": "s3://x"}', "?", 4),
        ("tensor_parallel_size=4", "tensor_parallel_size=tp", "Q/x", None),
        ("accelerator_type", 'placement_group_config={"bundles": []}, accelerator_type', "Q/x", None),
        ("engine_kwargs=dict(tensor_parallel_size=4, ", "other=dict(", "Q/x", 1),
        ("engine_kwargs=dict(", "engine_kwargs=load(), other=dict(", "Q/x", None),
    ],
)
def test_what_a_config_of_ray_serve_leaves_open_is_not_known(
    read: Read, argv: Argv, gpu_count: Count, old: str, new: str, model: str, count: int | None
) -> None:
    launch = only(read, LLM_CONFIG.replace(old, new))
    assert argv(launch)[0] == model
    assert gpu_count(launch) == count


def test_a_config_of_ray_serve_for_another_engine_is_no_launch(read: Read) -> None:
    text = LLM_CONFIG.replace("accelerator_type", 'llm_engine="SGLang", accelerator_type')
    assert read(text, "deploy.py").launches == ()


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
