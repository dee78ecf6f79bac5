"""Files of models that nobody vouches for: a clear message, soon, and in little memory."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint import check_command
from vllint.checkpoints.gguf import GgufHeader, gguf_header
from vllint.checkpoints.safetensors_header import Weights, safetensors_weights
from vllint.models.local import Folder, folder_facts
from vllint.models.lock import lock_of
from vllint.statements import StatementError
from vllint.text.source import SourceText
from vllint_schemas import ModelFacts, Unknown

MOST_SECONDS = 1.0
MOST_BYTES = 200e6
MEBI = 2**20


def headed(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def filled(part: bytes, length: int = 4 * MEBI - 64) -> bytes:
    """A JSON header that is all but too large."""
    return b'{"a":[' + part * (length // len(part) - 1) + part.rstrip(b",") + b"]}"


HOSTILE: dict[str, Callable[[], dict[str, bytes]]] = {
    "a header longer than the file": lambda: {"model.safetensors": (2**63).to_bytes(8, "little") + b"{}"},
    "a deep header": lambda: {"model.safetensors": headed(b"[" * (4 * MEBI - 64))},
    "a header of objects": lambda: {"model.safetensors": headed(filled(b"{},"))},
    "a header of numbers": lambda: {"model.safetensors": headed(filled(b"1.5,"))},
    "a header of long numbers": lambda: {"model.safetensors": headed(filled(b"9" * 4000 + b","))},
    "many such files": lambda: {f"m{n:03}.safetensors": headed(filled(b"{},", MEBI)) for n in range(400)},
    "many headers of tensors": lambda: {f"m{n:03}.safetensors": headed(tensors(MEBI)) for n in range(100)},
    "a deep config": lambda: {"config.json": b'{"model_type":' + b'{"a":' * 500000 + b"1" + b"}" * 500001},
    "a config of lists": lambda: {"config.json": filled(b"[],", MEBI - 64)},
    "a config of no objects": lambda: {"config.json": b"[1, 2]"},
    "a config that is cut off": lambda: {"config.json": b'{"model_type": "llama", "hidden_'},
    "a config of NaN": lambda: {"config.json": b'{"model_type": "llama", "hidden_size": NaN}'},
    "a config of bytes": lambda: {"config.json": bytes(range(256))},
    "GGUF of a billion tensors": lambda: {"x.gguf": b"GGUF" + struct.pack("<IQQ", 3, 10**9, 10**9)},
    "GGUF of a long array": lambda: {"x.gguf": gguf_array(9, 2**62)},
    "GGUF of nested arrays": lambda: {"x.gguf": gguf_array(9, 10**6)},
    "GGUF of empty texts": lambda: {"x.gguf": gguf_array(8, 999_999) + bytes(8 * 999_999)},
}


def tensors(length: int) -> bytes:
    one = '"t%06d.w":{"dtype":"U8","shape":[],"data_offsets":[0,0]},'
    count = length // len(one % 0)
    return ("{" + "".join(one % number for number in range(count)).rstrip(",") + "}").encode()


def gguf_array(kind: int, length: int) -> bytes:
    return b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, kind, length)


LOOK_UP = r"""
import json, re, time
from vllint.models.resolve import ModelSources, Reference, Surroundings, look_up
from vllint.neighbours import neighbour_of

around = Surroundings(neighbour_of("run.sh", {}), lambda path: path)
start = time.process_time()
found = look_up(Reference(TARGET), ModelSources(), around)
used = time.process_time() - start
peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) * 1024
print(json.dumps([used, peak, getattr(found, "reason", None)]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_takes_little_time_and_memory(repository: Path, files, name: str) -> None:
    folder = files.write(repository / "own")
    for file, content in HOSTILE[name]().items():
        (folder / file).write_bytes(content)
    target = "own/x.gguf" if (folder / "x.gguf").exists() else "own"
    code = f"TARGET = './{target}'\n{LOOK_UP}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, peak, reason = json.loads(done.stdout)
    assert seconds < MOST_SECONDS
    assert peak < MOST_BYTES
    if "config" in name and "NaN" not in name:
        assert reason is not None and "config.json" in reason


def test_links_in_a_circle_are_not_followed(repository: Path, files) -> None:
    folder = files.write(repository / "own")
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("other.json")
    (folder / "other.json").symlink_to("config.json")
    (repository / "loop").symlink_to("loop")
    start = time.monotonic()
    for target in ("own", "loop", "loop/config"):
        code = f"import vllint; vllint.check_command('vllm serve ./{target}')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 10


def test_a_pipe_is_not_waited_for(repository: Path, files) -> None:
    folder = files.write(repository / "own")
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    code = "import vllint; vllint.check_command('vllm serve ./own')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_safetensors_header_or_a_reason(content: bytes) -> None:
    for whole in (content, headed(content), headed(b"{" + content + b"}")):
        found = safetensors_weights(io.BytesIO(whole), len(whole))
        assert isinstance(found, (Weights, Unknown))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), st.fixed_dictionaries({
    "dtype": st.sampled_from(["BF16", "F4", "?", 1]), "shape": JSON, "data_offsets": JSON,
}) | JSON, max_size=4))  # fmt: skip
def test_any_json_is_a_safetensors_header_or_a_reason(header: dict[str, Any]) -> None:
    whole = headed(json.dumps(header).encode())
    assert isinstance(safetensors_weights(io.BytesIO(whole), len(whole)), (Weights, Unknown))


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_any_bytes_are_a_gguf_header_or_a_reason(rest: bytes, count: int, pairs: int) -> None:
    for numbers in ((count, pairs), (count % 3, pairs % 3)):
        whole = b"GGUF" + struct.pack("<IQQ", 3, *numbers) + rest
        assert isinstance(gguf_header(io.BytesIO(whole), len(whole)), (GgufHeader, Unknown))


