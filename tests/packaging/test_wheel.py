from __future__ import annotations

import configparser
import email
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import vllint

NAMES = {"vllint", "vllint_rules", "vllint_schemas"}
DATA = {
    "class_defaults.json",
    "counted_architectures.json",
    "gpus.json",
    "instances.json",
    "models.jsonl",
    "options.jsonl",
    "report.schema.json",
    "settings.schema.json",
    "transformers_configs.json",
    "vllm_architectures.json",
}
MISTAKE = "# vllint: gpu=A10G:4\nvllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 3\n"


@pytest.fixture(scope="module")
def wheel(project: Path, offline: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=project, env=offline, check=True, capture_output=True)
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def installed(wheel: Path, offline: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", str(wheel)]
    subprocess.run(install, env={**offline, "PYTHONPATH": ""}, check=True)
    return folder / "bin"


def names(contents: zipfile.ZipFile) -> set[str]:
    return {name for name in contents.namelist() if not name.endswith("/")}


def test_the_wheel_puts_three_names_into_site_packages(contents: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in names(contents)}
    assert tops == {*NAMES, f"vllint-{vllint.__version__}.dist-info"}


def test_the_wheel_holds_every_fact_table(contents: zipfile.ZipFile) -> None:
    folder = "vllint_schemas/data/"
    held = {name.removeprefix(folder) for name in names(contents) if name.startswith(folder)}
    assert held >= DATA


def test_every_package_of_the_wheel_is_typed(contents: zipfile.ZipFile) -> None:
    assert {f"{name}/py.typed" for name in NAMES} <= names(contents)


def test_the_wheel_holds_modules_and_data_only(contents: zipfile.ZipFile) -> None:
    packaged = {name for name in names(contents) if ".dist-info/" not in name}
    data = {name for name in packaged if name.startswith("vllint_schemas/data/")}
    assert {name for name in packaged - data if not name.endswith((".py", "/py.typed"))} == {
        "vllint_rules/index.json"
    }


def test_the_wheel_is_smaller_than_five_megabytes(wheel: Path) -> None:
    assert wheel.stat().st_size < 5_000_000


def test_the_wheel_offers_the_command_and_the_built_in_rules(contents: zipfile.ZipFile) -> None:
    [path] = [name for name in names(contents) if name.endswith("entry_points.txt")]
    points = configparser.ConfigParser()
    points.read_string(contents.read(path).decode())
    assert dict(points["console_scripts"]) == {"vllint": "vllint.cli:main"}
    assert dict(points["vllint.rules"]) == {"builtin": "vllint_rules"}


def test_the_wheel_says_what_it_is_and_what_its_extras_are(contents: zipfile.ZipFile) -> None:
    [path] = [name for name in names(contents) if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(contents.read(path))
    assert metadata["Version"] == vllint.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra", [])) == {"dev", "hub"}
    assert metadata["Requires-Python"] == ">=3.11"
    assert "# vllint" in str(metadata.get_payload())


def test_the_wheel_alone_is_a_working_vllint(
    installed: Path, offline: Mapping[str, str], tmp_path: Path
) -> None:
    version = [str(installed / "python"), "-m", "vllint", "--version"]
    said = subprocess.run(version, cwd=tmp_path, env=offline, check=True, capture_output=True, text=True)
    assert said.stdout == f"vllint {vllint.__version__}\n"
    (tmp_path / "serve.sh").write_text(MISTAKE, encoding="utf-8")
    check = [str(installed / "vllint"), "check", "serve.sh"]
    done = subprocess.run(check, cwd=tmp_path, env=offline, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert "error[PAR001] tp-divides-heads" in done.stdout
