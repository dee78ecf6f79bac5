"""Taking environment variables out of files and naming them anew, format by format."""

from __future__ import annotations

import pytest
import yaml

from vllint.engine import Assumptions, judge_source
from vllint.facts import LaunchFacts
from vllint.fix import apply_fixes
from vllint.registry import load_rules
from vllint.settings import Settings
from vllint.text.source import SourceText
from vllint.variable_edits import (
    is_named,
    own_variables,
    remove_variable,
    rename_variable,
    variable_place,
    variable_release,
)
from vllint_schemas import Applicability, Edit, Finding

NAME = "VLLM_X"
SERVE = "vllm serve gpt2\n"
COMPOSE = "services:\n  llm:\n    image: vllm/vllm-openai:v0.33.0\n    command: --model gpt2\n"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
    - image: vllm/vllm-openai:v0.33.0
      args: [--model, gpt2]
      env:
"""
DOCKERFILE = "FROM vllm/vllm-openai:v0.33.0\n"
CMD = 'CMD ["--model", "gpt2"]\n'


def facts_of(text: str, path: str, **beside: str) -> LaunchFacts:
    sources = {f".{name}" if name == "env" else name: text for name, text in beside.items()}
    found = {name: SourceText(name, one) for name, one in sources.items()}
    judged = judge_source(SourceText(path, text), found.get, (), Settings(), Assumptions())
    return judged.launches[0]


def without(text: str, edits: tuple[Edit, ...] | None) -> str | None:
    if edits is None:
        return None
    for edit in edits:
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def removed(text: str, path: str) -> str | None:
    facts = facts_of(text, path)
    [variable] = [one for one in own_variables(facts) if one.name == NAME]
    place = variable_place(facts, variable)
    assert text[place.start : place.end] == NAME
    return without(text, remove_variable(facts, variable))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"VLLM_X=1 {SERVE}", SERVE),
        (f"A=1 VLLM_X='a b' B=2 {SERVE}", f"A=1 B=2 {SERVE}"),
        (f"VLLM_X=1 \\\n  A=2 \\\n  {SERVE}", f"  A=2 \\\n  {SERVE}"),
        (f"env VLLM_X=1 {SERVE}", f"env {SERVE}"),
        (f"export VLLM_X=1\n{SERVE}", SERVE),
        (f"  export VLLM_X=1  # why\n{SERVE}", SERVE),
        (f"export A=2 VLLM_X=$A\n{SERVE}", f"export A=2\n{SERVE}"),
        (f"export VLLM_X=1 A=2\n{SERVE}", f"export A=2\n{SERVE}"),
        (f"export VLLM_X=1; {SERVE}", SERVE),
        (f"cd /srv && export VLLM_X=1 && {SERVE}", f"cd /srv && {SERVE}"),
        (f"set -a\nVLLM_X=1\n{SERVE}", f"set -a\n{SERVE}"),
        ("bash -c 'VLLM_X=1 vllm serve gpt2'\n", "bash -c 'vllm serve gpt2'\n"),
        ('bash -c "export VLLM_X=1; vllm serve gpt2"\n', 'bash -c "vllm serve gpt2"\n'),
        (
            "docker run -e VLLM_X=1 --gpus all vllm/vllm-openai:v0.33.0 --model gpt2\n",
            "docker run --gpus all vllm/vllm-openai:v0.33.0 --model gpt2\n",
        ),
        (
            'docker run \\\n  --env "VLLM_X=1" \\\n  vllm/vllm-openai:v0.33.0 --model gpt2\n',
            "docker run \\\n  vllm/vllm-openai:v0.33.0 --model gpt2\n",
        ),
        (
            "docker run --env=VLLM_X=1 \\\n  vllm/vllm-openai:v0.33.0 --model gpt2\n",
            "docker run vllm/vllm-openai:v0.33.0 --model gpt2\n",
        ),
    ],
)
def test_a_script_loses_the_variable_and_keeps_its_commands(text: str, expected: str) -> None:
    assert removed(text, "run.sh") == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("    environment:\n      A: b\n      VLLM_X: '1' # why\n", "    environment:\n      A: b\n"),
        ("    environment:\n      VLLM_X: ${Y:-1}\n      A: b\n", "    environment:\n      A: b\n"),
        ("    environment:\n      VLLM_X: 1\n", ""),
        ("    environment:\n    - VLLM_X=1\n    - A=b\n", "    environment:\n    - A=b\n"),
        ("    environment:\n    - VLLM_X=1\n", ""),
        ("    environment:\n      - 'VLLM_X=a b'\n      - A=b\n", "    environment:\n      - A=b\n"),
        (
            "    environment:\n      - A=b\n      # why\n      - VLLM_X=1\n    tty: true\n",
            "    environment:\n      - A=b\n      # why\n    tty: true\n",
        ),
        ("    environment: {A: b, VLLM_X: '1'}\n", "    environment: {A: b}\n"),
        ("    environment: {VLLM_X: '1', A: b}\n", "    environment: {A: b}\n"),
        ('    environment: {"VLLM_X": "1"}\n', "    environment: {}\n"),
        (
            '    environment: {\n      "A": "b",\n      "VLLM_X": "1"\n    }\n',
            '    environment: {\n      "A": "b"\n    }\n',
        ),
        (
            '    environment: {\n      "VLLM_X": "1",\n      "A": "b"\n    }\n',
            '    environment: {\n      "A": "b"\n    }\n',
        ),
    ],
)
def test_a_compose_file_stays_one(environment: str, expected: str) -> None:
    found = removed(COMPOSE + environment, "compose.yaml")
    assert found == COMPOSE + expected
    assert yaml.safe_load(found)["services"]["llm"]["command"] == "--model gpt2"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ('        - name: VLLM_X\n          value: "1"\n        - name: A\n', "        - name: A\n"),
        ('        - name: A\n        - value: "1"\n          name: VLLM_X\n', "        - name: A\n"),
        ('        - {name: VLLM_X, value: "1"}\n        - name: A\n', "        - name: A\n"),
        (
            "        - name: A\n        - name: VLLM_X\n          valueFrom:\n            fieldRef:\n"
            "              fieldPath: status.podIP\n",
            "        - name: A\n",
        ),
    ],
)
def test_a_pods_variable_goes_with_its_whole_item(environment: str, expected: str) -> None:
    found = removed(POD + environment, "pod.yaml")
    assert found == POD + expected


def test_the_last_variable_of_a_pod_goes_with_the_key_above_it() -> None:
    found = removed(POD + '        - name: VLLM_X\n          value: "1"\n', "pod.yaml")
    assert found == POD.replace("      env:\n", "")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("ENV VLLM_X=1\n", ""),
        ("ENV VLLM_X 1\n", ""),
        ("ENV A=b VLLM_X=1\n", "ENV A=b\n"),
        ("ENV VLLM_X=1 A=b\n", "ENV A=b\n"),
        ("ENV VLLM_X=1 \\\n    A=b\n", "ENV A=b\n"),
        ('ENV A=b \\\n    VLLM_X="1"\n', "ENV A=b\n"),
        ("ENV A=b \\\n    VLLM_X=1 \\\n    C=d\n", "ENV A=b \\\n    C=d\n"),
    ],
)
def test_a_dockerfiles_pair_goes_and_the_others_stay(lines: str, expected: str) -> None:
    assert removed(DOCKERFILE + lines + CMD, "Dockerfile") == DOCKERFILE + expected + CMD


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Environment=VLLM_X=1\n", ""),
        ('Environment="VLLM_X=1"\n', ""),
        ('Environment="VLLM_X=1" A=b\n', "Environment=A=b\n"),
        ("Environment=A=b VLLM_X=1\n", "Environment=A=b\n"),
    ],
)
def test_a_unit_loses_the_word_or_the_line(line: str, expected: str) -> None:
    start = "ExecStart=/usr/bin/vllm serve gpt2\n"
    assert removed(f"[Service]\n{line}{start}", "vllm.service") == f"[Service]\n{expected}{start}"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f'export VLLM_X=1\necho "$VLLM_X"\n{SERVE}', "run.sh"),
        ("export VLLM_X=1\ndocker run -e VLLM_X vllm/vllm-openai:v0.33.0 --model gpt2\n", "run.sh"),
        ("x: &e\n  VLLM_X: 1\n" + COMPOSE + "    environment: *e\n", "compose.yaml"),
        (COMPOSE + "    environment:\n      # why\n      - VLLM_X=1\n", "compose.yaml"),
        (COMPOSE + "    environment:\n      VLLM_X: >-\n        1\n      A: b\n", "compose.yaml"),
    ],
)
def test_what_is_used_elsewhere_or_would_leave_nothing_to_name_stays(text: str, path: str) -> None:
    facts = facts_of(text, path)
    [variable] = [one for one in own_variables(facts) if one.name == NAME]
    edits = remove_variable(facts, variable)
    assert edits is None or yaml.safe_load(without(text, edits) or "")["services"]["llm"]["environment"] == {
        "A": "b"
    }
    assert is_named(facts, NAME) == ("echo" in text or "docker" in text)


def test_a_name_is_rewritten_alone() -> None:
    text = COMPOSE + "    environment:\n      - VLLM_X=1\n"
    facts = facts_of(text, "compose.yaml")
    [variable] = own_variables(facts)
    assert without(text, rename_variable(facts, variable, "VLLM_Y")) == text.replace("VLLM_X", "VLLM_Y")


def test_a_release_with_a_table_of_variables_alone_raises_no_doubt_about_them() -> None:
    facts = facts_of("pip install vllm==0.11.0\nvllm serve gpt2\n", "run.sh")
    assert facts.release.doubt
    assert (variable_release(facts).judged, variable_release(facts).doubt) == ("0.11.0", "")


def test_the_tag_of_another_image_that_reads_like_a_release_most_likely_is_one() -> None:
    facts = facts_of(
        COMPOSE.replace("vllm/vllm-openai:v0.33.0", "example.org/vllm-openai:v0.10.1-x"), "c.yml"
    )
    assert variable_release(facts).judged == "0.10.1"
    assert variable_release(facts).doubt


def findings_of(text: str, path: str, **beside: str) -> tuple[Finding, ...]:
    sources = {f".{name}" if name == "env" else name: text for name, text in beside.items()}
    found = {name: SourceText(name, one) for name, one in sources.items()}
    rules = tuple(rule for rule in load_rules().rules if rule.code == "FLG028")
    return judge_source(SourceText(path, text), found.get, rules, Settings(), Assumptions()).findings


def test_servers_that_share_a_variable_lose_it_together_and_all_get_the_option() -> None:
    setup = "pip install vllm==0.33.0\n"
    servers = "vllm serve a/b --port 1 &\nvllm serve c/d\n"
    text = f"{setup}export VLLM_MM_INPUT_CACHE_GIB=8\n{servers}"
    # What is wrong with both at one place is told once.
    [found] = findings_of(text, "run.sh")
    assert found.fix is not None
    assert found.fix.applicability is Applicability.SAFE
    option = " --mm-processor-cache-gb 8"
    expected = setup + servers.replace("port 1", f"port 1{option}").replace("c/d", f"c/d{option}")
    assert apply_fixes({"run.sh": text}, (found.fix,)).texts["run.sh"] == expected


def test_a_variable_that_one_of_two_servers_still_reads_stays() -> None:
    service = "    command: --model gpt2\n    environment: *e\n"
    text = (
        "x: &e\n  A: b\n  VLLM_USE_V1: '1'\nservices:\n"
        f"  old:\n    image: vllm/vllm-openai:v0.9.2\n{service}"
        f"  new:\n    image: vllm/vllm-openai:v0.33.0\n{service}"
    )
    [found] = findings_of(text, "compose.yaml")
    assert found.launch == "compose.yaml#new"
    assert found.fix is not None
    assert (found.fix.applicability, found.fix.edits) == (Applicability.DISPLAY, ())


def test_a_line_of_an_env_file_goes_only_with_consent() -> None:
    text = COMPOSE + "    env_file: .env\n"
    [found] = findings_of(text, "compose.yaml", env="A=b\nVLLM_USE_V1=1\n")
    assert found.span.path == ".env"
    assert found.fix is not None
    assert found.fix.applicability is Applicability.UNSAFE
