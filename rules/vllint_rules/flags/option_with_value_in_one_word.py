"""FLG036 option-with-value-in-one-word."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Mistake, Rule, parted, replace_argument
from vllint_schemas import Applicability, Finding, Fix, Severity


class OptionWithValueInOneWord(Rule):
    """An option and its value must be two words, or joined by `=`.

    ## What it does

    Finds words that hold an option and more, parted by blanks: an item `- --tensor-parallel-size 2` of a
    list, or `"--port 8001"` in quotes in a script.

    ## Why is this bad?

    Items of a list and words in quotes reach vLLM as they are. An option is one without a blank, so vLLM
    takes the whole for a positional argument and refuses it; the api_server module ignores it, and the
    option keeps its default.

    ## Example

    `args: ["--model=Qwen/Qwen3-8B", "--tensor-parallel-size 2"]`

    ## Use instead

    `args: ["--model=Qwen/Qwen3-8B", "--tensor-parallel-size", "2"]`, or `"--tensor-parallel-size=2"`.

    ## Fix safety

    The fix makes words of it as a shell would. It is safe where vLLM refuses the word; where vLLM ignores it
    and starts, unsafe: then the option takes effect for the first time.

    ## Since

    0.1.0
    """

    code = "FLG036"
    name = "option-with-value-in-one-word"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:520"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/cli/serve.html"
    triggers = frozenset({"joined_words"})
    tags = ("flags",)

    BAD = (
        Example(
            title="an item of a list",
            path="deployment.yaml",
            text="""\
apiVersion: v1
kind: Pod
metadata:
  name: vllm
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      args:
        - Qwen/Qwen3-8B
        - --tensor-parallel-size 2
        # ~~~~~~~~~~~~~~~~~~~~~~~~
""",
            fixed="""\
apiVersion: v1
kind: Pod
metadata:
  name: vllm
spec:
  containers:
    - name: vllm
      image: vllm/vllm-openai:v0.22.1
      args:
        - Qwen/Qwen3-8B
        - --tensor-parallel-size
        - "2"
""",
        ),
        Example(
            title="in brackets, with quotes",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--served-model-name a b"]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: ["Qwen/Qwen3-8B", "--served-model-name", "a", "b"]
""",
        ),
        Example(
            title="in a script",
            text='vllm serve Qwen/Qwen3-8B "--port 8001"\n',
            fixed="vllm serve Qwen/Qwen3-8B --port 8001\n",
        ),
        Example(
            title="the model too",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B --max-model-len 8192
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --max-model-len
      - "8192"
""",
        ),
        Example(
            title="ignored",
            text='python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B "-tp 2"\n',
            fixed="python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B -tp 2\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --chat-template '{{ messages }} --- {{ tools }}'\n"),
        Example(
            path="compose.yaml",
            text="services:\n  vllm:\n    image: vllm/vllm-openai:v0.22.1\n    command:\n"
            "      - Qwen/Qwen3-8B\n      - --tensor-parallel-size=2\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every such word."""
        for mistake in facts.mistakes:
            if mistake.kind == "joined_words":
                yield self._joined(facts, mistake)

    def _joined(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        word = mistake.argument.flag
        parts = parted(word.text)
        edits = replace_argument(facts, mistake.argument, parts) if mistake.argument.first >= 0 else None
        applicability = Applicability.SAFE if mistake.refused else Applicability.UNSAFE
        return self.finding(
            facts,
            word.span,
            f"`{word.text}` is one word: vLLM {_effect(facts, mistake)}",
            f"write {len(parts)} words" if parts else "write the option and its value as two words",
            severity=Severity.ERROR if mistake.refused else Severity.WARNING,
            fix=Fix("part the words", applicability, edits) if edits and parts else None,
            subject=f"word={parts[0] if parts else word.text}",
        )


def _effect(facts: LaunchFacts, mistake: Mistake) -> str:
    if not mistake.refused:
        return "takes it for a positional argument, which it ignores"
    if mistake.argument.flag is facts.args.positional:
        return "takes it for the model"
    return "takes it for a positional argument, and refuses it"
