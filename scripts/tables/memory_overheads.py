"""Fit the constants of vLLM's memory overheads to recorded start-ups, and write their table.

    python scripts/tables/memory_overheads.py [SHARED] [--without FAMILY] [--output FILE]

Writes `schemas/vllint_schemas/data/memory_overheads.json`, or FILE. SHARED (default `../shared` beside the
repository, or VLLINT_SHARED) holds `data/startups-dev.jsonl` and `data/peer-cases-dev.jsonl`. Prints
each fit's residuals and, family by family, how far off a fit without that family is. Rows without points are
guesses, wide on purpose. The laws behind the constants are in `linter/vllint/memory/activations.py` and
`budget.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import linear_regression, mean, median
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from dummy_items import DUMMY_ITEMS, DUMMY_VIDEOS  # noqa: E402
from recorded_points import Point, between, layer_peak, points, rest_of  # noqa: E402
from recorded_startups import StartUp, startups  # noqa: E402

from vllint.memory.constants import card_kind  # noqa: E402
from vllint.memory.graphs import captured_graphs  # noqa: E402
from vllint.memory.pooling import pools  # noqa: E402
from vllint.release_order import version_key  # noqa: E402

TARGET = ROOT / "schemas/vllint_schemas/data/memory_overheads.json"
SHARED = Path(os.environ.get("VLLINT_SHARED", ROOT.parent / "shared"))

LOGS = "start-up logs of shared/data"
CAMPAIGN = "llm-d-planner PR 205: vLLM 0.19.0 on H100-80GB"


def row(name: str, band: Sequence[float], unit: str, source: str, **more: Any) -> dict[str, Any]:
    """Return a row of the table."""
    held = {"since": "0", "until": None, "cards": "any", "ranks": (1, 4096), "points": 0, "spread": None}
    low, mid, high = (round(bound, 4) for bound in band)
    return {
        "name": name,
        **held,
        "low": low,
        "mid": mid,
        "high": high,
        "unit": unit,
        "source": source,
        **more,
    }


def sampler_points(found: Iterable[Point], since: str, until: str | None) -> list[Point]:
    """Return the start-ups of a range in which the sampler sets the peak: one stage, dense text models."""
    return [
        one
        for one in found
        if one.of.activation is not None
        and between(one, since, until)
        and one.parallel.pipeline == 1
        and one.limits.max_num_seqs >= 256
        and one.model.multimodal is False
        and one.of.states_version
        and layer_peak(one, 4.2) < one.of.activation * 0.8
    ]


def fit_sampler(found: Sequence[Point]) -> tuple[float, float]:
    """Return bytes per logit beside the logits themselves, and what is left over in GiB."""
    line = linear_regression([one.logits for one in found], [rest_of(one) for one in found])
    return line.slope, line.intercept


def leave_one_out(found: Sequence[Point], name: str, off: Callable[[Sequence[Point], Point], float]) -> None:
    """Print the errors of fits that have not seen the family."""
    print(f"{name}: {len(found)} points")
    errors: list[float] = []
    for family in sorted({one.of.family for one in found}):
        rest = [one for one in found if one.of.family != family]
        if len({one.logits for one in rest}) < 2:
            continue
        missed = [off(rest, one) for one in found if one.of.family == family]
        errors += missed
        print(
            f"  without {family:<10} {len(missed):>3} points, mean |error| {mean(map(abs, missed)):.3f} GiB"
        )
    if errors:
        worst = max(errors, key=abs)
        print(f"  all families left out: mean |error| {mean(map(abs, errors)):.3f}, worst {worst:+.3f} GiB")


def sampler_rows(found: list[Point]) -> list[dict[str, Any]]:
    """Fit the sampler before and since 0.17."""
    new, old = sampler_points(found, "0.17", None), sampler_points(found, "0.9.1", "0.17")

    def off(rest: Sequence[Point], one: Point) -> float:
        slope, left = fit_sampler(rest)
        return slope * one.logits + left - rest_of(one)

    leave_one_out(new, "sampler, 0.17 and later", off)
    leave_one_out(old, "sampler, 0.9.1 to 0.16", off)
    slope, left = fit_sampler(new)
    residuals = [slope * one.logits + left - rest_of(one) for one in new]
    print(f"  {slope:.2f} B beside the logits, {left:.3f} GiB left; residuals {_shown(residuals)}")
    settled = [(rest_of(one) - left) / one.logits for one in new]
    held_for = {"since": "0.17", "until": "0.30", **_counted(settled)}
    guess = "a guess: no start-up of the second runner"
    return [
        _old_sampler_row(found, old, left),
        row(
            "sampler_bytes",
            (min(settled), slope, max(settled)),
            "B",
            f"{CAMPAIGN}; least squares",
            **held_for,
        ),
        row("sampler_bytes", (6, slope, 34), "B", guess, since="0.30"),
        row("activation_rest", (left - 0.1, left, left + 0.12), "GiB", CAMPAIGN, **_counted(residuals)),
    ]


def _old_sampler_row(found: list[Point], old: list[Point], left: float) -> dict[str, Any]:
    """Return the sampler's bytes before 0.17; whole overheads widen the band, as some hold far less."""
    each = [(rest_of(one) - left) / one.logits for one in old]
    implied = [_implied(one, left) for one in found if _shows_sampler(one)]
    print(f"  before 0.17: {_shown(each)} B; from overheads {_shown(implied)} B")
    band = (min(each + implied), median(each), max(each + implied))
    return row("sampler_bytes", band, "B", LOGS, until="0.17", **_counted(each))


