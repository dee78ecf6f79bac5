from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.discover import (
    MAX_BYTES,
    Candidate,
    PassedOver,
    Reason,
    Unreadable,
    discover,
    repository_root,
)
from vllint.exclude_patterns import excluded_by

VLLM = b"image: vllm/vllm-openai\n"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(folder: Path, *names: str, raw: bytes = VLLM) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main")
    command = ("git", *who, "-c", "protocol.file.allow=always", *arguments)
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def candidates(*paths: str, exclude: Sequence[str] = ()) -> list[str]:
    found = discover(paths or (".",), exclude=exclude)
    return [entry.path for entry in found if isinstance(entry, Candidate)]


def passed_over(*paths: str, exclude: Sequence[str] = (), force_exclude: bool = False) -> dict[str, Reason]:
    found = discover(paths or (".",), exclude=exclude, force_exclude=force_exclude)
    return {entry.path: entry.reason for entry in found if isinstance(entry, PassedOver)}


def test_files_that_name_vllm_are_found_in_order_with_their_bytes(tree: Path) -> None:
    write(tree, "b/compose.yaml", "a.sh", "b.yml")
    write(tree, "c.json", raw=b'{"compute": {"instanceType": "x"}, "model": {"repository": "y"}}')
    found = list(discover(["."]))
    assert [entry.path for entry in found] == ["a.sh", "b.yml", "b/compose.yaml", "c.json"]
    assert found[0] == Candidate("a.sh", VLLM, explicit=False)


def test_a_file_without_any_marker_is_passed_over(tree: Path) -> None:
    write(tree, "a.yaml", raw=b"image: nginx\n")
    write(tree, "b.yaml", raw=b"repository: x\n")
    write(tree, "C.YAML", raw=b"IMAGE: VLLM/x\n")
    assert candidates() == ["C.YAML"]
    assert passed_over() == {"a.yaml": Reason.NO_MARKER, "b.yaml": Reason.NO_MARKER}


@pytest.mark.parametrize(
    "name",
    [
        "compose.yaml",
        "compose.yml.j2",
        "run.sh",
        "run.bash.tmpl",
        "job.sbatch",
        "job.slurm",
        "vllm.service",
        ".env",
        ".env.example",
        "prod.env",
        ".env.local",
        "Dockerfile",
        "Dockerfile.vllm",
        "vllm.Dockerfile",
        "Containerfile",
        "endpoint.json",
        "docker-compose.example.yml",
        "serve.ipynb",
        "values.tpl",
        "deployment.j2",
    ],
)
def test_what_the_names_of_launching_files_look_like(tree: Path, name: str) -> None:
    write(tree, name)
    assert candidates() == [name]


@pytest.mark.parametrize(
    "name", ["a.pyc", "NEWS.adoc", "model.safetensors", "x.lock", "yaml.txt", "_helpers.tpl", "notes.sample"]
)
def test_what_they_do_not_look_like(tree: Path, name: str) -> None:
    write(tree, name)
    assert candidates() == []
    assert passed_over() == {name: Reason.NOT_OURS}


def test_a_file_without_a_suffix_is_ours_if_its_first_line_names_a_shell(tree: Path) -> None:
    write(tree, "env-bash", raw=b"#!/usr/bin/env -S bash -e\nvllm serve x\n")
    write(tree, "sh", raw=b"#!/bin/sh\nvllm serve x\n")
    write(tree, "python", raw=b"#!/usr/bin/python3\nimport vllm\n")
    write(tree, "plain", raw=b"vllm\n")
    assert candidates() == ["env-bash", "sh"]


def test_a_named_file_is_a_candidate_whatever_it_is_called_and_says(tree: Path) -> None:
    write(tree, "notes.txt", raw=b"nothing\n")
    [found] = discover(["notes.txt"], exclude=["*.txt"])
    assert found == Candidate("notes.txt", b"nothing\n", explicit=True)


def test_a_named_file_that_is_excluded_is_passed_over_when_that_is_forced(tree: Path) -> None:
    write(tree, "old/a.yaml")
    assert passed_over("old/a.yaml", exclude=["old"], force_exclude=True) == {"old/a.yaml": Reason.EXCLUDED}


def test_large_binary_and_utf_16_files_are_passed_over_named_or_found(tree: Path) -> None:
    write(tree, "large.yaml", raw=b"# vllm" + b" " * MAX_BYTES)
    write(tree, "just.yaml", raw=b"# vllm".ljust(MAX_BYTES))
    write(tree, "binary.yaml", raw=b"vllm\0")
    write(tree, "windows.yaml", raw="vllm".encode("utf-16"))
    expected = {
        "large.yaml": Reason.TOO_LARGE,
        "binary.yaml": Reason.BINARY,
        "windows.yaml": Reason.UTF_16,
    }
    assert passed_over() == expected
    assert passed_over(*expected) == expected
    [just] = discover(["just.yaml"])
    assert isinstance(just, Candidate) and len(just.raw) == MAX_BYTES


