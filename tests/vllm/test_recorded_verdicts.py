"""What the real parsers of vLLM said of thousands of command lines, against ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vllint.vllm.options import nearest
from vllint_schemas import EngineArgs, Located

Understand = Callable[..., EngineArgs]


class Case(NamedTuple):
    """A command line, the release that judged it, and what it said; `refused` is the parser's word."""

    id: str
    argv: list[str]
    release: str
    refused: bool
    error: str
    parsed: dict[str, Any]


def words_of(argv: list[str]) -> list[str]:
    """Return the words after `vllm serve`."""
    return [word for position, word in enumerate(argv) if position > 1 or word not in {"vllm", "serve"}]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    yield from (json.loads(line) for line in path.read_text().splitlines())


@pytest.fixture(scope="module")
def newest(shared: Path) -> list[Case]:
    """Return the cases of 0.33.0."""
    cases = []
    for line in lines(shared / "oracle/verdicts/b3.jsonl"):
        verdict = line["verdict"]
        refused = verdict["stage"] == "argparse"
        error = verdict.get("error") or ""
        cases.append(Case(line["id"], words_of(line["argv"]), "0.33.0", refused, error, {}))
    return cases


@pytest.fixture(scope="module")
def every_release(shared: Path) -> list[Case]:
    """Return the cases of eight releases."""
    cases = []
    for line in lines(shared / "oracle/verdicts/b4.jsonl"):
        for release, verdict in line["verdicts"].items():
            refused = verdict["stage"] == "argparse"
            error = verdict.get("error") or ""
            parsed = verdict.get("parsed") or {}
            cases.append(Case(line["id"], words_of(line["argv"]), release, refused, error, parsed))
    return cases


def excuse(case: Case) -> str | None:
    """Return why a refusal of the real parser is beyond ours, if it is."""
    if any(word == "--config" or word.startswith("--config=") for word in case.argv):
        return "the content of a config file"
    if "validation error for" in case.error:
        return "the fields inside a JSON option"
    return None


def understood(serve: Understand, case: Case) -> EngineArgs:
    release, _ = nearest(case.release)
    return serve(case.argv, release)


def disagreements(serve: Understand, cases: list[Case]) -> list[tuple[str, str, str]]:
    found = []
    for case in cases:
        refused = bool(understood(serve, case).problems)
        if refused != case.refused and not (case.refused and excuse(case)):
            found.append((case.id, case.release, case.error or "accepted"))
    return found


def test_the_newest_release_agrees_on_what_is_refused(serve: Understand, newest: list[Case]) -> None:
    assert len(newest) > 700
    assert disagreements(serve, newest) == []


def test_eight_releases_agree_on_what_is_refused(serve: Understand, every_release: list[Case]) -> None:
    assert len(every_release) > 1400
    assert disagreements(serve, every_release) == []


def test_nothing_that_a_real_parser_accepts_is_refused(
    serve: Understand, newest: list[Case], every_release: list[Case]
) -> None:
    wrong = [
        (case.id, case.release, understood(serve, case).problems)
        for case in newest + every_release
        if not case.refused and understood(serve, case).problems
    ]
    assert wrong == []


def test_only_few_refusals_are_beyond_our_parser(
    serve: Understand, newest: list[Case], every_release: list[Case]
) -> None:
    missed = [
        case
        for case in newest + every_release
        if case.refused and not understood(serve, case).problems and excuse(case)
    ]
    assert len(missed) <= 45


def test_parsed_values_are_equal_where_they_were_recorded(
    serve: Understand, every_release: list[Case]
) -> None:
    compared = 0
    for case in every_release:
        for dest, value in case.parsed.items():
            if dest == "model_tag":
                continue
            found = understood(serve, case).value(dest)
            assert isinstance(found, Located), (case.id, case.release, dest)
            assert found.value == value, (case.id, case.release, dest)
            compared += 1
    assert compared > 8000


def test_the_model_is_the_recorded_positional_or_option(serve: Understand, every_release: list[Case]) -> None:
    for case in every_release:
        if not case.parsed:
            continue
        model = understood(serve, case).model
        assert isinstance(model, Located)
        assert model.value == (case.parsed.get("model_tag") or case.parsed["model"]), case.id


def test_a_refusal_names_the_option_that_vllm_names(serve: Understand, newest: list[Case]) -> None:
    compared = 0
    for case in newest:
        start = "error: argument "
        if not case.refused or start not in case.error or excuse(case):
            continue
        label = case.error.partition(start)[2].partition(":")[0]
        messages = [problem.message for problem in understood(serve, case).problems]
        assert any(message.startswith(f"argument {label}:") for message in messages), (case.id, messages)
        compared += 1
    assert compared > 100
