"""The hooks, run by the real pre-commit from a real repository, with pip kept off the network."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from identify import identify

from vllint.discover import SUFFIXES, TEMPLATE_SUFFIXES

ROOT = Path(__file__).parents[2]
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
GIT = (
    "git",
    *("-c", "user.name=vllint", "-c", "user.email=vllint@example.org", "-c", "commit.gpgsign=false"),
    *("-c", "core.hooksPath=", "-c", "init.defaultBranch=main"),
)
GOOD = "vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 4\n"
MISTAKE = "# vllint: gpu=A10G:8\nvllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 8\n"
SAFELY_FIXABLE = """\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: vllm serve Qwen/Qwen3-8B --max-model-len 8192  # by hand
"""
FIXED = SAFELY_FIXABLE.replace("vllm serve Qwen", "Qwen")

Commit = Callable[[Mapping[str, str]], Path]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run((*GIT, *arguments), cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def revision(project: Path) -> str:
    """Make the copy of the working tree a repository, and return its one commit."""
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "the working tree")
    return git(project, "rev-parse", "HEAD")


@pytest.fixture
def commit(project: Path, revision: str, tmp_path: Path) -> Commit:
    """Return a function that makes a deployment repository of some files."""
    hooks = [{"id": hook["id"]} for hook in HOOKS]
    config = {"repos": [{"repo": str(project), "rev": revision, "hooks": hooks}]}

    def make(files: Mapping[str, str]) -> Path:
        git(tmp_path, "init", "--quiet")
        for name, text in {**files, ".pre-commit-config.yaml": yaml.safe_dump(config)}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        git(tmp_path, "add", "--all")
        return tmp_path

    return make


@pytest.fixture
def run_hook(offline: Mapping[str, str]) -> Callable[[str, Path], subprocess.CompletedProcess[str]]:
    def run(hook: str, repository: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "run", hook, "--all-files"]
        return subprocess.run(
            command, cwd=repository, env=offline, check=False, capture_output=True, text=True
        )

    return run


def test_the_hook_stops_a_commit_with_a_mistake_and_names_the_place(commit, run_hook) -> None:
    done = run_hook("vllint", commit({"deploy/serve.sh": MISTAKE}))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error[PAR001] tp-divides-heads" in done.stdout
    assert "--> deploy/serve.sh:2:60" in done.stdout


def test_the_hook_lets_a_commit_without_mistakes_pass(commit, run_hook) -> None:
    done = run_hook("vllint", commit({"deploy/serve.sh": GOOD}))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hook_passes_over_what_the_settings_exclude_though_it_is_named(commit, run_hook) -> None:
    files = {"vendor/serve.sh": MISTAKE, "vllint.toml": 'exclude = ["vendor/"]\n'}
    done = run_hook("vllint", commit(files))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_fix_hook_writes_safe_fixes(commit, run_hook) -> None:
    repository = commit({"compose.yaml": SAFELY_FIXABLE})
    done = run_hook("vllint-fix", repository)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "files were modified by this hook" in done.stdout
    assert (repository / "compose.yaml").read_text(encoding="utf-8") == FIXED


def test_the_fix_hook_leaves_unsafe_fixes_to_people(commit, run_hook) -> None:
    repository = commit({"deploy/serve.sh": MISTAKE})
    done = run_hook("vllint-fix", repository)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error[PAR001] tp-divides-heads" in done.stdout
    assert (repository / "deploy/serve.sh").read_text(encoding="utf-8") == MISTAKE


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
@pytest.mark.parametrize(
    "name",
    [
        "compose.yaml",
        "deploy/docker-compose.vllm.yml",
        "values.yaml.j2",
        "deployment.yaml.tpl",
        "endpoint.json",
        "serve.sh",
        "serve.ps1",
        "serve.bat",
        "README.rst",
        "serve.bash",
        "batch.py",
        "job.sbatch",
        "job.slurm",
        "vllm.service",
        ".env",
        ".env.production",
        "prod.env",
        "Dockerfile",
        "Dockerfile.vllm",
        "vllm.Dockerfile",
        "Containerfile",
        "bin/serve",
    ],
)
def test_the_hooks_are_given_the_files_that_may_start_vllm(
    hook: Mapping[str, Any], name: str, tmp_path: Path
) -> None:
    assert is_given(hook, name, tmp_path)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
@pytest.mark.parametrize("name", ["NEWS.txt", "main.go", "env.rs", "style.css", "uv.lock", "dockerfile/x.go"])
def test_the_hooks_are_not_given_other_files(hook: Mapping[str, Any], name: str, tmp_path: Path) -> None:
    assert not is_given(hook, name, tmp_path)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_the_hooks_are_given_every_name_that_vllint_finds_in_a_folder(hook: Mapping[str, Any]) -> None:
    endings = [*SUFFIXES, *(f"{known}.{template}" for known in SUFFIXES for template in TEMPLATE_SUFFIXES)]
    names = [f"deploy/a.{ending}" for ending in endings]
    assert [name for name in names if not re.search(hook["files"], name)] == []


def is_given(hook: Mapping[str, Any], name: str, folder: Path) -> bool:
    """Whether pre-commit gives a text file of this name to a hook."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text\n", encoding="utf-8")
    return bool(re.search(hook["files"], name)) and set(hook["types"]) <= identify.tags_from_path(str(path))
