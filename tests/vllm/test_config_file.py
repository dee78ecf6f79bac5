"""The file of `--config`: the words that vLLM makes of it, and what it stumbles over."""

from __future__ import annotations

import pytest
import yaml

from vllint.text.source import SourceText
from vllint.vllm.config_file import read_config_file
from vllint_schemas import ConfigFile, Unknown


def read(text: str, name: str = "vllm.yaml") -> ConfigFile:
    found = read_config_file(SourceText(name, text))
    assert isinstance(found, ConfigFile)
    return found


def as_vllm_does(text: str) -> list[str]:
    """The words that vLLM's own loader makes of a file of options (`utils/argparse_utils.py:669`)."""
    words: list[str] = []
    for key, value in yaml.safe_load(text).items():
        if isinstance(value, bool):
            words += [f"--{key}"] if value else []
        elif isinstance(value, list):
            words += [f"--{key}", *map(str, value)] if value else []
        else:
            words += [f"--{key}", str(value)]
    return words


@pytest.mark.parametrize(
    "text",
    [
        "port: 8001\nenforce-eager: true\n",
        "enable-prefix-caching: false\nseed: 1\n",
        "served-model-name: [a, b]\n",
        "served-model-name:\n  - a\n  - 2\n",
        "max-num-seqs: null\nmax-model-len: ~\nseed:\n",
        'enforce-eager: "true"\n',
        "port: 0x10\nrate: 2.0\nname: on\n",
        "lora-modules:\n  - {name: a, path: /b}\n",
        "lora-modules: []\n",
    ],
)
def test_a_file_s_words_are_those_vllm_makes_of_it(text: str) -> None:
    assert [word.text for word in read(text).words] == as_vllm_does(text)


@pytest.mark.parametrize(
    ("text", "kind", "at"),
    [
        ("", "not_a_mapping", ""),
        ("# nothing\n", "not_a_mapping", ""),
        ("port\n", "not_a_mapping", "port"),
        ("- --port\n", "not_a_mapping", ""),
        ("port: [1\n", "not_parsed", ""),
        ("port: 1\n---\nport: 2\n", "several_documents", ""),
        ("1: a\n", "key_not_text", "1"),
        ("lora-modules: [{name: a}]\n", "list_of_mappings", "{name: a}"),
    ],
)
def test_what_vllm_stumbles_over_is_named_with_its_place(text: str, kind: str, at: str) -> None:
    [problem] = read(text).problems
    assert problem.kind == kind
    assert text[problem.place.start : problem.place.end].startswith(at)


def test_a_mapping_in_a_list_does_not_keep_vllm_from_the_rest() -> None:
    assert read("lora-modules: [{name: a}]\n").is_loaded
    assert not read("1: a\n").is_loaded


def test_a_key_that_is_false_is_dropped_and_remembered() -> None:
    config = read("enable-prefix-caching: false\nenforce-eager: off\nport: 1\n")
    assert [key.text for key in config.dropped] == ["enable-prefix-caching", "enforce-eager"]


def test_a_file_of_another_name_is_not_opened() -> None:
    assert isinstance(read_config_file(SourceText("vllm.json", '{"port": 1}')), Unknown)
