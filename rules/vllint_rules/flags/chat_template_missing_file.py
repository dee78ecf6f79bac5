"""FLG033 chat-template-missing-file."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, unmounted
from vllint_schemas import EntryPoint, Finding, Located, Severity

_DEST = "chat_template"
_IN_TEMPLATES = frozenset("{}\n")
"""What makes vLLM take the text for a template itself (`renderers/chat_utils/chat_template.py:30`)."""


class ChatTemplateMissingFile(Rule):
    """The file of a chat template must be where the container sees it.

    ## What it does

    Finds compose services and `docker run` commands with vLLM's own image whose `--chat-template` is an
    absolute path below nothing that is mounted.

    ## Why is this bad?

    vLLM refuses to start: `The supplied chat template string appears path-like, but doesn't exist!`

    ## Example

    `docker run vllm/vllm-openai:v0.22.1 --model Qwen/Qwen3-8B --chat-template /templates/qwen.jinja`

    ## Use instead

    The same with `-v ./templates:/templates`.

    ## Since

    0.1.0
    """

    code = "FLG033"
    name = "chat-template-missing-file"
    severity = Severity.ERROR
    stage = "validate"
    source = "renderers/chat_utils/chat_template.py:42"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html"
    triggers = frozenset({"chat_template"})
    tags = ("flags", "containers")

    BAD = (
        Example(
            text="docker run --gpus all vllm/vllm-openai:v0.33.0 Qwen/Qwen3-8B --chat-template /t/q.jinja\n"
            "#                                                                            ~~~~~~~~~~\n",
        ),
        Example(
            title="another folder is mounted",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: Qwen/Qwen3-8B --chat-template /templates/qwen.jinja
    #                                      ~~~~~~~~~~~~~~~~~~~~~
    volumes:
      - ./chat:/chat
    gpus: all
""",
        ),
    )
    GOOD = (
        Example(
            text="docker run --gpus all -v ./t:/t vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B"
            " --chat-template /t/qwen.jinja\n"
        ),
        Example(
            title="a template itself",
            text="docker run --gpus all vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B"
            " --chat-template '/{{ messages }}'\n",
        ),
        Example(title="no container", text="vllm serve Qwen/Qwen3-8B --chat-template /t/qwen.jinja\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when nothing that is mounted can hold the file."""
        template = facts.args.value(_DEST)
        if facts.launch.entry_point not in {EntryPoint.SERVE, EntryPoint.API_SERVER}:
            return
        if not isinstance(template, Located) or not isinstance(template.value, str):
            return
        others = None if _IN_TEMPLATES & set(template.value) else unmounted(facts, template.value)
        if others is None:
            return
        mounted = ", ".join(f"`{target}`" for target in others)
        yield self.finding(
            facts,
            template.span or facts.launch.at,
            f"the container has no `{template.value}`: "
            + (f"what is mounted is {mounted}" if mounted else "nothing is mounted"),
            "mount the file's folder, or give the name that it has in the container",
            subject=f"chat_template={template.value}",
        )
