from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from vllint.cli.commands import vllint

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
    "num_hidden_layers": 2,
    "vocab_size": 100,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}


def safetensors(tensors: Mapping[str, tuple[str, list[int]]]) -> bytes:
    """Return a safetensors file of zeros: https://huggingface.co/docs/safetensors."""
    widths = {"BF16": 2, "F16": 2, "F32": 4, "F8_E4M3": 1, "I32": 4, "U8": 1}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start = end
        elements = 1
        for dimension in shape:
            elements *= dimension
        end += elements * widths[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + bytes(end)


def gguf(metadata: Mapping[str, Any], tensors: Mapping[str, list[int]] | None = None) -> bytes:
    """Return a GGUF file of version 3 without its tensors' bytes."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def value(item: Any) -> bytes:
        if isinstance(item, str):
            return struct.pack("<I", 8) + text(item)
        if isinstance(item, list) and isinstance(item[0], str):
            return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(text, item))
        if isinstance(item, list):
            return struct.pack("<IIQ", 9, 4, len(item)) + struct.pack(f"<{len(item)}I", *item)
        return struct.pack("<II", 4, item)

    sizes = tensors or {}
    content = b"GGUF" + struct.pack("<IQQ", 3, len(sizes), len(metadata))
    content += b"".join(text(key) + value(item) for key, item in metadata.items())
    for name, shape in sizes.items():
        content += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, 0)
    return content


def write_model(folder: Path, config: Mapping[str, Any] = LLAMA, **files: bytes | Mapping[str, Any]) -> Path:
    """Write a model's folder; `files` are named with `__` for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    named: dict[str, Any] = {"config.json": config, **{n.replace("__", "."): c for n, c in files.items()}}
    for name, content in named.items():
        written = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name).write_bytes(written)
    return folder


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, and the working directory."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def hf_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache."""
    folder = tmp_path / "hf" / "hub"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("VLLINT_CACHE_DIR", str(tmp_path / "vllint"))
    return folder


class ModelFiles(NamedTuple):
    """How to write what makes a model."""

    llama: dict[str, Any]
    safetensors: Callable[..., bytes]
    gguf: Callable[..., bytes]
    write: Callable[..., Path]


@pytest.fixture(scope="session")
def files() -> ModelFiles:
    """Return the writers of models' files."""
    return ModelFiles(LLAMA, safetensors, gguf, write_model)


@pytest.fixture
def run_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run `vllint check` in the working directory, with results kept in a folder of the test's own."""
    monkeypatch.setenv("VLLINT_CACHE_DIR", str(tmp_path / "vllint"))

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(vllint, ["check", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.output

    return run
