from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

CLEAN = "vllm serve Qwen/Qwen2.5-7B-Instruct -tp 2\n"


def test_init_writes_settings_that_hold_and_change_nothing(folder: Path, run) -> None:
    (folder / "a.sh").write_text(CLEAN)
    before = run("check", ".").out
    said = run("init")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("wrote vllint.toml\n")
    assert run("check", ".").out.splitlines()[0] == before.splitlines()[0]


def test_every_line_that_is_commented_out_is_a_setting_that_is_understood(folder: Path, run) -> None:
    run("init")
    path = folder / "vllint.toml"
    text = path.read_text()
    told, _, settings = text.partition("\n\n")
    assert all(line.startswith("# ") for line in told.splitlines())
    path.write_text(re.sub(r"(?m)^# ", "", settings))
    assert len(tomllib.loads(path.read_text())) >= 8
    (folder / "a.sh").write_text(CLEAN)
    said = run("check", ".")
    assert (said.code, said.err) == (0, "")


def test_init_overwrites_nothing(folder: Path, run) -> None:
    (folder / "vllint.toml").write_text('gpu = "H100"\n')
    said = run("init")
    assert said.code == 0
    assert "vllint.toml holds here already; nothing written" in said.out
    assert (folder / "vllint.toml").read_text() == 'gpu = "H100"\n'


def test_init_writes_nothing_where_settings_above_hold(folder: Path, run, monkeypatch) -> None:
    (folder / "pyproject.toml").write_text("[tool.vllint]\npreview = true\n")
    (folder / "deploy").mkdir()
    monkeypatch.chdir(folder / "deploy")
    assert "nothing written" in run("init").out
    assert list((folder / "deploy").iterdir()) == []


def test_the_snippets_are_yaml_and_name_the_hook_that_exists(folder: Path, run) -> None:
    said = run("init").out
    _, hooks, workflow = re.split(r"(?m)^For .*:\n", said)
    [repository] = yaml.safe_load(hooks)["repos"]
    manifest = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in repository["hooks"]} <= {hook["id"] for hook in manifest}
    steps = yaml.safe_load(workflow)["jobs"]["vllint"]["steps"]
    [command] = [step["run"] for step in steps if step.get("run", "").startswith("vllint ")]
    assert run(*command.split()[1:]).code == 0
