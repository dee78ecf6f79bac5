"""CTR020 model-path-not-mounted."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, unmounted
from vllint_schemas import Finding, Located, Severity


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
    triggers = frozenset({"model.path"})
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
        model = facts.args.model
        others = unmounted(facts, model.value) if isinstance(model, Located) else None
        if others is None or not isinstance(model, Located):
            return
        mounted = ", ".join(f"`{target}`" for target in others)
        yield self.finding(
            facts,
            model.span or facts.launch.at,
            f"the container has no `{model.value}`: "
            + (f"what is mounted is {mounted}" if mounted else "nothing is mounted"),
            "mount the model's folder, or give the name that it has in the container",
            subject=f"model={model.value}",
        )
