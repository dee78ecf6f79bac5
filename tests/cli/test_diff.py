"""`vllint diff`: what a change of files does to launches."""

from __future__ import annotations

import json
import os
import subprocess
from html import unescape
from pathlib import Path

import pytest

SERVICE = """\
services:
  llm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B --max-model-len {length} --api-key {key}
    deploy:
      resources: {{reservations: {{devices: [{{driver: nvidia, count: {count}, capabilities: [gpu]}}]}}}}
"""
ENDPOINT = """\
name: chat
provider: {{vendor: aws, region: us-east-1}}
compute: {{accelerator: gpu, instanceType: nvidia-l40s, instanceSize: {size}}}
model:
  repository: Qwen/Qwen3-8B
  image: {{vLLM: {{url: "vllm/vllm-openai:v0.22.1", tensorParallelSize: {tensor}}}}}
"""


def service(length: int = 2048, key: str = "sekret-one", count: int = 1) -> str:
    return SERVICE.format(length=length, key=key, count=count)


def git(*words: str) -> None:
    names = {
        f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    subprocess.run(["git", *words], check=True, capture_output=True, env={**os.environ, **names})


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository whose service grew out of its card in the second of two commits."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q", ".")
    (tmp_path / "deploy").mkdir()
    (tmp_path / "vllint.toml").write_text('gpu = "L4:1"\n')
    (tmp_path / "deploy/compose.yaml").write_text(service())
    git("add", ".")
    git("commit", "-qm", "one")
    (tmp_path / "deploy/compose.yaml").write_text(service(length=40960))
    (tmp_path / "deploy/more.sh").write_text("vllm serve Qwen/Qwen3-0.6B --max-model-len 4096\n")
    git("add", ".")
    git("commit", "-qm", "two")
    return tmp_path


def test_an_option_that_changes_is_told_with_what_it_does(folder: Path, run) -> None:
    (folder / "old.yaml").write_text(service())
    (folder / "new.yaml").write_text(service(length=40960))
    said = run("diff", "old.yaml", "new.yaml", "--gpu", "L4:1")
    assert said.code == 1
    assert "--max-model-len          2048 -> 40960" in said.out
    assert "memory                   fits -> does not fit" in said.out
    assert "launches: 1 changed, 0 unchanged." in said.out
    assert run("diff", "new.yaml", "old.yaml", "--gpu", "L4:1").code == 0


def test_nothing_changed_says_so(folder: Path, run) -> None:
    (folder / "a.yaml").write_text(service())
    said = run("diff", "a.yaml", "a.yaml")
    assert (said.code, said.out) == (0, "launches: 1 unchanged.\nGPUs: 1.\n")


def test_no_launch_on_either_side_is_said(folder: Path, run) -> None:
    (folder / "a.sh").write_text("echo hello\n")
    assert run("diff", "a.sh", "a.sh").out == "no vLLM launch on either side.\n"


def test_a_file_that_cannot_be_read_is_told_and_is_worse(folder: Path, run) -> None:
    (folder / "a.yaml").write_text(service())
    (folder / "b.yaml").write_text("# vllm\nservices:\n  llm: [\n")
    for form, code in (("text", 1), ("markdown", 1), ("json", 1)):
        said = run("diff", "a.yaml", "b.yaml", "--output-format", form)
        assert said.code == code
        assert "not read: b.yaml: the file cannot be read" in said.out
    assert run("diff", "b.yaml", "a.yaml").code == 0
    assert "not read before: b.yaml" in run("diff", "b.yaml", "a.yaml").out
    assert run("diff", "b.yaml", "b.yaml").code == 2


def test_a_launch_whose_file_and_name_have_changed_is_known_by_its_words_or_its_model(
    folder: Path, run
) -> None:
    for side in ("old", "new"):
        (folder / side).mkdir()
    (folder / "old/one.yaml").write_text(service())
    (folder / "new/other.yaml").write_text(service().replace("llm:", "chat:"))
    (folder / "old/a.sh").write_text("vllm serve Qwen/Qwen3-0.6B --max-model-len 2048\n")
    (folder / "new/b.yaml").write_text(
        service(4096).replace("llm:", "small:").replace("Qwen3-8B", "Qwen3-0.6B")
    )
    document = json.loads(run("diff", "old", "new", "--output-format", "json").out)
    assert {one["launch"]: one["kind"] for one in document["launches"]} == {
        "a.sh#vllm -> b.yaml#small": "changed",
        "one.yaml#llm -> other.yaml#chat": "unchanged",
    }


