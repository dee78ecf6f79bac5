"""PAR001 tp-divides-heads."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    best_layout,
    layout_fix,
    resized,
    tensor_parallel_obstacles,
    valid_tensor_parallel_sizes,
)
from vllint_schemas import Finding, Located, ModelFacts, Related, Severity
from vllint_schemas.parallel import Parallel


class TpDividesHeads(Rule):
    """The tensor parallel size must divide what it splits.

    ## What it does

    Checks that `--tensor-parallel-size` divides the model's attention heads, its KV heads (or is a multiple
    of them), its vocabulary padded to a multiple of 64, and its MLP size. All reasons stand in one finding.

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
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 4\n"),
        Example(
            title="KV heads may be copied",
            text="vllm serve Qwen/Qwen2.5-72B-Instruct --tensor-parallel-size 16\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield one finding with every reason."""
        model, layout = facts.model, facts.parallel
        found = tensor_parallel_obstacles(model, layout)
        if not found:
            return
        reasons = ";\n".join(obstacle.arithmetic for obstacle in found)
        count = facts.hardware.gpu_count
        gpus = count.value if isinstance(count, Located) else layout.gpus_needed_here
        place = facts.args.place("tensor_parallel_size") or facts.launch.at
        named = facts.args.model.span if isinstance(facts.args.model, Located) else None
        yield self.finding(
            facts,
            place,
            f"tensor parallel size {layout.tensor} does not divide `{model.id}`:\n{reasons}",
            _sizes(model, layout),
            stage=found[0].stage,
            source=found[0].source,
            related=() if named is None else (Related(named, "the model"),),
            fix=layout_fix(facts, best_layout(facts, gpus)),
            subject=f"tensor_parallel_size={layout.tensor}",
        )


def _sizes(model: ModelFacts, layout: Parallel) -> str:
    """List the sizes that do, and why those that at least divide the heads do not."""
    valid = valid_tensor_parallel_sizes(model, layout)
    refused: list[str] = []
    for size in range(2, max(valid[-1], layout.tensor) + 1):
        obstacles = tensor_parallel_obstacles(model, resized(layout, size))
        if obstacles and all(obstacle.subject != "attention heads" for obstacle in obstacles):
            refused.append(f"{size} (fails on {', '.join(obstacle.subject for obstacle in obstacles)})")
    text = f"valid sizes up to 16: {', '.join(str(size) for size in valid)}"
    return f"{text}; not {', '.join(refused)}" if refused else text
