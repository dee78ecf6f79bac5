"""Writing options into a file: after the edits vLLM sees the new values, and all else is as before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vllint.engine import Assumptions, judge_source
from vllint.facts import LaunchFacts
from vllint.fix import apply_fixes
from vllint.option_edits import Setting, set_options
from vllint.settings import Settings
from vllint.text.source import SourceText
from vllint_schemas import Applicability, Fix, Located, Unknown

NEW = (
    Setting("--tensor-parallel-size", "tensor_parallel_size", "4"),
    Setting("--data-parallel-size", "data_parallel_size", "2"),
)
WRITTEN = {setting.dest: int(setting.value) for setting in NEW}


def launches(texts: Mapping[str, str], path: str) -> tuple[LaunchFacts, ...]:
    def neighbour(name: str) -> SourceText | None:
        return SourceText(name, texts[name]) if name in texts else None

    source = SourceText(path, texts[path])
    return judge_source(source, neighbour, (), Settings(), Assumptions()).launches


def known(fact: Located[Any] | Unknown) -> Any:
    return fact.value if isinstance(fact, Located) else f"not known: {fact.reason}"


def seen(facts: LaunchFacts) -> dict[str, Any]:
    """Return everything that vLLM would see of a launch, options by name."""
    found: dict[str, Any] = {"problems": [problem.message for problem in facts.args.problems]}
    for argument in facts.args.arguments:
        found[argument.dest] = known(argument.value)
    found["the model"] = known(facts.args.model)
    found["the count"] = known(facts.launch.hardware.gpu_count)
    found["the image"] = facts.launch.image.text if facts.launch.image else None
    found["variables"] = [(variable.name, variable.value.text) for variable in facts.launch.env]
    found["unknown words"] = [word.reason for word in facts.launch.argv if not word.is_known]
    found["open"] = None if facts.args.open_ended is None else known(facts.args.open_ended)
    return found


def edited(texts: Mapping[str, str], path: str, which: int = 0) -> Mapping[str, str] | None:
    """Return the texts after the options are set on one launch; `None` where that cannot be done."""
    edits = set_options(launches(texts, path)[which], NEW)
    if edits is None:
        return None
    outcome = apply_fixes(texts, (Fix("t", Applicability.UNSAFE, edits),))
    assert not outcome.skipped or outcome.skipped[0].reason == "no change", outcome.skipped
    return outcome.texts


def check(texts: Mapping[str, str], path: str, which: int = 0) -> Mapping[str, str] | None:
    before = [seen(facts) for facts in launches(texts, path)]
    changed = edited(texts, path, which)
    if changed is None:
        return None
    after = [seen(facts) for facts in launches(changed, path)]
    assert len(after) == len(before)
    for name, value in WRITTEN.items():
        assert after[which].pop(name) == value
        before[which].pop(name, None)
    assert after[which] == before[which]
    return changed


COMPOSE = "services:\n  llm:\n    image: vllm/vllm-openai:v0.12.0\n"
ENDPOINT: dict[str, Any] = {
    "name": "chat",
    "provider": {"vendor": "aws", "region": "us-east-1"},
    "compute": {"accelerator": "gpu", "instanceType": "nvidia-h100", "instanceSize": "x8"},
    "model": {
        "repository": "Q/x",
        "framework": "custom",
        "image": {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000}},
        "args": ["--max-model-len", "8192"],
    },
}


def endpoint(**fields: Any) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(json.dumps(ENDPOINT))
    payload["model"]["image"]["vLLM"].update(fields)
    return payload


EDITABLE = {
    "a plain command": ("a.sh", "vllm serve Q/x\n", None),
    "a command without a line break": ("a.sh", "vllm serve Q/x", None),
    "both sizes given": ("a.sh", "vllm serve Q/x -tp 8 -dp 1 --port 1\n", None),
    "the long form with =": ("a.sh", "vllm serve Q/x --tensor-parallel-size=8 --port=1\n", None),
    "an abbreviation": ("a.sh", "vllm serve Q/x --tensor-par 8\n", None),
    "the last of two": ("a.sh", "vllm serve Q/x -tp 2 -tp 8\n", None),
    "a quoted value": ("a.sh", "vllm serve Q/x -tp '8' --port \"1\"\n", None),
    "continuation lines": ("a.sh", "vllm serve Q/x \\\n  --port 1 \\\n  --enforce-eager\n", None),
    "a comment behind": ("a.sh", "vllm serve Q/x # -tp 2\n", None),
    "a redirection behind": ("a.sh", "vllm serve Q/x > log 2>&1 &\n", None),
    "a pipe behind": ("a.sh", "vllm serve Q/x | tee log\n", None),
    "a list option at the end": ("a.sh", "vllm serve Q/x --served-model-name a b\n", None),
    "a switch at the end": ("a.sh", "vllm serve Q/x --enforce-eager\n", None),
    "an unknown value at the end": ("a.sh", "vllm serve Q/x --port 1 --api-key $KEY\n", None),
    "an unknown quoted value at the end": ("a.sh", 'vllm serve Q/x --api-key "$KEY"\n', None),
    "an unknown list at the end": ("a.sh", 'vllm serve Q/x --served-model-name a "$B"\n', None),
    "unknown words at the end": ("a.sh", 'vllm serve Q/x --port 1 "$@"\n', None),
    "json at the end": ("a.sh", "vllm serve Q/x --hf-overrides '{\"a\": 1}'\n", None),
    "a dotted key at the end": ("a.sh", "vllm serve Q/x --hf-overrides.a 1\n", None),
    "-O3 at the end": ("a.sh", "vllm serve Q/x -O3\n", None),
    "-qawq at the end": ("a.sh", "vllm serve Q/x -qawq\n", None),
    "the model last": ("a.sh", "vllm serve --port 1 Q/x\n", None),
    "the model by option": ("a.sh", "vllm serve --model Q/x\n", None),
    "a variable": ("a.sh", "TP=8\nvllm serve Q/x -tp $TP\n", None),
    "a default": ("a.sh", "vllm serve Q/x -tp ${TP:-8} --port ${PORT:-1}\n", None),
    "a variable's default": ("a.sh", "TP=${TP:-8}\nvllm serve Q/x -tp=$TP\n", None),
    "an array": ("a.sh", 'ARGS=(Q/x -tp 8 --port 1)\nvllm serve "${ARGS[@]}" -dp 1\n', None),
    "a string of options": ("a.sh", 'ARGS="-tp 8 -dp 1"\nvllm serve Q/x $ARGS\n', None),
    "a script in quotes": ("a.sh", "bash -c 'vllm serve Q/x -tp 8'\n", None),
    "docker": ("a.sh", "docker run --gpus all vllm/vllm-openai:v0.12.0 Q/x --port 1\n", None),
    "the api server": ("a.sh", "python -m vllm.entrypoints.openai.api_server --model Q/x\n", None),
    "windows line breaks": ("a.sh", "vllm serve Q/x\r\necho\r\n", None),
    "a block list": ("c.yaml", f"{COMPOSE}    command:\n      - Q/x\n      - --port\n      - '1'\n", None),
    "a command string with defaults": (
        "c.yaml",
        f"{COMPOSE}    command: Q/x --seed=${{SEED:-4}} --port ${{PORT:-1}}\n",
        None,
    ),
    "a command string with a default within a default": (
        "c.yaml",
        f"{COMPOSE}    command: Q/x -tp ${{TP:-${{GPUS:-8}}}} --port ${{A:-${{B:-1}}}}\n",
        None,
    ),
    "a command string whose default holds several words": (
        "c.yaml",
        f"{COMPOSE}    command: Q/x ${{MORE:---port 1}}\n",
        None,
    ),
    "a quoted script with defaults": (
        "c.yaml",
        f"{COMPOSE}    entrypoint: bash -c 'vllm serve Q/x --port ${{PORT:-1}}'\n",
        None,
    ),
    "a block list without indent": ("c.yaml", f"{COMPOSE}    command:\n    - Q/x\n    ports: []\n", None),
    "a block list with =": (
        "c.yaml",
        f"{COMPOSE}    command:\n      - --model=Q/x\n      - --port=1\n",
        None,
    ),
    "a block list with comments": ("c.yaml", f"{COMPOSE}    command:\n      - Q/x # m\n    # end\n", None),
    "a block list at the end": ("c.yaml", f"{COMPOSE}    command:\n      - Q/x", None),
    "a block list of numbers": (
        "c.yaml",
        f"{COMPOSE}    command:\n      - Q/x\n      - -tp\n      - 8\n",
        None,
    ),
    "a block list of scalars": (
        "c.yaml",
        f"{COMPOSE}    command:\n      - |-\n        Q/x\n    x: y\n",
        None,
    ),
    "a block list in quotes": (
        "c.yaml",
        f'{COMPOSE}    command:\n      - "Q/x"\n      - "--port"\n      - "1"\n',
        None,
    ),
    "a block list, windows": ("c.yaml", f"{COMPOSE}    command:\n      - Q/x\n".replace("\n", "\r\n"), None),
    "a flow list": ("c.yaml", f'{COMPOSE}    command: ["Q/x", "--port", "1"]\n', None),
    "a flow list without quotes": ("c.yaml", f"{COMPOSE}    command: [Q/x, --port, 1]\n", None),
    "a flow list in single quotes": ("c.yaml", f"{COMPOSE}    command: ['Q/x', '--enforce-eager']\n", None),
    "a flow list on lines": (
        "c.yaml",
        f'{COMPOSE}    command: [\n      "Q/x", # m\n      "-tp", "8",\n    ]\n',
        None,
    ),
    "a folded command": ("c.yaml", f"{COMPOSE}    command: >\n      Q/x\n      --port 1\n    x: y\n", None),
    "a literal command": ("c.yaml", f"{COMPOSE}    command: |\n      Q/x\n      -tp 8\n", None),
    "a plain command line": ("c.yaml", f"{COMPOSE}    command: Q/x --port 1 # c\n", None),
    "a plain command on lines": ("c.yaml", f"{COMPOSE}    command: Q/x\n      --port 1\n    x: y\n", None),
    "a quoted command line": ("c.yaml", f'{COMPOSE}    command: "Q/x --port 1"\n', None),
    "an operator behind": ("c.yaml", f"{COMPOSE}    command: Q/x --port 1 | tee x\n", None),
    "a default in compose": ("c.yaml", f"{COMPOSE}    command: Q/x -tp ${{TP:-8}} -dp ${{DP:-1}}\n", None),
    "an unknown value in compose": ("c.yaml", f"{COMPOSE}    command: Q/x --api-key ${{KEY}}\n", None),
    "an unknown item": ("c.yaml", f"{COMPOSE}    command: [Q/x, --api-key, '${{KEY}}']\n", None),
    "a value of the env file": (
        "c.yaml",
        f"{COMPOSE}    command: [Q/x, -tp, '${{TP}}', --port, '1']\n",
        "TP=8 # n\n",
    ),
    "a script in compose": (
        "c.yaml",
        f"{COMPOSE}    entrypoint: [bash, -c]\n    command:\n      - |\n        export A=1\n"
        "        exec vllm serve Q/x \\\n          --port 1\n",
        None,
    ),
    "endpoint JSON": ("e.json", json.dumps(endpoint(), indent=2), None),
    "endpoint JSON with a size": ("e.json", json.dumps(endpoint(tensorParallelSize=8), indent=2), None),
    "endpoint JSON with both": (
        "e.json",
        json.dumps(endpoint(tensorParallelSize=8, dataParallelSize=1), indent=4),
        None,
    ),
    "endpoint JSON with null": ("e.json", json.dumps(endpoint(tensorParallelSize=None, maxNumSeqs=4)), None),
    "endpoint JSON in one line": ("e.json", json.dumps(endpoint(maxNumSeqs=4)), None),
    "endpoint JSON without blanks": ("e.json", json.dumps(endpoint(), separators=(",", ":")), None),
    "endpoint arguments": (
        "e.json",
        json.dumps({**ENDPOINT, "model": {**ENDPOINT["model"], "args": ["-tp", "8", "-dp=1"]}}),
        None,
    ),
}


@pytest.mark.parametrize("name", EDITABLE)
def test_vllm_sees_exactly_the_new_values_and_everything_else_unchanged(name: str) -> None:
    path, text, env = EDITABLE[name]
    texts = {path: text} if env is None else {path: text, ".env": env}
    assert check(texts, path) is not None


ENDPOINT_YAML = """name: chat
provider: {vendor: aws}
compute:
  instanceType: nvidia-h100
  instanceSize: x8
