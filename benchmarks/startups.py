"""Compares vllint's memory estimate with recorded start-ups of the real vLLM.

    python benchmarks/startups.py [SHARED] [--leave-out] [--list]

SHARED (default `../shared` beside the repository, or VLLINT_SHARED) holds `data/startups-dev.jsonl` and
`data/peer-cases-dev.jsonl`. Prints, against the goals, how far off the weights, the KV pool and the bytes per
token are, by release and by card, which share lies in the bands and how wide these are, and what vllint says
of recorded failures and successes. The constants are fitted to these rows: with `--leave-out` each family of
models is judged by constants that have not seen it, which is the figure to quote. Start-ups collected later
(`startups_later.jsonl`), to which none was fitted, are a table of their own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from recorded_startups import StartUp, later_startups, startups

from vllint.memory.budget import free_for_kv
from vllint.memory.constants import forget_table
from vllint.memory.estimate import estimate_memory, known_card
from vllint.release_order import version_key
from vllint.tables import FACTS
from vllint_schemas import GIB, Band, Located, MemoryEstimate, RankMemory, Unknown

SHARED = Path(os.environ.get("VLLINT_SHARED", Path(__file__).parents[2] / "shared"))

RANGES = (
    ("before 0.8", (0,)),
    ("0.8 to 0.16", (0, 8)),
    ("0.17 to 0.20", (0, 17)),
    ("0.21 and later", (0, 21)),
)

ENVIRONMENT = frozenset({"free_memory_low", "free_memory_below_requested"})
"""Failures because others held the card: no launch file says so."""

OTHER_RULES = frozenset(
    {
        "heads_not_divisible",
        "gpus_insufficient",
        "quant_block_not_divisible",
        "world_size_exceeds_gpus",
        "max_model_len_gt_derived",
    }
)
"""Failures that are no matter of memory."""

OTHER_DETAILS = (
    "log stops",
    "log ends",
    "bf16",
    "hang",
    "max_model_len_over_native",
    "mamba",
    "shared GPU",
    "cause",
)
"""Of outcome `other`: what is no matter of memory, not known, or MEM018's."""


EXPLAINED = {
    "T0159": "no release is stated, the newest is assumed: older ones fed longer videos while profiling",
    "T0377": "its log builds the model by the Transformers backend, which no release of the model does",
}
"""Why vllint's verdict differs from the log's."""


CONTRADICTORY = {
    "T0388": "35.65 GiB is the least of the logged ranks, the tokens are those of another's 35.74 GiB",
}
"""Start-ups whose logs give bytes and tokens that do not belong together."""


FAR_OFF = {
    "T0002": "1.79 GiB beside PyTorch's own are logged on one card, where the others say 0.23",
    "T0422": "the sampler took 10 bytes a logit as in its author's other logs, where most say 36",
    "T0006": "the first engine encoded a picture for each sequence: 0.265 GiB by arithmetic, 0.286 logged",
    "L021": "0.38 GiB of weights that the name does not tell; videos encoded on a card of no logs",
    "L034": "1.32 GiB of weights that the name does not tell; a picture encoded on a card of no logs",
    "L035": "1.32 GiB of weights that the name does not tell",
    "T0418": "the log's name says cards of different nodes; what NCCL holds between these no other log says",
}
"""Why the KV pool of a start-up that says every option is more than a GiB off."""


class Judged(NamedTuple):
    """A start-up and vllint's estimate of its first and its fullest rank."""

    of: StartUp
    estimate: MemoryEstimate | Unknown

    @property
    def rank(self) -> RankMemory | None:
        """The rank that logs show: the first stage's."""
        return None if isinstance(self.estimate, Unknown) else self.estimate.ranks[0]


def judged(held: Iterable[StartUp]) -> Iterator[Judged]:
    """Yield every start-up whose model is known, with vllint's estimate."""
    for one in held:
        if one.model is None or one.parallel is None:
            continue
        card = Unknown("the log names no card") if one.gpu is None else known_card(Located(one.gpu))
        yield Judged(one, estimate_memory(one.model, one.parallel, one.args, card, not one.states_version))


class Error(NamedTuple):
    """A figure in GiB: logged, estimated, and whether the logged one lies in the band."""

    of: StartUp
    logged: float
    found: Band

    @property
    def off(self) -> float:
        """How far off the estimate is."""
        return self.found.mid - self.logged

    @property
    def within(self) -> bool:
        """Whether the band holds the logged figure; logs round to a hundredth."""
        return self.found.low - 0.006 <= self.logged <= self.found.high + 0.006


def in_gib(band: Band) -> Band:
    """Return a band of bytes in GiB."""
    return Band(*(bound / GIB for bound in band))


def weight_errors(rows: Iterable[Judged]) -> list[Error]:
    """Return the weights that are logged and counted."""
    return [
        Error(one.of, one.of.weights, in_gib(one.rank.weights))
        for one in rows
        if one.of.weights and one.rank is not None and one.of.outcome == "ok"
    ]


