"""Documents in, the launches that they show out."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.markdown import fenced_blocks
from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]


def all_of(reading: Reading, argv: Argv) -> list[list[str]]:
    assert not reading.problems
    assert {launch.kind for launch in reading.launches} <= {"markdown"}
    return [argv(launch) for launch in reading.launches]


@pytest.mark.parametrize(
    "document",
    [
        "```bash\nvllm serve Q/x -tp 2\n```\n",
        "~~~sh\nvllm serve Q/x -tp 2\n~~~\n",
        "```\nvllm serve Q/x -tp 2\n```\n",
        "```{.bash .numberLines}\nvllm serve Q/x -tp 2\n```\n",
        "````bash\nvllm serve Q/x -tp 2\n```\n````\n",
        "1. first\n\n   ```bash\n   vllm serve Q/x \\\n     -tp 2\n   ```\n",
        "- [ ] x:\n  ```bash\n  vllm serve Q/x -tp 2\n  ```\n",
        "> ```bash\n> vllm serve Q/x \\\n>   -tp 2\n> ```\n",
        "```console\n$ vllm serve Q/x \\\n    -tp 2\nINFO vllm serve is up --port 8000\n```\n",
        "```console\n(venv) me@host:~/x$ vllm serve Q/x -tp 2\n```\n",
        "# Run\n\nvllm serve Q/x \\\n  -tp 2\n\nAnd then?\n",
        "Run:\n\n    vllm serve Q/x --tensor-parallel-size=2 -tp 2\n\n".replace(
            "--tensor-parallel-size=2 ", ""
        ),
        "```bash\nvllm serve Q/x -tp 2\n",
    ],
)
def test_a_command_is_found_where_documents_put_it(read: Read, argv: Argv, document: str) -> None:
    if document.startswith("Run:"):
        document = document.replace(" -tp 2", " --seed 2")
        assert all_of(read(document, "README.md"), argv) == [["Q/x", "--seed", "2"]]
        return
    assert all_of(read(document, "README.md"), argv) == [["Q/x", "-tp", "2"]]


@pytest.mark.parametrize(
    "document",
    [
        "<!--\n```bash\nvllm serve Q/x\n```\n-->\n",
        "````md\n```bash\nvllm serve Q/x\n```\n````\n",
        "Use `vllm serve Q/x` for that.\n",
        "vllm serve reads `--port` and starts.\n",
        "```text\nThen vllm serve Q/x is started --port 80\n```\n",
        '```json\n{"command": "vllm serve Q/x"}\n```\n',
        "```yaml\nkey: [\n```\n",
    ],
)
def test_what_is_no_command_is_no_launch(read: Read, document: str) -> None:
    reading = read(document, "README.md")
    assert not reading.launches
    assert not reading.problems


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("vllm serve <model> -tp 2", ["?", "-tp", "2"]),
        ("vllm serve <org/model-name> --port <port>", ["?", "--port", "?"]),
        ("vllm serve MODEL --port PORT", ["?", "--port", "?"]),
        ("vllm serve Q/x --api-key YOUR_API_KEY", ["Q/x", "--api-key", "?"]),
        ("vllm serve Q/x ...", ["Q/x", "?"]),
        ("vllm serve $MODEL", ["?"]),
        ("vllm serve your-model-path -tp 2", ["?", "-tp", "2"]),
        ("vllm serve models/MODEL_7B", ["models/MODEL_7B"]),
    ],
)
def test_what_the_reader_is_to_fill_in_is_unknown(
    read: Read, argv: Argv, command: str, expected: list[str]
) -> None:
    assert all_of(read(f"```bash\n{command}\n```\n", "README.md"), argv) == [expected]


def test_blocks_know_nothing_of_each_other(read: Read, argv: Argv) -> None:
    document = "```bash\nexport MODEL=Q/x\n```\n```bash\nvllm serve $MODEL\n```\n"
    assert all_of(read(document, "README.md"), argv) == [["?"]]


def test_a_compose_file_in_a_document_is_an_excerpt(read: Read, argv: Argv) -> None:
    document = (
        "```yaml\nservices:\n  llm:\n    image: vllm/vllm-openai:v0.9.1\n    command: --model Q/x\n```\n"
        '```dockerfile\nFROM vllm/vllm-openai:v0.9.1\nCMD ["--model", "Q/y"]\n```\n'
    )
    reading = read(document, "README.md", {".env": "X=1\n"})
    assert all_of(reading, argv) == [["--model", "Q/x"], ["--model", "Q/y"]]
    assert all(launch.container is None for launch in reading.launches)


@given(st.text(alphabet="`~>- \n\tab1.", max_size=40))
def test_any_document_parts_into_blocks_with_their_places(text: str) -> None:
    for block in fenced_blocks(Word.verbatim(text, "m", 0)):
        for run in block.text.runs:
            if run.verbatim:
                read_as = block.text.text[run.start : run.start + run.length]
                assert text[run.source.start : run.source.end] == read_as


def test_a_long_document_takes_no_long(read: Read) -> None:
    document = "> - `" * 20_000 + "\n```bash\nvllm serve Q/x\n```\n" * 300
    start = time.process_time()
    assert len(read(document, "README.md").launches) == 300
    assert time.process_time() - start < 10


@pytest.mark.parametrize("language", ["angular2html", "bash-session", "plaintext", "cmd", "none"])
def test_a_fence_in_a_language_that_is_none_may_hold_commands(read: Read, argv: Argv, language: str) -> None:
    text = f"# vLLM\n```{language}\nvllm serve Q/x --port 80\n```\n"
    assert all_of(read(text, "README.md"), argv) == [["Q/x", "--port", "80"]]


@pytest.mark.parametrize("language", ["python", "json", "diff", "js"])
def test_a_fence_in_another_language_holds_none(read: Read, language: str) -> None:
    assert read(f"```{language}\nvllm serve Q/x\n```\n", "README.md").launches == ()


def test_a_fence_of_yaml_may_hold_the_command_that_applies_it(read: Read, argv: Argv) -> None:
    text = (
        '=== "Yaml"\n\n    ```yaml\n    kubectl apply -f - <<EOF\n'
        "    apiVersion: serving.kserve.io/v1beta1\n    kind: InferenceService\n    metadata: {name: chat}\n"
        "    spec:\n      predictor:\n        model:\n          modelFormat: {name: huggingface}\n"
        "          args: [--model_id=Q/x]\n"
        "          resources: {limits: {nvidia.com/gpu: 1}}\n    EOF\n    ```\n"
    )
    [words] = all_of(read(text, "README.md"), argv)
    assert any(word.endswith("Q/x") for word in words)


@pytest.mark.parametrize("indent", ["", "   "])
def test_an_engine_in_a_block_of_python_is_read_with_its_places(read: Read, argv: Argv, indent: str) -> None:
    first = "```python\nfrom vllm import LLM, SamplingParams\n```\n"
    code = "```py\nmodel = 'Q/x'\nengine = LLM(model, tensor_parallel_size=2, quantization=<method>)\n```\n"
    second = "".join(f"{indent}{line}\n" for line in code.replace("<method>", "'awq'").splitlines())
    document = f"# Use\n\n{first}\nThen:\n\n{second}"
    [launch] = read(document, "README.md").launches
    assert argv(launch) == ["Q/x", "--tensor-parallel-size", "2", "--quantization", "awq"]
    assert [document[word.site.start : word.site.end] for word in launch.argv] == [
        "Q/x", "tensor_parallel_size", "2", "quantization", "awq",
    ]  # fmt: skip
    assert document[launch.extent.start : launch.extent.end].startswith("LLM(model")
    assert not read(f"{first}{code}", "README.md").launches


def test_what_a_reader_fills_into_a_block_of_python_is_not_known(read: Read, argv: Argv) -> None:
    document = "```python\nfrom vllm import LLM\nLLM(model='YOUR_MODEL', dtype='<dtype>')\n```\n"
    assert all_of(read(document, "README.md"), argv) == [["?", "--dtype", "?"]]


def test_a_manifest_in_a_block_of_no_language_is_read(read: Read, argv: Argv) -> None:
    manifest = (
        "# chat.yaml\napiVersion: v1\nkind: Pod\nmetadata: {name: chat}\nspec:\n  containers:\n"
        "  - {name: a, image: 'vllm/vllm-openai:v0.10.0', args: [--model, Q/x]}\n"
    )
    assert all_of(read(f"Apply:\n\n```\n{manifest}```\n", "README.md"), argv) == [["--model", "Q/x"]]


def test_services_that_are_shown_alone_are_read_as_compose_has_them(read: Read, argv: Argv) -> None:
    service = (
        "  chat:\n    image: vllm/vllm-openai:v0.10.0\n    restart: always\n"
        "    command: ['--model', '${MODEL:-Q/x}']\n    deploy: {resources: {reservations: "
        "{devices: [{driver: nvidia, count: 2, capabilities: [gpu]}]}}}\n"
    )
    [launch] = read(f"Add:\n\n```yaml\n{service}```\n", "README.md").launches
    assert argv(launch) == ["--model", "Q/x"]
    assert isinstance(launch.hardware.gpu_count, Located) and launch.hardware.gpu_count.value == 2


@pytest.mark.parametrize(
    "block",
    [
        "```dockerfile\nFROM vllm/vllm-openai:v1\nENTRYPOINT vllm serve Q/x --api-key <KEY>\nUSER me\n```\n",
        "```bash\nvllm serve Q/x --api-key <KEY>\necho\n```\n",
        "```ini\n[Service]\nExecStart=/usr/bin/vllm serve Q/x --api-key <KEY>\nRestart=always\n```\n",
    ],
)
def test_what_the_reader_fills_in_at_the_end_of_a_line_stays_a_word(
    read: Read, argv: Argv, block: str
) -> None:
    [launch] = read(block, "README.md").launches
    assert argv(launch) == ["Q/x", "--api-key", "?"]
