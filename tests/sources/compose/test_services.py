"""docker-compose files in, launches out (Compose Specification; go-shellwords for command strings)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import EntryPoint, Launch, Located, SlotKind, Unknown

IMAGE = "image: vllm/vllm-openai:v0.9.1\n"
Service = Callable[..., Launch]
Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]


@pytest.mark.parametrize(
    ("tag", "entry_point"),
    [
        ("v0.6.6.post1", EntryPoint.API_SERVER),
        ("v0.11.0", EntryPoint.API_SERVER),
        ("v0.11.1", EntryPoint.SERVE),
        ("v0.12.0", EntryPoint.SERVE),
        ("latest", EntryPoint.SERVE),
        ("nightly", EntryPoint.SERVE),
    ],
)
def test_the_official_image_starts_what_its_release_starts(
    service: Service, tag: str, entry_point: EntryPoint
) -> None:
    assert service(f"image: vllm/vllm-openai:{tag}\ncommand: --model Q/x").entry_point is entry_point


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("vllm/vllm-openai:v0.9.1", "0.9.1"),
        ("vllm/vllm-openai:v0.6.6.post1", "0.6.6.post1"),
        ("vllm/vllm-openai:v0.10.1.1", "0.10.1.1"),
        ("vllm/vllm-openai:v0.11.0-aarch64", "0.11.0"),
        ("registry.local:5000/vllm/vllm-openai:v0.9.1@sha256:0123", "0.9.1"),
        ("public.ecr.aws/mirror/vllm/vllm-openai:0.9.1", "0.9.1"),
        ("${IMAGE:-vllm/vllm-openai:v0.9.1}", "0.9.1"),
        ("vllm/vllm-openai:${TAG:-v0.9.1}", "0.9.1"),
    ],
)
def test_the_release_is_read_from_the_tag_where_it_stands(service: Service, image: str, version: str) -> None:
    found = service(f"image: {image}\ncommand: --model Q/x").vllm_version
    assert isinstance(found, Located)
    assert found.value == version


@pytest.mark.parametrize("tag", ["", ":latest", "@sha256:01"])
def test_an_image_without_a_release_in_its_tag_has_an_unknown_version(service: Service, tag: str) -> None:
    assert isinstance(service(f"image: vllm/vllm-openai{tag}\ncommand: --model Q/x").vllm_version, Unknown)


def test_an_official_image_whose_tag_comes_from_outside_is_still_a_launch(
    service: Service, argv: Argv
) -> None:
    found = service("image: vllm/vllm-openai:${TAG}\ncommand: --model Q/x")
    assert found.entry_point is EntryPoint.SERVE
    assert argv(found) == ["--model", "Q/x"]
    assert isinstance(found.vllm_version, Unknown)


@pytest.mark.parametrize(
    "command",
    [
        "command: --model Q/x -tp 2",
        "command: '--model Q/x -tp 2'",
        'command: "--model Q/x -tp 2"',
        'command: "--model \'Q/x\' -tp \\"2\\""',
        "command: >\n  --model Q/x\n  -tp 2",
        "command: >-\n  --model Q/x\n\n  -tp 2",
        "command: |\n  --model Q/x\n  -tp 2",
        "command: --model Q/x\n  -tp 2",
        'command: ["--model", "Q/x", "-tp", "2"]',
        "command: [--model, Q/x, -tp, 2]",
        "command:\n  - --model\n  - 'Q/x'\n  - \"-tp\"\n  - 2",
        "command:\n- --model\n- Q/x\n- -tp # two\n- 2",
        "command:\n  - --model\n  - >-\n    Q/x\n  - -tp\n  - |-\n    2",
        "command: --model Q/x -tp 2 ; echo never",
        "command: --model Q/x -tp 2 # a comment",
        "command: '--model Q/x -tp 2 | tee log'",
    ],
)
def test_each_way_to_write_the_command_gives_the_same_words(
    service: Service, argv: Argv, command: str
) -> None:
    assert argv(service(IMAGE + command)) == ["--model", "Q/x", "-tp", "2"]


def test_words_of_a_folded_command_stand_where_they_are_written(read: Read) -> None:
    text = "services:\n  a:\n    image: vllm/vllm-openai\n    command: >\n      --model Q/x\n      -tp 2\n"
    [launch] = read(text, "compose.yaml").launches
    model, two = launch.argv[1], launch.argv[3]
    assert model.text_span is not None and model.text_span.start == text.index("Q/x")
    assert two.text_span is not None and two.text_span.start == text.rindex("2")
    assert two.slot is not None and two.slot.kind is SlotKind.SHELL


def test_a_quoted_list_item_has_its_quotes_in_the_slot_and_not_in_the_text(read: Read) -> None:
    text = 'services:\n  a:\n    image: vllm/vllm-openai:v0.9.1\n    command: ["--model", "Q/x"]\n'
    [launch] = read(text, "compose.yaml").launches
    word = launch.argv[1]
    assert word.slot is not None and word.text_span is not None
    assert text[word.slot.extent.start : word.slot.extent.end] == '"Q/x"'
    assert text[word.text_span.start : word.text_span.end] == "Q/x"


def test_an_item_that_holds_a_whole_line_stays_one_word(service: Service, argv: Argv) -> None:
    found = service(IMAGE + "command:\n  - --model Q/x\n  - -tp=2")
    assert argv(found) == ["--model Q/x", "-tp=2"]


def test_a_backslash_at_the_end_of_a_line_escapes_the_line_break_as_compose_reads_it(
    service: Service, argv: Argv
) -> None:
    found = service(IMAGE + "command: |\n  --model Q/x \\\n  -tp 2")
    assert argv(found) == ["--model", "Q/x", "\n-tp", "2"]


def test_json_in_single_quotes_keeps_its_double_quotes(service: Service, argv: Argv) -> None:
    found = service(IMAGE + 'command: --model Q/x --speculative-config \'{"method":"n gram"}\'')
    assert argv(found)[-1] == '{"method":"n gram"}'


def test_an_unclosed_quote_is_reported_where_it_opens(read: Read) -> None:
    text = "services:\n  a:\n    image: vllm/vllm-openai:v0.9.1\n    command: --model 'Q/x\n"
    reading = read(text, "compose.yaml")
    assert reading.launches == ()
    [problem] = reading.problems
    assert problem.kind == "not_parsed"
    assert text[problem.span.start : problem.span.end] == "'"


@pytest.mark.parametrize(
    "keys",
    [
        "entrypoint: vllm serve\ncommand: Q/x -tp 2",
        "entrypoint: [vllm, serve]\ncommand: [Q/x, -tp, '2']",
        "entrypoint: [/usr/local/bin/vllm]\ncommand: serve Q/x -tp 2",
        "entrypoint: []\ncommand: vllm serve Q/x -tp 2",
        "entrypoint: ''\ncommand: vllm serve Q/x -tp 2",
        "entrypoint: vllm serve Q/x -tp 2",
        "entrypoint: /bin/bash\ncommand: -c 'vllm serve Q/x -tp 2'",
        "entrypoint: /bin/bash -c\ncommand: ['vllm serve Q/x -tp 2']",
        "entrypoint: ['/bin/bash', '-c']\ncommand:\n  - |\n    vllm serve Q/x \\\n      -tp 2",
        "entrypoint: ['/bin/bash', '-c', 'exec vllm serve Q/x -tp 2']",
        "entrypoint: ['/bin/bash', '-euo', 'pipefail', '-c']\ncommand: ['vllm serve Q/x -tp 2']",
        "entrypoint: ['bash', '-lc']\ncommand: ['cd /app && vllm serve Q/x -tp 2']",
        'entrypoint: sh -c "vllm serve Q/x -tp 2"',
        "entrypoint: ['/bin/sh', '-c']\ncommand: >\n  \"sleep 5; vllm serve Q/x -tp 2\"",
        "entrypoint: [tini, --, vllm, serve]\ncommand: [Q/x, -tp, '2']",
    ],
)
def test_each_form_of_entrypoint_is_followed_to_the_server(service: Service, argv: Argv, keys: str) -> None:
    found = service(IMAGE + keys)
    assert found.entry_point is EntryPoint.SERVE
    assert argv(found) == ["Q/x", "-tp", "2"]


def test_a_null_entrypoint_leaves_the_images_own(service: Service) -> None:
    assert service(IMAGE + "entrypoint:\ncommand: --model Q/x").entry_point is EntryPoint.API_SERVER


@pytest.mark.parametrize(
    "keys",
    [
        "entrypoint: [sleep, infinity]\ncommand: --model Q/x",
        "entrypoint: []\ncommand: --model Q/x",
        "entrypoint: bash -c\ncommand: echo vllm serve",
    ],
)
def test_an_entrypoint_of_another_program_starts_no_server(read: Read, keys: str) -> None:
    body = "".join(f"    {line}\n" for line in (IMAGE + keys).splitlines())
    assert read(f"services:\n  a:\n{body}", "compose.yaml").launches == ()


def test_a_script_may_hide_gpus_and_pin_a_release(service: Service, gpu_count: Count) -> None:
    found = service(
        IMAGE + "entrypoint: [bash, -c]\ncommand:\n  - |\n    pip install vllm==0.10.2\n"
        "    export CUDA_VISIBLE_DEVICES=0,1\n    vllm serve Q/x\n"
    )
    assert isinstance(found.vllm_version, Located)
    assert found.vllm_version.value == "0.10.2"
    assert gpu_count(found) == 2


def test_doubled_dollars_reach_the_shell_as_its_own_variables(service: Service, argv: Argv) -> None:
    found = service(
        IMAGE + "environment:\n  SIZE: 4\nentrypoint: [bash, -c]\n"
        "command: ['vllm serve Q/x -tp $${SIZE} --port $${PORT:-8000} $$MORE']"
    )
    assert argv(found) == ["Q/x", "-tp", "4", "--port", "8000", "?"]


@pytest.mark.parametrize(
    "environment",
    [
        "environment:\n  A: b\n  N: 5\n  NONE:\n",
        "environment:\n  - A=b\n  - N=5\n  - NONE\n",
        'environment: ["A=b", "N=5", NONE]',
        "environment: {A: b, N: '5', NONE: ~}",
    ],
)
def test_environment_is_read_as_a_mapping_and_as_a_list(service: Service, environment: str) -> None:
    found = service(IMAGE + "command: --model Q/x\n" + environment)
    values = {variable.name: variable.value for variable in found.env}
    assert (values["A"].text, values["N"].text) == ("b", "5")
    assert not values["NONE"].is_known


def test_a_variable_without_a_value_takes_the_env_files(service: Service) -> None:
    found = service(IMAGE + "command: --model Q/x\nenvironment: [A]", env="A=b\n")
    assert [variable.value.text for variable in found.env] == ["b"]


def test_anchors_aliases_and_merge_keys_are_followed_and_named(read: Read) -> None:
    text = (
        "x-vllm: &base\n  image: vllm/vllm-openai:v0.9.1\n  command: &words [--model, Q/x]\n"
        "services:\n  one:\n    <<: *base\n    gpus: 2\n  two:\n    image: vllm/vllm-openai:v0.9.1\n"
        "    command: *words\n"
    )
    one, two = read(text, "compose.yaml").launches
    assert [word.text for word in one.argv] == [word.text for word in two.argv] == ["--model", "Q/x"]
    for launch, alias in ((one, "*base"), (two, "*words")):
        [via] = launch.argv[1].via
        assert text[via.start : via.end] == alias
    place = two.argv[1].text_span
    assert place is not None and place.start == text.index("Q/x")


def test_own_keys_beat_merged_ones(read: Read) -> None:
    text = (
        "x: &base\n  image: vllm/vllm-openai:v0.9.1\n  command: --model Q/x\n"
        "services:\n  a:\n    command: --model Q/y\n    <<: *base\n"
    )
    [launch] = read(text, "compose.yaml").launches
    assert launch.argv[1].text == "Q/y"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_breaks_and_letters_beyond_ascii_keep_every_place(read: Read, newline: str) -> None:
    text = (
        "# grüße 🚀\nservices:\n  é:\n    image: vllm/vllm-openai:v0.9.1\n    command: >-\n"
        '      --served-model-name "ä ö"\n      --model Q/x\n    environment: {N: "Ω"}\n'
    ).replace("\n", newline)
    [launch] = read(text, "compose.yaml").launches
    assert launch.name == "é"
    assert [word.text for word in launch.argv] == ["--served-model-name", "ä ö", "--model", "Q/x"]
    place = launch.argv[3].text_span
    assert place is not None and place.start == text.index("Q/x")


def test_each_service_is_a_launch_of_its_own(read: Read) -> None:
    text = (
        "services:\n  a:\n    image: vllm/vllm-openai:v0.9.1\n    command: --model Q/a\n"
        "  db:\n    image: postgres\n  b:\n    image: vllm/vllm-openai:v0.12.0\n    command: Q/b\n"
        "  none:\n"
    )
    reading = read(text, "compose.yaml")
    assert [launch.id for launch in reading.launches] == ["compose.yaml#a", "compose.yaml#b"]
    assert reading.kinds == ("compose",)


def test_a_script_that_starts_two_servers_names_both(read: Read) -> None:
    text = (
        "services:\n  a:\n    image: vllm/vllm-openai:v0.9.1\n    entrypoint: [bash, -c]\n    command:\n"
        "      - vllm serve Q/a --port 1 & vllm serve Q/b --port 2\n"
    )
    reading = read(text, "compose.yaml")
    assert [launch.name for launch in reading.launches] == ["a", "a-2"]
    assert [launch.argv[0].text for launch in reading.launches] == ["Q/a", "Q/b"]


@pytest.mark.parametrize(
    ("image", "starts"),
    [("my/vllm:1", True), ("rocm/vllm-dev:nightly", True), ("ollama/ollama", False)],
)
def test_an_image_of_vllms_family_with_the_servers_options_is_a_launch(
    read: Read, image: str, starts: bool
) -> None:
    text = f"services:\n  a:\n    image: {image}\n    command: --model Q/x -tp 2\n"
    launches = read(text, "compose.yaml").launches
    assert bool(launches) is starts
    assert all(launch.entry_point is EntryPoint.API_SERVER for launch in launches)


def test_a_built_image_counts_by_its_command(read: Read) -> None:
    [launch] = read("services:\n  a:\n    build: .\n    command: vllm serve Q/x\n", "c.yml").launches
    assert launch.image is None
    assert launch.entry_point is EntryPoint.SERVE


@pytest.mark.parametrize(
    "text",
    [
        "services:\n",
        "services: []\n",
        "services:\n  a: vllm\n",
        "services:\n  a:\n    image: [vllm/vllm-openai]\n    command: {a: b}\n",
        "services:\n  ? [a]\n  : image: vllm/vllm-openai\n",
        "services:\n  a:\n    image: vllm/vllm-openai\n    command: [[--model], {a: b}, ]\n",
        "services:\n  a:\n    image: vllm/vllm-openai\n    environment: 3\n    gpus: {}\n    deploy: []\n",
        "services:\n  a:\n    image: ''\n    command: --model Q/x\n",
        "services:\n  a: &a\n    <<: *a\n    image: vllm/vllm-openai\n",
    ],
)
def test_shapes_that_compose_does_not_know_do_not_stop_the_reader(read: Read, text: str) -> None:
    read(text, "compose.yaml")
