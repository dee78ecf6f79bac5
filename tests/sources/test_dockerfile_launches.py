"""Dockerfiles in, launches out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.dockerfile.words import filled, instruction_words
from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]


def only(reading: Reading) -> Launch:
    [launch] = reading.launches
    assert not reading.problems
    return launch


def version(launch: Launch) -> str | None:
    found = launch.vllm_version
    return found.value if isinstance(found, Located) else None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ('CMD ["--model", "Q/x", "-tp", "2"]', ["--model", "Q/x", "-tp", "2"]),
        ('ENTRYPOINT ["vllm", "serve", "Q/x"]\nCMD ["-tp", "2"]', ["Q/x", "-tp", "2"]),
        ("CMD vllm serve Q/x \\\n  # two cards\n\n  -tp 2", ["Q/x", "-tp", "2"]),
        ('CMD ["sh", "-c", "vllm serve Q/x \\\n  -tp 2"]', ["Q/x", "-tp", "2"]),
        ('SHELL ["/bin/bash", "-c"]\nCMD exec vllm serve Q/x', ["Q/x"]),
        ('ENTRYPOINT ["vllm", "serve"]\nENTRYPOINT ["vllm", "serve", "Q/y"]', ["Q/y"]),
        ('ENTRYPOINT ["vllm", "serve", "$MODEL"]', ["$MODEL"]),
        ("ENV MODEL=Q/x\nENTRYPOINT vllm serve $MODEL", ["Q/x"]),
        ("ENTRYPOINT vllm serve ${MODEL:-Q/x} $ARGS", ["Q/x", "?"]),
        ("ARG MODEL=Q/x\nENV MODEL=$MODEL\nCMD vllm serve $MODEL", ["Q/x"]),
        ("ARG MODEL=Q/x\nCMD vllm serve $MODEL", ["?"]),
    ],
)
def test_the_words_are_those_of_the_container(
    read: Read, argv: Argv, command: str, expected: list[str]
) -> None:
    image = "vllm/vllm-openai:v0.9.1" if command.startswith('CMD ["--') else "python:3.12"
    assert argv(only(read(f"FROM {image}\n{command}\n", "Dockerfile"))) == expected


def test_what_names_no_model_waits_for_words_at_the_end_of_docker_run(read: Read, argv: Argv) -> None:
    launch = only(read('FROM python\nENTRYPOINT ["vllm", "serve", "--port", "80"]\n', "Dockerfile"))
    assert argv(launch) == ["--port", "80", "?"]
    assert launch.argv[-1].splits


def test_the_backtick_continues_lines_where_a_directive_says_so(read: Read, argv: Argv) -> None:
    text = "# escape=`\nFROM python\nCMD vllm serve Q/x `\n  -tp 2\n"
    assert argv(only(read(text, "Dockerfile"))) == ["Q/x", "-tp", "2"]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ('A="x y"', "x y"),
        ("A='$B'", "$B"),
        (r"A=a\ b", "a b"),
        ("A=${B:-c}/d", "c/d"),
        ("A old form", "old form"),
        ("B=1 A=2", "2"),
        (r"A=\$B", "$B"),
        ('A="${B-c}"', "c"),
    ],
)
def test_env_is_read_as_buildkit_does(read: Read, env: str, expected: str) -> None:
    launch = only(read(f"FROM python\nENV {env}\nCMD vllm serve Q/x\n", "Dockerfile"))
    values = {variable.name: variable.value for variable in launch.env}
    assert values["A"].is_known
    assert values["A"].text == expected


def test_the_release_may_come_from_an_argument(read: Read) -> None:
    text = "ARG V=0.8.5\nFROM python\nARG V\nRUN pip install 'vllm==${V}'\nCMD vllm serve Q/x\n"
    assert version(only(read(text, "Dockerfile"))) == "0.8.5"
    tag = 'ARG V=v0.9.1\nFROM vllm/vllm-openai:${V}\nCMD ["--model", "Q/x"]\n'
    assert version(only(read(tag, "Dockerfile"))) == "0.9.1"


def test_a_global_argument_is_unknown_in_a_stage_that_does_not_declare_it(read: Read, argv: Argv) -> None:
    text = "ARG M=Q/x\nFROM python\nENV MODEL=$M\nCMD vllm serve $MODEL\n"
    assert argv(only(read(text, "Dockerfile"))) == ["?"]


def test_a_stage_inherits_what_its_base_starts(read: Read, argv: Argv) -> None:
    text = (
        'FROM vllm/vllm-openai:v0.9.1 AS base\nENTRYPOINT ["vllm", "serve", "Q/x"]\n'
        'FROM base\nCMD ["-tp", "2"]\n'
    )
    assert argv(only(read(text, "Dockerfile"))) == ["Q/x", "-tp", "2"]


def test_a_target_of_its_own_is_a_launch_under_its_name(read: Read) -> None:
    text = "FROM python AS small\nCMD vllm serve Q/s\nFROM python AS big\nCMD vllm serve Q/b\n"
    names = [launch.name for launch in read(text, "Dockerfile").launches]
    assert names == ["small", "image"]


def test_a_script_in_the_repository_is_read_with_the_words_given_to_it(read: Read, argv: Argv) -> None:
    text = (
        'FROM python\nWORKDIR /app\nENV MODEL=Q/x\nCOPY --chmod=755 run.sh ./\nENTRYPOINT ["./run.sh"]\n'
        'CMD ["-tp", "2"]\n'
    )
    script = '#!/bin/bash\nexec vllm serve "$MODEL" "$@"\n'
    launch = only(read(text, "Dockerfile", {"run.sh": script}))
    assert argv(launch) == ["Q/x", "-tp", "2"]
    assert launch.in_script


def test_a_script_of_two_possible_folders_is_not_guessed(read: Read) -> None:
    text = 'FROM python\nCOPY run.sh /run.sh\nENTRYPOINT ["/run.sh"]\n'
    script = "#!/bin/bash\nvllm serve Q/x\n"
    assert not read(text, "docker/Dockerfile", {"run.sh": script, "../run.sh": script}).launches


@pytest.mark.parametrize(
    "written",
    [
        "COPY <<'EOF' /run.sh\n{script}EOF\n",
        "RUN cat <<'EOF' > /run.sh\n{script}EOF\n",
        "COPY <<-EOF /run.sh\n\tset -e\n\tvllm serve Q/x -tp 2\n\tEOF\n",
    ],
)
def test_a_heredoc_is_a_script_of_the_image(read: Read, argv: Argv, written: str) -> None:
    script = "#!/bin/sh\nvllm serve Q/x -tp 2\n"
    text = "FROM python\n" + written.replace("{script}", script) + 'CMD ["sh", "/run.sh"]\n'
    assert argv(only(read(text, "Dockerfile"))) == ["Q/x", "-tp", "2"]


def test_a_heredoc_of_run_holds_no_instructions(read: Read) -> None:
    text = "FROM python\nRUN <<EOF\nCMD vllm serve Q/x\nEOF\n"
    assert not read(text, "Dockerfile").launches


@given(st.lists(st.sampled_from(["a", " ", "\\", '"', "'", "$A", "${B:-c}", "${", "\t", "="]), max_size=12))
def test_any_arguments_part_into_words_with_their_places(pieces: list[str]) -> None:
    text = "".join(pieces)
    for word in instruction_words(Word.verbatim(text, "D", 0), "\\"):
        assert text[word.site.start : word.site.end] == word.text
        value = filled(word, {"A": Word.verbatim("x", "D", 0)})
        assert all(0 <= run.source.start <= run.source.end <= len(text) + 1 for run in value.runs)


def test_gpus_that_a_variable_shows_are_counted(read: Read, gpu_count: Callable[[Launch], Any]) -> None:
    launch = only(read("FROM python\nENV CUDA_VISIBLE_DEVICES=0,1\nCMD vllm serve Q/x\n", "Dockerfile"))
    assert gpu_count(launch) == 2
