"""Microsoft's SARIF Multitool, which has GitHub's rules as well as its own, on what vllint writes.

It is judged by `.ci/run`, which installs it where npm is at hand and names it in VLLINT_SARIF_MULTITOOL.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MULTITOOL = os.environ.get("VLLINT_SARIF_MULTITOOL", "")
KNOWN = {"SARIF2005"}
"""Findings we know of: the tool has no page of its own on the web that the log could name."""

pytestmark = pytest.mark.skipif(not MULTITOOL, reason="VLLINT_SARIF_MULTITOOL names no SARIF Multitool")


def test_the_multitool_finds_no_error_and_no_warning(tmp_path: Path) -> None:
    log, verdict = tmp_path / "vllint.sarif", tmp_path / "verdict.sarif"
    outputs = ["--output-format", "sarif", "--output-file", str(log)]
    check = [sys.executable, "-m", "vllint", "check", "examples", "--preview", "--exit-zero", *outputs]
    subprocess.run(check, cwd=ROOT, check=True)
    kinds = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning"]
    command = [MULTITOOL, "validate", str(log), *kinds, "--output", str(verdict), "--log", "ForceOverwrite"]
    invariant = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=invariant)
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = json.loads(verdict.read_text(encoding="utf-8-sig"))["runs"]
    assert {result["ruleId"] for result in run.get("results", ())} <= KNOWN, done.stdout