def _counted(values: Sequence[float]) -> dict[str, Any]:
    return {"points": len(values), "spread": round(max(values) - min(values), 3)}


def _shows_sampler(one: Point) -> bool:
    """Whether the overheads of a start-up before 0.17 are little else than the sampler's."""
    return (
        one.overhead is not None
        and between(one, "0.9.1", "0.17")
        and one.limits.max_num_seqs >= 256
        and (one.parallel.tensor == 1 or (card_kind(one.gpu) == "other" and one.parallel.tensor <= 4))
        and not pools(one.model, one.of.args)
        and one.of.complete
        and card_kind(one.gpu) != "unified"
    )


def _implied(one: Point, left: float) -> float:
    return ((one.overhead or 0.0) - 0.13 - left - one.states) / one.logits - one.element


def layer_row(found: list[Point]) -> dict[str, Any]:
    """Fit how many hidden states a layer holds beside its MLP's three: where the layers set the peak."""
    each: list[float] = []
    for one in found:
        if one.of.activation is None or one.model.num_experts != 0 or one.model.multimodal is not False:
            continue
        sampled = 0.0
        if one.parallel.pipeline == 1:
            sampled = (14.5 if between(one, "0.17", None) else 39.0) * one.logits + one.states
        if layer_peak(one, 4.2) > sampled * 1.05 and one.states > 0.02:
            logged = one.of.activation - 0.04 - layer_peak(one, 0.0)
            each.append(logged / one.states)
            print(f"  {one.of.id} {one.of.version} {one.model.id}: {each[-1]:.2f} states")
    return row(
        "layer_states",
        (min(each), median(each), max(each)),
        "hidden states",
        LOGS,
        points=len(each),
        spread=round(max(each) - min(each), 3),
    )


LIBRARIES = (
    ("0", "0.8", "any", (1, 1)),
    ("0", "0.8", "any", (2, 2)),
    ("0", "0.8", "any", (3, 4096)),
    ("0.8", "0.17", "hopper", (1, 1)),
    ("0.8", "0.17", "hopper", (2, 2)),
    ("0.8", "0.17", "hopper", (5, 4096)),
    ("0.8", "0.17", "other", (1, 1)),
    ("0.17", None, "hopper", (1, 1)),
    ("0.17", None, "hopper", (2, 4096)),
)
"""Release, card and ranks of which there are logs."""


