"""Write cases for the real vLLM from the table of builds, to record them anew.

    python scripts/tables/build_cases_again.py tests/models/data/builds.jsonl [NAME ...] > CASES.jsonl

Each layout of each model, or of those named, is a case; `scripts/tables/builds.py` takes the answers. A
config with an `auto_map` gets a class beside it, as its checkpoint has one: it takes whatever is written, and
makes parts of known types by their own classes. Some multimodal classes ask for a tokenizer even so; what
they build does not depend on what it says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = Path(__file__).parents[2] / "schemas/vllint_schemas/data/remote_configs.json"
PARTS = (
    "text_config",
    "vision_config",
    "llm_config",
    "audio_config",
    "language_config",
    "projector_config",
    "vit_config",
)
CLASS = '''
from transformers import AutoConfig, PretrainedConfig


class Block(dict):
    """A block of layers, the attributes of which are the keys of an object."""

    def __init__(self, written):
        nested = {{key: Block(one) for key, one in written.items() if isinstance(one, dict)}}
        super().__init__({{**written, **nested}})

    def __getattr__(self, name):
        if name not in self:
            raise AttributeError(name)
        return self[name]


def part(written):
    try:
        return AutoConfig.for_model(**written) if written.get("model_type") else PretrainedConfig(**written)
    except Exception:
        return PretrainedConfig(**written)


class RemoteConfig(PretrainedConfig):
    model_type = {model_type!r}
    attribute_map = {names!r}

    def __init__(self, **written):
        for key in {parts!r}:
            if isinstance(written.get(key), dict):
                written[key] = part(written[key])
        blocks = written.pop("block_configs", None)
        super().__init__(**written)
        if blocks is not None:
            self.block_configs = [Block(block) for block in blocks]

    def get_text_config(self, *arguments, **options):
        for key in ("text_config", "llm_config", "language_config"):
            if hasattr(self, key):
                return getattr(self, key)
        return self
'''
CARD = {"gpus": 8, "gpu_name": "NVIDIA H100 80GB HBM3", "gpu_mem_gib": 5000}


def main(builds: Path, wanted: set[str]) -> None:
    """Print the cases, one to a line."""
    for row in map(json.loads, builds.read_text(encoding="utf-8").splitlines()):
        if not wanted or row["id"] in wanted:
            for case in cases(row):
                print(json.dumps(case, separators=(",", ":")))


def cases(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a model's cases, one a layout."""
    config = row["config"]
    files = (
        {"files": {"model/configuration_remote.py": written_class(config)}} if "auto_map" in config else {}
    )
    for build in row["builds"]:
        argv = [row["id"], *build["arguments"], "--skip-tokenizer-init"]
        name = " ".join([row["id"], *build["arguments"]])
        yield {"id": name, "argv": argv, "config": config, "build": True, **files, **CARD}


def written_class(config: dict[str, Any]) -> str:
    """Return the class that stands in for the checkpoint's own."""
    kind = str(config.get("model_type"))
    known = json.loads(NAMES.read_text(encoding="utf-8")).get(kind, {})
    return CLASS.format(model_type=kind, names=known.get("names", {}), parts=PARTS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
