"""The Hub through its own client, against a local server that speaks the Hub's protocol."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from vllint.hub_cache import own_cache
from vllint.models.hub_requests import Budget
from vllint_schemas import ModelFacts, Unknown

SHA = "89abcdef0123456789abcdef0123456789abcdef"
TOKEN = "hf_" + "t" * 34
SERVE = "# vllint: gpu=H100-80GB:8\nvllm serve {} -tp 8\n"

hub_is_installed = pytest.mark.skipif(
    find_spec("huggingface_hub") is None,
    reason="huggingface_hub is not installed (the extra `hub`)",
)


class FakeRepository:
    """What the server has of a model, and how it answers for it."""

    def __init__(self, files: dict[str, bytes], **described: Any) -> None:
        self.files = files
        self.described = described
        self.status: list[tuple[int, dict[str, str]]] = []
        """Answers to give first, one a request."""
        self.private_files = False
        self.drip = 0.0
        self.cut = False
        self.ignores_ranges = False


class HubServer(ThreadingHTTPServer):
    """A Hub of some repositories; `store` is another origin, which files are redirected to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, FakeRepository] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.store: HubServer | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers))
        owner, name, *rest = (
            self.path.removeprefix("/api/models").removeprefix("/stored").strip("/").split("/")
        )
        repository = self.server.repositories.get(f"{owner}/{name}")
        if repository is None:
            return self.answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        if repository.status:
            status, extra = repository.status.pop(0)
            return self.answer(status, b'{"error": "told to"}', extra)
        if self.path.startswith("/api/models/"):
            return self.describe(repository, rest[1])
        is_stored = self.path.startswith("/stored/")
        if repository.private_files and not is_stored and headers.get("authorization") != f"Bearer {TOKEN}":
            return self.answer(401, b"{}", {"X-Error-Code": "GatedRepo"})
        if self.server.store is not None:
            place = f"{self.server.store.address}/stored/{owner}/{name}/{'/'.join(rest)}"
            return self.answer(302, b"", {"Location": place})
        return self.send_file(repository, rest[-1], headers.get("range"))

    def describe(self, repository: FakeRepository, revision: str) -> None:
        if revision not in ("main", "v2", SHA):
            self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = [{"rfilename": name} for name in repository.files]
        content = {"id": "x", "sha": SHA, "gated": False, "siblings": siblings, **repository.described}
        self.answer(200, json.dumps(content).encode(), {})

    def send_file(self, repository: FakeRepository, name: str, part: str | None) -> None:
        content = repository.files.get(name)
        if content is None:
            self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            return
        if part is None or repository.ignores_ranges:
            self.answer(200, content, {}, repository)
            return
        first, last = (int(number) for number in part.removeprefix("bytes=").split("-"))
        sent = content[first : last + 1]
        place = f"bytes {first}-{first + len(sent) - 1}/{len(content)}"
        self.answer(206, sent, {"Content-Range": place}, repository)

    def answer(
        self, status: int, content: bytes, headers: dict[str, str], how: FakeRepository | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if how is not None and how.cut:
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        if how is not None and how.drip:
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(how.drip)
            return
        self.wfile.write(content)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, hf_cache: Path) -> Iterator[HubServer]:
    """A running Hub, which the client asks."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    servers = HubServer(), HubServer()
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    main, store = servers
    store.repositories = main.repositories
    main.store = store
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", main.address + template)
    monkeypatch.setattr(constants, "ENDPOINT", main.address)
    monkeypatch.setattr("vllint.models.hub_requests._FIRST_PAUSE", 0.01)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    close_session()
    yield main
    close_session()
    for server in servers:
        server.shutdown()
        server.server_close()


def asked(model: str, revision: str | None = None, seconds: float = 10.0) -> ModelFacts | Unknown:
    from vllint.models.hub import Hub

    return Hub(True, budget=Budget(seconds)).facts(model, revision)


def why(model: str, revision: str | None = None, seconds: float = 10.0) -> str:
    found = asked(model, revision, seconds)
    assert isinstance(found, Unknown), found
    assert TOKEN not in found.reason
    return found.reason


def chat(files: Any, **described: Any) -> FakeRepository:
    return FakeRepository({"config.json": json.dumps(files.llama).encode()}, **described)


@hub_is_installed
def test_a_models_config_and_sizes_come_from_the_hub(hub: HubServer, files) -> None:
    counted = {"parameters": {"BF16": 1000}, "total": 1000}
    hub.repositories["acme/chat"] = chat(files, safetensors=counted, gated="manual")
    found = asked("acme/chat")
    assert isinstance(found, ModelFacts)
    assert (found.source, found.num_attention_heads, found.gated) == ("hub", 12, True)
    assert (found.weights_bytes, found.dtype) == (2000, "bfloat16")


@hub_is_installed
def test_headers_are_asked_for_by_ranges_where_the_hub_has_not_counted(hub: HubServer, files) -> None:
    many = {f"model.layers.0.{number:05}.weight": ("BF16", [1]) for number in range(2000)}
    content = files.safetensors({"model.embed_tokens.weight": ("BF16", [100, 64]), **many})
    hub.repositories["acme/chat"] = chat(files)
    hub.repositories["acme/chat"].files["model.safetensors"] = content
    found = asked("acme/chat")
    assert isinstance(found, ModelFacts)
    assert (found.weights_bytes, found.params_total) == (2 * (6400 + 2000), 6400 + 2000)
    ranges = [headers["range"] for path, headers in hub.store.requests if "range" in headers]
    assert ranges == ["bytes=0-100000", f"bytes=100001-{7 + int.from_bytes(content[:8], 'little')}"]


@hub_is_installed
def test_a_server_that_ignores_ranges_does_not_fill_the_memory(hub: HubServer, files) -> None:
    hub.repositories["acme/chat"] = chat(files)
    hub.repositories["acme/chat"].files["model.safetensors"] = bytes(8) + bytes(2**22)
    hub.repositories["acme/chat"].ignores_ranges = True
    found = asked("acme/chat")
    assert isinstance(found, ModelFacts)
    assert found.weights_bytes is None


@hub_is_installed
def test_the_token_goes_to_the_hub_and_to_nobody_else(hub: HubServer, files) -> None:
    hub.repositories["acme/chat"] = chat(files)
    hub.repositories["acme/chat"].private_files = True
    assert isinstance(asked("acme/chat"), ModelFacts)
    assert all(headers["authorization"] == f"Bearer {TOKEN}" for _, headers in hub.requests)
    assert hub.store is not None and hub.store.requests
    assert not any("authorization" in headers for _, headers in hub.store.requests)


@hub_is_installed
def test_refusals_are_told_apart(hub: HubServer, files, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories["acme/chat"] = gated = chat(files, gated="auto")
    assert why("acme/none").startswith("`acme/none` is not on the Hub, or it is private")
    assert why("acme/chat", "v3") == "`acme/chat` has no revision `v3` on the Hub"
    gated.private_files = True
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)
    assert why("acme/chat") == "`acme/chat` is gated on the Hub: accept its terms there, and set HF_TOKEN"
    gated.status = [(403, {})]
    assert why("acme/chat") == "the Hub refuses `acme/chat` with 403: HF_TOKEN has no access to it"
    hub.repositories["acme/empty"] = FakeRepository({"README.md": b""})
    assert why("acme/empty") == "`acme/empty` has no `config.json` on the Hub"


@hub_is_installed
def test_what_passes_is_tried_again(hub: HubServer, files) -> None:
    hub.repositories["acme/chat"] = flaky = chat(files)
    flaky.status = [(500, {}), (503, {}), (429, {"Retry-After": "0"})]
    assert isinstance(asked("acme/chat"), ModelFacts)
    flaky.status = [(500, {})] * 10
    assert why("acme/chat") == "the Hub answers with 500 for `acme/chat`"
    assert len(flaky.status) == 6


@hub_is_installed
def test_a_long_wait_is_not_waited_for(hub: HubServer, files) -> None:
    hub.repositories["acme/chat"] = limited = chat(files)
    limited.status = [(429, {"Retry-After": "3600"})]
    start = time.monotonic()
    assert why("acme/chat") == "the Hub answers with 429 for `acme/chat`"
    assert time.monotonic() - start < 2


@hub_is_installed
def test_a_slow_server_does_not_take_more_than_the_budget(hub: HubServer, files) -> None:
    hub.repositories["acme/chat"] = slow = chat(files)
    slow.drip = 0.05
    start = time.monotonic()
    reason = why("acme/chat", seconds=0.6)
    assert reason == "the Hub took more than 0.6 seconds, `acme/chat` included"
    assert time.monotonic() - start < 3


@hub_is_installed
def test_a_cut_off_answer_is_no_config(hub: HubServer, files) -> None:
    hub.repositories["acme/chat"] = cut = chat(files)
    cut.cut = True
    assert why("acme/chat", seconds=2).startswith("the Hub cannot be reached for `acme/chat`")


@hub_is_installed
@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b'{"model_type": NaN}', b"[" * 100000])
def test_nonsense_for_a_config_is_a_reason(hub: HubServer, content: bytes) -> None:
    hub.repositories["acme/chat"] = FakeRepository({"config.json": content})
    assert "config.json" in why("acme/chat")


@hub_is_installed
def test_nobody_there_is_a_reason(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert why("acme/chat").startswith("the Hub cannot be reached for `acme/chat`")


@hub_is_installed
def test_what_was_asked_is_kept_with_its_commit_and_known_offline(
    hub: HubServer, files, repository: Path
) -> None:
    hub.repositories["acme/chat"] = chat(files, safetensors={"parameters": {"BF16": 1000}})
    assert isinstance(asked("acme/chat", "v2"), ModelFacts)
    count = len(hub.requests)
    assert isinstance(asked("acme/chat", "v2"), ModelFacts)
    assert len(hub.requests) == count + 1
    kept = own_cache(os.environ)
    assert kept is not None
    assert (kept / "models--acme--chat" / "refs" / "v2").read_text() == SHA
    from vllint import check_paths

    (repository / "run.sh").write_text("vllm serve acme/chat --revision v2\n")
    [launch] = check_paths(["run.sh"]).launches
    assert isinstance(launch.maybe_model, ModelFacts)
    assert (launch.maybe_model.source, launch.maybe_model.weights_bytes) == ("cache", 2000)


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vllint", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@hub_is_installed
def test_check_and_lock_ask_the_hub_only_online(hub: HubServer, files, repository: Path) -> None:
    hub.repositories["acme/chat"] = chat(files)
    hub.repositories["acme/chat"].private_files = True
    (repository / "run.sh").write_text(SERVE.format("acme/chat"))
    there = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN}
    assert "attention heads" not in program("check", **there).stdout
    assert hub.requests == []
    offline = program("check", "--online", "--output-format", "json", **there, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in json.loads(offline.stdout)["launches"][0]["model"]["unknown"]
    assert hub.requests == []
    done = program("check", "--online", **there)
    assert "12 attention heads / 8" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    done = program("models", "lock", "--online", **there)
    assert (done.returncode, done.stderr) == (0, "")
    entry = json.loads((repository / "vllint.lock.json").read_text())["models"]["acme/chat"]
    assert (entry["source"], entry["sha"], entry["gated"]) == ("hub", SHA, False)
    assert program("models", "lock", "--check", "--online", **there).returncode == 0
    hub.repositories["acme/chat"].described["sha"] = SHA[::-1]
    done = program("models", "lock", "--check", "--online", **there)
    assert (done.returncode, f"has changed on the Hub, to {SHA[::-1][:12]}" in done.stderr) == (1, True)
    assert program("models", "lock", "--check", **there).returncode == 0


@hub_is_installed
def test_settings_ask_the_hub_too(hub: HubServer, files, repository: Path) -> None:
    hub.repositories["acme/chat"] = chat(files)
    (repository / "run.sh").write_text(SERVE.format("acme/chat"))
    (repository / "vllint.toml").write_text("online = true\n")
    assert "12 attention heads / 8" in program("check", HF_ENDPOINT=hub.address).stdout


@hub_is_installed
def test_the_maintainers_script_writes_facts_that_the_catalogue_is_compared_with(
    hub: HubServer, files, repository: Path
) -> None:
    hub.repositories["Qwen/Qwen3-8B"] = chat(files)
    (repository / "ids").write_text("Qwen/Qwen3-8B\nacme/none\n")
    script = Path(__file__).parents[2] / "scripts" / "tables" / "models_of_hub.py"
    done = subprocess.run(
        [sys.executable, str(script), "ids"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_ENDPOINT": hub.address},
    )
    assert (done.returncode, "`acme/none` is not on the Hub" in done.stderr) == (1, True)
    [row] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (row["id"], row["sha"], row["num_attention_heads"]) == ("Qwen/Qwen3-8B", SHA, 12)
    (repository / "facts.jsonl").write_text(done.stdout)
    said = program("models", "--check", "--against", "facts.jsonl").stdout
    assert "Qwen/Qwen3-8B: `num_attention_heads` is 32, and 12 elsewhere" in said
