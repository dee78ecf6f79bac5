"""Pipelines in, launches out."""

from __future__ import annotations

from collections.abc import Callable

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]

GITHUB = """\
on: push
env: {MODEL: Q/x}
jobs:
  test:
    runs-on: gpu
    env:
      TP: "2"
    steps:
      - uses: actions/checkout@v4
      - name: start
        env: {PORT: "8001"}
        run: |
          pip install vllm==0.9.1
          CUDA_VISIBLE_DEVICES=0 vllm serve $MODEL -tp $TP --port $PORT &
          vllm serve Q/y --seed 1 &
      - run: vllm serve ${{ matrix.model }}
      - run: curl localhost
"""


def test_a_step_of_github_is_read(read: Read, argv: Argv) -> None:
    first, second, third = read(GITHUB, ".github/workflows/ci.yml").launches
    assert argv(first) == ["Q/x", "-tp", "2", "--port", "8001"]
    assert argv(second) == ["Q/y", "--seed", "1"]
    assert argv(third) == ["?"]
    assert (first.kind, first.name) == ("ci", "test")
    assert isinstance(first.vllm_version, Located)
    assert first.together is not None
    assert first.together.startswith("test 1 ")
    assert third.together is not None
    assert third.together.startswith("test 2 ")


def test_an_action_is_read(read: Read, argv: Argv) -> None:
    text = "name: x\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: vllm serve Q/x\n"
    [launch] = read(text, "action.yml").launches
    assert argv(launch) == ["Q/x"]


GITLAB = """\
stages: [test]
variables:
  MODEL: {value: Q/x, description: the model}
test:
  stage: test
  services:
    - name: vllm/vllm-openai:v0.9.1
      command: ["--model", "Q/y"]
  before_script:
    - export TP=2
  script:
    - vllm serve $MODEL -tp $TP &
    - |
      sleep 1
"""


def test_a_job_of_gitlab_is_one_script(read: Read, argv: Argv) -> None:
    assert [argv(launch) for launch in read(GITLAB, ".gitlab-ci.yml").launches] == [
        ["Q/x", "-tp", "2"],
        ["--model", "Q/y"],
    ]


CIRCLE = """\
version: 2.1
jobs:
  a:
    docker:
      - image: vllm/vllm-openai:v0.9.1
        command: ["--model", "Q/y"]
    environment: {M: Q/x}
    steps:
      - checkout
      - run: vllm serve $M -tp << parameters.tp >>
      - run: {name: x, command: vllm serve $M}
"""


def test_a_job_of_circle_is_read(read: Read, argv: Argv) -> None:
    found = [argv(launch) for launch in read(CIRCLE, ".circleci/config.yml").launches]
    assert found == [["Q/x", "-tp", "?"], ["Q/x"], ["--model", "Q/y"]]
