"""CTR019 count-and-device-ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, Related, Severity, Span

_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")


class CountAndDeviceIds(Rule):
    """A device reservation names devices or counts them, not both.

    ## What it does

    Finds `count` and `device_ids` in the same reservation of a compose file.

    ## Why is this bad?

    Compose refuses the file: `"count" and "device_ids" attributes are exclusive`.

    ## Example

    `{driver: nvidia, count: 1, device_ids: ["1"], capabilities: [gpu]}`

    ## Use instead

    `{driver: nvidia, device_ids: ["1"], capabilities: [gpu]}`

    ## Fix safety

    Safe where the count is the number of the ids, which stay. Otherwise one of the two is not meant, and the
    fix is unsafe.

    ## Since

    0.1.0
    """

    code = "CTR019"
    name = "count-and-device-ids"
    severity = Severity.ERROR
    stage = "container"
    source = ""
    since = "0.1.0"
    url = "https://docs.docker.com/reference/compose-file/deploy/#devices"
    triggers = frozenset({"container.gpu_count_key"})
    tags = ("containers", "hardware")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: 1
#             ~~~~~~~~
              device_ids: ["1"]
              capabilities: [gpu]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              device_ids: ["1"]
              capabilities: [gpu]
""",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model Qwen/Qwen3-8B
    deploy: {resources: {reservations: {devices: [{driver: nvidia, device_ids: ["1"], capabilities: [gpu]}]}}}
""",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when both are there."""
        container = facts.launch.container
        if container is None or container.gpu_count_key is None:
            return
        ids = container.device_ids
        related = (Related(ids.span, "the devices"),) if ids is not None and ids.span is not None else ()
        yield self.finding(
            facts,
            container.gpu_count_key,
            "the reservation has both `count` and `device_ids`: Compose refuses the file",
            "keep `device_ids` for certain GPUs, `count` for any",
            related=related,
            fix=_fix(facts, container.gpu_count_key, ids),
            subject="count",
        )


def _fix(facts: LaunchFacts, key: Span, ids: Located[tuple[str, ...]] | None) -> Fix | None:
    """Take the count's line out, if it has one to itself."""
    text = facts.sources.get(key.path, "")
    line_start = max(text.rfind("\n", 0, key.start), text.rfind("\r", 0, key.start)) + 1
    rest = _LINE.match(text, key.end)
    if text[line_start : key.start].strip() or rest is None or not text:
        return None
    count = text[key.start : key.end].rpartition(":")[2].strip(" \"'")
    agree = ids is not None and count == str(len(ids.value))
    edit = Edit(Span(key.path, line_start, rest.end()), "")
    return Fix("remove `count`", Applicability.SAFE if agree else Applicability.UNSAFE, (edit,))
