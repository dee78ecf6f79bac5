"""The KV cache of one request, as vLLM's own grouping of layers charges it, stage by stage.

Follows `_get_kv_cache_groups_uniform_page_size` and `_max_memory_usage_bytes_from_groups` (vLLM 0.33.0
`v1/core/kv_cache_planning.py:416`, `:1253`).
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from vllint.memory.cache_groups import Group, Page, cache_groups
from vllint.memory.draft_cache import draft_pages
from vllint.memory.kv_pages import COMPRESSED, kind_of, layer_pages, states_per_request
from vllint.memory.pooling import pools
from vllint.memory.stages import layers_per_stage
from vllint.release_order import version_key
from vllint_schemas import EngineArgs, Gpu, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel


class StageCache(NamedTuple):
    """A stage's cache: what one block takes over all of its layers, and which groups take blocks.

    `in_flight` tokens are scheduled and not settled; an encoder takes as many as a step may hold, `encoded`.
    """

    block_bytes: float
    groups: tuple[Page, ...]
    in_flight: int | Unknown
    encoded: int | Unknown
    states: int
    context_ranks: int

    @property
    def state_block_bytes(self) -> float:
        """What a block takes where layers keep states; 0 where none does."""
        return self.block_bytes if any(page.kind == "state" for page in self.groups) else 0.0

    def request_bytes(self, length: int) -> float | Unknown:
        """Return what one request of `length` tokens needs."""
        total = 0
        for page in self.groups:
            blocks = self._blocks(page, length)
            if isinstance(blocks, Unknown):
                return blocks
            total += blocks
        return self.block_bytes * total

    def token_bytes(self, length: int | Unknown) -> float | Unknown:
        """Return what a token takes: of a single group wherever it stands, else in requests of `length`."""
        if len(self.groups) == 1 and self.groups[0].kind == "full":
            return self.block_bytes / self.groups[0].tokens / self.context_ranks
        if isinstance(length, Unknown):
            return length
        needed = self.request_bytes(length)
        return needed if isinstance(needed, Unknown) else needed / length

    def _blocks(self, page: Page, length: int) -> int | Unknown:
        kind = page.kind
        if kind == "state":
            return self.states
        if kind == "cross":
            return self.encoded if isinstance(self.encoded, Unknown) else ceil(self.encoded / page.tokens)
        if kind == "full":
            return ceil(ceil(length / self.context_ranks) / page.tokens)
        if isinstance(self.in_flight, Unknown):
            reach = page.window if kind == "chunked" else page.window - 1
            if length > reach:
                return self.in_flight
            kept = length
        elif kind == "chunked":
            return ceil(min(page.window + self.in_flight, length) / page.tokens)
        else:
            kept = min(page.window - 1 + self.in_flight, length)
        return ceil(kept / page.tokens) + (kind == "sliding")


def stage_caches(
    model: ModelFacts,
    parallel: Parallel,
    args: EngineArgs,
    gpu: Gpu | Unknown,
    batched_tokens: int | Unknown,
) -> tuple[StageCache, ...] | Unknown:
    """Return each pipeline stage's cache; `batched_tokens` is what one step may hold."""
    ranks = args.value("decode_context_parallel_size")
    if isinstance(ranks, Unknown):
        return ranks
    layers = layer_pages(model, parallel, args, gpu)
    if isinstance(layers, Unknown):
        return layers
    drafted = draft_pages(model, parallel, args, gpu, layers)
    groups = cache_groups((*layers, *drafted), packed=kind_of(model) in COMPRESSED)
    if isinstance(groups, Unknown) and drafted:
        groups = cache_groups(layers, packed=False)
    if isinstance(groups, Unknown):
        return groups
    in_flight = _in_flight(model, parallel, args, batched_tokens)
    context = ranks.value if isinstance(ranks.value, int) and ranks.value > 1 else 1
    states = states_per_request(model, args, gpu)
    stages: list[StageCache] = []
    start = 0
    counts = list(layers_per_stage(model.num_hidden_layers or 0, parallel.pipeline))
    counts[-1] += len(drafted)
    for count in counts:
        widest = max((_within(group, start, start + count) for group in groups), default=0.0)
        start += count
        # A group none of whose layers stand on the stage takes its blocks there all the same.
        held = tuple(group[0].page for group in groups) if widest else ()
        stages.append(StageCache(widest, held, in_flight, batched_tokens, states, context))
    return tuple(stages)


def _within(group: Group, start: int, stop: int) -> float:
    """Return the bytes of a block of the group's layers that stand on a stage."""
    return sum(cache.page.bytes for cache in group if start <= cache.place < stop)


_AHEAD_CHARGED_SINCE = (0, 26)
"""From here on windows are charged for the steps scheduled ahead of their results (vllm-project/vllm#47728).

Before they were charged for one step, although steps are scheduled ahead since 0.14.
"""

_RUNNER_V2_SINCE = (0, 30)


def _in_flight(
    model: ModelFacts, parallel: Parallel, args: EngineArgs, batched_tokens: int | Unknown
) -> int | Unknown:
    """Return how many tokens are scheduled and not settled yet (vLLM 0.33.0 `config/vllm.py:601`)."""
    release = version_key(args.vllm_version)
    if isinstance(batched_tokens, Unknown) or release < _AHEAD_CHARGED_SINCE:
        return batched_tokens
    asked = args.value("async_scheduling")
    if isinstance(asked, Unknown):
        return asked
    ahead = not pools(model, args) if asked.value is None else asked.value is True
    steps = parallel.pipeline
    if ahead and (release >= _RUNNER_V2_SINCE or steps == 1):
        steps += 1
    return steps * batched_tokens