KEYS = st.sampled_from(
    ["model_type", "architectures", "hidden_size", "num_hidden_layers", "quantization_config", "text_config",
     "sliding_window", "moe", "yarn", "multimodal", "vision_encoder", "quantization", "n_layers", "dim"]
)  # fmt: skip
FILES = st.dictionaries(
    st.sampled_from(
        ["config.json", "params.json", "adapter_config.json", "hf_quant_config.json", "vllint-weights.json"]
    ),
    (st.dictionaries(KEYS, JSON | st.sampled_from(["llama", "mistral", "mixtral"]), max_size=6) | JSON).map(
        json.dumps
    )
    | st.text(max_size=30),
)


@given(FILES)
@settings(max_examples=300)
def test_any_files_are_a_model_or_a_reason(texts: dict[str, str]) -> None:
    def read(name: str) -> SourceText | None:
        return SourceText(name, texts[name]) if name in texts else None

    found = folder_facts("m", Folder("m", frozenset(texts), read), "local")
    assert isinstance(found, (ModelFacts, Unknown))


ENTRIES = st.dictionaries(
    st.sampled_from(["config", "facts", "weights", "gated", "sha"]),
    JSON
    | st.dictionaries(st.sampled_from([*ModelFacts._fields]), JSON, max_size=4)
    | st.dictionaries(st.sampled_from(["bytes", "dtypes", "components", "model_type"]), JSON, max_size=4),
)


@given(st.dictionaries(st.sampled_from(["version", "models", "unresolved"]), JSON) | st.fixed_dictionaries(
    {"version": st.just(1), "models": st.fixed_dictionaries({"a/x": ENTRIES | JSON})}
))  # fmt: skip
@settings(max_examples=300)
def test_any_lock_is_a_lock_or_a_message(content: dict[str, Any]) -> None:
    try:
        lock = lock_of(SourceText("vllint.lock.json", json.dumps(content)))
    except StatementError as error:
        assert "vllint.lock.json" in str(error)
        return
    assert isinstance(lock.find("a/x", None), (ModelFacts, Unknown, type(None)))


SIZES = (
    "hidden_size", "num_attention_heads", "num_key_value_heads", "num_hidden_layers", "vocab_size",
    "head_dim", "layer_types", "rope_scaling", "sliding_window", "num_experts", "text_config",
    "vision_config", "quantization_config", "architectures", "tie_word_embeddings",
)  # fmt: skip
CONFIGS: tuple[dict[str, Any], ...] = tuple(
    {
        "model_type": model_type,
        "architectures": [architecture],
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_attention_heads": 32,
        "num_hidden_layers": 36,
        "vocab_size": 151936,
        **more,
    }
    for model_type, architecture, more in (
        ("llama", "LlamaForCausalLM", {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}),
        ("qwen3_moe", "Qwen3MoeForCausalLM", {"num_experts": 128, "moe_intermediate_size": 768}),
        ("deepseek_v3", "DeepseekV3ForCausalLM", {"kv_lora_rank": 512, "n_routed_experts": 256}),
        ("qwen3_next", "Qwen3NextForCausalLM", {"linear_num_value_heads": 32, "layer_types": []}),
        ("nemotron_h", "NemotronHForCausalLM", {"hybrid_override_pattern": "M-M*" * 9}),
        ("gemma3", "Gemma3ForConditionalGeneration", {"text_config": {}, "vision_config": {}}),
        ("qwen3_vl", "Qwen3VLForConditionalGeneration", {"text_config": {}, "vision_config": {"depth": 27}}),
    )
)
QUANTIZED: tuple[dict[str, Any], ...] = (
    {"quant_method": "fp8", "weight_block_size": [128, 128]},
    {"quant_method": "awq", "bits": 4, "group_size": 128},
    {
        "quant_method": "compressed-tensors",
        "config_groups": {"g": {"weights": {}, "targets": ["x"] * 70_000}},
    },
)
HOSTILE_VALUES = (
    None, True, 0, 1, -1, 32768, 2**31, 10**18, 10**400, 0.5, float("nan"), float("inf"), "", "8", "x" * 1000,
    [], [1], [None] * 50, ["sliding_attention"] * 70_000, {}, {"a": {"b": 1}}, {"rope_type": 1}, [10**9] * 4,
)  # fmt: skip


@given(
    st.sampled_from(CONFIGS),
    st.sampled_from([None, *QUANTIZED]),
    st.dictionaries(
        st.sampled_from(SIZES), st.sampled_from(HOSTILE_VALUES), min_size=1, max_size=4
    ),
    st.sampled_from(["text_config", "vision_config", ""]),
    st.sampled_from(["-tp 3", "-tp 8 -pp 7", "--hf-overrides.num_hidden_layers 7"]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_any_config_is_judged_soon(
    config: dict[str, Any], how: dict[str, Any] | None, odd: dict[str, Any], part: str, options: str
) -> None:
    inner = {**config.get(part, {}), **odd}
    hostile = {**config, "quantization_config": how, **({part: inner} if part else odd)}
    start = time.process_time()
    report = check_command(f"vllm serve acme/x {options}", model_config=hostile, gpu="H100", gpu_count=8)
    report.to_dict()
    assert time.process_time() - start < MOST_SECONDS
