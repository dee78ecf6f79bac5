"""The library: what platforms import."""

from __future__ import annotations

import gc
import json
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import vllint
import vllint_schemas
from vllint import check_command, check_paths, estimate
from vllint.rule_index import ListedRule
from vllint.settings import Settings
from vllint.statements import StatementError
from vllint_schemas import GIB, MemoryEstimate, Unknown

SCHEMA = json.loads((Path(vllint_schemas.__file__).with_name("data") / "report.schema.json").read_text())
MODEL = "Qwen/Qwen2.5-7B-Instruct"  # 28 heads, 4 KV heads
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_hidden_layers": 32,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}


def codes(report: vllint.Report) -> set[str]:
    """Return the codes of a report's findings, after checking the report against its schema."""
    content = report.to_dict()
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(content)))
    return {finding["code"] for finding in content["findings"]}


@pytest.mark.parametrize("name", vllint.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(vllint, name) is not None


def test_the_public_names_are_named_once_and_have_a_home() -> None:
    assert len(set(vllint.__all__)) == len(vllint.__all__)
    for name, home in vllint._HOMES.items():
        assert name in vllint.__all__
        assert hasattr(import_module(home), name)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = vllint.no_such_name


def test_importing_the_library_is_light() -> None:
    code = "import sys, vllint; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pydantic", "click", "yaml", "vllint.checking"}.isdisjoint(done.stdout.split())


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "bad.sh").write_text(f"# vllint: gpu=H100-80GB:4\nvllm serve {MODEL} -tp 3\n")
    (tmp_path / "deploy" / "good.sh").write_text(f"# vllint: gpu=H100-80GB:2\nvllm serve {MODEL} -tp 2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_paths_are_checked_as_strings_and_as_paths(tree: Path) -> None:
    several: list[list[str | Path]] = [
        ["deploy"],
        [tree / "deploy"],
        ["deploy/bad.sh", Path("deploy/good.sh")],
    ]
    for paths in several:
        report = check_paths(paths)
        assert codes(report) == {"PAR001"}
        assert len(report.launches) == 2
        assert report.fails()
        assert report.problems == ()


def test_a_path_that_cannot_be_read_is_among_the_problems(tree: Path) -> None:
    report = check_paths(["deploy", "nowhere"])
    assert len(report.problems) == 1
    assert "nowhere" in report.problems[0]
    assert codes(report) == {"PAR001"}


def test_settings_given_are_the_only_ones(tree: Path) -> None:
    (tree / "vllint.toml").write_text('ignore = ["PAR"]\n')
    assert codes(check_paths(["deploy"])) == set()
    assert codes(check_paths(["deploy"], Settings())) == {"PAR001"}
    assert codes(check_paths(["deploy"], Settings(select=("MEM",)))) == set()


def test_an_empty_list_of_paths_gives_an_empty_report() -> None:
    report = check_paths([])
    assert codes(report) == set()
    assert not report.fails()


COMMANDS: list[str | list[str] | tuple[str, ...]] = [
    f"vllm serve {MODEL} -tp 3",
    ["vllm", "serve", MODEL, "-tp", "3"],
    ["serve", MODEL, "-tp", "3"],
    ("serve", MODEL, "-tp", "3"),
    ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", MODEL, "-tp", "3"],
    ["bash", "-c", f"vllm serve {MODEL} -tp 3"],
    f"docker run --gpus all vllm/vllm-openai:v0.12.0 {MODEL} -tp 3",
    ["docker", "run", "--gpus", "all", "vllm/vllm-openai:v0.12.0", MODEL, "-tp", "3"],
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_text_or_words(command: str | list[str]) -> None:
    report = check_command(command, gpu="H100-80GB:4")
    assert "PAR001" in codes(report)
    [launch] = report.to_dict()["launches"]
    assert launch["argv"][-2:] == ["-tp", "3"]
    assert launch["hardware"]["count"] == 4


def test_a_command_that_starts_nothing_has_no_launch() -> None:
    for command in ("echo", ["echo"], "", [], ["vllm"], "vllm serve '"):
        assert check_command(command).launches == ()
    assert isinstance(estimate("echo"), Unknown)


def test_the_machine_is_a_card_a_count_or_both() -> None:
    both: list[dict[str, Any]] = [{"gpu": "H100-80GB:4"}, {"gpu": "H100-80GB", "gpu_count": 4}]
    for arguments in both:
        [launch] = check_command(f"vllm serve {MODEL} -tp 2", **arguments).to_dict()["launches"]
        assert (launch["hardware"]["gpu"], launch["hardware"]["count"]) == ("H100 SXM 80GB", 4)
    [launch] = check_command(f"vllm serve {MODEL}", gpu_count=4).to_dict()["launches"]
    assert (launch["hardware"]["gpu"], launch["hardware"]["count"]) == (None, 4)
    [launch] = check_command(f"vllm serve {MODEL}", gpu="mine@48GiB:2").to_dict()["launches"]
    assert launch["hardware"]["memory_gib"] == 48


@pytest.mark.parametrize(
    "arguments",
    [
        {"gpu": "H1000"},
        {"gpu": "H100-80GB:x"},
        {"gpu_count": 0},
        {"gpu_count": -1},
        {"gpu_count": True},
        {"vllm_version": "newest"},
        {"model_config": "/no/such/folder"},
    ],
)
def test_what_cannot_be_understood_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(StatementError):
        check_command("vllm serve x", **arguments)


def test_the_release_is_the_one_stated() -> None:
    report = check_command(f"vllm serve {MODEL} --task generate", vllm_version="0.8.5")
    assert report.to_dict()["launches"][0]["vllm_version"]["value"] == "0.8.5"
    assert codes(report) == set()
    assert codes(check_command(f"vllm serve {MODEL} --task generate", vllm_version="0.33.0"))


def test_a_models_config_beats_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    for config in (CONFIG, tmp_path, str(tmp_path), tmp_path / "config.json"):
        legal = check_command(f"vllm serve {MODEL} -tp 8", gpu="H100-80GB:8", model_config=config)
        assert "PAR001" not in codes(legal)
        illegal = check_command(f"vllm serve {MODEL} -tp 7", gpu="H100-80GB:8", model_config=config)
        assert "PAR001" in codes(illegal)


def test_a_config_gives_the_model_to_a_command_that_names_none() -> None:
    report = check_command("vllm serve $MODEL -tp 7", gpu="H100-80GB:8", model_config=CONFIG)
    assert "PAR001" in codes(report)


def test_the_environment_is_the_one_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TP", "3")
    command = f"vllm serve {MODEL} -tp $TP"
    [launch] = check_command(command).to_dict()["launches"]
    assert launch["parallel"]["tensor"] is None
    [launch] = check_command(command, env={"TP": "4"}).to_dict()["launches"]
    assert launch["parallel"]["tensor"] == 4


@pytest.mark.parametrize("command", [f"vllm serve {MODEL}", ["vllm", "serve", MODEL]])
def test_variables_may_hide_gpus(command: str | list[str]) -> None:
    report = check_command(command, gpu="H100-80GB:8", env={"CUDA_VISIBLE_DEVICES": "0,1"})
    assert report.to_dict()["launches"][0]["hardware"]["count"] == 2


def test_an_estimate_is_the_launchs_memory() -> None:
    found = estimate("vllm serve x -tp 2", gpu="H100-80GB:2", model_config=CONFIG)
    assert isinstance(found, MemoryEstimate)
    assert found.verdict == "fits"
    [rank] = found.ranks
    # 8.03 billion parameters of two bytes, over two cards.
    assert 7 * GIB < rank.parameters < 8 * GIB


def test_an_estimate_without_a_card_has_no_verdict() -> None:
    found = estimate(["vllm", "serve", "x"], model_config=CONFIG)
    assert isinstance(found, MemoryEstimate)
    assert isinstance(found.verdict, Unknown)


def test_a_command_finds_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vllint.toml").write_text('ignore = ["PAR"]\n')
    monkeypatch.chdir(tmp_path)
    assert "PAR001" in codes(check_command(f"vllm serve {MODEL} -tp 3"))


def test_words_with_blanks_and_secrets_keep_their_places() -> None:
    words = ["vllm", "serve", MODEL, "--served-model-name", "a b", "-tp", "3", "--api-key", "topsecret"]
    report = check_command(words, gpu="H100-80GB:4")
    text = shlex.join(words)
    [finding] = [found for found in report.findings if found.code == "PAR001"]
    assert text[finding.span.start : finding.span.end] == "3"
    assert "topsecret" not in json.dumps(report.to_dict())


def test_findings_in_the_config_file_of_a_command_have_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text("port: 8001\ntensor-parallel-sise: 3\n")
    report = vllint.check_command("vllm serve Qwen/Qwen3-8B --config c.yaml").to_dict()
    [found] = report["findings"]
    assert (found["path"], found["start"]["line"], found["start"]["column"]) == ("c.yaml", 2, 1)


def test_a_process_that_checks_many_commands_keeps_the_rules_of_few() -> None:
    def rules_kept() -> int:
        gc.collect()
        return sum(isinstance(kept, ListedRule) for kept in gc.get_objects())

    check_command("vllm serve Qwen/Qwen3-8B")
    before = rules_kept()
    for port in range(20):
        check_command(f"vllm serve Qwen/Qwen3-8B --port {9000 + port}")
    assert rules_kept() <= 3 * before
