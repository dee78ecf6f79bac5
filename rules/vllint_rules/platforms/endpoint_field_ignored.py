"""PLT002 endpoint-field-ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Finding, Severity

_HUMP = r"(?<=[a-z0-9])(?=[A-Z])"


class EndpointFieldIgnored(Rule):
    """An endpoint's image has few fields; options in others are lost.

    ## What it does

    Reports fields of an endpoint's image that are options of vLLM, but none that the platform has for this
    kind of image.

    ## Why is this bad?

    The API drops fields that it does not know without a word: the server starts with vLLM's default.

    ## Example

    `vLLM: {url: ..., gpuMemoryUtilization: 0.95}`, or `custom: {url: ..., tensorParallelSize: 4}`.

    ## Use instead

    `args: ["--gpu-memory-utilization", "0.95"]` beside the image.

    ## Since

    0.1.0
    """

    code = "PLT002"
    name = "endpoint-field-ignored"
    severity = Severity.WARNING
    stage = "config"
    source = "huggingface_hub 2.4.0 _inference_endpoints.py"
    since = "0.1.0"
    url = "https://huggingface.co/docs/huggingface_hub/en/guides/inference_endpoints"
    triggers = frozenset({"launch.ignored_fields"})
    preview = True
    tags = ("platform",)

    BAD = (
        Example(
            path="endpoint.yaml",
            text="""\
name: chat
provider: {vendor: aws, region: us-east-1}
compute: {accelerator: gpu, instanceType: nvidia-a10g, instanceSize: x1}
model:
  repository: mistralai/Mistral-7B-Instruct-v0.3
  image: {vLLM: {url: "vllm/vllm-openai:v0.22.1", gpuMemoryUtilization: 0.95}}
#                                                 ~~~~~~~~~~~~~~~~~~~~
""",
        ),
    )
    GOOD = (
        Example(
            path="endpoint.yaml",
            text="""\
name: chat
provider: {vendor: aws, region: us-east-1}
compute: {accelerator: gpu, instanceType: nvidia-a10g, instanceSize: x1}
model:
  repository: mistralai/Mistral-7B-Instruct-v0.3
  image: {vLLM: {url: "vllm/vllm-openai:v0.22.1", port: 8000}}
  args: ["--gpu-memory-utilization", "0.95"]
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for each field that is dropped."""
        for field in facts.launch.ignored_fields:
            flag = "--" + re.sub(_HUMP, "-", field.value).replace("_", "-").lower()
            if field.span is not None:
                yield self.finding(
                    facts,
                    field.span,
                    f"the platform has no field `{field.value}` for this image and drops it",
                    f"pass `{flag}` in `model.args`",
                    subject=field.value,
                )
