"""Write the table of what vLLM's options ask of each other.

    python scripts/tables/option_requirements.py --vllm-source PATH/OF/vllm --release 0.33.0

The records in `replica_requirements.py` and the like, beside this script, are read off vLLM's source by
people. The script finds the line of each in a release's source, by the words that stand there once, and fails
where they are gone or stand there twice. Writes `schemas/vllint_schemas/data/option_requirements.json`.
`linter/vllint/vllm/option_requirements.py` says what the fields and terms mean; tests replay a bad and a good
command of every record, which the real vLLM judged.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from engine_requirements import ENGINE
from expert_requirements import EXPERTS
from model_requirements import DRAFTS, KERNELS, MODELS, TRANSFER
from replica_requirements import REPLICAS
from server_requirements import SERVER

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/option_requirements.json"


def main() -> None:
    """Write the table from the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write what options ask of each other.")
    parser.add_argument("--vllm-source", type=Path, required=True, help="the package's folder of a release")
    parser.add_argument("--release", required=True, help="which release that is")
    given = parser.parse_args()
    TARGET.write_text(text(given.vllm_source, given.release), encoding="utf-8")


def text(vllm: Path, release: str) -> str:
    """Return the table as it stands in the file."""
    records = (*REPLICAS, *EXPERTS, *SERVER, *ENGINE, *MODELS, *KERNELS, *DRAFTS, *TRANSFER)
    lines = [f"  {json.dumps(_record(vllm, record))}" for record in records]
    return f'{{\n "release": "{release}",\n "requirements": [\n' + ",\n".join(lines) + "\n ]\n}\n"


def _record(vllm: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Put the place of a check in the source instead of the words that stand there."""
    file, words = record["file"], record["words"]
    lines = (vllm / file).read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, 1) if words in line]
    if len(found) != 1:
        raise ValueError(f"{file} has {words!r} on lines {found}: a record needs one place")
    rest = {name: value for name, value in record.items() if name not in {"file", "words"} and value}
    return {**rest, "source": f"{file}:{found[0]}"}


if __name__ == "__main__":
    main()
