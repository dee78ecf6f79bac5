"""PAR001 tp-divides-heads."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Obstacle,
    Rule,
    Setting,
    best_layout,
    layout_fix,
    resized,
    set_options,
    tensor_parallel_obstacles,
    valid_tensor_parallel_sizes,
)
from vllint_schemas import Applicability, Finding, Fix, Located, Related, Severity, Span
from vllint_schemas.parallel import Parallel

_EXPLAINED = 64
"""Up to which size it is said why one does not do."""


class TpDividesHeads(Rule):
    """The tensor parallel size must divide what it splits.

    ## What it does

    Checks that `--tensor-parallel-size` divides everything it splits, and lists all that it does not:

    - attention heads; KV heads, or the size is a multiple of them; the heads and groups of recurrent layers;
    - the vocabulary and other tables, padded to a multiple of 64;
    - MLPs, shared experts, and routed experts, which data parallel ranks divide as well;
    - heads and MLPs of vision towers;
    - blocks and groups of weights that share a scale, in FP8 and AWQ checkpoints.

    ## Why is this bad?

    Tensor parallelism gives each GPU whole heads and equal slices of every matrix. vLLM refuses any other
    size when it reads the configuration or builds the model, after the image and often the weights have
    been downloaded.

    ## Example

    `vllm serve Qwen/Qwen2.5-7B-Instruct -tp 8`: 28 heads cannot be split 8 ways.

    ## Use instead

    A size that divides everything, with data parallelism over the GPUs that are left:
    `vllm serve Qwen/Qwen2.5-7B-Instruct -tp 4 -dp 2`.

    ## Fix safety

    Unsafe: the layout decides throughput, latency and the room for context. The fix keeps the GPUs in use,
    keeps the context length where memory can be judged, and takes the least tensor parallelism that does.

    ## Since

    0.1.0
    """

    code = "PAR001"
    name = "tp-divides-heads"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:1557"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/parallelism_scaling.html"
    needs = ("arguments", "model")
    tags = ("parallelism",)

    BAD = (
        Example(
            title="28 heads on 8 GPUs",
            text="vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 8\n"
            "#                                                          ~\n",
            fixed="vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 1 --data-parallel-size 8\n",
            gpu="A10G:8",
        ),
        Example(
            title="heads divide, the padded vocabulary does not",
            text="vllm serve Qwen/Qwen1.5-14B-Chat -tp 5\n#                                    ~\n",
            fixed="vllm serve Qwen/Qwen1.5-14B-Chat -tp 4\n",
        ),
        Example(
            title="data parallel ranks divide experts too",
            text="vllm serve Qwen/Qwen3-30B-A3B -tp 2 -dp 5\n#                                       ~\n",
            fixed="vllm serve Qwen/Qwen3-30B-A3B -tp 4 -dp 2\n",
        ),
        Example(
            title="the heads of a vision tower",
            text="vllm serve zai-org/GLM-4.1V-9B-Thinking -tp 8\n"
            "#                                           ~\n",
            fixed="vllm serve zai-org/GLM-4.1V-9B-Thinking -tp 8 --mm-encoder-tp-mode data\n",
        ),
        Example(
            title="compose, FP8 blocks of 128",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, Qwen/Qwen3-30B-A3B-FP8, --tensor-parallel-size, "16"]
    #                                                                   ~~
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 4\n"),
        Example(
            title="experts stay whole",
            text="vllm serve Qwen/Qwen3-30B-A3B -tp 4 -dp 5 --enable-expert-parallel\n",
        ),
        Example(
            title="KV heads may be copied",
            text="vllm serve Qwen/Qwen2.5-72B-Instruct --tensor-parallel-size 16\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield one finding with every reason."""
        model, layout = facts.model, facts.parallel
        found = tensor_parallel_obstacles(model, layout, facts.args)
        if not found:
            return
        reasons = ";\n".join(obstacle.arithmetic for obstacle in found)
        count = facts.hardware.gpu_count
        gpus = count.value if isinstance(count, Located) else layout.gpus_needed_here
        named = facts.model_span
        yield self.finding(
            facts,
            _place(facts),
            f"{_sizes(layout)} does not divide `{model.id}`:\n{reasons}",
            _help(facts, found),
            stage=found[0].stage,
            source=found[0].source,
            related=() if named is None else (Related(named, "the model"),),
            fix=_fix(facts, found, gpus),
            subject=f"tensor_parallel_size={layout.tensor}",
        )


def _divides_experts_only(facts: LaunchFacts) -> bool:
    """Whether the tensor parallel size would do, if there were no data parallel ranks."""
    alone = resized(facts.parallel, facts.parallel.tensor, 1)
    return facts.parallel.data > 1 and not tensor_parallel_obstacles(facts.model, alone, facts.args)


def _place(facts: LaunchFacts) -> Span:
    """Return the size that is wrong: of data parallelism where tensor parallelism alone would do."""
    tensor, data = facts.args.place("tensor_parallel_size"), facts.args.place("data_parallel_size")
    first, second = (data, tensor) if _divides_experts_only(facts) else (tensor, data)
    return first or second or facts.launch.at


def _sizes(layout: Parallel) -> str:
    tensor = f"tensor parallel size {layout.tensor}"
    return tensor if layout.data == 1 else f"{tensor} x data parallel size {layout.data}"


def _help(facts: LaunchFacts, found: tuple[Obstacle, ...]) -> str:
    """Name the options that take all reasons away, if there are such, and the sizes that do."""
    remedies = dict.fromkeys(obstacle.remedy for obstacle in found)
    advice = " and ".join(remedy.advice for remedy in remedies if remedy is not None)
    sizes = _valid_sizes(facts)
    return sizes if None in remedies else f"{advice}; {sizes}"


def _fix(facts: LaunchFacts, found: tuple[Obstacle, ...], gpus: int) -> Fix | None:
    """Take all reasons away with one option where one does, else change the layout."""
    remedy = found[0].remedy
    if remedy is None or any(obstacle.remedy != remedy for obstacle in found):
        return layout_fix(facts, best_layout(facts, gpus))
    if remedy.dest not in facts.args.defaults:
        return layout_fix(facts, best_layout(facts, gpus))
    if not remedy.value:
        return layout_fix(facts, best_layout(facts, gpus)) or Fix(remedy.advice, Applicability.DISPLAY)
    edits = set_options(facts, (Setting(remedy.flag, remedy.dest, remedy.value),))
    return Fix(remedy.advice, Applicability.DISPLAY if edits is None else Applicability.UNSAFE, edits or ())


def _valid_sizes(facts: LaunchFacts) -> str:
    """List the sizes that do, and why those that at least divide the heads do not."""
    model, layout = facts.model, facts.parallel
    valid = valid_tensor_parallel_sizes(model, layout, facts.args)
    if not valid:
        return f"no tensor parallel size does with `--data-parallel-size {layout.data}`"
    refused: list[str] = []
    for size in range(2, max(valid[-1], min(layout.tensor, _EXPLAINED)) + 1):
        obstacles = tensor_parallel_obstacles(model, resized(layout, size), facts.args)
        if obstacles and all(obstacle.subject != "attention heads" for obstacle in obstacles):
            refused.append(f"{size} (fails on {', '.join(obstacle.subject for obstacle in obstacles)})")
    text = f"valid sizes up to 16: {', '.join(str(size) for size in valid)}"
    return f"{text}; not {', '.join(refused)}" if refused else text
