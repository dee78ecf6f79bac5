"""PLT001 endpoint-parallel-size-unset."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Finding, Origin, Severity


class EndpointParallelSizeUnset(Rule):
    """An endpoint on several cards should say how the model is spread over them.

    ## What it does

    Reports Hugging Face endpoints with the `vLLM` image and several accelerators that set neither
    `tensorParallelSize` nor `dataParallelSize`. They are judged as if the tensor parallel size were the
    number of accelerators.

    ## Why is this bad?

    The platform's documents disagree: the engine's page says that the tensor parallel size defaults to the
    instance's accelerators, the client library's guide that such a deployment is rejected.

    ## Example

    `instanceSize: x4` with an image `vLLM: {url: ...}` and nothing else.

    ## Use instead

    `vLLM: {url: ..., tensorParallelSize: 4}`, or `dataParallelSize: 4` for four copies.

    ## Since

    0.1.0
    """

    code = "PLT001"
    name = "endpoint-parallel-size-unset"
    severity = Severity.INFO
    stage = "advice"
    source = "engine/arg_utils.py:1010"
    since = "0.1.0"
    url = "https://huggingface.co/docs/inference-endpoints/en/engines/vllm"
    needs = ("gpu_count",)
    triggers = frozenset({"launch.platform"})
    tags = ("platform",)

    BAD = (
        Example(
            path="endpoint.yaml",
            text="""\
name: chat
provider: {vendor: aws, region: us-east-1}
compute: {accelerator: gpu, instanceType: nvidia-a10g, instanceSize: x4}
#                                                                     ~
model:
  repository: mistralai/Mistral-7B-Instruct-v0.3
  image: {vLLM: {url: "vllm/vllm-openai:v0.22.1"}}
""",
        ),
    )
    GOOD = (
        Example(
            path="endpoint.yaml",
            text="""\
name: chat
provider: {vendor: aws, region: us-east-1}
compute: {accelerator: gpu, instanceType: nvidia-a10g, instanceSize: x4}
model:
  repository: mistralai/Mistral-7B-Instruct-v0.3
  image: {vLLM: {url: "vllm/vllm-openai:v0.22.1", dataParallelSize: 4}}
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the platform had to choose."""
        argument = facts.args.given("tensor_parallel_size")
        if facts.launch.platform is None or argument is None or facts.gpu_count.value == 1:
            return
        if argument.flag.origin is not Origin.PLATFORM:
            return
        count = facts.gpu_count.value
        yield self.finding(
            facts,
            facts.args.place("tensor_parallel_size") or facts.launch.at,
            f"{count} accelerators and no parallel size: judged as tensor parallel {count}, but the"
            " platform's documents disagree on the default",
            f"set `tensorParallelSize: {count}`, or `dataParallelSize: {count}` for {count} copies",
            subject="parallel_size",
        )
