"""Writes schemas/vllint_schemas/data/attention_backends.json: which attention backends vLLM takes where.

    PYTHON_WITH_VLLM scripts/tables/attention_backends.py [--oracle ../shared/oracle]

Asks the backends' own classes (`v1/attention/backends/`), once for each compute capability and in a
process of its own, with the GPU's identity faked by the oracle's `vllm_fakegpu`. Needs the vLLM of the table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

TABLE = Path(__file__).parents[2] / "schemas" / "vllint_schemas" / "data" / "attention_backends.json"
CAPABILITIES = ("7.0", "7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "10.3", "12.0", "12.1")
HEAD_SIZES = (32, 40, 48, 56, 64, 72, 80, 96, 112, 120, 128, 144, 160, 192, 256, 512, 576)
DTYPES = ("float16", "bfloat16", "float32")
BLOCK_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Tokens in a block. A backend takes the multiples of what it takes of these."""
ELSEWHERE = ("ROCM", "XPU", "CPU", "TORCH_SDPA", "CUSTOM", "NO_ATTENTION", "HPC", "AMX")
"""Backends of other devices."""
OPEN = ("QUANT", "OCTAVE", "B12X", "DIFFKV")
"""Backends that depend on a cache's own format, on another package, or on the model's two head sizes."""


def main() -> None:
    """Write the table, or answer for a single card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oracle", type=Path, default=Path(__file__).parents[3] / "shared" / "oracle")
    parser.add_argument("--capability")
    options = parser.parse_args()
    if options.capability:
        _answer(options.oracle, options.capability)
        return
    found = {capability: _run(options.oracle, capability) for capability in CAPABILITIES}
    table = {
        "release": found["8.0"]["release"],
        "source": "platforms/cuda.py:443",
        "head_sizes": HEAD_SIZES,
        "elsewhere": found["8.0"]["elsewhere"],
        "capabilities": {capability: rows["kinds"] for capability, rows in found.items()},
    }
    TABLE.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")


def _run(oracle: Path, capability: str) -> dict[str, Any]:
    """Ask in a new process: vLLM remembers the card that it saw first."""
    command = [sys.executable, __file__, "--oracle", str(oracle), "--capability", capability]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return rows


def _answer(oracle: Path, capability: str) -> None:
    """Print what the backends say of a card, faked before vLLM is imported; the oracle moves the output."""
    sys.path.insert(0, str(oracle))
    sys.argv = sys.argv[:1]
    fake: Any = import_module("vllm_fakegpu")
    major, minor = map(int, capability.split("."))
    fake.set_gpu(cap=(major, minor), name=f"NVIDIA sm{major}{minor}")
    started: Any = import_module("oracle")
    vllm, config = import_module("vllm"), import_module("vllm.config")

    with started.oracle_build.CudaToMeta(), config.set_current_vllm_config(config.VllmConfig()):
        card = import_module("vllm.platforms.interface").DeviceCapability(major, minor)
        kinds = {
            kind: {
                "automatic": _automatic(card, kind != "plain", kind == "sparse"),
                "backends": _backends(card, kind != "plain", kind == "sparse"),
            }
            for kind in ("plain", "latent", "sparse")
        }
    answer = {"release": vllm.__version__, "kinds": kinds, "elsewhere": _unregistered()}
    print(json.dumps(answer), file=started._real_stdout)


def _unregistered() -> list[str]:
    """Return the names that stand for no class until a plug-in registers one."""
    registry = import_module("vllm.v1.attention.backends.registry")
    return sorted(
        {backend.name for backend in registry.AttentionBackendEnum if not backend.value} - {"CUSTOM"}
    )


def _automatic(card: Any, latent: bool, sparse: bool) -> dict[str, list[str]]:
    """Return what vLLM tries by itself, in order, by KV cache: `auto`, and an FP8 one."""
    priorities = import_module("vllm.platforms.cuda")._get_backend_priorities
    size = 576 if latent else 128
    return {
        dtype: [
            backend.name
            for backend in priorities(latent, card, 128, dtype, head_size=size)
            if backend.get_class().is_sparse() is sparse and not any(part in backend.name for part in OPEN)
        ]
        for dtype in ("auto", "fp8")
    }


def _backends(card: Any, latent: bool, sparse: bool) -> dict[str, dict[str, Any]]:
    """Return for each backend that takes such attention at all the sizes and types that it takes."""
    registry = import_module("vllm.v1.attention.backends.registry")
    found: dict[str, dict[str, Any]] = {}
    for backend in registry.AttentionBackendEnum:
        if any(part in backend.name for part in (*ELSEWHERE, *OPEN)) or not backend.value.startswith(
            "vllm.v1."
        ):
            continue
        size = 576 if latent else 128
        reasons = [
            _reasons(backend, card, size, dtype, cache, latent, sparse)
            for dtype, cache in (("bfloat16", "auto"), ("bfloat16", "fp8"), ("float16", "auto"))
        ]
        lasting = [one for one in reasons[0] if all(one in others for others in reasons)]
        if any(one not in ("dtype not supported", "kv_cache_dtype not supported") for one in lasting):
            continue
        cache = "auto" if not reasons[0] else "fp8"
        found[backend.name] = _taken(backend, card, size, cache, latent, sparse)
    return found


def _taken(backend: Any, card: Any, size: int, cache: str, latent: bool, sparse: bool) -> dict[str, Any]:
    cache_types = get_args(import_module("vllm.config.cache").CacheDType)
    return {
        "head_sizes": [
            one for one in HEAD_SIZES if not _reasons(backend, card, one, "bfloat16", cache, latent, sparse)
        ],
        "dtypes": [one for one in DTYPES if not _reasons(backend, card, size, one, cache, latent, sparse)],
        "kv_cache_dtypes": [
            one for one in cache_types if not _reasons(backend, card, size, "bfloat16", one, latent, sparse)
        ],
        "block_sizes": [
            one
            for one in BLOCK_SIZES
            if not _reasons(backend, card, size, "bfloat16", cache, latent, sparse, block_size=one)
        ],
        "sinks": not _reasons(backend, card, size, "bfloat16", cache, latent, sparse, has_sink=True),
    }


def _reasons(
    backend: Any,
    card: Any,
    size: int,
    dtype: str,
    cache: str,
    latent: bool,
    sparse: bool,
    block_size: int | None = None,
    has_sink: bool = False,
) -> list[str]:
    try:
        reasons: list[str] = backend.get_class().validate_configuration(
            device_capability=card,
            head_size=size,
            dtype=getattr(import_module("torch"), dtype),
            kv_cache_dtype=cache,
            block_size=block_size,
            use_mla=latent,
            has_sink=has_sink,
            use_sparse=sparse,
            use_mm_prefix=False,
            use_per_head_quant_scales=False,
            attn_type="decoder",
        )
    except (ImportError, OSError) as error:
        return [f"{type(error).__name__}: {error}"]
    return reasons


if __name__ == "__main__":
    main()
