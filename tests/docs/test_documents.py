"""The documents say what is so: they are generated, or run, here."""

from __future__ import annotations

import doctest
import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from vllint.registry import load_rules
from vllint.testing import finding_of, marked

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci/run").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The contents of a page's fenced blocks in a language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page)


def vllint(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vllint", *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = ROOT / "scripts/docs"
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_the_page_of_rules_is_the_one_its_script_writes(scripts: Path) -> None:
    script = runpy.run_path(str(scripts / "rules.py"))
    assert script["text"]() == script["TARGET"].read_text(encoding="utf-8"), "run scripts/docs/rules.py"


def test_the_readme_quotes_what_vllint_prints_today(scripts: Path) -> None:
    script = runpy.run_path(str(scripts / "readme.py"))
    assert script["text"](README) == README, "run scripts/docs/readme.py"
    assert len(blocks(README, "console")) >= 3


def test_the_python_session_in_the_readme_is_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    [session] = blocks(README, "pycon")
    test = doctest.DocTestParser().get_doctest(session, {}, "README", "README.md", 0)
    said: list[str] = []
    assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize("page", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_a_document_links_to_what_is_there(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page)
    assert targets or page is CONTRIBUTING
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_hooks_of_the_readme_exist_and_take_its_arguments(tmp_path: Path) -> None:
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    [config] = [block for block in map(yaml.safe_load, blocks(README, "yaml")) if "repos" in block]
    [hook] = config["repos"][0]["hooks"]
    [entry] = [known["entry"] for known in manifest if known["id"] == hook["id"]]
    done = vllint(*shlex.split(entry)[1:], *hook["args"], folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_workflow_of_the_readme_writes_the_file_it_uploads(tmp_path: Path) -> None:
    [workflow] = [block for block in map(yaml.safe_load, blocks(README, "yaml")) if "jobs" in block]
    steps: list[dict[str, Any]] = workflow["jobs"]["vllint"]["steps"]
    [command] = [step["run"] for step in steps if step.get("run", "").startswith("vllint ")]
    [upload] = [step["with"]["sarif_file"] for step in steps if "upload-sarif" in step.get("uses", "")]
    (tmp_path / "serve.sh").write_text("vllm serve Qwen/Qwen2.5-7B-Instruct -tp 3\n", encoding="utf-8")
    done = vllint(*shlex.split(command)[1:], folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "error[PAR001]" in done.stdout
    assert (tmp_path / upload).is_file()


def test_the_comment_in_the_readme_silences_what_it_names(tmp_path: Path) -> None:
    [silenced] = [block for block in blocks(README, "yaml") if "vllint: ignore" in block]
    (tmp_path / "compose.yaml").write_text(silenced, encoding="utf-8")
    assert vllint("check", folder=tmp_path).returncode == 0
    (tmp_path / "compose.yaml").write_text(re.sub("#.*", "#", silenced), encoding="utf-8")
    assert "gpus-idle" in vllint("check", folder=tmp_path).stdout


def test_the_gitlab_job_of_the_readme_writes_the_report_it_keeps(tmp_path: Path) -> None:
    [job] = [block["vllint"] for block in map(yaml.safe_load, blocks(README, "yaml")) if "vllint" in block]
    [command] = [line for line in job["script"] if line.startswith("vllint ")]
    (tmp_path / "serve.sh").write_text("vllm serve Qwen/Qwen2.5-7B-Instruct -tp 3\n", encoding="utf-8")
    done = vllint(*shlex.split(command)[1:], folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    [entry, *_] = json.loads((tmp_path / job["artifacts"]["reports"]["codequality"]).read_text())
    assert entry["check_name"] == "PAR001"


def test_ci_installs_and_tests_as_the_readme_says() -> None:
    [command] = [block for block in blocks(README, "sh") if "pytest" in block]
    assert re.search(r"pip install .*-e \"\.\[dev\]\" && \.venv/bin/pytest\n$", command)
    assert re.search(r"(?m)^pip install .*-e \"\.\[dev\]\"$", CI)
    assert "\npytest || " in CI


@pytest.fixture
def walkthrough(tmp_path: Path) -> Path:
    """The folder that holds the rule of CONTRIBUTING.md, as a plug-in."""
    [rule] = blocks(CONTRIBUTING, "python")
    (tmp_path / "served_model_name_unset.py").write_text(rule, encoding="utf-8")
    return tmp_path


def test_the_rule_of_the_walkthrough_passes_its_own_examples(walkthrough: Path) -> None:
    [rule] = [rule for rule in load_rules([walkthrough]).rules if rule.code == "TEAM001"]
    for example in rule.BAD:
        found = finding_of(rule, example)
        assert found is not None
        assert found.span == marked(example).span
    assert [finding_of(rule, example) for example in rule.GOOD] == [None] * len(rule.GOOD)


def test_the_rule_of_the_walkthrough_says_what_is_quoted(walkthrough: Path) -> None:
    [quoted] = [block for block in blocks(CONTRIBUTING, "console") if block.startswith("$ vllint ")]
    line, _, expected = quoted.partition("\n")
    done = vllint(*shlex.split(line)[2:], "--plugin", str(walkthrough))
    assert done.stdout == expected


def test_the_rule_of_the_walkthrough_fits_the_project_s_style(walkthrough: Path) -> None:
    options = ["--config", str(ROOT / "pyproject.toml"), str(walkthrough)]
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
