"""Compares what `vllint plan` proposes and what it calls refused with the real vLLM 0.33.0's verdict.

    python benchmarks/plans.py cases --configs VERDICTS/configs.jsonl > cases.jsonl
    ORACLE/.venv/bin/python ORACLE/oracle.py cases.jsonl --configs VERDICTS/configs.jsonl > results.jsonl
    python benchmarks/plans.py compare cases.jsonl results.jsonl

Every proposed command must be accepted, and every refused layout refused; what is neither is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from vllint.checking import Checker, Request
from vllint.cli.stated_model import model_sources
from vllint.plan.judging import CommandJudge, Judgement
from vllint.plan.machines import stated_machines
from vllint.plan.planning import Plan, plan
from vllint.plan.words import HEAD, layout_words
from vllint.plan.writing import commands
from vllint.settings import Settings
from vllint.statements import StatementError

LENGTH = "2048"


class Machine(NamedTuple):
    """Cards as vllint is told of them, and as the real vLLM sees them."""

    gpu: str
    nodes: int
    seen: dict[str, Any]


MACHINES = (
    Machine("H100:8", 1, {"gpus": 8}),
    Machine("H100:8", 2, {"gpus": 8}),
    Machine(
        "A100-80GB:4",
        1,
        {
            "gpus": 4,
            "gpu_name": "NVIDIA A100-SXM4-80GB",
            "gpu_mem_gib": 79.25,
            "capability": [8, 0],
            "sms": 108,
        },
    ),
    Machine(
        "L40S:4",
        1,
        {"gpus": 4, "gpu_name": "NVIDIA L40S", "gpu_mem_gib": 44.4, "capability": [8, 9], "sms": 142},
    ),
)


def cases(configs: Path, models: int, layouts: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield cases for the real vLLM: of some models on each machine the first layouts and others."""
    known = [json.loads(line) for line in configs.read_text(encoding="utf-8").splitlines()]
    chance = random.Random(seed)
    for config in chance.sample(known, min(models, len(known))):
        for machine in MACHINES:
            found = _planned(config, machine)
            if isinstance(found, str):
                print(f"{config['config_id']} on {machine.gpu}: {found}", file=sys.stderr)
                continue
            for number, (expected, argv) in enumerate(_commands(found, layouts, chance)):
                yield {
                    "id": f"{config['config_id']} {machine.nodes} x {machine.gpu} {number} {expected}",
                    "argv": argv,
                    "config_id": config["config_id"],
                    **machine.seen,
                    "build": machine.nodes == 1 or expected == "refused",
                    **({"mem": {}} if machine.nodes == 1 and expected == "fits" else {}),
                }


def _planned(config: dict[str, Any], machine: Machine) -> Plan | str:
    with TemporaryDirectory() as folder, chdir(folder):
        Path("config.json").write_text(json.dumps(config["config"]), encoding="utf-8")
        judge = CommandJudge(Checker(Request(settings=Settings())), model_sources(Path("config.json")))
        machines = stated_machines((machine.gpu,), machine.nodes, None)
        try:
            return plan(judge, ("org/model", "--max-model-len", LENGTH), machines, "throughput")
        except StatementError as error:
            return str(error)


def _commands(found: Plan, layouts: int, chance: random.Random) -> Iterator[tuple[str, list[str]]]:
    """Yield the best layout and some others that fit, then some that are refused, each as words."""
    fitting = [one for one in found.choices if one.judgement.verdict in {"fits", "unknown"}]
    others = chance.sample(fitting[1:], min(layouts, len(fitting[1:])))
    for choice in (*fitting[:1], *others):
        for command in commands(found, choice):
            words = shlex.split(command.replace(f'"${HEAD}"', "10.0.0.1"))
            yield choice.judgement.verdict, words
    refused = [one for one in found.others if one.verdict == "refused" and one.placement.nodes == 1]
    for judgement in chance.sample(refused, min(layouts, len(refused))):
        yield "refused", _refused(found, judgement)


def _refused(found: Plan, judgement: Judgement) -> list[str]:
    return ["vllm", "serve", *found.words, *layout_words(judgement.placement, found.base.args)]


def compare(cases_file: Path, results_file: Path) -> int:
    """Print how often the real vLLM agreed, and every case where it did not; return how many these are."""
    asked = {case["id"]: case for case in map(json.loads, cases_file.read_text().splitlines())}
    counts: Counter[str] = Counter()
    wrong = 0
    for result in map(json.loads, results_file.read_text().splitlines()):
        expected = result["id"].rpartition(" ")[2]
        if result.get("suspect") or result["stage"] == "crash":
            counts["not a verdict of vLLM"] += 1
            continue
        said = "accepted" if result["ok"] else "refused"
        counts[f"{expected}: {said}"] += 1
        if (expected == "refused") == bool(result["ok"]):
            wrong += 1
            command = shlex.join(asked[result["id"]]["argv"])
            print(f"{result['id']}\n  {command}\n  {str(result.get('error'))[:300]}")
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    made = verbs.add_parser("cases")
    made.add_argument("--configs", type=Path, required=True)
    made.add_argument("--models", type=int, default=40)
    made.add_argument("--layouts", type=int, default=2)
    made.add_argument("--seed", type=int, default=7)
    compared = verbs.add_parser("compare")
    compared.add_argument("cases", type=Path)
    compared.add_argument("results", type=Path)
    given = parser.parse_args(arguments)
    if given.verb == "compare":
        return 1 if compare(given.cases, given.results) else 0
    for case in cases(given.configs, given.models, given.layouts, given.seed):
        print(json.dumps(case))
    return 0


if __name__ == "__main__":
    sys.exit(main())