def library_rows(found: list[Point], first: list[float]) -> list[dict[str, Any]]:
    """Return what stands beside PyTorch's own memory, group by group; `first` is of one rank."""
    rows = []
    for since, until, cards, ranks in LIBRARIES:
        held = first if until == "0.8" and ranks == (1, 1) else _of_group(found, since, until, cards, ranks)
        print(f"libraries {since}..{until or ''} {cards} {ranks[0]}-{ranks[1]} ranks: {_shown(held)} GiB")
        if not held:
            continue
        thin = 0.15 if len(held) < 5 else 0.03
        # Of the first engine's several ranks one machine's logs tell, whose cards NVLink may join or not.
        least = 0.0 if until == "0.8" and ranks[0] > 1 else max(0.0, min(held) - thin)
        band = (least, median(held), max(held) + thin)
        spread = round(max(held) - min(held), 3)
        held_for = {"since": since, "until": until, "cards": cards, "ranks": ranks}
        rows.append(row("non_torch", band, "GiB", LOGS, **held_for, points=len(held), spread=spread))
    shared = row("non_torch", (0.2, 1.5, 8.0), "GiB", "GB10 logs: 1.0 to 8.3, others count", cards="unified")
    guesses = [row("non_torch", band, "GiB", "a guess, no log tells", **more) for band, more in GUESSED]
    return [shared, *rows, *guesses]


GUESSED: tuple[tuple[tuple[float, float, float], dict[str, Any]], ...] = (
    ((0.2, 0.8, 2.3), {"since": "0.8", "until": "0.17", "cards": "hopper", "ranks": (3, 4)}),
    ((0.0, 0.1, 0.5), {"since": "0.17", "cards": "other", "ranks": (1, 1)}),
    ((0.0, 0.3, 1.6), {"since": "0.8", "cards": "other"}),
    ((0.05, 0.3, 0.9), {"since": "0.8", "ranks": (1, 1)}),
    ((0.2, 1.6, 3.2), {}),
)
"""GiB beside PyTorch's own of releases, cards and ranks of which there are no logs."""


def _of_group(
    found: list[Point], since: str, until: str | None, cards: str, ranks: tuple[int, int]
) -> list[float]:
    return [
        value
        for one in found
        if between(one, since, until)
        and cards in {"any", card_kind(one.gpu)}
        and card_kind(one.gpu) != "unified"
        and ranks[0] <= one.parallel.tensor <= ranks[1]
        and (one.parallel.pipeline == 1 or until == "0.8")
        for value in _libraries(one)
    ]


def first_engine_libraries(held: Iterable[StartUp]) -> list[float]:
    """Return what the first engine logged of libraries on one card, whatever the model."""
    return [
        one.non_torch
        for one in held
        if one.non_torch is not None
        and 0 <= one.non_torch < 4
        and one.states_version
        and version_key(one.version) < (0, 8)
        and one.parallel is not None
        and one.parallel.gpus_per_replica == 1
    ]


def _libraries(one: Point) -> list[float]:
    if one.of.non_torch is not None:
        return [one.of.non_torch] if 0 <= one.of.non_torch < 4 else []
    if one.overhead is None or not one.of.complete or one.model.multimodal or one.limits.max_num_seqs < 256:
        return []
    new = between(one, "0.17", None)
    if new and one.model.num_experts:
        return []
    left = one.overhead - (14.5 if new else 38.0) * one.logits - one.states - 0.05
    return [left] if left > 0 and not pools(one.model, one.of.args) else []


