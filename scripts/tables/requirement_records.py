"""How records say what vLLM 0.33.0's options ask of each other, as people read it off its source.

`words` stand on the line of the check in `file`, and nowhere else in it. What the keys of one configuration
object ask of each other is in `config_checks.py`.
"""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]

CLI = "entrypoints/common/cli_args.py"
SERVE = "entrypoints/cli/serve.py"
ARGS = "engine/arg_utils.py"
SUPERVISOR = "entrypoints/launchers/dp_supervisor.py"
PARALLEL = "config/parallel.py"
WHOLE = "config/vllm.py"

READ = "0.33.0"
"""The release whose source was read: what earlier ones do is not known, where a record does not say it."""

STAGES = {CLI: "validate", SUPERVISOR: "validate"}
"""Where the checks of a file run; those of others when the configuration is made."""

DOORS = {CLI: "server", SUPERVISOR: "server", SERVE: "serve"}
"""Which of vLLM's front doors run the checks of a file: `serve` is `vllm serve` alone."""


def needs(option: str, *others: str, at: tuple[str, str], **more: Any) -> Record:
    """Return that `option` is refused unless one of `others` holds."""
    return _record("needs", {"option": option, "needs": list(others)}, at, more)


def excludes(one: str, other: str, *, at: tuple[str, str], **more: Any) -> Record:
    """Return that both together are refused; a fix takes `other` out."""
    return _record("excludes", {"option": one, "other": other}, at, more)


def number(option: str, relation: str, limit: str | int, *, at: tuple[str, str], **more: Any) -> Record:
    """Return that a number is refused unless it is `at_least`, `below` ... another one."""
    return _record("number", {"option": option, "relation": relation, "limit": limit}, at, more)


def _record(kind: str, what: Record, at: tuple[str, str], more: Record) -> Record:
    file, words = at
    record = {"kind": kind, **what, "file": file, "words": words}
    record["stage"] = STAGES.get(file, "config")
    record["door"] = DOORS.get(file, "")
    record["since"] = READ
    return record | more
