"""SEC006 unpinned-image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, split_image
from vllint_schemas import Applicability, Edit, Finding, Fix, Origin, Severity, Word

_MOVING = re.compile(
    r"(?:latest|nightly|main|master|dev|edge|stable)(?:-(?![0-9a-f]{7,40}$)[a-z][a-z0-9_]*)?"
)
"""Tags that move, also for a platform as in `latest-rocm`; with a commit behind them they do not."""


_NAME = re.compile(r"[A-Za-z0-9._:/-]+")
"""Names of images, without a digest, and without what is still to be filled in."""


class UnpinnedImage(Rule):
    """An image's tag should name a release.

    ## What it does

    Finds images that start vLLM and have no tag, or one that moves: `latest`, `nightly`, `main`.

    ## Why is this bad?

    A restart may pull another release, in which options are gone, defaults differ, and a model that fitted
    does not. vllint then has to judge the file by the newest release it knows.

    ## Example

    `vllm/vllm-openai:latest`

    ## Use instead

    `vllm/vllm-openai:v0.33.0`, or a digest.

    ## Fix safety

    Unsafe: it writes the newest release vllint knows, which may not be the one in use.

    ## Since

    0.1.0
    """

    code = "SEC006"
    name = "unpinned-image"
    severity = Severity.INFO
    stage = "advice"
    source = ""
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/docker.html"
    tags = ("security", "containers")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:latest
    #      ~~~~~~~~~~~~~~~~~~~~~~~
    command: --model Qwen/Qwen3-8B
    gpus: all
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: --model Qwen/Qwen3-8B
    gpus: all
""",
        ),
        Example(
            title="no tag",
            text="docker run --gpus all vllm/vllm-openai Qwen/Qwen3-8B\n"
            "#                     ~~~~~~~~~~~~~~~~\n",
            fixed="docker run --gpus all vllm/vllm-openai:v0.33.0 Qwen/Qwen3-8B\n",
        ),
        Example(
            title="nightly",
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata: {name: chat}
spec:
  containers:
    - name: server
      image: vllm/vllm-openai:nightly
      #      ~~~~~~~~~~~~~~~~~~~~~~~~
      args: ["--model", "Qwen/Qwen3-8B"]
""",
        ),
    )
    GOOD = (
        Example(text="docker run --gpus all vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n"),
        Example(title="a digest", text="docker run --gpus all vllm/vllm-openai@sha256:0123 Qwen/Qwen3-8B\n"),
        Example(
            title="a build of one day", text="docker run --gpus all vllm/vllm-openai:nightly-4f1c0ab Q/x\n"
        ),
        Example(
            title="built here",
            path="compose.yaml",
            text="services:\n  vllm:\n    build: .\n    image: vllm/vllm-openai:latest\n"
            "    command: --model Qwen/Qwen3-8B\n    gpus: all\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the image may be another one tomorrow."""
        image, container = facts.launch.image, facts.launch.container
        if image is None or not image.is_known or not _NAME.fullmatch(image.text):
            return
        if container is not None and container.builds_image:
            return
        name = split_image(image.text)
        if name.tag and not _MOVING.fullmatch(name.tag):
            return
        tag = f"the tag `{name.tag}` moves" if name.tag else "without a tag it is `latest`, which moves"
        yield self.finding(
            facts,
            image.span,
            f"the image is not pinned: {tag}, and the next pull may bring another vLLM",
            f"name a release, as `{name.repository}:v{facts.release.judged}`"
            if name.is_official
            else "name a release, or a digest",
            fix=_fix(image, name.tag, f"v{facts.release.judged}") if name.is_official else None,
            subject="image",
        )


def _fix(image: Word, tag: str, release: str) -> Fix | None:
    place = image.text_span
    if place is None or image.via or image.origin is Origin.DEFAULT or tag not in ("", "latest"):
        return None
    written = f"{image.text.removesuffix(':latest')}:{release}"
    return Fix(f"write `:{release}`", Applicability.UNSAFE, (Edit(place, written),))
