"""Settings files: what they may say, which one holds for a file, and what is said of mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint.settings import (
    Override,
    Settings,
    SettingsError,
    is_selected,
    names_rule,
    severity_of,
    unknown_selectors,
)
from vllint.settings_file import read_settings
from vllint.settings_search import SettingsSearch, relative_to_root, stated_models
from vllint_schemas import ModelFacts, Severity

VERSION = "0.1.0"


def written(folder: Path, text: str, name: str = "vllint.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def settings_of(folder: Path, text: str, name: str = "vllint.toml") -> Settings:
    found = read_settings(written(folder, text, name), VERSION)
    assert found is not None
    return found


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as refused:
        read_settings(written(folder, text), VERSION)
    assert str(folder / "vllint.toml") in str(refused.value)
    return str(refused.value)


def test_every_key_is_read(tmp_path: Path) -> None:
    found = settings_of(
        tmp_path,
        """
        vllm-version = "0.19.1"
        gpu = "H100"
        gpus = 8
        select = ["PAR", "tp-divides-heads"]
        ignore = ["MEM"]
        exclude = ["old/"]
        fail-on = "error"
        preview = true
        required-version = ">=0.1,<0.3"
        severity = { PAR = "info", PAR001 = "error" }
        [models."acme/private"]
        like = "Qwen/Qwen2.5-7B-Instruct"
        [[overrides]]
        paths = ["prod/**"]
        gpu = "L4:2"
        vllm-version = "0.22.1"
        select = ["ALL"]
        ignore = ["FLG001"]
        severity = { MEM = "warning" }
        """,
    )
    assert (found.gpu, found.vllm_version, found.fail_on, found.preview) == (
        "H100:8",
        "0.19.1",
        Severity.ERROR,
        True,
    )
    assert found.select == ("PAR", "tp-divides-heads")
    assert (found.ignore, found.exclude) == (("MEM",), ("old/",))
    assert found.severity == {"PAR": Severity.INFO, "PAR001": Severity.ERROR}
    assert found.models["acme/private"].like == "Qwen/Qwen2.5-7B-Instruct"
    [override] = found.overrides
    assert (override.paths, override.gpu, override.vllm_version) == (("prod/**",), "L4:2", "0.22.1")
    assert override.severity == {"MEM": Severity.WARNING}


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    found = settings_of(tmp_path, "")
    assert found.gpu is None and found.select is None and found.fail_on is Severity.WARNING


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert settings_of(tmp_path, '\ufeffgpu = "L4"\n').gpu == "L4"


def test_pyproject_has_a_table_of_its_own(tmp_path: Path) -> None:
    found = settings_of(tmp_path, '[tool.vllint]\ngpu = "L4"\n[tool.other]\nx = 1\n', "pyproject.toml")
    assert found.gpu == "L4"
    assert read_settings(written(tmp_path, "[project]\nname = 'x'\n", "pyproject.toml"), VERSION) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vllm_version = '0.19.1'", "unknown key `vllm_version`, did you mean `vllm-version`?"),
        ("slect = []", "unknown key `slect`, did you mean `select`?"),
        ("banana = 1", "unknown key `banana`; there are: vllm-version"),
        ("[[overrides]]\npaths = ['a']\nexclude = []", "unknown key `overrides.0.exclude`"),
        ("[[overrides]]\npaths = ['a']\nvllm_version = '1'", "did you mean `vllm-version`?"),
        ("[[overrides]]\ngpu = 'L4'", "overrides.0.paths"),
        ("[models.x]\nlik = 'y'", "unknown key `models.x.lik`, did you mean `like`?"),
        ("[models.x]", "models.x: give either `like` or `config`"),
        ("[models.x]\nlike = 'a'\nconfig = 'b'", "models.x: give either `like` or `config`"),
        ("gpu = 8", "gpu: "),
        ("gpu = ''", "gpu: "),
        ("gpus = 8", "name the card too"),
        ("gpu = 'H100:4'\ngpus = 8", "already says how many"),
        ("gpu = 'H100'\ngpus = 0", "gpus: "),
        ("gpus = '8'", "gpus: "),
        ("select = 'PAR'", "select: "),
        ("select = [1]", "select.0: "),
        ("fail-on = 'fatal'", "fail-on: "),
        ("preview = 'yes'", "preview: "),
        ("severity = { PAR = 'loud' }", "severity.PAR: "),
        ("required-version = '>=2'", "asks for vllint >=2, this is 0.1.0"),
        ("required-version = 'newest'", "`newest` is not a version"),
        ("gpu = \nx = 1\n", "line 1"),
        ("gpu = 'a'\ngpu = 'b'\n\n", "line 2"),
    ],
)
def test_a_mistake_is_explained_with_the_files_name(tmp_path: Path, text: str, said: str) -> None:
    message = refusal(tmp_path, text)
    assert said in message


def test_bytes_that_are_no_text_are_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "vllint.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError):
        read_settings(path, VERSION)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        SettingsSearch(VERSION).read(tmp_path / "none.toml")


def test_a_pyproject_without_a_table_is_a_mistake_when_it_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "[project]\nname = 'x'\n", "pyproject.toml")
    with pytest.raises(SettingsError, match=r"tool\.vllint"):
        SettingsSearch(VERSION).read(path)


@pytest.mark.parametrize(
    ("required", "version", "holds"),
    [
        ("0.1.0", "0.1.0", True),
        ("==0.1", "0.1.5", True),
        (">=0.1", "0.1.0", True),
        (">=0.1, <0.3", "0.2.9", True),
        (">=0.1,<0.3", "0.3.0", False),
        ("<0.1", "0.1.0", False),
        ("!=0.1", "0.1.2", False),
        (">0.1", "0.1.1", True),
        ("<=0.10", "0.9.0", True),
    ],
)
def test_the_required_version_is_compared_by_numbers(
    tmp_path: Path, required: str, version: str, holds: bool
) -> None:
    path = written(tmp_path, f'required-version = "{required}"\n')
    if holds:
        assert read_settings(path, version) is not None
        return
    with pytest.raises(SettingsError):
        read_settings(path, version)


def test_the_nearest_file_counts_and_none_is_merged(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    written(tmp_path, 'gpu = "H100"\nvllm-version = "0.19.1"\n')
    written(tmp_path / "a", 'gpu = "L4"\n')
    (tmp_path / "a" / "b").mkdir()
    search = SettingsSearch(VERSION)
    assert search.of_folder(str(tmp_path)).gpu == "H100"
    deep = search.of_folder(str(tmp_path / "a" / "b"))
    assert (deep.gpu, deep.vllm_version) == ("L4", None)
    assert search.of_folder(str(tmp_path / "c")).gpu == "H100"


def test_the_search_ends_at_the_repository(tmp_path: Path) -> None:
    written(tmp_path, 'gpu = "H100"\n')
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    assert SettingsSearch(VERSION).of_folder(str(repository)).gpu is None


def test_a_pyproject_without_a_table_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    written(tmp_path, 'gpu = "H100"\n')
    written(tmp_path / "a", "[project]\nname = 'x'\n", "pyproject.toml")
    assert SettingsSearch(VERSION).of_folder(str(tmp_path / "a")).gpu == "H100"


def test_a_hidden_file_comes_before_the_others(tmp_path: Path) -> None:
    written(tmp_path, 'gpu = "H100"\n', "vllint.toml")
    written(tmp_path, 'gpu = "L4"\n', ".vllint.toml")
    assert SettingsSearch(VERSION).of_folder(str(tmp_path)).gpu == "L4"


def test_a_model_like_another_has_its_shape_and_its_own_name(tmp_path: Path) -> None:
    found = settings_of(tmp_path, '[models."acme/x"]\nlike = "Qwen/Qwen2.5-7B-Instruct"\n')
    model = stated_models(found)["acme/x"]
    assert isinstance(model, ModelFacts)
    assert (model.id, model.source, model.num_attention_heads) == ("acme/x", "settings", 28)


def test_a_models_config_is_read_beside_the_settings(tmp_path: Path) -> None:
    written(
        tmp_path / "m",
        '{"model_type": "llama", "num_attention_heads": 12, "hidden_size": 768}',
        "config.json",
    )
    for name in ("m", "m/config.json"):
        found = settings_of(tmp_path, f'[models.x]\nconfig = "{name}"\n')
        model = stated_models(found)["x"]
        assert isinstance(model, ModelFacts)
        assert model.num_attention_heads == 12


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('like = "no/such-model"', "not in the catalogue"),
        ('config = "none"', "config"),
        ('config = "../outside"', "outside"),
        ('config = "/etc/passwd"', "outside"),
    ],
)
def test_a_model_that_cannot_be_read_is_a_mistake(tmp_path: Path, table: str, said: str) -> None:
    found = settings_of(tmp_path, f"[models.x]\n{table}\n")
    with pytest.raises(SettingsError, match=said):
        stated_models(found)


def test_paths_are_seen_from_the_settings_file(tmp_path: Path) -> None:
    settings = Settings(root=str(tmp_path))
    assert relative_to_root(str(tmp_path / "a" / "b.yaml"), settings) == "a/b.yaml"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("prod/a.yaml", (0,)), ("prod/big/a.yaml", (0, 1)), ("dev/a.yaml", ()), ("x/prod.yaml", (2,))],
)
def test_overrides_hold_for_the_paths_they_name(path: str, expected: tuple[int, ...]) -> None:
    settings = Settings(
        overrides=(Override(("prod/**",)), Override(("prod/big/", "other")), Override(("prod.yaml",)))
    )
    assert settings.overrides_for(path) == expected


def test_later_overrides_win_and_lists_add_up() -> None:
    settings = Settings(
        gpu="A",
        ignore=("X",),
        severity={"PAR": Severity.INFO},
        overrides=(
            Override(("a",), gpu="B", ignore=("Y",), select=("PAR",)),
            Override(("a",), gpu="C", vllm_version="0.1", severity={"PAR": Severity.ERROR}),
        ),
    )
    found = settings.overridden((0, 1))
    assert (found.gpu, found.vllm_version, found.select) == ("C", "0.1", ("PAR",))
    assert found.ignore == ("X", "Y")
    assert found.severity == {"PAR": Severity.ERROR}
    assert settings.overridden(()) == settings


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("ALL", True),
        ("PAR001", True),
        ("PAR", True),
        ("P", True),
        ("tp-divides-heads", True),
        ("PAR002", False),
        ("par001", False),
        ("tp", False),
        ("PAR0011", False),
        ("", False),
    ],
)
def test_a_selector_is_a_code_its_beginning_a_name_or_all(selector: str, matches: bool) -> None:
    assert names_rule(selector, "PAR001", "tp-divides-heads") is matches


@pytest.mark.parametrize(
    ("select", "ignore", "preview_on", "is_preview", "selected"),
    [
        (None, (), False, False, True),
        (None, (), False, True, False),
        (None, (), True, True, True),
        (("PAR",), (), False, True, True),
        (("ALL",), (), False, True, False),
        (("ALL",), (), True, True, True),
        (("MEM",), (), False, False, False),
        ((), (), False, False, False),
        (("PAR001",), ("PAR",), False, False, False),
        (None, ("tp-divides-heads",), False, False, False),
    ],
)
def test_a_rule_runs_when_selected_and_not_ignored(
    select: tuple[str, ...] | None,
    ignore: tuple[str, ...],
    preview_on: bool,
    is_preview: bool,
    selected: bool,
) -> None:
    settings = Settings(select=select, ignore=ignore, preview=preview_on)
    assert is_selected(settings, "PAR001", "tp-divides-heads", is_preview) is selected


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ({}, Severity.ERROR),
        ({"PAR": Severity.INFO}, Severity.INFO),
        ({"PAR": Severity.INFO, "PAR001": Severity.WARNING}, Severity.WARNING),
        ({"PAR001": Severity.WARNING, "PAR": Severity.INFO}, Severity.WARNING),
        ({"tp-divides-heads": Severity.INFO, "PAR001": Severity.WARNING}, Severity.INFO),
        ({"MEM": Severity.INFO}, Severity.ERROR),
        ({"ALL": Severity.INFO, "P": Severity.WARNING}, Severity.WARNING),
    ],
)
def test_the_most_exact_selector_sets_the_severity(severity: dict[str, Severity], expected: Severity) -> None:
    settings = Settings(severity=severity)
    assert severity_of(settings, "PAR001", "tp-divides-heads", Severity.ERROR) is expected


def test_selectors_that_mean_no_rule_are_named() -> None:
    rules = [("PAR001", "tp-divides-heads"), ("MEM001", "weights-do-not-fit")]
    assert unknown_selectors(["PAR", "ALL", "MEM001", "tp-divides-heads"], rules) == ()
    assert unknown_selectors(["PAR2", "mem001", "x"], rules) == ("PAR2", "mem001", "x")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vllint.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            read_settings(path, VERSION)
        except SettingsError as error:
            assert "vllint.toml" in str(error)
