"""CTR023 gated-model-without-token."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, is_path
from vllint_schemas import Finding, Located, Severity, Unknown

_TOKENS = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HF_TOKEN_PATH"})
_ELSEWHERE = frozenset(
    {
        "HF_ENDPOINT",
        "HF_HOME",
        "HF_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "HUGGINGFACE_HUB_CACHE",
        "TRANSFORMERS_CACHE",
        "TRANSFORMERS_OFFLINE",
        "VLLM_USE_MODELSCOPE",
    }
)
"""Variables by which the model, or the token, may come from another place."""

_OTHER_LOADS = ("hf_token", "load_format", "download_dir", "hf_config_path")


class GatedModelWithoutToken(Rule):
    """A gated model is downloaded only by those whom its owner has let in.

    ## What it does

    Finds containers that serve a gated model and get no token of Hugging Face: neither `HF_TOKEN` nor
    `--hf-token`, and no volume that could hold the model or a login.

    ## Why is this bad?

    The Hub answers `401 ... Access to model ... is restricted`, and vLLM does not start.

    ## Example

    `docker run --gpus all vllm/vllm-openai:v0.22.1 --model meta-llama/Llama-3.1-8B-Instruct`

    ## Use instead

    `docker run --gpus all -e HF_TOKEN vllm/vllm-openai:v0.22.1 --model meta-llama/Llama-3.1-8B-Instruct`,
    with a token whose owner has accepted the model's terms.

    ## Since

    0.1.0
    """

    code = "CTR023"
    name = "gated-model-without-token"
    severity = Severity.WARNING
    stage = "config"
    source = "transformers_utils/config.py:891"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/docker.html"
    needs = ("model",)
    triggers = frozenset({"launch.container"})
    tags = ("containers", "models")

    BAD = (
        Example(
            text="docker run --gpus all vllm/vllm-openai:v0.22.1 --model meta-llama/Llama-3.1-8B-Instruct\n"
            "#                                                      ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model meta-llama/Llama-3.1-8B-Instruct
    #                ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
    gpus: all
""",
        ),
    )
    GOOD = (
        Example(
            text="docker run --gpus all -e HF_TOKEN vllm/vllm-openai:v0.22.1"
            " --model meta-llama/Llama-3.1-8B-Instruct\n"
        ),
        Example(
            title="a cache that may hold the model, or a login",
            text="docker run --gpus all -v ~/.cache/huggingface:/root/.cache/huggingface"
            " vllm/vllm-openai:v0.22.1 --model meta-llama/Llama-3.1-8B-Instruct\n",
        ),
        Example(
            title="open to all",
            text="docker run --gpus all vllm/vllm-openai:v0.22.1 --model Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when nothing gives a container access to a gated model."""
        container, named = facts.launch.container, facts.args.model
        if container is None or container.open_ended is not None or container.builds_image:
            return
        if not isinstance(named, Located) or facts.model.gated is not True or is_path(named.value):
            return
        if facts.launch.in_script or any(map(_may_hold, container.mount_targets)) or _comes_otherwise(facts):
            return
        yield self.finding(
            facts,
            named.span or facts.launch.at,
            f"`{named.value}` is gated, and the container gets no Hugging Face token",
            "accept the model's terms, and hand the container `HF_TOKEN` from a secret",
            subject=f"model={named.value}",
        )


def _may_hold(target: str) -> bool:
    """Whether what is mounted may be a cache, a model or a login; devices and single files are not."""
    name = target.rpartition("/")[2]
    return not target.startswith(("/dev/", "/etc/")) and "." not in name.lstrip(".")


def _comes_otherwise(facts: LaunchFacts) -> bool:
    """Whether there is a token, or another place for the model."""
    names = {variable.name for variable in facts.launch.env}
    others = [facts.args.value(dest) for dest in _OTHER_LOADS]
    given = any(facts.args.given(dest) for dest in _OTHER_LOADS)
    return bool(names & (_TOKENS | _ELSEWHERE)) or given or any(isinstance(one, Unknown) for one in others)
