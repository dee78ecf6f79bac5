"""`vllint check` with `--fix` and `--diff`: what is written, and what is left alone."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

MODEL = "Qwen/Qwen2.5-7B-Instruct"  # 28 heads, 4 KV heads
ERROR = f"# vllint: gpu=H100-80GB:4\nvllm serve {MODEL} -tp 3\n"

Check = Callable[..., Any]


@pytest.fixture
def check(run: Callable[..., Any]) -> Check:
    """Run `vllint check` in this process."""
    return lambda *arguments: run("check", "--no-cache", *arguments)


FIXABLE = {
    "shell": ("run.sh", f"# vllint: gpu=H100-80GB:4\nvllm serve {MODEL} -tp 3  # café\n"),
    "compose": (
        "compose.yaml",
        "# vllint: gpu=H100-80GB:4\nservices:\n  a: # one\n    image: vllm/vllm-openai:v0.12.0\n"
        f'    command: ["{MODEL}", "-tp", "3"]  # x\n',
    ),
    "variable": ("run.sh", f"# vllint: gpu=H100-80GB:4\nTP=3\nvllm serve {MODEL} -tp $TP\n"),
}


@pytest.mark.parametrize("name", FIXABLE)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_fix_changes_nothing_but_its_characters_and_is_done_once(
    folder: Path, check: Check, name: str, newline: str, mark: bytes
) -> None:
    path, text = FIXABLE[name]
    before = mark + text.replace("\n", newline).encode()
    file = folder / path
    file.write_bytes(before)
    file.chmod(0o750)
    assert check().code == 1
    first = check("--fix", "--unsafe-fixes")
    after = file.read_bytes()
    assert first.code == 0, first.out + first.err
    assert after != before
    assert after.startswith(mark)
    assert after.count(b"\r") == (after.count(b"\n") if newline == "\r\n" else 0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o750
    assert check("--fix", "--unsafe-fixes").code == 0
    assert file.read_bytes() == after


def test_an_option_goes_with_the_braces_around_its_default(folder: Path, check: Check) -> None:
    before = (
        "services:\n  a:\n    image: vllm/vllm-openai:v0.33.0\n    command: >\n"
        f"      {MODEL} --swap-space ${{SWAP:-4}}\n"
        "      --cpu-offload-gb ${OFFLOAD:-1} --swap-space=${SWAP:-${OLD:-4}} ${MORE:---swap-space 4}\n"
    )
    (folder / "compose.yaml").write_text(before)
    check("--fix", "--unsafe-fixes", "--select", "FLG002")
    after = before.replace(" --swap-space ${SWAP:-4}", "").replace(" --swap-space=${SWAP:-${OLD:-4}}", "")
    assert (folder / "compose.yaml").read_text() == after


def test_unsafe_fixes_are_not_applied_without_consent(folder: Path, check: Check) -> None:
    (folder / "run.sh").write_text(ERROR)
    assert check("--fix").code == 1
    assert (folder / "run.sh").read_text() == ERROR


def test_a_diff_leaves_files_alone_and_applies(folder: Path, check: Check) -> None:
    (folder / "run.sh").write_text(ERROR)
    done = check("--diff", "--unsafe-fixes")
    assert (folder / "run.sh").read_text() == ERROR
    assert done.out.startswith("--- a/run.sh\n+++ b/run.sh\n")
    (folder / "change.diff").write_text(done.out)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "apply", "change.diff"], cwd=folder, check=True)
    assert check("run.sh").code == 0


def test_a_value_of_the_env_file_is_fixed_there(folder: Path, check: Check) -> None:
    (folder / "compose.yaml").write_text(
        "# vllint: gpu=H100-80GB:4\nservices:\n  a:\n    image: vllm/vllm-openai:v0.12.0\n"
        f"    command: [{MODEL}, -tp, '${{TP}}']\n"
    )
    (folder / ".env").write_text("TP=3 # three\n")
    assert check("--fix", "--unsafe-fixes").code == 0
    assert (folder / ".env").read_text() in ("TP=4 # three\n", "TP=1 # three\n", "TP=2 # three\n")


MANIFEST = """\
# vllint: gpu=H100-80GB:1
kind: Pod
apiVersion: v1
metadata: {{name: a}}
spec:
  containers:
    - name: a
      image: vllm/vllm-openai:v0.33.0
      args:
        - {model}
        - --max-model-len
        - {length}
