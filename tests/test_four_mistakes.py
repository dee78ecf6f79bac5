"""The four mistakes that people make most, in every kind of file: found where they are, and mended."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from vllint import check_paths
from vllint.cli.commands import vllint
from vllint_schemas import Severity

FOLDER = Path(__file__).parents[1] / "examples" / "mistakes"

MISTAKES = {
    "odd-tensor-parallel": ("PAR001", Severity.ERROR, "3"),
    "too-many-gpus": ("PAR004", Severity.ERROR, ("4", "8", "${DP:-4}")),
    "idle-gpus": ("PAR005", Severity.WARNING, ("1", "4")),
    "too-big-for-one-card": ("MEM001", Severity.ERROR, "meta-llama/Llama-3.3-70B-Instruct"),
}
"""By the start of the file's name: the rule, its severity, and what may stand at the finding's place."""

FILES = sorted(path.name for path in FOLDER.iterdir())


def mistake(name: str) -> str:
    return name.partition(".")[0]


def test_each_mistake_is_there_in_each_kind_of_file() -> None:
    kinds = {name.partition(".")[2].replace("json", "yaml") for name in FILES}
    assert kinds == {"sh", "compose.yaml", "endpoint.yaml", "kubernetes.yaml", "py"}
    assert len(FILES) == len(kinds) * len(MISTAKES)


@pytest.mark.parametrize("name", FILES)
def test_the_mistake_is_the_one_thing_found_and_where_it_stands(name: str) -> None:
    code, severity, written = MISTAKES[mistake(name)]
    text = (FOLDER / name).read_text(encoding="utf-8")
    report = check_paths([str(FOLDER / name)])
    found = [finding for finding in report.findings if finding.severity is not Severity.INFO]
    assert [(finding.code, finding.severity) for finding in found] == [(code, severity)]
    assert text[found[0].span.start : found[0].span.end] in written


@pytest.mark.parametrize("name", FILES)
def test_fixing_leaves_nothing_to_find_unless_it_takes_another_machine(name: str, tmp_path: Path) -> None:
    copy = Path(shutil.copy(FOLDER / name, tmp_path))
    done = CliRunner().invoke(vllint, ["check", "--fix", "--unsafe-fixes", "--no-cache", str(copy)])
    if mistake(name) == "too-big-for-one-card":
        assert done.exit_code == 1
        assert copy.read_bytes() == (FOLDER / name).read_bytes()
        assert re.search("--tensor-parallel-size|tensor_parallel_size|tensorParallelSize", done.output)
        assert "fix (by hand)" in done.output
    else:
        assert done.exit_code == 0, done.output
