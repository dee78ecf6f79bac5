"""Notebooks in, launches out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vllint import check_paths
from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]


def notebook(*cells: str, indent: int | None = 1, **metadata: object) -> str:
    """Return a notebook with these code cells, their lines as Jupyter writes them."""
    written = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(keepends=True)}
        for cell in cells
    ]
    return json.dumps({"cells": written, "metadata": metadata, "nbformat": 4}, indent=indent)


def test_commands_and_engines_of_all_cells_are_read(read: Read, argv: Argv) -> None:
    text = notebook(
        "!pip install -q vllm==0.9.1\nimport vllm",
        'MODEL = "Q/x"\nTP = 2\n!nohup vllm serve Q/y \\\n  --port 80 > log.txt &\n',
        "%%bash\nvllm serve Q/z -tp 4 &\n",
        "%%capture out\nllm = vllm.LLM(model=MODEL, tensor_parallel_size=TP,\n          dtype='half')",
    )
    launches = read(text, "serve.ipynb").launches
    assert [argv(launch) for launch in launches] == [
        ["Q/y", "--port", "80"],
        ["Q/z", "-tp", "4"],
        ["Q/x", "--tensor-parallel-size", "2", "--dtype", "half"],
    ]
    for launch in launches:
        assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.9.1"
        assert launch.together is None


def test_what_python_fills_in_and_what_is_no_code_is_not_known(read: Read, argv: Argv) -> None:
    text = notebook(
        "!vllm serve {model} --port 80",
        "files = !ls\n%matplotlib inline\nfrom vllm import LLM\nif True:\n    !echo hi\nllm = LLM('Q/x')",
        "this is no Python, and vllm serve Q/y starts nothing",
        "%%writefile notes.txt\nvllm serve Q/z",
    )
    assert [argv(launch) for launch in read(text, "a.ipynb").launches] == [["?", "--port", "80"], ["Q/x"]]


def test_prose_of_a_notebook_starts_nothing(read: Read) -> None:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": ["!vllm serve Q/x"]}]
    assert read(json.dumps({"cells": cells}), "a.ipynb").launches == ()


def test_colab_names_its_card(read: Read, gpu_count: Count) -> None:
    text = notebook("from vllm import LLM\nLLM('Q/x')", colab={"gpuType": "T4"}, accelerator="GPU")
    [launch] = read(text, "colab.ipynb").launches
    assert isinstance(launch.hardware.gpu, Located) and launch.hardware.gpu.value == "T4"
    assert gpu_count(launch) == 1


def test_a_finding_points_into_the_json_and_changes_nothing_there(
    tmp_path_factory: Any, monkeypatch: Any
) -> None:
    folder = tmp_path_factory.mktemp("notebook")
    text = notebook('print("ä")\n!vllm serve Qwen/Qwen2.5-7B-Instruct \\\n --tensor-parallel-size 3')
    (folder / "a.ipynb").write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    [finding] = [one for one in check_paths(["."]).to_dict()["findings"] if one["code"] == "PAR001"]
    assert text[finding["start"]["offset"] : finding["end"]["offset"]] == "3"
    assert not (finding["fix"] or {}).get("edits")


LINES = st.sampled_from(
    [
        "!vllm serve Q/x \\",
        "  --port 80",
        "%%bash",
        "x = [",
        "]",
        "if x:",
        "\t!vllm serve {m}",
        "'''",
        'ä\\n"',
        "from vllm import LLM",
        "LLM('Q/x')",
        "%pip install vllm==0.9.1",
        "",
    ]
)


@settings(deadline=None)
@given(st.lists(st.lists(LINES, max_size=4), max_size=4), st.sampled_from([None, 1]))
def test_any_cells_are_read_with_places_that_exist(cells: list[list[str]], indent: int | None) -> None:
    from tests.conftest import read_text

    read_text(notebook(*("\n".join(cell) for cell in cells), indent=indent), "any.ipynb")
