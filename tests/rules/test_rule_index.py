"""The index of rules: a run imports only the rules that may have something to say."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import vllint_rules
from vllint.checking import Checker, Request
from vllint.registry import list_rules, load_rules
from vllint.rule import Rule
from vllint.rule_index import ListedRule, index_place, index_text, listed_rules

EXAMPLES = Path(__file__).parents[2] / "examples"
RULE = '''"""A rule."""

from vllint import Rule


class NoQwen(Rule):
    """No Qwen."""

    code = "ACME001"
    name = "no-qwen"
    url = "https://acme.example/ACME001"
    triggers = frozenset({"kv_cache_dtype"})

    def check(self, facts):
        yield from ()
'''
PLAIN = (
    "code", "name", "url", "preview", "carries_over", "needs", "waits_for", "triggers", "yields_to", "judges",
)  # fmt: skip


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package of one rule, with an index that is current."""
    name = f"acme_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name / "flags").mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "flags" / "__init__.py").touch()
    (tmp_path / name / "flags" / "no_qwen.py").write_text(RULE)
    monkeypatch.syspath_prepend(tmp_path)
    code = f"import {name}; from vllint.rule_index import index_text; print(index_text({name}), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (tmp_path / name / "index.json").write_text(done.stdout)
    return importlib.import_module(name)


def test_the_index_of_the_built_in_rules_is_current() -> None:
    written = index_place(vllint_rules).read_text(encoding="utf-8")
    assert written == index_text(vllint_rules), "run scripts/docs/rules.py"


def test_a_listed_rule_says_of_itself_what_the_rule_does() -> None:
    listed = list_rules()
    assert listed.failures == ()
    for known, rule in zip(listed.rules, load_rules().rules, strict=True):
        assert isinstance(known, ListedRule)
        for name in (*PLAIN, "module"):
            assert getattr(known, name) == getattr(rule, name), rule.code
        assert type(known.rule) is type(rule)


def test_listed_rules_find_what_loaded_rules_find() -> None:
    lazy, eager = Checker(Request(gpu="A10G:4")), Checker(Request(gpu="A10G:4"))
    vars(eager)["registry"] = load_rules()
    found = lazy.check([str(EXAMPLES)]).to_dict()
    assert found == eager.check([str(EXAMPLES)]).to_dict()
    assert found["findings"]


def test_a_rule_in_an_index_is_imported_when_it_is_asked(package: ModuleType) -> None:
    [rule] = listed_rules(package)
    module = f"{package.__name__}.flags.no_qwen"
    assert rule.code == "ACME001" and rule.triggers == {"kv_cache_dtype"}
    assert module not in sys.modules
    assert isinstance(rule, ListedRule)
    assert type(rule.rule).__module__ == module


def test_a_rule_that_has_changed_since_the_index_was_written_is_imported(package: ModuleType) -> None:
    place = Path(str(package.__file__)).parent / "flags" / "no_qwen.py"
    place.write_text(RULE.replace("ACME001", "ACME0002"))
    [rule] = listed_rules(package)
    assert isinstance(rule, Rule) and rule.code == "ACME0002"


def test_a_rule_that_is_not_in_the_index_is_imported(package: ModuleType) -> None:
    place = Path(str(package.__file__)).with_name("another.py")
    place.write_text(RULE.replace("ACME001", "ACME002"))
    assert sorted(rule.code for rule in listed_rules(package)) == ["ACME001", "ACME002"]


def test_a_run_imports_no_rule_of_which_nothing_stands_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("vllm serve Qwen/Qwen3-8B --kv-cache-dtype fp8\n")
    code = (
        "import json, sys; from vllint import check_paths; check_paths(['.']);"
        " print(json.dumps([name for name in sys.modules if name.startswith('vllint_rules.')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    imported = json.loads(done.stdout)
    assert "vllint_rules.kv_cache.kv_dtype_invalid" in imported
    assert "vllint_rules.quantization.quantization_unknown" not in imported