model:
  repository: Q/x
  image:
    vLLM:
      url: vllm/vllm-openai:v0.23.0  # pinned
"""


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "      tensorParallelSize: 8\n",
        "      tensorParallelSize: 8\n      dataParallelSize: 1\n",
        "      maxNumSeqs: 64 # few\n",
        "      tensorParallelSize: null\n",
        "      tensorParallelSize: ~\n",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_fields_of_an_endpoint_in_yaml_are_set(fields: str, newline: str) -> None:
    text = (ENDPOINT_YAML + fields + "  args: []\n").replace("\n", newline)
    changed = check({"e.yaml": text}, "e.yaml")
    assert changed is not None
    assert changed["e.yaml"].count("tensorParallelSize") == 1
    assert changed["e.yaml"].count("dataParallelSize") == 1


def test_an_empty_field_is_not_written_twice() -> None:
    text = ENDPOINT_YAML + "      tensorParallelSize:\n  args: []\n"
    changed = check({"e.yaml": text}, "e.yaml")
    assert changed is None or changed["e.yaml"].count("tensorParallelSize") == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.sh", "vllm serve Q/x -tp $TP\n"),
        ("a.sh", "vllm serve Q/x -tp ${TP}8\n"),
        ("a.sh", "vllm serve Q/x -tp $((4 * 2))\n"),
        ("a.sh", "N=8\nvllm serve Q/x -tp $N --max-num-seqs $N\n"),
        ("a.sh", "N=8\ndocker run --gpus $N vllm/vllm-openai:v0.12.0 Q/x -tp $N\n"),
        ("a.sh", "N=8\nCUDA_VISIBLE_DEVICES=$N vllm serve Q/x -tp $N\n"),
        ("a.sh", "vllm serve $ARGS\n"),
        ("a.sh", "vllm serve\n"),
        ("c.yaml", f"x: &n 8\n{COMPOSE}    command: [Q/x, -tp, *n]\n"),
        ("c.yaml", "x: &c [Q/x, --port, '1']\n" + COMPOSE + "    command: *c\n"),
    ],
)
def test_text_that_says_something_else_too_is_left_alone(path: str, text: str) -> None:
    assert edited({path: text}, path) is None


def test_a_value_that_is_not_plain_is_not_written() -> None:
    [facts] = launches({"a.sh": "vllm serve Q/x\n"}, "a.sh")
    assert set_options(facts, (Setting("--x", "x", "a b"),)) is None
    assert set_options(facts, (Setting("--x", "x", "$(rm)"),)) is None


def test_another_service_of_the_file_is_unchanged() -> None:
    other = "  other:\n    image: vllm/vllm-openai:v0.12.0\n    command: Q/y -tp 8\n"
    for which in (0, 1):
        text = f"{COMPOSE}    command:\n      - Q/x\n{other}"
        before = [seen(facts) for facts in launches({"c.yaml": text}, "c.yaml")]
        changed = check({"c.yaml": text}, "c.yaml", which)
        assert changed is not None
        after = [seen(facts) for facts in launches(changed, "c.yaml")]
        assert after[1 - which] == before[1 - which]


WORDS = st.lists(
    st.sampled_from(
        [
            "--port 1",
            "--port=1",
            "--enforce-eager",
            "--no-enable-prefix-caching",
            "--served-model-name a",
            "--served-model-name a b",
            "-tp 8",
            "-tp=8",
            "--tensor_parallel_size 8",
            "-dp 1",
            "--max-model-len 8k",
            "-O3",
            "--hf-overrides.a.b 1",
            "--hf-token",
            "--api-key ${KEY}",
            "--dtype ${DTYPE:-auto}",
            "-tp ${TP:-8}",
            "--nope",
            "--kv-cache-dtype fp8",
        ]
    ),
    max_size=5,
).map(lambda parts: " ".join(["Q/x", *parts]).split())


def shell(words: list[str]) -> tuple[str, str]:
    return "a.sh", f"vllm serve {' '.join(words)} # end\n"


def continued(words: list[str]) -> tuple[str, str]:
    return "a.sh", "exec vllm serve " + " \\\n  ".join(words) + "\necho\n"


def block(words: list[str]) -> tuple[str, str]:
    return "c.yaml", COMPOSE + "    command:\n" + "".join(
        f"      - {word} # c\n" for word in words
    ) + "    x: 1\n"


def flow(words: list[str]) -> tuple[str, str]:
    return "c.yaml", f"{COMPOSE}    command: {json.dumps(words)}\n"


def folded(words: list[str]) -> tuple[str, str]:
    return "c.yaml", COMPOSE + "    command: >-\n" + "".join(f"      {word}\n" for word in words)


def payload(words: list[str]) -> tuple[str, str]:
    content = {**ENDPOINT, "model": {**ENDPOINT["model"], "args": words[1:]}}
    return "e.json", json.dumps(content, indent=2)


@settings(max_examples=120, deadline=None)
@given(WORDS, st.sampled_from([shell, continued, block, flow, folded, payload]))
def test_any_options_in_any_form_survive_the_edit(words: list[str], form: Any) -> None:
    assume(form is not payload or not any("$" in word for word in words))
    path, text = form(words)
    check({path: text}, path)


def test_most_random_commands_can_be_edited() -> None:
    for form in (shell, continued, block, flow, folded):
        path, text = form(["Q/x", "--port", "1", "-tp", "8", "--api-key", "${KEY}"])
        assert check({path: text}, path) is not None