def test_a_path_that_is_not_there_is_an_error_that_names_it(tree: Path) -> None:
    assert list(discover(["gone.yaml"])) == [Unreadable("gone.yaml", "no such file or directory")]


def test_each_file_comes_once_however_often_it_is_named(tree: Path) -> None:
    write(tree, "sub/a.yaml", "sub/b.yaml")
    paths = [".", "sub", "sub/a.yaml", "./sub/../sub/a.yaml", str(tree / "sub")]
    assert sorted(candidates(*paths)) == ["sub/a.yaml", "sub/b.yaml"]


def test_a_file_that_is_named_beside_its_folder_counts_as_named(tree: Path) -> None:
    write(tree, "a.yaml", raw=b"nothing\n")
    assert list(discover([".", "a.yaml"])) == [Candidate("a.yaml", b"nothing\n", explicit=True)]


def test_paths_are_shown_from_the_working_directory_and_absolute_outside_of_it(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree, "in/a.yaml", "out/b.yaml")
    monkeypatch.chdir(tree / "in")
    assert candidates(str(tree / "in"), "../out") == ["a.yaml", (tree / "out/b.yaml").as_posix()]


def test_links_are_not_followed_below_a_folder_and_are_when_named(tree: Path) -> None:
    write(tree, "real/a.yaml")
    (tree / "link.yaml").symlink_to("real/a.yaml")
    (tree / "loop").symlink_to(".")
    (tree / "real/up").symlink_to("..")
    assert candidates() == ["real/a.yaml"]
    assert passed_over()["link.yaml"] == Reason.SYMLINK
    assert candidates("link.yaml") == ["link.yaml"]
    assert candidates("loop/real") == ["loop/real/a.yaml"]


def test_without_git_some_folders_are_never_entered(tree: Path) -> None:
    write(tree, "a.yaml", ".hidden/b.yaml", "node_modules/c.yaml", ".venv/d.yaml", "x/__pycache__/e.yaml")
    assert candidates() == [".hidden/b.yaml", "a.yaml"]


@needs_git
def test_in_a_work_tree_git_decides_what_is_ignored(tree: Path) -> None:
    git(tree, "init")
    write(tree, ".gitignore", raw=b"/build/\n*.local.yaml\n!keep.local.yaml\n")
    write(tree, "build/a.yaml", "b.local.yaml", "keep.local.yaml", "sub/new line\n.yaml", "sub/tracked.yaml")
    git(tree, "add", "sub")
    assert candidates() == ["keep.local.yaml", "sub/new line\n.yaml", "sub/tracked.yaml"]
    assert candidates("sub") == ["sub/new line\n.yaml", "sub/tracked.yaml"]


@needs_git
def test_a_tracked_file_is_checked_though_it_is_ignored_and_a_deleted_one_is_not(tree: Path) -> None:
    git(tree, "init")
    write(tree, "tracked.yaml", "deleted.yaml")
    write(tree, ".gitignore", raw=b"*.yaml\n")
    git(tree, "add", "-f", "tracked.yaml", "deleted.yaml")
    (tree / "deleted.yaml").unlink()
    assert list(discover(["."])) == [
        PassedOver(".gitignore", Reason.NOT_OURS),
        Candidate("tracked.yaml", VLLM, explicit=False),
    ]


@needs_git
def test_an_ignored_folder_that_is_asked_for_is_walked(tree: Path) -> None:
    git(tree, "init")
    write(tree, ".gitignore", raw=b"build/\n")
    write(tree, "build/a.yaml")
    (tree / "empty").mkdir()
    assert candidates("build") == ["build/a.yaml"]
    assert candidates("empty") == []


