"""Results kept between runs: the same output as without them, in one file that may be lost or spoilt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vllint.cache import cache_place, program_stamp
from vllint.cli.commands import vllint
from vllint.report.formats import FORMATS

EXAMPLES = Path(__file__).parents[1] / "examples" / "mistakes"
COMPOSE = """\
services:
  chat:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size ${TP:-3} --api-key sk-0123456789abcdef
    environment:
      HF_TOKEN: hf_abcdefghijklmnopqrstuvwx
"""
SECRETS = (b"sk-0123456789abcdef", b"hf_abcdefghijklmnopqrstuvwx", b"another-secret")

Run = Callable[..., str]


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of one test."""
    folder = tmp_path_factory.mktemp("store")
    monkeypatch.setenv("VLLINT_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def here(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with mistakes and files that cannot be read, as the working directory."""
    (tmp_path / ".git").mkdir()
    for example in EXAMPLES.iterdir():
        (tmp_path / example.name).write_bytes(example.read_bytes())
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "compose.yaml").write_text(COMPOSE, encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("vllm: [\n", encoding="utf-8")
    (tmp_path / "latin.yaml").write_bytes(b"vllm: \xe9\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(here: Path) -> Run:
    """Run `vllint check` and return the exit code and all that it prints."""

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(vllint, ["check", *arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return f"{done.exit_code}\n{done.output}"

    return run


def kept(store: Path) -> Path:
    """Return the file that holds the results."""
    [place] = store.iterdir()
    return place


def kept_paths(store: Path) -> set[str]:
    """Return the files that there are results of."""
    return {json.loads(line)[0] for line in kept(store).read_bytes().splitlines()[1::3]}


def modules_after(*arguments: str) -> set[str]:
    """Return the modules that a run in a process of its own has imported."""
    program = (
        "import json, sys\n"
        "from vllint.cli import run\n"
        "try:\n"
        "    run()\n"
        "finally:\n"
        "    print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "check", *arguments], capture_output=True, text=True, check=False
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_prints_the_same_with_results_of_earlier_runs_and_without(check: Run, name: str) -> None:
    expected = check("--no-cache", "--output-format", name)
    assert check("--output-format", name) == expected
    assert check("--output-format", name) == expected


def test_formats_may_take_turns(check: Run) -> None:
    names = ("concise", "json", "full", "json", "concise")
    assert [check("--output-format", name) for name in names] == [
        check("--no-cache", "--output-format", name) for name in names
    ]


def test_a_run_over_unchanged_files_judges_none(check: Run) -> None:
    check()
    assert not modules_after() & {"vllint.engine", "vllint.rule", "yaml"}


def test_json_of_unchanged_files_needs_no_judging_either(check: Run) -> None:
    check("--output-format", "json")
    assert not modules_after("--output-format", "json") & {"vllint.engine", "yaml"}


def test_a_changed_file_is_judged_anew(check: Run, here: Path) -> None:
    before = check("--output-format", "concise")
    place = here / "own" / "compose.yaml"
    state = place.stat()
    place.write_text(COMPOSE.replace(":-3", ":-4"), encoding="utf-8")
    os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = check("--output-format", "concise")
    assert after == check("--no-cache", "--output-format", "concise") != before


@pytest.mark.parametrize("value", ["TP=4\n", "TP=5\nAPI_KEY=another-secret\n"])
def test_a_file_beside_that_comes_or_changes_or_goes_has_its_neighbour_judged_anew(
    check: Run, here: Path, store: Path, value: str
) -> None:
    beside = here / "own" / ".env"
    outputs = [check("--output-format", "concise")]
    for text in (value, "TP=7\n", None):
        if text is None:
            beside.unlink()
        else:
            beside.write_text(text, encoding="utf-8")
        outputs.append(check("--output-format", "concise"))
        assert outputs[-1] == check("--no-cache", "--output-format", "concise")
    assert outputs[0] == outputs[-1]
    assert len(set(outputs)) == 3


@pytest.mark.parametrize(
    "options",
    [
        ("--gpu", "A10G:2"),
        ("--vllm-version", "0.9.2"),
        ("--select", "PAR001"),
        ("--ignore", "PAR"),
        ("--preview",),
        ("--env", "env"),
    ],
)
def test_other_conditions_have_files_judged_anew(check: Run, here: Path, options: tuple[str, ...]) -> None:
    (here / "env").write_text("TP=5\n", encoding="utf-8")
    check()
    assert check(*options) == check("--no-cache", *options)
    assert check() == check("--no-cache")


def test_a_named_environment_file_that_changes_has_files_judged_anew(check: Run, here: Path) -> None:
    outputs = set()
    for tensor in (4, 5):
        (here / "env").write_text(f"TP={tensor}\n", encoding="utf-8")
        outputs.add(check("--env", "env", "--output-format", "concise"))
    assert len(outputs) == 2


def test_settings_that_change_have_files_judged_anew(check: Run, here: Path) -> None:
    check()
    for text in ('ignore = ["PAR"]\n', 'gpu = "H100:8"\n', 'severity = {PAR001 = "info"}\n'):
        (here / "vllint.toml").write_text(text, encoding="utf-8")
        assert check() == check("--no-cache")


def test_a_models_config_that_settings_name_is_read_each_time(check: Run, here: Path, store: Path) -> None:
    config = here / "config.json"
    settings = '[models."Qwen/Qwen2.5-7B-Instruct"]\nconfig = "config.json"\n'
    (here / "vllint.toml").write_text(settings, encoding="utf-8")
    outputs = set()
    for heads in (28, 27):
        facts: dict[str, Any] = {
            "model_type": "qwen2",
            "architectures": ["Qwen2ForCausalLM"],
            "num_attention_heads": heads,
            "num_key_value_heads": 1,
            "hidden_size": heads * 128,
        }
        config.write_text(json.dumps(facts), encoding="utf-8")
        outputs.add(check("--output-format", "concise"))
    assert len(outputs) == 2


SPOILERS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "a byte changed": lambda content: content.replace(b"PAR001", b"PAR002", 1),
    "a line lost": lambda content: b"\n".join(content.split(b"\n")[:-2]) + b"\n",
    "not ours": lambda content: b'{"version": 1}\n',
    "not even text": lambda content: bytes(range(256)),
    "of another program": lambda content: content.replace(b'"stamp":"', b'"stamp":"0', 1),
}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
def test_results_that_are_spoilt_are_made_anew(
    check: Run, store: Path, spoil: Callable[[bytes], bytes]
) -> None:
    expected = check()
    place = kept(store)
    content = place.read_bytes()
    place.write_bytes(spoil(content))
    assert check() == expected
    assert place.read_bytes() == content


def test_a_folder_that_cannot_be_written_to_means_no_cache(
    check: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = check("--no-cache")
    monkeypatch.setenv("VLLINT_CACHE_DIR", str(here / "broken.yaml" / "below"))
    assert check() == expected


def test_nothing_is_written_beside_the_files_that_are_checked(check: Run, here: Path) -> None:
    before = sorted(here.rglob("*"))
    check()
    assert sorted(here.rglob("*")) == before


def test_the_results_hold_no_secret(check: Run, here: Path, store: Path) -> None:
    (here / "own" / ".env").write_text("API_KEY=another-secret\n", encoding="utf-8")
    check("--output-format", "json")
    assert "own/compose.yaml" in kept_paths(store)
    assert not [secret for secret in SECRETS if secret in kept(store).read_bytes()]


@pytest.mark.parametrize("options", [("--no-cache",), ("--diff",), ("--list-files",), ("-c", "vllm serve m")])
def test_runs_that_are_no_plain_check_keep_nothing(check: Run, store: Path, options: tuple[str, ...]) -> None:
    check(*options)
    assert list(store.iterdir()) == []


def test_a_run_with_rules_from_a_folder_keeps_nothing(check: Run, here: Path, store: Path) -> None:
    (here / "plugins").mkdir()
    check("--plugin", "plugins")
    assert list(store.iterdir()) == []


def test_results_stay_for_files_that_were_not_asked_for_and_go_with_files_that_are_gone(
    check: Run, here: Path, store: Path
) -> None:
    check()
    everything = kept_paths(store)
    (here / "own" / "compose.yaml").write_text(COMPOSE + "\n", encoding="utf-8")
    check("own")
    assert kept_paths(store) == everything
    (here / "idle-gpus.sh").unlink()
    (here / "own" / "compose.yaml").write_text(COMPOSE, encoding="utf-8")
    check("own")
    assert kept_paths(store) == everything - {"idle-gpus.sh"}


def test_an_edit_in_the_program_makes_another_stamp(tmp_path: Path) -> None:
    module = tmp_path / "rules" / "rule.py"
    module.parent.mkdir()
    module.write_text("code = 'X001'\n", encoding="utf-8")
    stamps = [program_stamp("1", [str(tmp_path)]), program_stamp("2", [str(tmp_path)])]
    module.write_text("code = 'X0012'\n", encoding="utf-8")
    stamps.append(program_stamp("1", [str(tmp_path)]))
    (tmp_path / "__pycache__").mkdir()
    assert program_stamp("1", [str(tmp_path)]) == stamps[-1]
    assert len(set(stamps)) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="other folders")
@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"VLLINT_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/vllint"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/c"}, "/c/.cache/vllint"),
        ({"HOME": "/c"}, "/c/.cache/vllint"),
    ],
)
def test_results_stand_where_the_user_keeps_what_may_be_lost(
    environment: dict[str, str], folder: str
) -> None:
    place = cache_place(environment, "/somewhere")
    assert place is not None
    assert place.parent == Path(folder)
    assert cache_place(environment, "/elsewhere") != place


def test_without_a_home_there_are_no_results() -> None:
    assert cache_place({}, "/somewhere") is None or sys.platform == "win32"