def pool_errors(rows: Iterable[Judged], given_weights: bool = False) -> list[Error]:
    """Return the KV pools; with `given_weights` the logged weights take the place of vllint's."""
    found: list[Error] = []
    for one in rows:
        rank = one.rank
        if rank is None or one.of.kv is None or one.of.outcome != "ok" or isinstance(rank.kv, Unknown):
            continue
        if not one.of.states_version or isinstance(rank.budget, Unknown):
            continue
        band = in_gib(rank.kv)
        if given_weights:
            if one.of.weights is None:
                continue
            parts = (rank.activations, rank.non_torch, rank.cuda_graphs)
            weights = Band(*(one.of.weights * GIB,) * 3)
            known = [part for part in parts if not isinstance(part, Unknown)]
            band = in_gib(free_for_kv(rank.budget, (weights, *known)))
        found.append(Error(one.of, one.of.kv, band))
    return found


def token_errors(rows: Iterable[Judged]) -> list[Error]:
    """Return KV bytes per token, in KiB, as vLLM of the release means them."""
    found: list[Error] = []
    for one in rows:
        rank, held = one.rank, one.of
        if held.parallel is None or held.parallel.pipeline > 1:
            # The log is of the first rank, its number of tokens of the rank with the least room.
            continue
        if held.id in CONTRADICTORY:
            continue
        if rank is None or isinstance(rank.kv_needed, Unknown) or isinstance(one.estimate, Unknown):
            continue
        if (
            not held.kv
            or held.kv < 0.5
            or not held.concurrency
            or isinstance(one.estimate.max_model_len, Unknown)
        ):
            continue
        logged = held.kv * GIB / (held.concurrency * one.estimate.max_model_len)
        value = rank.kv_needed / one.estimate.max_model_len
        found.append(Error(held, logged / 1024, Band(*(value / 1024,) * 3)))
    return found


def is_near(error: Error) -> bool:
    """Whether bytes per token are within 0.2 %, and what the log's two rounded figures leave open."""
    rounding = 0.005 / (error.of.kv or 1) + 0.005 / (error.of.concurrency or 1)
    return abs(error.off) <= (0.002 + rounding) * error.logged


def line(name: str, errors: Sequence[Error], share: bool = False) -> str:
    """Return one row of a table: count, errors, bands."""
    if not errors:
        return f"{name:<34}{0:>5}"
    off = [abs(one.off) / (one.logged if share else 1) for one in errors]
    worst = max(errors, key=lambda one: abs(one.off) / (one.logged if share else 1))
    unit = 100 if share else 1
    inside = sum(one.within for one in errors) / len(errors)
    width = median(one.found.high - one.found.low for one in errors)
    shown = worst.off / (worst.logged if share else 1) * unit
    return (
        f"{name:<34}{len(errors):>5}{mean(off) * unit:>8.3f}{median(off) * unit:>8.3f}{shown:>+9.3f}"
        f"{inside:>9.0%}{width:>9.2f}  {worst.of.id}"
    )


HEADER = f"{'':<34}{'rows':>5}{'mean':>8}{'median':>8}{'worst':>9}{'in band':>9}{'width':>9}  worst row"


def release_range(one: StartUp) -> str:
    """Return the range of releases that a start-up is of."""
    return [name for name, since in RANGES if version_key(one.version) >= since][-1]


def pool_tables(rows: Sequence[Judged], listed: bool) -> Iterator[str]:
    """Yield the errors of the KV pool; with `listed` every row."""
    for title, given in (("weights by vllint", False), ("weights as logged", True)):
        errors = pool_errors(rows, given)
        full = [one for one in errors if one.of.complete]
        yield f"\nKV pool, GiB per GPU, {title} (goal: mean <= 0.15 where logs say all inputs; 90 % in band)"
        yield HEADER
        yield line("log says every option", full)
        yield line("  and the release (goal)", [one for one in full if one.of.names_release])
        yield line("  and only the engine (V0)", [one for one in full if not one.of.names_release])
        for error in full:
            if abs(error.off) > 1:
                yield f"    {error.of.id} {error.off:+.2f}: {FAR_OFF.get(error.of.id, 'NOT EXPLAINED')}"
        yield line("log leaves options open", [one for one in errors if not one.of.complete])
        for name, key in (("release", release_range), ("card", _card)):
            groups: dict[str, list[Error]] = defaultdict(list)
            for error in full:
                groups[key(error.of)].append(error)
            for group, held in sorted(groups.items()):
                yield line(f"  {name} {group}", held)
    if listed:
        yield from map(_pool_row, pool_errors(rows, given_weights=True))


def _pool_row(error: Error) -> str:
    low, mid, high = error.found
    return (
        f"  {error.of.id} {error.of.version} {_card(error.of)} complete={error.of.complete} "
        f"{error.logged:.2f} in {low:.2f} {mid:.2f} {high:.2f}{'' if error.within else ' OUT'}"
    )


