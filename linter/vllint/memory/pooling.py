"""Whether a launch embeds or classifies, without sampling."""

from __future__ import annotations

from vllint.models.architectures import POOLING_SUFFIXES, pooling_kind
from vllint_schemas import EngineArgs, Located, ModelFacts

_CONVERSIONS = frozenset({"embed", "classify", "reward"})
_TASKS = frozenset({"embed", "embedding", "classify", "score", "reward"})


def pools(model: ModelFacts, args: EngineArgs) -> bool:
    """Whether vLLM runs the pooling runner: as asked, else as the architecture says.

    vLLM 0.33.0 `config/model.py`, `_get_default_runner_type`.
    """
    runner, convert, task = args.value("runner"), args.value("convert"), args.value("task")
    if isinstance(runner, Located) and runner.value in {"pooling", "generate"}:
        return str(runner.value) == "pooling"
    if isinstance(convert, Located) and convert.value in _CONVERSIONS:
        return True
    if isinstance(task, Located) and task.value in _TASKS:
        return True
    name = model.architecture or ""
    known = pooling_kind(name)
    return name.endswith(POOLING_SUFFIXES) if known is None else known
