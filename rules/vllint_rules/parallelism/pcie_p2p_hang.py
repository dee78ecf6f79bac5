"""PAR027 pcie-p2p-hang."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Finding, Fix, Gpu, Located, Related, Severity

_LEAST_CAPABILITY = (8, 9)
"""Of RTX cards from this one on hangs are reported, and none of them has NVLink."""

_SWITCH = "NCCL_P2P_DISABLE"


class PcieP2pHang(Rule):
    """Two RTX cards may hang at start-up where the machine only claims that they reach each other.

    ## What it does

    Looks for a tensor parallel size of two on RTX cards of the Ada and Blackwell generations, where neither
    `--disable-custom-all-reduce` nor `NCCL_P2P_DISABLE` is given. Over more than two such cards vLLM turns
    its own all-reduce off by itself.

    ## Why is this bad?

    The cards write into each other's memory over PCIe. With an IOMMU in between, or a patched driver, that
    fails on some machines without an error: the start hangs, or the model answers with garbage. Most
    machines are fine, so this is for those who see it.

    ## Example

    `vllm serve Qwen/Qwen3-32B-AWQ -tp 2` on two RTX 4090 that hangs after loading the weights.

    ## Use instead

    `vllm serve Qwen/Qwen3-32B-AWQ -tp 2 --disable-custom-all-reduce`; if that hangs too, add
    `NCCL_P2P_DISABLE=1` to the environment.

    ## Since

    0.1.0
    """

    code = "PAR027"
    name = "pcie-p2p-hang"
    severity = Severity.INFO
    stage = "advice"
    source = "distributed/device_communicators/custom_all_reduce.py:269"
    since = "0.1.0"
    preview = True
    url = "https://docs.vllm.ai/en/stable/usage/troubleshooting.html"
    needs = ("arguments", "gpu")
    waits_for = frozenset({"PAR001", "PAR004"})
    triggers = frozenset({"tensor_parallel_size"})
    tags = ("parallelism", "hardware")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-32B-AWQ --tensor-parallel-size 2\n"
            "#                                                    ~\n",
            gpu="RTX 4090:2",
        ),
        Example(
            title="compose",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: ["--model", "Qwen/Qwen3-32B-AWQ", "-tp=2"]
    #                                               ~
""",
            gpu="RTX PRO 6000:2",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-32B-AWQ -tp 2 --disable-custom-all-reduce\n", gpu="RTX 4090:2"),
        Example(
            title="by the environment",
            text="NCCL_P2P_DISABLE=1 vllm serve Qwen/Qwen3-32B-AWQ -tp 2\n",
            gpu="RTX 4090:2",
        ),
        Example(title="NVLink", text="vllm serve Qwen/Qwen3-32B-AWQ -tp 2\n", gpu="H100:2"),
        Example(title="four cards", text="vllm serve Qwen/Qwen3-32B-AWQ -tp 4\n", gpu="RTX 4090:4"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a hint for two cards that exchange results over PCIe."""
        layout, card = facts.parallel, facts.gpu
        place = facts.args.place("tensor_parallel_size")
        if place is None or layout.tensor != 2 or layout.nodes > 1 or not _may_hang(card.value):
            return
        count = facts.hardware.gpu_count
        if isinstance(count, Located) and count.value < 2:
            return
        if facts.args.open_ended is not None or _is_considered(facts):
            return
        title = "add `--disable-custom-all-reduce` if the start hangs"
        yield self.finding(
            facts,
            place,
            f"two `{card.value.name}` write into each other's memory over PCIe, which hangs on some machines",
            "if the start hangs, or answers are garbage, add `--disable-custom-all-reduce`; if that does not"
            f" help, set `{_SWITCH}=1`",
            related=() if card.span is None else (Related(card.span, "the cards"),),
            fix=Fix(title, Applicability.DISPLAY),
            subject="tensor_parallel_size=2",
        )


def _may_hang(gpu: Gpu) -> bool:
    """Whether the card is one of those that hangs are reported of."""
    recent = gpu.compute_capability is not None and gpu.compute_capability >= _LEAST_CAPABILITY
    return recent and gpu.nvlink is False and gpu.name.startswith("RTX")


def _is_considered(facts: LaunchFacts) -> bool:
    """Whether someone has thought of it, or ranks may be on several machines."""
    if any(facts.args.given(dest) for dest in ("disable_custom_all_reduce", "distributed_executor_backend")):
        return True
    return any(_SWITCH in text for text in facts.sources.values())
