"""CTR020 model-path-not-mounted."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, split_image
from vllint_schemas import Container, Finding, Located, Severity

_IN_EVERY_CONTAINER = ("/dev/", "/proc/", "/opt/", "/usr/", "/vllm-workspace/", "/workspace/")
"""Folders in which an image or the host may have put a model without being asked."""


class ModelPathNotMounted(Rule):
    """A model in a folder must be in a folder that the container sees.

    ## What it does

    Finds compose services and `docker run` commands with vLLM's own image whose model is an absolute path
    below nothing that is mounted.

    ## Why is this bad?

    The folder does not exist in the container. vLLM then takes the path for a repository of the Hub and
    stops: `Invalid repository ID or local directory specified`.

    ## Example

    `docker run --gpus all vllm/vllm-openai:v0.22.1 --model /models/qwen`

    ## Use instead

    `docker run --gpus all -v /srv/models:/models vllm/vllm-openai:v0.22.1 --model /models/qwen`

    ## Since

    0.1.0
    """

    code = "CTR020"
    name = "model-path-not-mounted"
    severity = Severity.ERROR
    stage = "config"
    source = "transformers_utils/config.py:912"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/docker.html"
    tags = ("containers", "models")

    BAD = (
        Example(
            text="docker run --gpus all vllm/vllm-openai:v0.22.1 --model /models/qwen\n"
            "#                                                      ~~~~~~~~~~~~\n",
        ),
        Example(
            title="another folder is mounted",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model /models/qwen
    #                ~~~~~~~~~~~~
    volumes:
      - ./models:/model
    gpus: all
""",
        ),
    )
    GOOD = (
        Example(
            text="docker run --gpus all -v /srv/models:/models vllm/vllm-openai:v0.22.1"
            " --model /models/qwen\n"
        ),
        Example(
            title="a named volume",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model /models/qwen\n    gpus: all\n    volumes: [weights:/models]\n",
        ),
        Example(
            title="a volume that is not known",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    command: --model /models/qwen\n    gpus: all\n    volumes: ['${MODELS}']\n",
        ),
        Example(
            title="another image may hold the model",
            text="docker run --gpus all registry.local/vllm-openai:v1 --model /models/qwen\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when nothing that is mounted can hold the model."""
        launch, model = facts.launch, facts.args.model
        container = launch.container
        if container is None or not isinstance(model, Located) or not _starts_by_itself(facts, container):
            return
        path = model.value
        if not path.startswith("/") or f"{path}/".startswith(_IN_EVERY_CONTAINER):
            return
        if any("?" in target or _holds(target, path) for target in container.mount_targets):
            return
        mounted = ", ".join(f"`{target}`" for target in container.mount_targets)
        yield self.finding(
            facts,
            model.span or launch.at,
            f"the container has no `{path}`: "
            + (f"what is mounted is {mounted}" if mounted else "nothing is mounted"),
            "mount the model's folder, or give the name that it has in the container",
            subject=f"model={path}",
        )


def _starts_by_itself(facts: LaunchFacts, container: Container) -> bool:
    """Whether vLLM's own image starts the server, and all that is mounted is known."""
    launch = facts.launch
    image = launch.image
    if image is None or not image.is_known or not split_image(image.text).is_official:
        return False
    direct = not launch.repeated_launcher and not launch.in_script
    complete = container.open_ended is None and not container.builds_image
    return direct and complete and container.kind != "kubernetes"


def _holds(target: str, path: str) -> bool:
    return f"{path}/".startswith(f"{target.rstrip('/')}/")
