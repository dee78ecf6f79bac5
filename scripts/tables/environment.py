"""Write the table of the environment variables that vLLM reads, by release.

    python scripts/tables/environment.py ../shared/data --vllm-source DIR --release 0.33.0
    python scripts/tables/environment.py --vllm-source DIR --release 0.34.0

The first form begins anew from `env_timeline.json` (the names in `vllm/envs.py` of each release's source
distribution); the second adds one release to the table that is there. Either reads `envs.py` of the
package's folder DIR, never importing it, for what that release makes of the texts it is given. Writes
`schemas/vllint_schemas/data/environment.json`: the releases, ascending, and for each variable what
`vllint.vllm.environment` describes; `in` is the first and the last release with it, by index. What came in
the place of variables that went is decided in `environment_successors.py`.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from environment_successors import SUCCESSORS

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/environment.json"
OPTIONS = TARGET.with_name("options.jsonl")

Record = dict[str, Any]
Table = dict[str, Any]

SINCE = {"VLLM_HOST_IP": "0.6.6", "VLLM_PORT": "0.6.6", "VLLM_RPC_BASE_PATH": "0.6.6"}
"""Variables that `env_timeline.json` has too late: the sources of 0.6.6 and 0.9.2 read them."""

CONVERTERS = {
    "int": "int",
    "float": "float",
    "maybe_convert_int": "int",
    "maybe_convert_bool": "switch",
    "maybe_convert_json_str_or_file": "json-or-file",
}
CHOOSERS = {
    "env_with_choices": "choice",
    "env_list_with_choices": "choices",
    "env_set_with_choices": "choices",
}
BY_FUNCTION: dict[str, Record] = {
    "get_vllm_port": {"kind": "int", "default": None},
    "disable_compile_cache": {"kind": "switch", "default": False},
    "use_aot_compile": {"kind": "words", "on": ["1"]},
    "use_mega_aot_artifact": {"kind": "words", "on": ["1"]},
}
"""What functions of their own in `envs.py` make of a variable's text."""

ELSEWHERE: dict[str, Record] = {
    "VLLM_LOGGING_LEVEL": {
        "kind": "choice",
        "choices": ["DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL", "NOTSET"],
        "any_case": True,
        "default": "INFO",
    },
}
"""What is made of texts outside of `envs.py`: by Python's `logging`, as `logger.py` configures it."""


def main() -> None:
    """Write the table from what the command line names."""
    parser = argparse.ArgumentParser(description="Write the table of vLLM's environment variables.")
    parser.add_argument("data", type=Path, nargs="?", help="folder that holds env_timeline.json")
    parser.add_argument("--vllm-source", type=Path, required=True, help="the package's folder of a release")
    parser.add_argument("--release", required=True, help="which release that is")
    options = parser.parse_args()
    given = text(options.data, options.vllm_source, options.release)
    TARGET.write_text(given, encoding="utf-8")


def text(data: Path | None, vllm: Path, release: str) -> str:
    """Return the table as it stands in the file."""
    base = json.loads(TARGET.read_text(encoding="utf-8")) if data is None else timeline(data)
    table = with_release(base, release, dict(variables(vllm)))
    lines = [f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in sorted(table["variables"].items())]
    head = f' "releases": {json.dumps(table["releases"])},\n "read_from": {json.dumps(table["read_from"])},\n'
    return f'{{\n{head} "variables": {{\n' + ",\n".join(lines) + "\n }\n}\n"


def timeline(data: Path) -> Table:
    """Return the releases and, for each variable, the first and the last with it."""
    source = json.loads((data / "env_timeline.json").read_text(encoding="utf-8"))
    releases = source["versions"]
    rows = {
        name: {"in": [releases.index(SINCE.get(name, row["first"])), releases.index(row["last"])]}
        for name, row in source["env"].items()
    }
    return {"releases": releases, "read_from": releases[-1], "variables": rows}


def with_release(base: Table, release: str, read: dict[str, Record]) -> Table:
    """Return the table with one release's variables as they were read; it may be newer than all others."""
    releases = base["releases"] if release in base["releases"] else [*base["releases"], release]
    here = releases.index(release)
    if here != len(releases) - 1:
        raise SystemExit(f"{release} is not the newest release; what newer ones know would be lost")
    rows: dict[str, Record] = {}
    for name in base["variables"].keys() | read.keys():
        old = base["variables"].get(name, {"in": [here, here]})
        first, last = old["in"]
        if name in read:
            row = {"in": [first, here], **read[name]}
        else:
            row = {**old, "in": [first, min(last, here - 1)]}
        rows[name] = row | ({"successor": _dated(SUCCESSORS[name])} if name in SUCCESSORS else {})
    unknown = SUCCESSORS.keys() - rows.keys()
    if unknown:
        raise SystemExit(f"environment_successors.py names variables that no release has: {sorted(unknown)}")
    return {"releases": releases, "read_from": release, "variables": rows}


