"""The options' table against the facts it was made from and against what real parsers said."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from vllint.vllm.options import (
    Option,
    OptionTable,
    known_elsewhere,
    nearest,
    option_table,
    releases,
    releases_with,
)
from vllint_schemas import Unknown

SHARED = Path(os.environ.get("VLLINT_SHARED", Path(__file__).parents[3] / "shared"))
CORRECTIONS = Path(__file__).parents[2] / "scripts/tables/options_read.json"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")

ACTIONS = {
    "_StoreAction": "store",
    "_AppendAction": "append",
    "_StoreTrueAction": "store_true",
    "BooleanOptionalAction": "boolean_optional",
    "EnableDisableAction": "enable_disable",
    "StoreBoolean": "store_boolean",
    "LoRAParserAction": "lora_modules",
    "PromptAdapterParserAction": "prompt_adapters",
    "DeprecatedLogConfigFileAction": "store",
    "_HelpAction": "help",
}


def newest() -> OptionTable:
    return option_table(releases()[-1])


def verdicts(name: str) -> list[dict[str, Any]]:
    text = (SHARED / "oracle/verdicts" / name).read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_releases_ascend_from_the_oldest_to_the_newest() -> None:
    numbers = [tuple(map(int, re.findall(r"\d+", release))) for release in releases()]
    assert numbers == sorted(numbers)
    assert (releases()[0], releases()[-1]) == ("0.4.3", "0.33.0")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.33.0", ("0.33.0", True)),
        ("v0.22.0", ("0.22.1", True)),
        ("0.22", ("0.22.1", True)),
        ("0.8.5", ("0.8.5.post1", True)),
        ("0.8.5.post1", ("0.8.5.post1", True)),
        ("0.8.4", ("0.8.5.post1", False)),
        ("0.10.1.1", ("0.10.2", False)),
        ("0.11.0", ("0.11.2", False)),
        ("0.10", ("0.10.2", True)),
        ("0.19.1+cu128", ("0.19.1", True)),
        ("0.6.6.post1", ("0.6.6.post1", True)),
        ("0.22.0rc1", ("0.22.1", False)),
        ("0.23.1rc0.dev12+gabc", ("0.23.0", False)),
        ("0.33.1.dev3", ("0.33.0", False)),
        ("0.15.2", ("0.16.0", False)),
        ("0.3.3", ("0.4.3", False)),
        ("0.99.0", ("0.33.0", False)),
        ("1.0.0", ("0.33.0", False)),
        ("nightly", ("0.33.0", False)),
        ("", ("0.33.0", False)),
    ],
)
def test_a_version_is_judged_by_its_minor_or_the_closest_one(
    version: str, expected: tuple[str, bool]
) -> None:
    assert nearest(version) == expected


def test_a_release_without_a_table_is_refused_with_a_hint() -> None:
    with pytest.raises(ValueError, match=r"no table for vLLM 0\.15\.0; see nearest"):
        option_table("0.15.0")


def test_every_spelling_leads_to_its_option() -> None:
    table = newest()
    tensor_parallel = table.by_flag["--tensor-parallel-size"]
    assert table.by_flag["-tp"] is tensor_parallel
    assert (tensor_parallel.dest, tensor_parallel.kind, tensor_parallel.nargs) == (
        "tensor_parallel_size",
        "int",
        "none",
    )
    log_requests = table.by_flag["--disable-log-requests"]
    assert log_requests.flag == "--enable-log-requests"
    assert "--no-disable-log-requests" not in table.by_flag


def test_defaults_are_those_of_the_release() -> None:
    assert option_table("0.10.2").defaults["gpu_memory_utilization"] == 0.9
    assert newest().defaults["gpu_memory_utilization"] == 0.92
    assert newest().defaults["compilation_config"] == {}
    assert option_table("0.7.3").defaults["model"] == "facebook/opt-125m"


def test_a_default_that_no_source_tells_is_unknown_and_not_among_the_defaults() -> None:
    table = option_table("0.6.6.post1")
    assert isinstance(table.by_flag["--max-num-seqs"].default, Unknown)
    assert "max_num_seqs" not in table.defaults


def test_a_bare_flag_stores_what_its_action_says() -> None:
    table = newest()
    assert table.by_flag["--headless"].const_for(True) is True
    assert table.by_flag["--enforce-eager"].const_for(False) is False


def test_a_spelling_of_other_releases_is_known_with_its_bounds_and_its_gap() -> None:
    assert known_elsewhere("--task") == ("0.6.6.post1", "0.12.0")
    assert known_elsewhere("--max-model-length") is None
    assert releases_with("--enable-mamba-fine-grained-prefix-cache") == ("0.30.0",)
    with_gap = releases_with("--disable-log-requests")
    assert (with_gap[0], with_gap[-1]) == ("0.4.3", "0.33.0")
    assert "0.16.0" in with_gap
    assert "0.17.1" not in with_gap
    assert releases_with("--nope") == ()


def test_releases_read_from_source_text_behave_as_the_built_ones_around_them() -> None:
    table = option_table("0.12.0").by_flag
    assert (table["--allowed-origins"].kind, table["--allowed-origins"].nargs) == ("json", "none")
    assert table["--middleware"].action == "append"
    assert table["--max-num-batched-tokens"].kind == "human_readable_int"
    assert table["--max-model-len"].kind == "human_readable_int"
    assert option_table("0.14.1").by_flag["--max-model-len"].kind == "human_readable_int_or_auto"
    assert option_table("0.6.6.post1").by_flag["--enable-chunked-prefill"].kind == "boolean"


@pytest.mark.parametrize("release", releases())
def test_no_two_options_of_a_release_share_a_spelling_or_a_dest(release: str) -> None:
    table = option_table(release)
    spellings = [name for option in table.options for name in (*option.aliases, *option.negations)]
    assert len(spellings) == len(set(spellings)) == len(table.by_flag)
    assert len({option.dest for option in table.options}) == len(table.options)
    assert {option.nargs for option in table.options} <= {"none", "?", "+", "0"}


@needs_shared
@pytest.mark.parametrize("release", releases())
def test_the_table_has_every_flag_of_the_data_with_the_same_facts(release: str) -> None:
    rows = json.loads((SHARED / f"data/flags/{release}.json").read_text())["flags"]
    options = {option.flag: option for option in option_table(release).options}
    corrected = json.loads(CORRECTIONS.read_text()).get(release, {})
    assert {row["flag"] for row in rows} <= set(options)
    assert set(options) <= {row["flag"] for row in rows} | {"model_tag", "--help"} | set(corrected)
    for row in (row for row in rows if row["flag"] not in corrected):
        staying = row["flag"] in {"--allow-deprecated-quantization", "--show-hidden-metrics-for-version"}
        stated = row | {"deprecated": False} if staying else row
        assert _stated_facts(stated) == _facts(options[row["flag"]], stated)


def test_options_that_a_reading_of_texts_had_missed_are_those_of_the_source() -> None:
    assert releases_with("--guided-decoding-disable-fallback")[-1] == "0.11.2"
    traces = option_table("0.13.0").by_flag["--collect-detailed-traces"].choices
    assert traces is not None
    assert "model,worker" in traces
    assert option_table("0.12.0").by_flag["--quantization"].choices is None


def _stated_facts(row: dict[str, Any]) -> dict[str, Any]:
    facts = {key: row[key] for key in ("aliases", "negations", "deprecated")}
    if "value_type" not in row:
        return facts
    nargs = "none" if row["nargs"] is None else str(row["nargs"])
    choices = row["choices"] and [None if choice == "None" else choice for choice in row["choices"]]
    facts |= {"nargs": nargs, "choices": choices, "action": ACTIONS[row["action"]]}
    return facts | {"optional_none": row["optional_none"], "required": row["required"]}


def _facts(option: Option, row: dict[str, Any]) -> dict[str, Any]:
    facts = option._asdict()
    lists = {key: list(value) for key, value in facts.items() if isinstance(value, tuple)}
    return {key: (facts | lists)[key] for key in _stated_facts(row)}


@needs_shared
def test_words_that_a_real_parser_took_as_options_are_in_the_table() -> None:
    for case in verdicts("b4.jsonl"):
        for release, verdict in case["verdicts"].items():
            table = option_table(release)
            if not verdict["ok"]:
                continue
            for word in case["argv"]:
                if word.startswith("--") and word != "--":
                    assert _is_known(word, table), (release, case["argv"])


def _is_known(word: str, table: OptionTable) -> bool:
    name = re.split(r"[=.]", word)[0].replace("_", "-")
    return any(spelling.startswith(name) for spelling in table.by_flag)


@needs_shared
def test_options_that_a_real_parser_did_not_recognize_are_not_in_the_table() -> None:
    for case in verdicts("b4.jsonl"):
        for release, verdict in case["verdicts"].items():
            _, _, words = (verdict.get("error") or "").partition("unrecognized arguments: ")
            for word in words.split():
                if re.fullmatch(r"--[a-z][a-z0-9-]+", word):
                    assert word not in option_table(release).by_flag, (release, case["argv"])


@needs_shared
def test_defaults_are_what_real_parsers_leave_for_options_that_are_not_given() -> None:
    compared = 0
    for case in verdicts("b4.jsonl"):
        for release, verdict in case["verdicts"].items():
            table = option_table(release)
            given = _dests_named(case["argv"], table)
            for dest, value in verdict.get("parsed", {}).items():
                if dest not in {"model_tag", "model"} | given:
                    assert table.defaults[dest] == value, (release, dest, case["argv"])
                    compared += 1
    assert compared > 5000


def _dests_named(argv: list[str], table: OptionTable) -> set[str]:
    names = [re.split(r"[=.\d]", word)[0].replace("_", "-") for word in argv if word.startswith("-")]
    return {
        option.dest
        for spelling, option in table.by_flag.items()
        for name in names
        if name.strip("-") and spelling.startswith(name)
    }


@needs_shared
def test_an_option_is_labelled_as_the_real_parser_labels_it() -> None:
    table = newest()
    labels = {option.label for option in table.options}
    named = set()
    for case in verdicts("b3.jsonl"):
        error = case["verdict"].get("error") or ""
        found = re.search(r"error: argument (-\S+): ", error)
        if found and case["verdict"]["stage"] == "argparse":
            named.add(found[1])
    assert len(named) > 50
    assert named <= labels
