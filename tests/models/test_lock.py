"""Facts frozen in the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vllint import check_paths
from vllint.cli.commands import vllint
from vllint.models.catalogue import find_model
from vllint.models.lock import Lock, catalogue_entry, config_entry, lock_of, lock_text
from vllint.text.source import SourceText
from vllint_schemas import ModelFacts, Unknown

SHA = "0123456789abcdef0123456789abcdef01234567"
SERVE = "# vllint: gpu=H100-80GB:8\nvllm serve {} -tp 8\n"


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(vllint, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def cached(hf_cache: Path, files: Any, config: dict[str, Any], model: str = "acme/chat") -> None:
    """Put a model into the Hugging Face cache, as its own client does."""
    own = hf_cache / f"models--{model.replace('/', '--')}"
    files.write(own / "blobs", config)
    (own / "snapshots" / SHA).mkdir(parents=True, exist_ok=True)
    link = own / "snapshots" / SHA / "config.json"
    if not link.is_symlink():
        link.symlink_to("../../blobs/config.json")
    (own / "refs").mkdir(exist_ok=True)
    (own / "refs" / "main").write_text(SHA)


def model(repository: Path) -> ModelFacts | Unknown:
    [launch] = check_paths([str(repository / "run.sh")]).launches
    return launch.maybe_model


def test_what_this_machine_downloaded_is_known(repository: Path, hf_cache: Path, files) -> None:
    (repository / "run.sh").write_text(SERVE.format("acme/chat"))
    assert isinstance(model(repository), Unknown)
    cached(hf_cache, files, files.llama)
    found = model(repository)
    assert isinstance(found, ModelFacts)
    assert (found.id, found.source, found.num_attention_heads) == ("acme/chat", "cache", 12)


def test_a_revision_is_looked_for_by_its_own_name(repository: Path, hf_cache: Path, files) -> None:
    cached(hf_cache, files, files.llama)
    (repository / "run.sh").write_text("vllm serve acme/chat --revision v2\n")
    assert isinstance(model(repository), Unknown)
    (repository / "run.sh").write_text(f"vllm serve acme/chat --revision {SHA}\n")
    assert isinstance(model(repository), ModelFacts)


def test_a_path_into_a_cache_names_its_model(repository: Path, hf_cache: Path, files) -> None:
    (repository / "run.sh").write_text(f"vllm serve /data/hub/models--Qwen--Qwen3-8B/snapshots/{SHA}\n")
    found = model(repository)
    assert isinstance(found, ModelFacts)
    assert (found.id, found.source) == ("Qwen/Qwen3-8B", "catalogue")
    cached(hf_cache, files, files.llama)
    (repository / "run.sh").write_text(f"vllm serve /data/hub/models--acme--chat/snapshots/{SHA}/\n")
    found = model(repository)
    assert isinstance(found, ModelFacts)
    assert (found.id, found.source) == ("acme/chat", "cache")


def test_a_link_out_of_the_models_folder_is_not_followed(repository: Path, hf_cache: Path, files) -> None:
    cached(hf_cache, files, files.llama)
    link = hf_cache / "models--acme--chat" / "snapshots" / SHA / "config.json"
    files.write(repository / "own")
    link.unlink()
    link.symlink_to(repository / "own" / "config.json")
    (repository / "run.sh").write_text(SERVE.format("acme/chat"))
    assert isinstance(model(repository), Unknown)


def test_kept_results_notice_a_download(repository: Path, hf_cache: Path, files, run_check) -> None:
    (repository / "run.sh").write_text(SERVE.format("acme/chat"))
    assert "12 attention heads" not in run_check()
    cached(hf_cache, files, files.llama)
    assert "12 attention heads / 8" in run_check()


def test_a_lock_knows_offline_what_was_known_when_it_was_written(
    repository: Path, hf_cache: Path, files, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(hf_cache, files, files.llama)
    (repository / "run.sh").write_text(SERVE.format("acme/chat"))
    code, out, _ = run("models", "lock")
    assert (code, out) == (0, "vllint.lock.json: 1 model locked, 0 not known\n")
    monkeypatch.setenv("HF_HUB_CACHE", str(repository / "nothing"))
    found = model(repository)
    assert isinstance(found, ModelFacts)
    assert (found.source, found.num_attention_heads) == ("lock", 12)
    entry = json.loads((repository / "vllint.lock.json").read_text())["models"]["acme/chat"]
    assert (entry["source"], entry["sha"]) == ("cache", SHA)
    assert run("models", "lock", "--check")[0] == 0


def test_a_lock_is_the_same_however_often_it_is_written(
    repository: Path, hf_cache: Path, files, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(hf_cache, files, files.llama)
    text = "vllm serve acme/chat\nvllm serve Qwen/Qwen3-8B\nvllm serve /srv/x\nvllm serve a/b --revision r\n"
    (repository / "run.sh").write_text(text)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    run("models", "lock")
    first = (repository / "vllint.lock.json").read_bytes()
    assert b"1970-01-01" in first
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    run("models", "lock")
    assert (repository / "vllint.lock.json").read_bytes() == first
    content = json.loads(first)
    assert list(content["models"]) == ["Qwen/Qwen3-8B", "acme/chat"]
    assert content["unresolved"] == ["/srv/x", "a/b@r"]


def test_a_stale_lock_is_said_to_be(repository: Path, hf_cache: Path, files) -> None:
    assert run("models", "lock", "--check") == (0, "", "")
    (repository / "run.sh").write_text("vllm serve Qwen/Qwen3-8B\n")
    code, _, err = run("models", "lock", "--check")
    assert (code, err) == (1, "vllint: vllint.lock.json: there is none, and 1 model in use\n")
    run("models", "lock")
    assert run("models", "lock", "--check") == (0, "", "")
    (repository / "run.sh").write_text("vllm serve Qwen/Qwen3-4B\n")
    code, _, err = run("models", "lock", "--check")
    assert code == 1
    assert "`Qwen/Qwen3-4B` is not locked" in err
    assert "`Qwen/Qwen3-8B` is locked, and nothing uses it" in err


def test_a_lock_with_other_facts_than_the_catalogue_is_stale_and_counts(repository: Path) -> None:
    (repository / "run.sh").write_text("vllm serve Qwen/Qwen3-8B\n")
    run("models", "lock")
    place = repository / "vllint.lock.json"
    content = json.loads(place.read_text())
    content["models"]["Qwen/Qwen3-8B"]["facts"]["num_attention_heads"] = 24
    place.write_text(json.dumps(content))
    found = model(repository)
    assert isinstance(found, ModelFacts) and found.num_attention_heads == 24
    code, _, err = run("models", "lock", "--check")
    assert (code, "has other facts in the catalogue" in err) == (1, True)


def test_some_paths_do_not_take_the_models_of_others_out(repository: Path) -> None:
    (repository / "run.sh").write_text("vllm serve Qwen/Qwen3-8B\n")
    (repository / "other.sh").write_text("vllm serve Qwen/Qwen3-4B\n")
    run("models", "lock")
    assert run("models", "lock", "run.sh", "--check")[0] == 0
    run("models", "lock", "run.sh")
    assert run("models", "lock", "--check")[0] == 0


def test_a_model_in_the_repository_needs_no_lock(repository: Path, files) -> None:
    files.write(repository / "own")
    (repository / "run.sh").write_text("vllm serve ./own\n")
    run("models", "lock")
    assert json.loads((repository / "vllint.lock.json").read_text())["models"] == {}


def test_the_nearest_lock_in_the_repository_counts(repository: Path) -> None:
    facts = find_model("Qwen/Qwen3-8B")
    assert facts is not None
    for folder, heads in ((repository.parent, 1), (repository, 2), (repository / "deploy", 3)):
        folder.mkdir(exist_ok=True)
        entry = catalogue_entry(facts._replace(num_attention_heads=heads))
        (folder / "vllint.lock.json").write_text(lock_text(Lock({"acme/chat": entry})))
    for folder, heads in ((repository, 2), (repository / "deploy", 3), (repository / "deploy" / "a", 3)):
        folder.mkdir(exist_ok=True)
        (folder / "run.sh").write_text("vllm serve acme/chat\n")
        [launch] = check_paths([str(folder / "run.sh")]).launches
        assert isinstance(launch.maybe_model, ModelFacts)
        assert launch.maybe_model.num_attention_heads == heads
    assert run("check", "--isolated", "run.sh")[0] == 0


def test_a_changed_lock_is_noticed_by_kept_results(repository: Path, files, run_check) -> None:
    (repository / "run.sh").write_text(SERVE.format("acme/chat"))
    assert "attention heads" not in run_check()
    lock = Lock({"acme/chat": config_entry("hub", SHA, files.llama, None)})
    (repository / "vllint.lock.json").write_text(lock_text(lock))
    assert "12 attention heads / 8" in run_check()
    assert "12 attention heads / 8" not in run_check("--isolated")


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "[]", '{"version": 2, "models": {}}', '{"version": 1}'])
def test_a_lock_that_cannot_be_used_is_said_to_be(repository: Path, text: str) -> None:
    (repository / "run.sh").write_text("vllm serve Qwen/Qwen3-8B\n")
    (repository / "vllint.lock.json").write_text(text)
    code, _, err = run("check", "run.sh")
    assert (code, "vllint.lock.json" in err) == (2, True)
    assert run("models", "lock", "--check")[0] == 2


def test_facts_of_the_catalogue_come_back_as_they_were() -> None:
    for model_id in ("deepseek-ai/DeepSeek-V3", "openai/gpt-oss-120b", "Qwen/Qwen3-Next-80B-A3B-Instruct"):
        facts = find_model(model_id)
        assert facts is not None
        text = lock_text(Lock({model_id: catalogue_entry(facts)}))
        again = lock_of(SourceText("vllint.lock.json", text)).find(model_id, None)
        assert isinstance(again, ModelFacts)
        assert again == facts._replace(source="lock")