"""


@pytest.mark.parametrize("length", ["4,096", "2m", "4e3"])
def test_an_item_that_was_text_stays_text(folder: Path, check: Check, length: str) -> None:
    file = folder / "pod.yaml"
    file.write_text(MANIFEST.format(model=MODEL, length=length))
    check("--fix", "--unsafe-fixes")
    words = yaml.safe_load(file.read_text())["spec"]["containers"][0]["args"]
    assert all(isinstance(word, str) for word in words), words
    assert words[2].isdigit()


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("--enable-lora True", "--enable-lora --data-parallel-size 4"),
        ("--enforce-eager false", "--no-enforce-eager --data-parallel-size 4"),
        (
            "--enable-auto-tool-choice True",
            "--tool-call-parser hermes --enable-auto-tool-choice --data-parallel-size 4",
        ),
        ("--max-model-len 1000000", "--max-model-len 32768 --data-parallel-size 4"),
    ],
)
def test_what_vllm_refuses_is_mended_before_advice_is_taken(
    folder: Path, check: Check, broken: str, expected: str
) -> None:
    head = f"# vllint: gpu=H100-80GB:4 vllm=0.33.0\nvllm serve {MODEL}"
    file = folder / "run.sh"
    file.write_text(f"{head} {broken}\n")
    check("--fix", "--unsafe-fixes")
    assert file.read_text() == f"{head} {expected}\n"


def test_a_config_file_keeps_its_only_key(folder: Path, check: Check) -> None:
    (folder / "run.sh").write_text(
        f"# vllint: gpu=H100-80GB:1 vllm=0.33.0\nvllm serve {MODEL} --config c.yaml\n"
    )
    config = "# for debugging\nenforce-eager: true\n"
    (folder / "c.yaml").write_text(config)
    check("--fix", "--unsafe-fixes")
    assert (folder / "c.yaml").read_text() == config


def test_an_ambiguous_option_does_not_become_a_second_model(folder: Path, check: Check) -> None:
    text = f"# vllint: gpu=H100-80GB:1 vllm=0.33.0\nvllm serve {MODEL} --mode x\n"
    (folder / "run.sh").write_text(text)
    check("--fix", "--unsafe-fixes")
    assert (folder / "run.sh").read_text() == text


def test_no_more_copies_are_started_where_copies_are_refused(folder: Path, check: Check) -> None:
    text = (
        "# vllint: gpu=H100-80GB:4 vllm=0.33.0\n"
        f"VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 vllm serve {MODEL} -dp 2 --enable-lora\n"
    )
    (folder / "run.sh").write_text(text)
    check("--fix", "--unsafe-fixes")
    assert (folder / "run.sh").read_text() == text


def test_words_that_stay_keep_their_quotes_and_comments(folder: Path, check: Check) -> None:
    text = MANIFEST.format(model=MODEL, length='"4096"').replace("gpu=", "vllm=0.33.0 gpu=")
    before = text + "        - -q  # as measured\n        - 'fp_quant'  # for now\n"
    file = folder / "pod.yaml"
    file.write_text(before)
    check("--fix", "--unsafe-fixes", "--select", "FLG024")
    assert file.read_text() == before + "        - '--allow-deprecated-quantization'\n"


def test_an_option_that_begins_a_line_goes_without_joining_lines(folder: Path, check: Check) -> None:
    head = f"# vllint: vllm=0.33.0\nvllm serve {MODEL} --port 80 \\\n  "
    file = folder / "run.sh"
    file.write_text(f"{head}--swap-space 8 --block-size 32 \\\n  --seed 1\n")
    check("--fix", "--unsafe-fixes", "--select", "FLG002")
    assert file.read_text() == f"{head}--block-size 32 \\\n  --seed 1\n"


def test_an_unknown_option_with_a_value_does_not_become_a_switch(folder: Path, check: Check) -> None:
    text = f"# vllint: vllm=0.33.0\nvllm serve {MODEL} --cudagraph-mode full\n"
    file = folder / "run.sh"
    file.write_text(text)
    check("--fix", "--unsafe-fixes", "--select", "FLG001")
    assert file.read_text() == text
    file.write_text(text.replace("mode full", "metrix"))
    check("--fix", "--unsafe-fixes", "--select", "FLG001")
    assert file.read_text() == text.replace("mode full", "metrics")
