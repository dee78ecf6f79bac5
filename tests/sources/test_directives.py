"""`# vllint:` comments that state facts: what they say, and of which launch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vllint.sources.directives import read_directives, stated_for
from vllint.sources.readers import Reading
from vllint_schemas import Located, Origin

Read = Callable[..., Reading]


def values(*located: Located[str] | None) -> list[str | None]:
    return [None if one is None else one.value for one in located]


@pytest.mark.parametrize(
    ("comment", "gpu", "vllm"),
    [
        ("# vllint: gpu=A10G:4 vllm=0.19.1", "A10G:4", "0.19.1"),
        ("# vllint: vllm=0.19.1 gpu=A10G:4", "A10G:4", "0.19.1"),
        ("#vllint: gpu=H100", "H100", None),
        ("#  vllint:   gpu=H100:8  ", "H100:8", None),
        ("// vllint: gpu=H100", "H100", None),
        ('# vllint: gpu="My Card@48GiB:8"', "My Card@48GiB:8", None),
        ("# vllint: gpu=L40S, vllm=0.19.1", "L40S", "0.19.1"),
        ("vllm serve x # vllint: gpu=L40S", "L40S", None),
        ("# vllint: gpu=A100 gpu=H100", "H100", None),
    ],
)
def test_a_comment_states_a_card_and_a_release(comment: str, gpu: str | None, vllm: str | None) -> None:
    [directive] = read_directives(f"a: b\n{comment}\nc: d\n", "f.yaml")
    assert values(directive.gpu, directive.vllm) == [gpu, vllm]


@pytest.mark.parametrize(
    "text",
    [
        "# vllint: ignore[PAR001]",
        "# vllint: file-ignore[MEM]",
        "# vllint:",
        "# vllint: gpus=4",
        "# vllint gpu=H100",
        "x#vllint: gpu=H100",
        "url: http://vllint: gpu=H100".replace("//", "/"),
        "# not-vllint: gpu=H100",
        "vllint: gpu=H100",
    ],
)
def test_other_comments_state_nothing(text: str) -> None:
    assert read_directives(text, "f.yaml") == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_what_a_comment_states_stands_where_it_is_written(newline: str) -> None:
    text = newline.join(['é: "ü"', '  # vllint: gpu="A 1:4" vllm=0.19.1', "x: y", ""])
    [directive] = read_directives(text, "f.yaml")
    for located, value in ((directive.gpu, "A 1:4"), (directive.vllm, "0.19.1")):
        assert located is not None and located.span is not None
        assert located.value == value
        assert text[located.span.start : located.span.end] == value
        assert located.origin is Origin.DIRECTIVE


def stated(read: Read, text: str, path: str) -> dict[str, tuple[list[str | None], list[str | None]]]:
    """Return for each launch the cards stated for it and for its file."""
    launches = read(text, path).launches
    directives = read_directives(text, path)
    found = {}
    for launch in launches:
        said = stated_for(launch, launches, directives, text)
        found[launch.name] = (values(*(d.gpu for d in said.launch)), values(*(d.gpu for d in said.file)))
    return found


COMPOSE = """{top}
services:
  {above}
  a:
    image: vllm/vllm-openai:v0.9.1  {beside}
    {inside}
    command: --model Q/a
  b:
    image: vllm/vllm-openai:v0.9.1
    command: --model Q/b  {last}
{below}
"""
PLACES = ("top", "above", "beside", "inside", "last", "below")


def compose(**comments: str) -> str:
    return COMPOSE.format(**{place: comments.get(place, "#") for place in PLACES})


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("top", {"a": ([], ["X"]), "b": ([], ["X"])}),
        ("above", {"a": (["X"], []), "b": ([], [])}),
        ("beside", {"a": (["X"], []), "b": ([], [])}),
        ("inside", {"a": (["X"], []), "b": ([], [])}),
        ("last", {"a": ([], []), "b": (["X"], [])}),
    ],
)
def test_a_comment_in_or_above_a_service_speaks_of_it_alone(read: Read, place: str, expected: object) -> None:
    assert stated(read, compose(**{place: "# vllint: gpu=X"}), "compose.yaml") == expected


def test_a_comment_at_the_top_of_a_script_speaks_of_the_file(read: Read) -> None:
    text = "#!/bin/bash\n# vllint: gpu=X\n\nset -e\nvllm serve Q/a\nvllm serve Q/b\n"
    assert stated(read, text, "run.sh") == {"vllm": ([], ["X"]), "vllm-2": ([], ["X"])}


def test_a_comment_above_or_beside_a_command_speaks_of_it(read: Read) -> None:
    text = "set -e\n# vllint: gpu=X\nvllm serve Q/a\nvllm serve Q/b # vllint: gpu=Y\n"
    assert stated(read, text, "run.sh") == {"vllm": (["X"], []), "vllm-2": (["Y"], [])}


def test_a_comment_in_a_continued_command_is_the_commands(read: Read) -> None:
    text = "set -e\nvllm serve Q/a \\\n  -tp 2 # vllint: gpu=X\n"
    assert stated(read, text, "run.sh") == {"vllm": (["X"], [])}