def graph_rows(found: list[Point]) -> list[dict[str, Any]]:
    """Fit vLLM's own estimate of its graphs: a fixed part and one for each layer."""
    held = [one for one in found if one.of.graphs is not None and card_kind(one.gpu) == "hopper"]
    layers = [(one.model.num_hidden_layers or 0) / one.parallel.pipeline for one in held]
    line = linear_regression(layers, [one.of.graphs or 0 for one in held])
    off = sorted(
        (one.of.graphs or 0) - line.slope * each - line.intercept
        for one, each in zip(held, layers, strict=True)
    )
    print(f"graphs: {line.intercept:.3f} + {line.slope:.4f} a layer; residuals {_shown(off)}")
    low, high = off[len(off) // 20], off[-1 - len(off) // 20]
    wide = "a guess: estimates of 0.1 to 5.0 GiB are logged on other cards"
    few = "a guess: eight logs of other or unnamed cards say 0.26 to 1.59 GiB, but one 3.65"
    return [
        row(
            "graphs_fixed",
            (line.intercept + low, line.intercept, line.intercept + high),
            "GiB",
            CAMPAIGN,
            cards="hopper",
            points=len(held),
            spread=round(off[-1] - off[0], 3),
        ),
        row("graphs_per_layer", (line.slope,) * 3, "GiB", CAMPAIGN, cards="hopper", points=len(held)),
        row("graphs_fixed", (0.0, line.intercept, 1.0), "GiB", few, cards="other"),
        row("graphs_per_layer", (0.0, line.slope, 1.3 * line.slope), "GiB", few, cards="other"),
        row("graphs_fixed", (0.0, line.intercept, 1.5), "GiB", wide),
        row("graphs_per_layer", (0.0, line.slope, 2 * line.slope), "GiB", wide),
    ]


def exchanged_rows(found: list[Point], fixed: float, slope: float) -> list[dict[str, Any]]:
    """Return what graphs take beyond that line where several ranks exchange results within them."""
    held = [
        one.of.taken - fixed - slope * _layers(one) * captured_graphs(one.of.args, one.gpu, one.limits)
        for one in found
        if one.of.taken is not None
        and one.of.taken > 0
        and one.parallel.tensor > 2
        and version_key(one.of.version) < (0, 20)
    ]
    print(f"exchanged in graphs, 3 ranks or more: {_shown(held)} GiB")
    most = {"ranks": (3, 4096), "points": len(held)}
    band = (0.0, median(held), max(held)) if held else (0.0, 1.0, 2.0)
    return [
        row("graphs_exchanged", (0.0, 0.0, 0.3), "GiB", "within the estimates' band", ranks=(1, 2)),
        row("graphs_exchanged", band, "GiB", f"{LOGS}: what capturing took", **most),
    ]


def _layers(one: Point) -> float:
    return (one.model.num_hidden_layers or 0) / one.parallel.pipeline


def context_rows(found: list[Point]) -> list[dict[str, Any]]:
    """Return what is taken of a card before vLLM's share is counted."""
    rows = []
    for least, most in ((1, 1), (2, 4096)):
        held = [
            one.of.outside
            for one in found
            if one.of.outside is not None
            and least <= one.parallel.tensor * one.parallel.pipeline <= most
            and card_kind(one.gpu) != "unified"
        ]
        print(f"context, {least}-{most} ranks: {_shown(held)} GiB")
        rows.append(
            row(
                "context",
                (min(held), median(held), max(held)),
                "GiB",
                LOGS,
                ranks=(least, most),
                points=len(held),
                spread=round(max(held) - min(held), 3),
            )
        )
    return rows


def _shown(values: Sequence[float]) -> str:
    if not values:
        return "none"
    return f"{min(values):.3f}..{median(values):.3f}..{max(values):.3f} ({len(values)})"


def table(found: list[Point], first: list[float]) -> list[dict[str, Any]]:
    """Return all rows, those that hold for less before the others of their name."""
    kept = f"{CAMPAIGN}: DeepSeek-V2-Lite, Mixtral"
    graphs = graph_rows(found)
    return [
        *sampler_rows(found),
        layer_row(found),
        *library_rows(found, first),
        *graphs,
        *exchanged_rows(found, graphs[0]["mid"], graphs[1]["mid"]),
        *context_rows(found),
        row(
            "expert_workspace_kept", (0, 0, 1), "share", "too little beside the sampler to tell", until="0.17"
        ),
        row("expert_workspace_kept", (0, 1, 1.2), "share", kept, since="0.17", points=2),
        row("vision_factor", (0.4, 1.0, 2.2), "factor", f"{LOGS}: pictures of Qwen3.5 and Qwen3.6", points=4),
    ]


def main() -> None:
    """Fit, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("shared", type=Path, nargs="?", default=SHARED)
    parser.add_argument("--without", help="a family of models to leave out")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args()
    held = [one for one in startups(options.shared) if one.family != options.without]
    rows = table(points(held), first_engine_libraries(held))
    lines = ",\n".join(json.dumps(one) for one in rows)
    items = ",\n".join(f"{json.dumps(name)}: {json.dumps(sizes)}" for name, sizes in DUMMY_ITEMS.items())
    videos = json.dumps(DUMMY_VIDEOS)
    text = f'{{"dummy_items": {{\n{items}}},\n"dummy_videos": {videos},\n"constants": [\n{lines}\n]}}\n'
    options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