def _dated(successor: Record) -> Record:
    """Add the first release that has the option, if one came in the variable's place."""
    if "flag" not in successor or "since" in successor:
        return successor
    option = successor["flag"].partition(".")[0]
    releases, spellings = (json.loads(line) for line in OPTIONS.read_text(encoding="utf-8").splitlines()[:2])
    return {**successor, "since": releases[spellings[option][0]]}


def variables(vllm: Path) -> Iterator[tuple[str, Record]]:
    """Yield each variable of a release with what its converter makes of the text."""
    tree = ast.parse((vllm / "envs.py").read_text(encoding="utf-8"))
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "environment_variables":
            table = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if not isinstance(table, ast.Dict):
                break
            for key, value in zip(table.keys, table.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield str(key.value), ELSEWHERE.get(str(key.value)) or _converted(value)
            return
    raise SystemExit(f"{vllm / 'envs.py'} has no environment_variables that can be read")


def _converted(value: ast.expr) -> Record:
    """Return what is made of the text: `kind`, `default`, and the texts that the kind tells apart."""
    if isinstance(value, ast.Name):
        return BY_FUNCTION.get(value.id, {"kind": "str"})
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in CHOOSERS:
        return _chosen(value)
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "deprecated_env":
        return {**_converted(value.args[-1]), "deprecated": _literal(value.args[2])}
    if not isinstance(value, ast.Lambda):
        return {"kind": "str"}
    body = value.body
    if isinstance(body, ast.IfExp) and "os.environ" in ast.unparse(body.test):
        return _unless_set(body)
    for reading in (_switch, _number, _compared):
        found = reading(body)
        if found is not None:
            return found
    return {"kind": "str", **_default(_lookup(body), lambda text: text)}


def _chosen(call: ast.Call) -> Record:
    kind = CHOOSERS[call.func.id] if isinstance(call.func, ast.Name) else "choice"
    names = ("env_name", "default", "choices", "case_sensitive")
    given = dict(zip(names, call.args, strict=False)) | {word.arg: word.value for word in call.keywords}
    folded = "case_sensitive" in given and _literal(given["case_sensitive"]) is False
    row: Record = {"kind": kind, "default": _literal(given["default"])}
    listed = _literal(given["choices"])
    row |= {"choices": listed} if isinstance(listed, list) else {}
    return row | ({"any_case": True} if folded else {})


def _unless_set(body: ast.IfExp) -> Record:
    """Return what `A if "X" in os.environ else B` makes of the text."""
    negated = "not in" in ast.unparse(body.test)
    present, absent = (body.orelse, body.body) if negated else (body.body, body.orelse)
    return {**_converted(ast.Lambda(_NO_ARGUMENTS, present)), "default": _literal(absent)}


_NO_ARGUMENTS = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])


def _switch(body: ast.expr) -> Record | None:
    """Read `bool(int(text))`: only whole numbers are understood."""
    if ast.unparse(body).startswith("bool(int("):
        return {"kind": "switch", **_default(_lookup(body), lambda text: bool(int(text)))}
    return None


def _number(body: ast.expr) -> Record | None:
    if isinstance(body, ast.IfExp):
        body = body.test
    calls = [
        node.func.id
        for node in ast.walk(body)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CONVERTERS
    ]
    if not calls:
        return None
    kind = CONVERTERS[calls[0]]
    read: Any = {"int": int, "float": float, "switch": lambda text: bool(int(text))}.get(kind, str)
    return {"kind": kind, **_default(_lookup(body), read)}


def _compared(body: ast.expr) -> Record | None:
    """Read comparisons with words: `in ("1", "true")` is on for them, `not in ("0",)` off."""
    if isinstance(body, ast.BoolOp):
        body = body.values[0]
    lookup = _lookup(body)
    if not isinstance(body, ast.Compare) or lookup is None:
        return None
    listed = _literal(body.comparators[0])
    words = [listed] if isinstance(listed, str) else list(listed)
    on = isinstance(body.ops[0], ast.In | ast.Eq)
    folded = ".lower()" in ast.unparse(body.left)
    row: Record = {"kind": "words", ("on" if on else "off"): words} | ({"any_case": True} if folded else {})
    return row | _default(lookup, lambda text: ((text.lower() if folded else text) in words) == on)


def _lookup(body: ast.expr) -> ast.Call | None:
    """Return the call that looks the variable up."""
    for node in ast.walk(body):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"os.getenv", "os.environ.get"}:
            return node
    return None


def _default(lookup: ast.Call | None, read: Any) -> Record:
    """Return the default, unless the release computes it."""
    if lookup is None:
        return {}
    if len(lookup.args) == 1:
        return {"default": None}
    found = _literal(lookup.args[1])
    if found is None and ast.unparse(lookup.args[1]) != "None":
        return {}
    return {"default": None if found is None else read(str(found))}


def _literal(node: ast.expr) -> Any:
    """Return what is written there: `None` also where that is not a literal or a product of literals."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "str":
        return _literal(node.args[0])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _literal(node.left), _literal(node.right)
        return None if left is None or right is None else left * right
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


if __name__ == "__main__":
    main()
