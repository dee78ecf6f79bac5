"""SPC003 spec-tp-key."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, part_of_json
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, Severity

_KEY, _MEANT = "tensor_parallel_size", "draft_tensor_parallel_size"


class SpecTpKey(Rule):
    """The draft model's tensor parallel size has a key of its own.

    ## What it does

    Finds `tensor_parallel_size` among the keys of `--speculative-config`.

    ## Why is this bad?

    vLLM has the key only to refuse it: `Please pass 'draft_tensor_parallel_size' instead`.

    ## Example

    `--speculative-config '{"model": "draft", "num_speculative_tokens": 3, "tensor_parallel_size": 1}'`

    ## Use instead

    `"draft_tensor_parallel_size": 1`

    ## Fix safety

    Safe: the key that vLLM names is written.

    ## Since

    0.1.0
    """

    code = "SPC003"
    name = "spec-tp-key"
    severity = Severity.ERROR
    stage = "config"
    source = "config/speculative.py:1941"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/spec_decode/"
    triggers = frozenset({"speculative_config"})
    tags = ("speculative", "json")

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "ngram", "num_speculative_tokens": 3, "tensor_parallel_size": 1}\'\n',
            fixed="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "ngram", "num_speculative_tokens": 3, "draft_tensor_parallel_size": 1}\'\n',
        ),
        Example(
            title="in a list",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --speculative-config
      - '{"model": "a/b", "num_speculative_tokens": 3, "tensor_parallel_size": 1}'
      #                                                 ~~~~~~~~~~~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --speculative-config
      - '{"model": "a/b", "num_speculative_tokens": 3, "draft_tensor_parallel_size": 1}'
""",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"model": "a/b", "num_speculative_tokens": 3, "draft_tensor_parallel_size": 1}\'\n',
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for the key that vLLM refuses."""
        argument = facts.args.given("speculative_config")
        value = argument.value.value if argument is not None and isinstance(argument.value, Located) else None
        if argument is None or not isinstance(value, dict) or value.get(_KEY) is None:
            return
        word = argument.values[-1]
        key = part_of_json(word, (_KEY,), key=True)
        place = key.text_span if key is not None else None
        doubled = _MEANT in value
        editable = place is not None and not doubled and not word.via
        yield self.finding(
            facts,
            key.span if key is not None else word.span,
            f"`{_KEY}` is no key of `--speculative-config`: the draft model's is `{_MEANT}`",
            "remove it" if doubled else f"write `{_MEANT}`",
            fix=Fix(f"write `{_MEANT}`", Applicability.SAFE, (Edit(place, _MEANT),))
            if editable and place is not None
            else None,
            subject=_KEY,
        )
