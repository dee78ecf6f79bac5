"""What configuration classes refuse of JSON. The verdicts are those of vLLM 0.33.0's own parser."""

from __future__ import annotations

from typing import Any

import pytest

from vllint.json_words import mended_json, part_of_json
from vllint.vllm.config_classes import as_class_holds, class_of_option, json_problems
from vllint_schemas import Word

RELEASE = "0.33.0"


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        (
            "--compilation-config",
            {"mode": 3, "cudagraph_mode": "full", "pass_config": {"fuse_act_quant": None}},
        ),
        ("--compilation-config", {"cudagraph_mode": True}),
        ("--eplb-config", {"window_size": "8", "log_balancedness": "off"}),
        ("--attention-config", {"backend": "flashinfer", "hisparse_config": {"device_buffer_size": 4.0}}),
        ("--kv-transfer-config", {"kv_connector": "NixlConnector", "kv_role": "kv_both"}),
        ("--hf-overrides", {"a": [1]}),
        (
            "--speculative-config",
            {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_min": 5},
        ),
        ("--limit-mm-per-prompt", {"image": {"count": 1}}),
        ("--port", 3),
    ],
)
def test_what_vllm_takes_is_taken(flag: str, value: Any) -> None:
    assert not json_problems(flag, value, RELEASE)


@pytest.mark.parametrize(
    ("flag", "value", "kind", "path"),
    [
        ("--compilation-config", 3, "not_an_object", ()),
        ("--compilation-config", {"level": 3}, "unknown_key", ("level",)),
        ("--compilation-config", {"pass_config": {"fuse": True}}, "unknown_key", ("pass_config", "fuse")),
        ("--compilation-config", {"cudagraph_mode": "fast"}, "unknown_name", ("cudagraph_mode",)),
        (
            "--compilation-config",
            {"cudagraph_capture_sizes": ["x"]},
            "wrong_type",
            ("cudagraph_capture_sizes", 0),
        ),
        ("--eplb-config", {"window_size": 0}, "out_of_bounds", ("window_size",)),
        ("--eplb-config", {"window_size": 2.5}, "wrong_type", ("window_size",)),
        ("--kv-transfer-config", {"kv_connector": "NixlConnector"}, "conflict", ("kv_connector",)),
        (
            "--speculative-config",
            {
                "method": "ngram",
                "num_speculative_tokens": 3,
                "prompt_lookup_min": 5,
                "prompt_lookup_max": 4,
            },
            "conflict",
            ("method",),
        ),
        ("--kv-events-config", {"publisher": "kafka"}, "unknown_name", ("publisher",)),
        ("--watermark-config", {}, "missing_key", ()),
        ("--media-io-kwargs", {"image": 1}, "wrong_type", ("image",)),
    ],
)
def test_what_vllm_refuses_is_named_by_its_path(
    flag: str, value: Any, kind: str, path: tuple[Any, ...]
) -> None:
    problems = json_problems(flag, value, RELEASE)
    assert [(problem.kind, problem.path) for problem in problems] == [(kind, path)]


def test_nothing_is_refused_for_releases_without_a_table() -> None:
    assert class_of_option("--compilation-config", "0.22.1") is None
    assert not json_problems("--compilation-config", {"level": 3}, "0.22.1")


def test_values_are_held_as_their_fields_type_them() -> None:
    given = {"window_size": "8", "log_balancedness": "off"}
    assert as_class_holds("EPLBConfig", given, RELEASE) == {"window_size": 8, "log_balancedness": False}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{'a': True, 'b': None}", '{"a": true, "b": null}'),
        ("'{\"a\": 1}'", '{"a": 1}'),
        ('{{"a": {{}}}}', '{"a": {}}'),
        ('{\\"a\\": 1}', '{"a": 1}'),
        ("{method: ngram, n: 3}", '{"method": "ngram", "n": 3}'),
        ('{"a": 1,}', '{"a": 1}'),
        ("{1: 2}", None),
        ("ngram", None),
        ('{"a": ', None),
        ("{a: b: c}", None),
    ],
)
def test_text_that_was_meant_for_json_is_mended_where_it_reads_one_way(text: str, meant: str | None) -> None:
    assert mended_json(text) == meant


def test_parts_of_json_know_their_places() -> None:
    word = Word.verbatim('{"a": {"b": ["x", "yy"]}}', "f", 10)
    key, value = part_of_json(word, ("a", "b"), key=True), part_of_json(word, ("a", "b", 1))
    assert key is not None and (key.text, key.span.start) == ("b", 18)
    assert value is not None and (value.text, value.span.start) == ("yy", 29)
    assert part_of_json(word, ("c",)) is None
