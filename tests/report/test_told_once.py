"""What several files share is told once, by the file that knows most."""

from __future__ import annotations

from pathlib import Path

import pytest

from vllint import check_paths

SCRIPT = "#!/bin/bash\nvllm serve Qwen/Qwen3-8B --swap-space 4 --bogus\n"
SERVICE = """\
  {name}:
    image: vllm/vllm-openai:v0.22.1
    entrypoint: [bash, /start.sh]
    volumes: ["./start.sh:/start.sh"]
    gpus: all
"""


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)


def flags_told() -> list[tuple[str, bool]]:
    """Return where findings about options are, and whether they speak of the release of the service."""
    findings = check_paths(["."]).document().findings
    return [(one.path, "0.22.1" in one.message) for one in findings if one.code.startswith("FLG")]


def test_a_script_that_a_service_starts_is_told_of_with_the_release_of_the_service() -> None:
    Path("start.sh").write_text(SCRIPT)
    Path("compose.yaml").write_text("services:\n" + SERVICE.format(name="a"))
    assert flags_told() == [("start.sh", True), ("start.sh", True)]


def test_two_files_that_start_one_script_tell_of_it_once() -> None:
    Path("start.sh").write_text(SCRIPT)
    for folder in ("one", "two"):
        Path(folder).mkdir()
        service = SERVICE.format(name="a").replace("./start.sh", "../start.sh")
        Path(folder, "compose.yaml").write_text("services:\n" + service)
    assert len(flags_told()) == 2


def test_a_script_by_itself_is_told_of_by_itself() -> None:
    Path("start.sh").write_text(SCRIPT)
    assert len(flags_told()) == 2
