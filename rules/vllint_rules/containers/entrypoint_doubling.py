"""CTR005 entrypoint-doubling."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule
from vllint_schemas import Applicability, Edit, EntryPoint, Finding, Fix, Severity, Span, Word

_NAMES = {
    EntryPoint.SERVE: "vllm serve",
    EntryPoint.API_SERVER: "python3 -m vllm.entrypoints.openai.api_server",
}

_ENDINGS = frozenset(name.rsplit(" ", 1)[-1] for name in _NAMES.values())


class EntrypointDoubling(Rule):
    """A command must not start vLLM again when the image already does.

    ## What it does

    Finds `vllm serve`, `python -m vllm.entrypoints.openai.api_server` or a shell in the command of a
    container whose image, `vllm/vllm-openai`, starts the server itself. The image's entrypoint is
    `vllm serve` from release 0.11.1 on, and the api_server module before.

    ## Why is this bad?

    The words are appended to the image's own: `vllm serve vllm serve MODEL`. vLLM takes the first for the
    model and refuses the rest.

    ## Example

    `command: vllm serve Qwen/Qwen3-8B` with the image `vllm/vllm-openai:v0.22.1`.

    ## Use instead

    `command: Qwen/Qwen3-8B`, or an `entrypoint:` of your own.

    ## Fix safety

    Safe: the fix removes the words that repeat what the image starts. Where the command starts another of
    vLLM's front doors than the image's, whose options differ, or runs a shell, the fix is shown only.

    ## Since

    0.1.0
    """

    code = "CTR005"
    name = "entrypoint-doubling"
    severity = Severity.ERROR
    stage = "parse"
    source = "entrypoints/cli/main.py:116"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/docker.html"
    triggers = frozenset({"launch.repeated_launcher"})
    tags = ("containers",)

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: vllm serve Qwen/Qwen3-8B --max-model-len 8192
    #        ~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: Qwen/Qwen3-8B --max-model-len 8192
""",
        ),
        Example(
            title="a list",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - python3
      - -m
      - vllm.entrypoints.openai.api_server
      - --model=Qwen/Qwen3-8B
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - --model=Qwen/Qwen3-8B
""",
        ),
        Example(
            title="an older image, which takes its model by an option",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.10.2
    command: vllm serve --model Qwen/Qwen3-8B
    #        ~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.10.2
    command: --model Qwen/Qwen3-8B
""",
        ),
        Example(
            title="half of it",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["serve", "Qwen/Qwen3-8B", "--max-model-len", "8192"]
    #         ~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--max-model-len", "8192"]
""",
        ),
        Example(
            title="a shell",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["bash", "-c", "exec vllm serve Qwen/Qwen3-8B"]
""",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n    command: Qwen/Qwen3-8B\n",
        ),
        Example(
            title="an entrypoint of its own",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n    entrypoint: vllm serve\n"
            "    command: Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when the launcher stands twice."""
        launch = facts.launch
        own = launch.image_entry_point
        if own is None or not launch.repeated_launcher:
            return
        first, last = launch.repeated_launcher[0], launch.repeated_launcher[-1]
        yield self.finding(
            facts,
            first.site.cover(last.site),
            f"the image starts `{_NAMES[own]}` itself, and the command starts vLLM once more: the image takes"
            f" `{first.text}` for a model or an argument",
            _help(facts, own),
            fix=_fix(facts, launch.repeated_launcher, own),
            subject="launcher",
        )


def _names_its_model_first(facts: LaunchFacts, own: EntryPoint) -> bool:
    """Whether the model stands where the image's own server does not look for it."""
    named = any(word.text.partition("=")[0] == "--model" for word in facts.launch.argv)
    return own is EntryPoint.API_SERVER and not named


def _help(facts: LaunchFacts, own: EntryPoint) -> str:
    if _names_its_model_first(facts, own):
        return "leave `vllm serve` out of the command and name the model by `--model`, or set an entrypoint"
    return "leave the image's own words out of the command, or set an entrypoint"


def _fix(facts: LaunchFacts, launcher: tuple[Word, ...], own: EntryPoint) -> Fix | None:
    """Remove the launcher's words, if they are what the image starts or what it understands."""
    if launcher[-1].text not in _ENDINGS:
        return None
    title = f"remove `{' '.join(word.text for word in launcher)}`"
    argv = facts.launch.argv
    following = argv[0].slot if argv else None
    first = launcher[0].slot
    understood = not _names_its_model_first(facts, own)
    if first is None or following is None or first.kind is not following.kind or not understood:
        return None
    start, end = first.extent, following.extent
    if start.path != end.path or end.start < start.end or any(word.via for word in (*launcher, argv[0])):
        return None
    return Fix(title, Applicability.SAFE, (Edit(Span(start.path, start.start, end.start), ""),))