def test_why_something_is_not_known_is_said(folder: Path, run) -> None:
    (folder / "a.yaml").write_text(service())
    (folder / "b.yaml").write_text(service(4096))
    said = run("diff", "a.yaml", "b.yaml", "--output-format", "markdown")
    assert "price an hour" not in said.out
    (folder / "empty").mkdir()
    assert "not known: no card is named" in run("diff", "empty", "b.yaml").out


def test_comments_and_layout_of_the_file_do_not_matter(folder: Path, run) -> None:
    (folder / "a.yaml").write_text(service())
    (folder / "b.yaml").write_text("# moved\n" + service().replace("--api-key", "\n     --api-key"))
    assert "1 unchanged" in run("diff", "a.yaml", "b.yaml").out


def test_folders_are_matched_by_file_and_name_and_moved_launches_by_name(folder: Path, run) -> None:
    for side, length in (("old", 2048), ("new", 4096)):
        (folder / side).mkdir()
        (folder / side / "same.yaml").write_text(service(length=length))
    (folder / "old/gone.sh").write_text("vllm serve Qwen/Qwen3-0.6B\n")
    (folder / "old/here.yaml").write_text(service().replace("llm:", "moved:"))
    (folder / "new/there.yaml").write_text(service().replace("llm:", "moved:"))
    document = json.loads(run("diff", "old", "new", "--output-format", "json").out)
    found = {one["launch"]: one["kind"] for one in document["launches"]}
    assert found == {
        "same.yaml#llm": "changed",
        "here.yaml#moved -> there.yaml#moved": "unchanged",
        "gone.sh#vllm": "removed",
    }


def test_revisions_are_read_as_git_has_them_with_their_settings(repository: Path, run) -> None:
    (repository / "deploy/compose.yaml").write_text("services: {}\n")
    (repository / "vllint.toml").write_text('gpu = "H100:8"\n')
    document = json.loads(run("diff", "--rev", "HEAD~1..HEAD", "--output-format", "json").out)
    changed, added = document["launches"]
    assert (changed["launch"], changed["kind"], changed["worse"]) == (
        "deploy/compose.yaml#llm",
        "changed",
        True,
    )
    assert (changed["old"]["verdict"], changed["new"]["verdict"]) == ("fits", "does_not_fit")
    assert (added["launch"], added["kind"]) == ("deploy/more.sh#vllm", "added")
    assert added["new"]["verdict"] == "fits"


def test_a_revision_is_compared_with_the_files_on_disk(repository: Path, run, monkeypatch) -> None:
    (repository / "deploy/compose.yaml").write_text(service(length=4096))
    (repository / "deploy/more.sh").unlink()
    assert "40960 -> 4096" in run("diff", "--rev", "HEAD").out
    assert "2048 -> 4096" in run("diff", "HEAD~1:deploy/compose.yaml", "deploy/compose.yaml").out
    monkeypatch.chdir(repository / "deploy")
    assert "2048 -> 4096" in run("diff", "--rev", "HEAD~1", "compose.yaml").out
    assert "2048 -> 4096" in run("diff", "HEAD~1:compose.yaml", "compose.yaml").out


def test_revisions_stand_for_the_other_side_s_path_or_this_folder(repository: Path, run) -> None:
    both = run("diff", "HEAD~1", "HEAD")
    assert "1 changed, 1 added" in both.out
    assert both.out == run("diff", "--rev", "HEAD~1..HEAD").out
    assert "2048 -> 40960" in run("diff", "HEAD~1", "deploy/compose.yaml").out
    assert "40960 -> 2048" in run("diff", "HEAD:deploy", "HEAD~1").out


