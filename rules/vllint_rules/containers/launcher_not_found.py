"""CTR025 launcher-not-found."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, parted, write_words
from vllint_schemas import Applicability, Finding, Fix, Severity, SlotKind, Word


class LauncherNotFound(Rule):
    """What is to start the server must be a program, or a file, that is there.

    ## What it does

    Finds a container's command whose first word holds the arguments as well, as `"vllm serve MODEL"`, and
    `python vllm.entrypoints.openai.api_server` without `-m`. Whatever else is found in such a launch is
    judged as if it were written right.

    ## Why is this bad?

    In the list form no shell parts the words: the container looks for one program of that whole name, blanks
    and all, and does not start. Python without `-m` looks for a file of the module's name.

    ## Example

    `command: ["vllm serve Qwen/Qwen3-8B"]` in a pod.

    ## Use instead

    `command: ["vllm", "serve", "Qwen/Qwen3-8B"]`.

    ## Fix safety

    Safe: the fix parts the words, or puts `-m` before the module; as it was, nothing could start.

    ## Since

    0.1.0
    """

    code = "CTR025"
    name = "launcher-not-found"
    severity = Severity.ERROR
    stage = "container"
    source = ""
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/deployment/k8s.html"
    triggers = frozenset({"launch.not_found"})

    BAD = (
        Example(
            path="pod.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata:
  name: chat
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      command: ["vllm serve Qwen/Qwen3-8B --port 8080"]
      #         ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata:
  name: chat
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      command: ["vllm", "serve", "Qwen/Qwen3-8B", "--port", "8080"]
""",
        ),
        Example(
            title="an entrypoint, and its arguments beside it",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    entrypoint:
      - vllm serve
    command: Qwen/Qwen3-8B --max-model-len 8192
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    entrypoint:
      - vllm
      - serve
    command: Qwen/Qwen3-8B --max-model-len 8192
""",
        ),
        Example(
            title="a program by its path",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    entrypoint: ["/usr/local/bin/vllm serve"]
    #            ~~~~~~~~~~~~~~~~~~~~~~~~~~~
    command: ["Qwen/Qwen3-8B"]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    entrypoint: ["/usr/local/bin/vllm", "serve"]
    command: ["Qwen/Qwen3-8B"]
""",
        ),
        Example(
            title="an option of `docker run`",
            text='docker run --entrypoint "vllm serve" vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B\n',
        ),
        Example(
            title="a module for a file",
            text="python3 vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B\n"
            "#       ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="python3 -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B\n",
        ),
    )
    GOOD = (
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            "    entrypoint: vllm serve\n    command: Qwen/Qwen3-8B\n",
        ),
        Example(
            title="a shell parts the words",
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n"
            '    entrypoint: ["bash", "-c", "vllm serve Qwen/Qwen3-8B"]\n',
        ),
        Example(
            title="the path of the module's file",
            text="python3 vllm/entrypoints/openai/api_server.py --model Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for the word that names nothing."""
        word = facts.launch.not_found
        if word is None:
            return
        is_module = len(word.text.split()) == 1
        yield self.finding(
            facts,
            word.site,
            f"Python takes `{word.text}` for a file, which is not there"
            if is_module
            else f"`{word.text}` is one word: the container looks for a program of that name, blanks and all",
            "put `-m` before it" if is_module else "make each word an item of its own",
            fix=_fix(facts, word, is_module),
            subject="launcher",
        )


def _fix(facts: LaunchFacts, word: Word, is_module: bool) -> Fix | None:
    text = facts.sources.get(word.site.path)
    parts = ("-m", word.text) if is_module else parted(word.text)
    # `docker run --entrypoint` takes one word only.
    is_value = not is_module and word.slot is not None and word.slot.kind is SlotKind.SHELL
    if text is None or not parts or is_value:
        return None
    edit = write_words(text, (word,), 0, 0, parts)
    title = "put `-m` before it" if is_module else "part the words"
    return None if edit is None else Fix(title, Applicability.SAFE, (edit,))
