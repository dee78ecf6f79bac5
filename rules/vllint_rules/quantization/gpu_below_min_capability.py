"""QNT003 gpu-below-min-capability."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, version_key
from vllint_schemas import Finding, Located, Related, Severity

_VOLTA, _TURING = (7, 0), (7, 5)
_VOLTA_UNTIL = (0, 22)
"""vLLM's installation page asks for compute capability 7.0 up to 0.19 and for 7.5 from 0.22 on."""


class GpuBelowMinCapability(Rule):
    """vLLM's wheels and images have kernels for GPUs from Turing on.

    ## What it does

    Compares the GPU's compute capability with the least that vLLM's own builds have kernels for: 7.0, and 7.5
    since 0.22. Nothing is said of images that others have built.

    ## Why is this bad?

    The model loads, and the first kernel ends the server: `no kernel image is available for execution on the
    device`.

    ## Example

    `vllm/vllm-openai:v0.33.0` on a V100, whose compute capability is 7.0.

    ## Use instead

    A newer GPU, an older release, or a build of one's own.

    ## Since

    0.1.0
    """

    code = "QNT003"
    name = "gpu-below-min-capability"
    severity = Severity.WARNING
    stage = "run"
    source = "platforms/cuda.py"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/getting_started/installation/gpu.html"
    needs = ("gpu",)
    waits_for = frozenset({"QNT001", "QNT002", "QNT004"})
    tags = ("hardware",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-1.7B --max-model-len 4096\n~~~~~~~~~~\n",
            gpu="V100 32GB:1",
            vllm_version="0.33.0",
        ),
        Example(
            title="Pascal",
            text="vllm serve Qwen/Qwen3-1.7B --max-model-len 4096\n",
            gpu="P100 16GB:1",
            vllm_version="0.10.2",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-1.7B\n", gpu="T4:1", vllm_version="0.33.0"),
        Example(
            title="an older release",
            text="vllm serve Qwen/Qwen3-1.7B\n",
            gpu="V100 32GB:1",
            vllm_version="0.10.2",
        ),
        Example(
            title="somebody's build",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: ghcr.io/example/vllm-volta:v0.33.0
    command: --model Qwen/Qwen3-1.7B
    gpus: all
""",
            gpu="V100 32GB:1",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a card that the release's builds leave out."""
        gpu, release = facts.gpu.value, facts.release
        least = _VOLTA if version_key(release.judged) < _VOLTA_UNTIL else _TURING
        if gpu.compute_capability is None or gpu.compute_capability >= least or release.doubt:
            return
        has, needs = (".".join(map(str, capability)) for capability in (gpu.compute_capability, least))
        here = () if facts.gpu.span is None else (Related(facts.gpu.span, f"`{gpu.name}` here"),)
        image = facts.launch.image
        built = image.site if image is not None and isinstance(release.stated, Located) else None
        yield self.finding(
            facts,
            built or facts.launch.at,
            f"{gpu.name} has compute capability {has}, and vLLM {release.judged} is built for {needs} and"
            f" above{release.caveat(True)}",
            "take a newer GPU or an older release, or build vLLM for the card",
            related=here,
            subject="compute_capability",
        )