def test_three_dots_compare_with_where_a_branch_began(repository: Path, run) -> None:
    git("checkout", "-qb", "feature", "HEAD~1")
    (repository / "deploy/compose.yaml").write_text(service(length=4096))
    git("commit", "-qam", "three")
    git("checkout", "-q", "-")
    said = run("diff", "--rev", "HEAD...feature")
    assert "2048 -> 4096" in said.out
    assert "launches: 1 changed, 0 unchanged." in said.out
    assert "1 removed" in run("diff", "--rev", "HEAD..feature").out
    assert run("diff", "--rev", "nowhere...feature").code == 2


def test_a_revision_that_a_shallow_clone_lacks_says_how_to_get_it(repository: Path, run, monkeypatch) -> None:
    git("clone", "-q", "--depth", "1", repository.as_uri(), "clone")
    monkeypatch.chdir(repository / "clone")
    said = run("diff", "--rev", "HEAD~1..HEAD")
    assert said.code == 2
    assert "`HEAD~1` is not a revision of this repository" in said.err
    assert "git fetch --unshallow" in said.err
    assert run("diff", "--rev", "HEAD").code == 0


def test_outside_of_a_repository_there_are_no_revisions(
    tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    said = run("diff", "--rev", "HEAD")
    assert said.code == 2
    assert "`HEAD` cannot be read: git: not a git repository" in said.err
    assert "neither a file or folder nor a git revision" in run("diff", "main", "x").err


def test_a_comparison_leaves_nothing_behind(repository: Path, run) -> None:
    def state() -> str:
        words = ["git", "status", "--porcelain", "--ignored"]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    before = state()
    run("diff", "--rev", "HEAD~1..HEAD")
    assert state() == before


def test_what_is_not_there_is_exit_2(repository: Path, run) -> None:
    for words, reason in (
        (("a.yaml", "b.yaml"), "neither a file or folder nor a git revision"),
        (("no-such-revision:deploy", "deploy"), "is not a revision"),
        (("--output=x:deploy", "deploy"), ""),
        (("HEAD:nowhere", "deploy"), "is not in revision"),
        (("HEAD:../..", "deploy"), "outside"),
        (("deploy",), "name what to compare"),
    ):
        said = run("diff", *words)
        assert said.code == 2, words
        assert reason in said.err


def test_price_and_gpus_are_summed(folder: Path, run) -> None:
    (folder / "a.yaml").write_text(ENDPOINT.format(size="x1", tensor=1))
    (folder / "b.yaml").write_text(ENDPOINT.format(size="x4", tensor=4))
    said = run("diff", "a.yaml", "b.yaml")
    assert "GPUs: 1 -> 4." in said.out
    assert "price an hour: $1.80 -> $8.30." in said.out


def test_markdown_is_a_table_that_no_name_can_break_out_of(folder: Path, run) -> None:
    for side, length in (("old", 2048), ("new", 40960)):
        (folder / side).mkdir()
        (folder / side / "a|`<b>@team.yaml").write_text(service(length=length, count=1 + length // 40960))
    said = run("diff", "old", "new", "--gpu", "L4:1", "--output-format", "markdown")
    [row] = [line for line in said.out.splitlines() if line.startswith("| ``")]
    assert row.startswith("| ``a\\|`<b>@team.yaml#llm`` | changed | fits → **does not fit** |")
    assert row.replace("\\|", "").count("|") == 7
    assert "- `--max-model-len`: `2048` → `40960`" in said.out
    assert "<" not in unescape(said.out.replace("a\\|`<b>@team.yaml#llm", ""))


def test_secrets_are_in_no_output(folder: Path, run) -> None:
    (folder / "a.yaml").write_text(service())
    (folder / "b.yaml").write_text(service(key="sekret-two-longer"))
    for form in ("text", "markdown", "json"):
        said = run("diff", "a.yaml", "b.yaml", "--output-format", form)
        assert said.code == 0
        assert "--api-key" in said.out
        assert "sekret" not in said.out


def test_an_error_that_was_not_there_is_exit_1_and_one_that_was_is_not(folder: Path, run) -> None:
    (folder / "a.sh").write_text("vllm serve Qwen/Qwen3-8B -tp 2\n")
    (folder / "b.sh").write_text("vllm serve Qwen/Qwen3-8B -tp 3\n")
    said = run("diff", "a.sh", "b.sh")
    assert said.code == 1
    assert "PAR001" in said.out
    assert run("diff", "b.sh", "b.sh").code == 0
