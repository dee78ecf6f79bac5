"""Write what the Hub says of models as lines of JSON: `python scripts/tables/models_of_hub.py [IDS]`.

IDS is a file with an id a line; without it the ids of the catalogue are asked for. The lines are sorted by id
and hold what `vllint models --check --against FILE` compares, with the commit that they are of. What the Hub
refuses is said on standard error. It needs huggingface_hub, and for gated models HF_TOKEN.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from vllint.models.catalogue import model_ids
from vllint.models.hub import Hub
from vllint.models.hub_requests import Budget
from vllint.models.local import folder_facts
from vllint_schemas import Unknown

SECONDS = 6 * 3600.0
_LEFT_OUT = frozenset({"tower", "built", "source"})


def rows(ids: Iterable[str], hub: Hub) -> Iterator[dict[str, object] | Unknown]:
    """Yield the facts of each model, without those that are not known, or why the Hub does not tell."""
    for model in sorted(set(ids), key=str.lower):
        found = hub.find(model, None)
        facts = found if isinstance(found, Unknown) else folder_facts(model, found.folder(model), "hub")
        if isinstance(found, Unknown) or isinstance(facts, Unknown):
            yield facts if isinstance(facts, Unknown) else Unknown(f"`{model}` is not known")
            continue
        known = {name: value for name, value in facts._asdict().items() if value is not None}
        yield {name: known[name] for name in known if name not in _LEFT_OUT} | {"sha": found.sha}


def main(arguments: list[str]) -> int:
    """Print the lines, and return 1 if a model is missing."""
    named = Path(arguments[0]).read_text(encoding="utf-8").split() if arguments else list(model_ids())
    missing = 0
    for row in rows(named, Hub(True, budget=Budget(SECONDS))):
        if isinstance(row, Unknown):
            missing += 1
            print(row.reason, file=sys.stderr)
        else:
            print(json.dumps(row, ensure_ascii=False, sort_keys=True))
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