def _card(one: StartUp) -> str:
    return "?" if one.gpu is None else one.gpu.name.partition("@")[0][:24]


def is_failure(one: StartUp) -> bool:
    """Whether a start-up failed for lack of memory that its options explain."""
    if one.outcome == "ok" or one.outcome in ENVIRONMENT | OTHER_RULES:
        return False
    unclear = not one.detail or any(part in one.detail for part in OTHER_DETAILS)
    return not (one.outcome == "other" and unclear)


def verdicts(rows: Sequence[Judged]) -> Iterator[str]:
    """Yield what vllint says of failures and successes, and each row that contradicts the log."""
    counts: dict[str, Counter[str]] = {"failure": Counter(), "success": Counter()}
    wrong: list[str] = []
    for one in rows:
        if one.of.outcome != "ok" and not is_failure(one.of):
            continue
        kind = "success" if one.of.outcome == "ok" else "failure"
        said = one.estimate if isinstance(one.estimate, Unknown) else one.estimate.verdict
        word = "unknown" if isinstance(said, Unknown) else str(said)
        counts[kind][word] += 1
        if (kind, word) in {("failure", "fits"), ("success", "does_not_fit")}:
            model = one.of.model.id if one.of.model else ""
            why = EXPLAINED.get(one.of.id, "NOT EXPLAINED")
            wrong.append(f"  {one.of.id} {kind} {one.of.outcome}, {one.of.version} {model}: {word}; {why}")
    yield "\nverdicts (goal: no failure `fits`, no success `does_not_fit`)"
    for kind, words in counts.items():
        yield f"{kind:<10}" + ", ".join(f"{word} {number}" for word, number in sorted(words.items()))
    yield from wrong


def left_out(folder: Path) -> list[Judged]:
    """Return every start-up, judged by constants fitted without its family."""
    found: list[Judged] = []
    script = Path(__file__).parents[1] / "scripts/tables/memory_overheads.py"
    for family in sorted({one.family for one in startups(folder)}):
        with TemporaryDirectory() as facts:
            target = str(Path(facts) / "memory_overheads.json")
            command = [sys.executable, str(script), str(folder), "--without", family, "--output", target]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            os.environ[FACTS] = facts
            forget_table()
            found += [one for one in judged(startups(folder)) if one.of.family == family]
            del os.environ[FACTS]
    forget_table()
    return found


def weight_table(rows: Sequence[Judged], listed: bool) -> Iterator[str]:
    """Yield the errors of the weights; with `listed` each that misses the goal."""
    weights = weight_errors(rows)
    plain = [one for one in weights if one.of.model and one.of.model.quantization is None]
    yield "\nweights per GPU, error in % (goal: 0.5)"
    yield HEADER
    yield line("unquantized", plain, share=True)
    yield line("quantized", [one for one in weights if one not in plain], share=True)
    for error in weights:
        if listed and abs(error.off) > 0.005 * error.logged:
            model = error.of.model.id if error.of.model else ""
            layout = f"tp {error.of.parallel.tensor}" if error.of.parallel else ""
            yield f"  {error.of.id} {model} {layout}: {error.logged:.3f} logged, {error.found.mid:.3f}"


def token_table(rows: Sequence[Judged], listed: bool) -> Iterator[str]:
    """Yield how many figures of KV bytes per token are met; with `listed` those that are not."""
    tokens = token_errors(rows)
    yield "\nKV bytes per token of a full request, within 0.2 % (goal: 98 %)"
    for name, held in (
        ("release stated", [one for one in tokens if one.of.states_version]),
        ("release not stated", [one for one in tokens if not one.of.states_version]),
    ):
        yield f"{name:<34}{sum(map(is_near, held)):>5} of {len(held)}"
    for row, why in CONTRADICTORY.items():
        yield f"  {row} is left out: {why}"
    for error in tokens:
        if listed and not is_near(error):
            model = error.of.model.id if error.of.model else ""
            found = f"{error.logged:.3f} logged, {error.found.mid:.3f} KiB"
            yield f"  {error.of.id} {error.of.version} {model}: {found}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("shared", type=Path, nargs="?", default=SHARED)
    parser.add_argument("--list", action="store_true", help="list every row of the KV pool")
    parser.add_argument("--leave-out", action="store_true", help="judge each family by a fit without it")
    options = parser.parse_args()
    rows = left_out(options.shared) if options.leave_out else list(judged(startups(options.shared)))
    later = list(judged(later_startups()))
    for held, what in ((rows, ""), (later, ", collected later: no constant was fitted to them")):
        print(f"{len(held)} start-ups with a known model{what}")
        for table in (weight_table, token_table, pool_tables):
            print(*table(held, options.list), sep="\n")
        print(*verdicts(held), "", sep="\n")


if __name__ == "__main__":
    main()
