"""Messages name an option as the file does that sets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vllint import check_paths
from vllint_schemas import Finding

MODEL = "Qwen/Qwen2.5-7B-Instruct"


def found(folder: Path, files: dict[str, str]) -> dict[str, Finding]:
    """Return the findings about the files by their codes, on four cards."""
    for name, text in files.items():
        (folder / name).write_text(text)
    paths = [folder / name for name in files]
    return {one.code: one for one in check_paths(paths).findings}


def test_a_call_has_arguments_and_their_values_are_pythons(tmp_path: Path) -> None:
    said = found(
        tmp_path,
        {
            "a.py": f"""\
from vllm import LLM
# vllint: gpu=A10G:4
LLM("{MODEL}", max_num_batched_tokens=64, max_num_seqs=128, max_modellen=9, trust_remote_code=True,
    tensor_parallel_size=3, guided_decoding_backend="xgrammar")
"""
        },
    )
    assert said["FLG001"].message == "vLLM 0.33.0 has no argument `max_modellen`"
    assert said["FLG001"].help == "did you mean `max_model_len`?"
    assert said["FLG001"].evidence.source.startswith("engine/arg_utils.py")
    assert said["SCH005"].help == "raise `max_num_batched_tokens` to 128 or more, or lower `max_num_seqs`"
    assert said["SEC005"].help.endswith('`revision="COMMIT"`')
    assert said["PAR001"].fix is not None
    assert said["PAR001"].fix.title.startswith("use `tensor_parallel_size=4`")
    assert said["FLG002"].help.startswith('write `structured_outputs_config={"backend": ...}`')


def test_a_command_in_a_program_keeps_its_words(tmp_path: Path) -> None:
    said = found(
        tmp_path,
        {
            "a.py": f"""\
import subprocess
subprocess.run(["vllm", "serve", "{MODEL}", "--max-num-batched-tokens", "64", "--max-num-seqs", "128"])
"""
        },
    )
    assert said["SCH005"].help == "raise `--max-num-batched-tokens` to 128 or more, or lower `--max-num-seqs`"


@pytest.mark.parametrize("joint", "-_")
def test_a_config_file_has_keys_also_for_what_it_does_not_set(tmp_path: Path, joint: str) -> None:
    keys = "max-num-batched-tokens: 64\nmax-num-seqs: 128\nmax-modellen: 9\ntrust-remote-code: true\n"
    config = f"model: {MODEL}\n{keys.replace('-', joint)}"
    said = found(tmp_path, {"run.sh": "vllm serve --config c.yaml\n", "c.yaml": config})
    assert said["FLG001"].message.endswith(f"`max{joint}modellen`")
    assert said["FLG001"].help == f"did you mean `max{joint}model{joint}len`?"
    assert said["SCH005"].help.startswith(f"raise `max{joint}num{joint}batched{joint}tokens` to")
    assert said["SCH005"].help.endswith(f"or lower `max{joint}num{joint}seqs`")
    assert said["SEC005"].help.endswith("`revision: COMMIT`")


def test_values_of_a_chart_have_its_keys_and_words_beside_them_keep_theirs(tmp_path: Path) -> None:
    said = found(
        tmp_path,
        {
            "values.yaml": f"""\
servingEngineSpec:
  modelSpec:
  - name: a
    repository: vllm/vllm-openai
    tag: v0.22.1
    modelURL: {MODEL}
    requestGPU: 4
    vllmConfig:
      tensorParallelSize: 3
      maxNumSeqs: 128
      extraArgs: ["--max-num-batched-tokens", "64"]
"""
        },
    )
    assert said["SCH005"].help == "raise `--max-num-batched-tokens` to 128 or more, or lower `maxNumSeqs`"
    assert said["PAR001"].fix is not None
    assert said["PAR001"].fix.title.startswith("use `tensorParallelSize: 4`")


def test_the_fields_of_an_endpoint_are_named_where_it_has_them(tmp_path: Path) -> None:
    said = found(
        tmp_path,
        {
            "endpoint.yaml": f"""\
compute: {{accelerator: gpu, instanceType: nvidia-a10g, instanceSize: x4}}
model:
  repository: {MODEL}
  framework: custom
  image: {{vLLM: {{url: "vllm/vllm-openai:v0.22.1", port: 8000, tensorParallelSize: 3}}}}
"""
        },
    )
    assert said["PAR001"].fix is not None
    assert said["PAR001"].fix.title.startswith("use `tensorParallelSize: 1` `dataParallelSize: 4`")


def test_a_call_takes_no_abbreviations_and_no_units(tmp_path: Path) -> None:
    program = f'from vllm import LLM\nLLM("{MODEL}", max_model_len="8k", tensor_parallel=2)\n'
    said = found(tmp_path, {"a.py": program})
    assert set(said) == {"FLG001", "FLG011"}
    assert said["FLG001"].help == "did you mean `tensor_parallel_size`?"
    assert said["FLG011"].message.startswith("`max_model_len` does not take `8k`")


def test_an_abbreviated_key_is_named_as_it_stands_and_as_it_should(tmp_path: Path) -> None:
    config = f"model: {MODEL}\nmax-num-seq: 12\n"
    said = found(tmp_path, {"run.sh": "vllm serve --config c.yaml\n", "c.yaml": config})
    assert said["FLG006"].message.startswith("`max-num-seq` is `max-num-seqs` cut short")
