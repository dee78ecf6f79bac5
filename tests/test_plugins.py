"""Other people's rules: from a folder named on the command line, and from installed packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vllint.registry import load_rules

TEXT = "vllm serve Qwen/Qwen2.5-7B-Instruct\n"

RULE = '''
"""A rule of our own."""
from vllint import Rule
from vllint_schemas import Severity


class NoQwen(Rule):
    """Says so when a model is of the Qwen family."""

    code = "{code}"
    name = "{name}"
    severity = Severity.WARNING
    stage = "advice"
    source = ""
    since = "1.0"

    def check(self, facts):
        model = facts.args.model
        if "Qwen" in model.value:
            yield self.finding(facts, model.span, "a Qwen model", "take another")
'''


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "run.sh").write_text(TEXT)
    (tmp_path / "ci").mkdir()
    return tmp_path


def rule(here: Path, file: str = "no_qwen.py", code: str = "ACME001", name: str = "no-qwen") -> None:
    (here / "ci" / file).write_text(RULE.format(code=code, name=name))


def check(here: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({} if path is None else {"PYTHONPATH": str(path)})}
    return subprocess.run(
        [sys.executable, "-m", "vllint", "check", "--no-cache", *arguments],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def codes(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [finding["code"] for finding in json.loads(done.stdout)["findings"]]


def test_a_rule_in_a_folder_runs(here: Path) -> None:
    rule(here)
    done = check(here, "--plugin", "ci", "--output-format", "json", "--select", "ACME001")
    assert codes(done) == ["ACME001"]
    assert done.returncode == 1
    assert done.stderr == ""


def test_a_rule_is_selected_ignored_and_weighed_like_any_other(here: Path) -> None:
    rule(here)
    assert check(here, "--plugin", "ci", "--ignore", "ACME").returncode == 0
    assert check(here, "--plugin", "ci", "--select", "no-qwen").returncode == 1
    assert check(here, "--select", "no-qwen").returncode == 2
    (here / "vllint.toml").write_text('severity = { ACME001 = "info" }\n')
    assert check(here, "--plugin", "ci").returncode == 0


def test_a_folder_is_not_read_because_settings_name_it(here: Path) -> None:
    rule(here)
    (here / "vllint.toml").write_text('plugins = ["ci"]\n')
    assert check(here).returncode == 2


@pytest.mark.parametrize(
    "content",
    [
        "raise RuntimeError('no')\n",
        "import no_such_module\n",
        "def broken(:\n",
        "import sys\nsys.exit(3)\n",
    ],
)
def test_a_broken_plugin_is_named_and_fails_only_when_strict(here: Path, content: str) -> None:
    (here / "ci" / "broken_rule.py").write_text(content)
    done = check(here, "--plugin", "ci", "--output-format", "json")
    assert done.returncode == 0, done.stderr
    assert "warning" in done.stderr
    assert "ci" in done.stderr
    assert "Traceback" not in done.stderr
    assert check(here, "--plugin", "ci", "--strict-plugins").returncode == 2


def test_a_sound_rule_beside_a_broken_one_is_not_silently_lost(here: Path) -> None:
    rule(here)
    (here / "ci" / "broken_rule.py").write_text("raise RuntimeError('no')\n")
    done = check(here, "--plugin", "ci")
    assert "warning" in done.stderr


def test_a_folder_that_is_not_there_is_named(here: Path) -> None:
    done = check(here, "--plugin", "nowhere")
    assert "nowhere" in done.stderr
    assert check(here, "--plugin", "nowhere", "--strict-plugins").returncode == 2


def test_a_rule_that_crashes_is_named_with_the_launch(here: Path) -> None:
    text = RULE.format(code="ACME002", name="crash").replace(
        'if "Qwen"', 'raise KeyError("x")\n        if "Qwen"'
    )
    (here / "ci" / "crash.py").write_text(text)
    done = check(here, "--plugin", "ci", "--output-format", "json")
    assert done.returncode == 2
    assert "ACME002" in done.stderr and "run.sh" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rule_that_crashes_keeps_no_other_file_from_being_checked(here: Path) -> None:
    text = RULE.format(code="ACME002", name="crash").replace(
        "yield self", 'raise KeyError("x")\n            yield self'
    )
    (here / "ci" / "crash.py").write_text(text)
    (here / "other.sh").write_text("vllm serve gpt2 --no-such-option\n")
    done = check(here, "--plugin", "ci", "--output-format", "concise", ".")
    assert done.returncode == 2
    assert "the rule ACME002 fails on run.sh#vllm" in done.stderr
    assert "other.sh:1:17: error[FLG001]" in done.stdout


def test_a_code_used_twice_is_reported_and_the_first_is_kept(here: Path) -> None:
    rule(here, "a_first.py")
    rule(here, "b_second.py", name="second")
    done = check(here, "--plugin", "ci", "--output-format", "json", "--select", "ACME001")
    assert codes(done) == ["ACME001"]
    assert "ACME001" in done.stderr and "twice" in done.stderr
    assert check(here, "--plugin", "ci", "--strict-plugins").returncode == 2


def test_a_built_in_code_cannot_be_taken_over(here: Path) -> None:
    rule(here, code="PAR001", name="mine")
    done = check(here, "--plugin", "ci", "--output-format", "json")
    assert "PAR001" not in codes(done)
    assert "PAR001" in done.stderr


def test_a_plugin_may_have_the_name_of_a_module_that_exists(here: Path) -> None:
    rule(here, "json.py")
    done = check(here, "--plugin", "ci", "--output-format", "json", "--select", "ALL")
    assert done.returncode in {0, 1}, done.stderr
    assert codes(done) == ["ACME001"] or "json" in done.stderr


def test_an_installed_package_offers_rules_through_the_entry_point(here: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "acme_rules").mkdir(parents=True)
    (site / "acme_rules" / "__init__.py").write_text('"""Rules of Acme."""\n')
    (site / "acme_rules" / "no_qwen.py").write_text(RULE.format(code="ACME001", name="no-qwen"))
    metadata = site / "acme_rules-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[console_scripts]\nx = y:z\n\n[vllint.rules]\nacme = acme_rules\n"
    )
    done = check(here, "--output-format", "json", "--select", "ACME001", path=site)
    assert codes(done) == ["ACME001"], done.stderr
    (metadata / "entry_points.txt").write_text("[vllint.rules]\nacme = no_such_package\n")
    done = check(here, path=site)
    assert done.returncode == 0
    assert "acme" in done.stderr
    assert check(here, "--strict-plugins", path=site).returncode == 2


def test_every_built_in_rule_has_a_code_and_a_name_of_its_own() -> None:
    registry = load_rules()
    assert registry.failures == ()
    assert len({rule.code for rule in registry.rules}) == len(registry.rules)
    assert len({rule.name for rule in registry.rules}) == len(registry.rules)


def test_a_run_without_the_built_in_rules_fails(here: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "vllint_rules").mkdir(parents=True)
    (site / "vllint_rules" / "__init__.py").write_text("raise RuntimeError('half an upgrade')\n")
    done = check(here, path=site)
    assert done.returncode == 2
    assert "half an upgrade" in done.stderr
    assert "Traceback" not in done.stderr
