"""`vllint gpus`: the cards that are known."""

from __future__ import annotations

import json

from vllint.hardware.cards import cards


def test_cards_are_listed_with_the_memory_that_cuda_reports(run) -> None:
    said = run("gpus", "h100 sxm")
    [line] = [line for line in said.out.splitlines() if line.startswith("H100 SXM 80GB ")]
    assert line.split()[3:] == ["nvidia", "79.2", "GiB", "9.0", "yes"]


def test_without_a_query_all_cards_are_listed(run) -> None:
    assert len(run("gpus").out.splitlines()) == len(cards()) + 1


def test_the_json_has_the_same_cards(run) -> None:
    found = json.loads(run("gpus", "l40s", "--output-format", "json").out)
    assert [card["name"] for card in found] == ["L40S 48GB"]
    assert found[0]["compute_capability"] == [8, 9]


def test_a_name_that_no_card_has_is_exit_2(run) -> None:
    said = run("gpus", "h1000")
    assert said.code == 2
    assert "`name@48GiB`" in said.err
