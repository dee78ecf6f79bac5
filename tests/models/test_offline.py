"""Without the Hub: nothing is sent unless asked, and its client may be missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vllint.statements import StatementError
from vllint_schemas import Unknown

NO_CLIENT = "import sys; sys.modules['huggingface_hub'] = None\nfrom vllint.cli import main\nmain()\n"


def test_without_the_client_the_command_that_installs_it_is_named(repository: Path) -> None:
    (repository / "run.sh").write_text("vllm serve acme/chat\n")
    code = NO_CLIENT.replace("None\n", "None\nimport importlib.util as u; u.find_spec = lambda *_: None\n", 1)
    command = [sys.executable, "-c", code, "check", "--online", "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "vllint: --online: huggingface_hub is not installed: run `pip install 'vllint[hub]'`\n"
    )


def test_settings_without_the_client_leave_the_model_unknown(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllint.models import hub

    monkeypatch.setattr(hub, "find_spec", lambda name: None)
    found = hub.Hub(False).facts("acme/chat", None)
    assert isinstance(found, Unknown)
    assert "pip install 'vllint[hub]'" in found.reason
    with pytest.raises(StatementError):
        hub.Hub(True)


NO_SOCKET = """
import socket, sys
def refuse(*arguments, **options):
    raise SystemExit("a socket is opened")
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
import _socket
_socket.socket = refuse
from vllint.cli import run
try:
    run()
finally:
    assert "huggingface_hub" not in sys.modules
"""


@pytest.mark.parametrize("arguments", [("check",), ("show", "run.sh"), ("models", "lock"), ("models", "x/y")])
def test_nothing_is_sent_anywhere_unless_asked(repository: Path, arguments: tuple[str, ...]) -> None:
    (repository / "run.sh").write_text("vllm serve acme/chat\nvllm serve Qwen/Qwen3-8B\n")
    command = [sys.executable, "-c", NO_SOCKET, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "socket" not in done.stderr
    assert "Traceback" not in done.stderr
