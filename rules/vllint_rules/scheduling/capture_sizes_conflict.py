"""SCH016 capture-sizes-conflict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from vllint import Example, LaunchFacts, Rule, Setting, set_options, severity_since
from vllint_schemas import Applicability, Argument, Finding, Fix, Related, Severity, Unknown

_SIZES, _LARGEST, _OBJECT = "cudagraph_capture_sizes", "max_cudagraph_capture_size", "compilation_config"
_TOKENS = "max_num_batched_tokens"


class CaptureSizesConflict(Rule):
    """The largest CUDA graph is the largest of those that are listed.

    ## What it does

    Compares the largest of `--cudagraph-capture-sizes` with `--max-cudagraph-capture-size`, wherever they
    stand, without the sizes that are beyond `--max-num-batched-tokens`, which vLLM drops. Also finds an empty
    list, and a largest size of 0.

    ## Why is this bad?

    vLLM refuses the configuration where both are given and disagree, unless it captures no graphs.

    ## Example

    `--cudagraph-capture-sizes 1 2 4 --max-cudagraph-capture-size 8`

    ## Use instead

    `--cudagraph-capture-sizes 1 2 4`

    ## Fix safety

    Unsafe: the fix takes the largest that is listed, and the list may be the mistake.

    ## Since

    0.1.0
    """

    code = "SCH016"
    name = "capture-sizes-conflict"
    severity = Severity.ERROR
    stage = "config"
    source = "config/vllm.py:2619"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/design/cuda_graphs.html"
    tags = ("scheduling", "cuda-graphs")
    waits_for = frozenset({"FLG025"})
    triggers = frozenset({"cudagraph_capture_sizes", "max_cudagraph_capture_size", "compilation_config"})

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --cudagraph-capture-sizes 1 2 4 --max-cudagraph-capture-size 8\n"
            "#                                                                                     ~\n",
            fixed="vllm serve Qwen/Qwen3-8B --cudagraph-capture-sizes 1 2 4 --max-cudagraph-capture-size 4\n",
        ),
        Example(
            title="none at all",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --max-cudagraph-capture-size 0\n"
            "#                                                     ~\n",
        ),
        Example(
            title="in one object",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --compilation-config"
            ' \'{"cudagraph_capture_sizes": [1, 2, 4], "max_cudagraph_capture_size": 8}\'\n',
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --cudagraph-capture-sizes 1 8 --max-cudagraph-capture-size 8\n"
        ),
        Example(
            title="no graphs",
            text="vllm serve Qwen/Qwen3-8B --cudagraph-capture-sizes 1 2 --max-cudagraph-capture-size 8"
            " --enforce-eager\n",
        ),
        Example(
            title="none are wanted",
            text="vllm serve Qwen/Qwen3-8B --max-cudagraph-capture-size 0 --enforce-eager\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the largest size is not the largest that is listed."""
        sizes, largest = _given(facts, _SIZES), _given(facts, _LARGEST)
        empty = next((one for one in (sizes, largest) if one is not None and _is_nothing(one.value)), None)
        if empty is not None:
            if _captures(facts):
                yield self._nothing(facts, empty)
            return
        if sizes is None or largest is None or not _captures(facts):
            return
        listed = _captured(facts, sizes.value)
        if listed is None or not isinstance(largest.value, int) or largest.value == listed:
            return
        severity, caveat = severity_since(facts, "0.33.0", "--max-cudagraph-capture-size")
        edits = None
        if not largest.in_object:
            edits = set_options(facts, (Setting("--max-cudagraph-capture-size", _LARGEST, str(listed)),))
        title = f"write `--max-cudagraph-capture-size {listed}`"
        yield self.finding(
            facts,
            facts.args.place(largest.argument.dest) or facts.launch.at,
            f"the largest CUDA graph is of {largest.value} tokens here and of {listed} in the list{caveat}",
            "leave one of the two out: the largest that is listed is the largest",
            severity=severity,
            related=(Related(sizes.argument.flag.span, "the list"),),
            fix=None if edits is None else Fix(title, Applicability.UNSAFE, edits),
            subject=f"{_LARGEST}={largest.value}",
        )

    def _nothing(self, facts: LaunchFacts, empty: _Given) -> Finding:
        severity, caveat = severity_since(facts, "0.33.0", "--max-cudagraph-capture-size")
        none = "no size is listed" if empty.value == [] else f"the largest is of {empty.value} tokens"
        return self.finding(
            facts,
            facts.args.place(empty.argument.dest) or facts.launch.at,
            f"there is no CUDA graph to capture: {none}{caveat}",
            "leave it out; or add `--enforce-eager`, which runs without CUDA graphs",
            severity=severity,
            source="config/vllm.py:2554",
            subject=f"{empty.argument.dest}={empty.value}",
        )


class _Given(NamedTuple):
    value: Any
    argument: Argument
    in_object: bool


def _given(facts: LaunchFacts, dest: str) -> _Given | None:
    """Return what an option or the key of its name is set to, where one of them is."""
    for name, in_object in ((dest, False), (_OBJECT, True)):
        argument, value = facts.args.given(name), facts.args.value(name)
        if argument is None or isinstance(value, Unknown):
            continue
        content = value.value
        if in_object:
            content = content.get(dest) if isinstance(content, dict) else None
        if content is not None:
            return _Given(content, argument, in_object)
    return None


def _is_nothing(value: Any) -> bool:
    return value == [] or (type(value) is int and value < 1)


def _captures(facts: LaunchFacts) -> bool:
    """Whether vLLM captures graphs for sure."""
    eager, config = facts.args.is_on("enforce_eager"), facts.args.value(_OBJECT)
    if isinstance(eager, Unknown) or eager.value or isinstance(config, Unknown):
        return False
    content = config.value if isinstance(config.value, dict) else {}
    level = facts.args.value("optimization_level")
    lowered = isinstance(level, Unknown) or level.value == 0
    return not lowered and not {"cudagraph_mode", "mode", "level", "use_cudagraph"} & set(content)


def _captured(facts: LaunchFacts, sizes: Any) -> int | None:
    """Return the largest size that vLLM keeps of a list, `None` where that is not known."""
    if not isinstance(sizes, list) or not sizes or not all(type(size) is int for size in sizes):
        return None
    tokens = facts.args.integer(_TOKENS)
    if isinstance(tokens, Unknown):
        return max(sizes) if max(sizes) <= _ALWAYS_KEPT else None
    return max((size for size in sizes if size <= tokens.value), default=0)


_ALWAYS_KEPT = 512
"""No default of `--max-num-batched-tokens` on a GPU is below it."""
