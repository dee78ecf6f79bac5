"""A plan as JSON's own types."""

from __future__ import annotations

from typing import Any

from vllint.plan.judging import Judgement
from vllint.plan.placements import describe
from vllint.plan.planning import Plan
from vllint.plan.ranking import Choice
from vllint.plan.shortage import remedies, shortage
from vllint.plan.writing import commands, price_of
from vllint_schemas import GIB, Band


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return all that is known of a plan; numbers of tokens and requests are one copy's."""
    lacking = None if plan.choices else shortage(plan)
    return {
        "version": 1,
        "model": {"id": plan.model, "source": plan.base.model.source},
        "vllm_version": {"value": plan.release, "source": plan.base.release.source},
        "machines": {
            "nodes": plan.machines.nodes,
            "gpus": [
                {"gpu": group.card.name, "count": group.gpu_count, "nvlink": group.card.nvlink}
                for group in plan.machines.groups
            ],
            "used_gib": plan.machines.used / GIB,
        },
        "goal": plan.goal,
        "max_model_len": plan.max_model_len,
        "layouts": [_choice(plan, choice) for choice in plan.choices],
        "refused": [_other(one) for one in plan.others],
        "shortage": None
        if lacking is None
        else {
            "layout": describe(lacking.judgement.placement),
            "missing_gib": lacking.missing / GIB,
            "what": lacking.what,
        },
        "remedies": [] if plan.choices else list(remedies(plan)),
    }


def _choice(plan: Plan, choice: Choice) -> dict[str, Any]:
    judgement = choice.judgement
    instance = price_of(choice)
    return {
        **_layout(judgement),
        "gpu": judgement.card.name,
        "gpus_idle": choice.idle,
        "verdict": judgement.verdict,
        "score": choice.score,
        "kv_tokens": _band(choice.kv_tokens),
        "max_concurrency": _band(choice.requests),
        "reasons": list(choice.reasons),
        "warnings": [{"code": one.code, "message": one.message} for one in judgement.warnings],
        "endpoint": None if instance is None else instance.name,
        "price_usd_hour": None if instance is None else instance.price_usd_hour,
        "commands": list(commands(plan, choice)),
    }


def _other(judgement: Judgement) -> dict[str, Any]:
    return {**_layout(judgement), "verdict": judgement.verdict, "reasons": list(judgement.obstacles)}


def _layout(judgement: Judgement) -> dict[str, Any]:
    layout = judgement.placement.layout
    return {
        "tensor": layout.tensor,
        "pipeline": layout.pipeline,
        "data": layout.data,
        "expert": layout.expert,
        "nodes": judgement.placement.nodes,
        "gpus_needed": layout.gpus_needed,
    }


def _band(band: Band | None) -> dict[str, float] | None:
    return None if band is None else {"low": band.low, "mid": band.mid, "high": band.high}