@needs_git
def test_submodules_and_nested_repositories_are_entered(tree: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    write(library, "module.yaml")
    git(library, "init")
    git(library, "add", ".")
    git(library, "commit", "-m", "x")
    git(tree, "init")
    git(tree, "submodule", "add", str(library), "deps/library.git")
    write(tree, "nested/own.yaml", "nested/ignored.yaml")
    write(tree, "nested/.gitignore", raw=b"ignored.yaml\n")
    git(tree / "nested", "init")
    assert candidates() == ["deps/library.git/module.yaml", "nested/own.yaml"]
    assert candidates(exclude=["nested"]) == ["deps/library.git/module.yaml"]


@needs_git
def test_repositories_below_a_folder_that_is_none_are_asked_themselves(tree: Path) -> None:
    write(tree, "project/a.yaml", "project/ignored.yaml", "loose.yaml")
    write(tree, "project/.gitignore", raw=b"ignored.yaml\n")
    git(tree / "project", "init")
    assert candidates() == ["loose.yaml", "project/a.yaml"]


@needs_git
def test_a_hook_s_git_environment_does_not_lead_astray(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tree, "a.yaml")
    git(tree, "init")
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent/index")
    assert candidates() == ["a.yaml"]


@needs_git
def test_a_program_that_the_repository_s_settings_name_is_not_run(tree: Path) -> None:
    git(tree, "init")
    write(tree, "a.yaml")
    write(tree, "monitor", raw=b"#!/bin/sh\ntouch ran\n")
    (tree / "monitor").chmod(0o755)
    git(tree, "config", "core.fsmonitor", str(tree / "monitor"))
    assert candidates() == ["a.yaml"]
    assert not (tree / "ran").exists()


def test_where_git_is_missing_or_refuses_everything_is_walked(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree, ".git/config", raw=b"this is no repository\n")
    write(tree, "a.yaml")
    assert candidates() == ["a.yaml"]
    monkeypatch.setenv("PATH", "")
    assert candidates() == ["a.yaml"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_or_folder_that_may_not_be_read_is_an_error_that_names_it(tree: Path) -> None:
    write(tree, "a.yaml", "secret.yaml", "closed/b.yaml")
    (tree / "secret.yaml").chmod(0)
    (tree / "closed").chmod(0)
    found = list(discover(["."]))
    (tree / "closed").chmod(0o755)
    assert found == [
        Unreadable("closed", "permission denied"),
        Candidate("a.yaml", VLLM, explicit=False),
        Unreadable("secret.yaml", "permission denied"),
    ]


def test_a_pipe_in_the_tree_does_not_block(tree: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(tree / "pipe.yaml")
    write(tree, "a.yaml")
    assert candidates() == ["a.yaml"]


def test_the_repository_s_root_is_found_from_below(tree: Path) -> None:
    write(tree, ".git/HEAD", "a/b/c.yaml")
    assert repository_root("a/b") == Path(os.path.realpath(tree)).as_posix()


@pytest.mark.parametrize(
    ("pattern", "matched", "free"),
    [
        ("old", ["old", "old/a.yaml", "x/old/a.yaml"], ["older/a.yaml", "x/bold"]),
        ("old/", ["old/a.yaml", "x/old/a.yaml"], ["old"]),
        ("/old", ["old", "old/a"], ["x/old"]),
        ("./a/b", ["a/b", "a/b/c"], ["x/a/b"]),
        ("a/*.yaml", ["a/x.yaml"], ["a/b/x.yaml", "a/x.yml"]),
        ("**/gen", ["gen/a", "x/y/gen"], ["gene"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a"]),
        ("a/**/z", ["a/z", "a/b/c/z"], ["a/bz", "az"]),
        ("*.local.*", ["x.local.yaml", "d/x.local.sh"], ["local.yaml"]),
        ("v?", ["v1", "d/v2/x"], ["v", "v10"]),
        ("[a-c]x", ["ax", "d/cx"], ["dx", "-x"]),
        ("[!a]x", ["bx"], ["ax", "x"]),
        ("a+b(c).yaml", ["a+b(c).yaml"], ["aab(c).yaml"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("[", ["["], ["a"]),
    ],
)
def test_exclude_patterns_match_as_in_gitignore(pattern: str, matched: list[str], free: list[str]) -> None:
    is_excluded = excluded_by([pattern])
    assert [path for path in matched if not is_excluded(path)] == []
    assert [path for path in free if is_excluded(path)] == []


@needs_git
def test_git_agrees_on_what_patterns_match(tree: Path) -> None:
    git(tree, "init")
    paths = ["a", "a/b", "a/b/c.yaml", "b/a/x", "x.yaml", "ab/x.yml", "a-b", "c/d/e/f", "v1/a"]
    patterns = [
        "a",
        "a/",
        "/a",
        "a/b",
        "*.yaml",
        "**/b",
        "c/**",
        "c/**/f",
        "?1",
        "[ab]",
        "[!a]*",
        "a*",
        "x.*",
    ]
    for pattern in patterns:
        write(tree, ".gitignore", raw=pattern.encode())
        done = subprocess.run(
            ["git", "check-ignore", "--no-index", "--stdin"],
            input="\n".join(paths).encode(),
            cwd=tree,
            capture_output=True,
            check=False,
        )
        ignored = set(done.stdout.decode().split("\n")) - {""}
        assert {path for path in paths if excluded_by([pattern])(path)} == ignored, pattern


@pytest.mark.parametrize("pattern", ["!a", "", "/", "[z-a]"])
def test_a_pattern_that_is_none_is_an_error_that_names_it(pattern: str) -> None:
    with pytest.raises(ValueError, match="exclude pattern"):
        excluded_by([pattern])


@given(st.text("ab*?[]!-/\\.", min_size=1, max_size=8), st.text("ab/.-", max_size=10))
def test_any_pattern_either_works_or_is_refused(pattern: str, path: str) -> None:
    try:
        is_excluded = excluded_by([pattern])
    except ValueError:
        return
    assert is_excluded(path) in (True, False)


def test_excluded_folders_are_not_entered_and_excluded_files_are_listed(tree: Path) -> None:
    write(tree, "a.yaml", "vendor/b.yaml", "x.local.yaml")
    assert candidates(exclude=["vendor", "*.local.yaml"]) == ["a.yaml"]
    assert passed_over(exclude=["*.local.yaml"]) == {"x.local.yaml": Reason.EXCLUDED}
