"""What an accepted launch means otherwise in another release: defaults that moved, checks that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from vllint.facts import LaunchFacts
from vllint.release_order import version_key
from vllint.vllm.options import nearest, option_table
from vllint_schemas import Located, Unknown

_GIB = 1024**3


class Behaviour(NamedTuple):
    """Something that vLLM does from the release `since` on and did not before, and whom it concerns."""

    since: str
    source: str
    before: str
    after: str
    concerns: Callable[[LaunchFacts], bool]


def _captures_graphs(facts: LaunchFacts) -> bool:
    given = facts.args.given
    return given("enforce_eager") is None and given("kv_cache_memory_bytes") is None


def _scales_positions(facts: LaunchFacts) -> bool:
    return any(
        (argument := facts.args.given(dest)) is not None
        and isinstance(argument.value, Located)
        and "yarn" in str(argument.value.value)
        for dest in ("hf_overrides", "rope_scaling")
    )


def _has_large_card(facts: LaunchFacts) -> bool:
    gpu = facts.hardware.gpu
    batch = facts.args.given("max_num_batched_tokens")
    return isinstance(gpu, Located) and gpu.value.memory_bytes >= 160 * _GIB and batch is None


def _has_windows(facts: LaunchFacts) -> bool:
    model = facts.maybe_model
    windows = None if isinstance(model, Unknown) else model.num_sliding_attention_layers
    return bool(windows) and facts.args.given("disable_sliding_window") is None


def _starts_by_image(facts: LaunchFacts) -> bool:
    return facts.launch.image_entry_point is not None


def _always(facts: LaunchFacts) -> bool:
    return True


BEHAVIOURS = (
    Behaviour(
        "0.8.0",
        "vLLM 0.8.0, release notes",
        "the V0 engine runs",
        "the V1 engine runs, with prefix caching and chunked prefill on",
        _always,
    ),
    Behaviour(
        "0.11.1",
        "docker/Dockerfile, ENTRYPOINT",
        "the image starts the api_server module, which takes the model as `--model` only",
        "the image starts `vllm serve`, which takes the model as its first word, too",
        _starts_by_image,
    ),
    Behaviour(
        "0.20.0",
        "envs.py, VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS",
        "CUDA graphs are captured on top of `--gpu-memory-utilization`",
        "CUDA graphs are counted within it, so that fewer tokens fit the KV cache",
        _captures_graphs,
    ),
    Behaviour(
        "0.26.0",
        "v1/kv_cache_interface.py, SlidingWindowSpec",
        "a request's sliding windows are charged for one step of `--max-num-batched-tokens`",
        "they are charged for each step scheduled ahead, too, so that long requests need more KV cache",
        _has_windows,
    ),
    Behaviour(
        "0.28.0",
        "engine/arg_utils.py, default batched tokens",
        "`--max-num-batched-tokens` is 8192 on this card when it is not given",
        "it is 16384, which takes more memory for activations",
        _has_large_card,
    ),
    Behaviour(
        "0.30.0",
        "config/model.py:2612",
        "YaRN's factor raises the longest `--max-model-len`",
        "it does not: the override must set `max_position_embeddings`, too",
        _scales_positions,
    ),
)
"""In the order of their releases."""


class Change(NamedTuple):
    """How a launch is understood in two releases, the earlier one's first."""

    what: str
    old: str
    new: str
    source: str


def changes(facts: LaunchFacts, origin: str, target: str) -> Iterator[Change]:
    """Yield what changes its meaning for a launch on the way from one release to another, either way."""
    yield from _defaults(facts, nearest(origin)[0], nearest(target)[0])
    low, high = sorted((version_key(origin), version_key(target)))
    upwards = version_key(target) == high
    for behaviour in BEHAVIOURS:
        if low < version_key(behaviour.since) <= high and behaviour.concerns(facts):
            old, new = (behaviour.before, behaviour.after)[:: 1 if upwards else -1]
            yield Change(f"since {behaviour.since}", old, new, behaviour.source)


def _defaults(facts: LaunchFacts, origin: str, target: str) -> Iterator[Change]:
    """Yield the options that the launch leaves to vLLM and whose default is another value."""
    old_defaults, new_table = option_table(origin).defaults, option_table(target)
    if facts.args.open_ended is not None:
        return
    for option in new_table.options:
        old, new = old_defaults.get(option.dest), new_table.defaults.get(option.dest)
        if old in _EMPTY or (new in _EMPTY and not isinstance(old, list)) or old == new:
            continue
        if option.positional or option.dest == "model" or facts.args.given(option.dest) is not None:
            continue
        source = f"the parsers of {origin} and {target}"
        yield Change(f"default of `{option.flag}`", f"`{old}`", f"`{new}`", source)


_EMPTY: tuple[object, ...] = (None, "", {}, False)
"""Defaults that leave the choice to vLLM."""
