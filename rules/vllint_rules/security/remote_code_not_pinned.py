"""SEC005 remote-code-not-pinned."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, is_path
from vllint_schemas import EntryPoint, Finding, Located, Severity, Unknown

_TRUST = "trust_remote_code"
_PINS = ("revision", "code_revision")
_MOVING = frozenset({"main", "master", ""})


class RemoteCodeNotPinned(Rule):
    """Trusted code should be the code that was read.

    ## What it does

    Finds `--trust-remote-code` for a model of the Hub without `--revision` or `--code-revision`.

    ## Why is this bad?

    Each start runs what the repository holds by then, with the server's rights: its tokens, its network, its
    files. Whoever can write to the repository can run code here. It is advice only: many trust the owner.

    ## Example

    `vllm serve internlm/internlm2-chat-7b --trust-remote-code`

    ## Use instead

    `vllm serve internlm/internlm2-chat-7b --trust-remote-code --revision COMMIT`; no flag at all for
    models whose type vLLM knows, unless their tokenizer or processor needs it.

    ## Since

    0.1.0
    """

    code = "SEC005"
    name = "remote-code-not-pinned"
    severity = Severity.INFO
    stage = "advice"
    source = "transformers_utils/config.py:343"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/usage/security.html"
    triggers = frozenset({"trust_remote_code"})
    tags = ("security", "models")

    BAD = (
        Example(
            text="vllm serve internlm/internlm2-chat-7b --trust-remote-code\n"
            "#                                     ~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            title="a branch moves",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model internlm/internlm2-chat-7b --trust-remote-code --revision main
    #                                           ~~~~~~~~~~~~~~~~~~~
""",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve internlm/internlm2-chat-7b --trust-remote-code"
            " --revision 3dfb0d0fe55b1a1e3ed0ea5d8f5cc5a8b0b3ad2a\n"
        ),
        Example(title="code that is already here", text="vllm serve ./models/mine --trust-remote-code\n"),
        Example(title="not trusted", text="vllm serve Qwen/Qwen3-8B\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for trust in whatever a repository will hold."""
        given, trusted, named = facts.args.given(_TRUST), facts.args.is_on(_TRUST), facts.args.model
        if given is None or isinstance(trusted, Unknown) or not trusted.value:
            return
        if not isinstance(named, Located) or is_path(named.value) or "/" not in named.value:
            return
        if facts.launch.entry_point is EntryPoint.HUGGINGFACE_SERVER or _is_pinned(facts):
            return
        yield self.finding(
            facts,
            given.flag.span,
            f"`{named.value}` may run any code that its repository will ever hold",
            _advice(facts),
            subject=f"trust_remote_code={named.value}",
        )


def _advice(facts: LaunchFacts) -> str:
    pin = "pin the code that you have read: `--revision COMMIT`"
    model = facts.maybe_model
    if isinstance(model, Unknown) or model.configuration != "known":
        return pin
    return f"{pin}; or leave the flag out: vLLM knows the type `{model.model_type}`"


def _is_pinned(facts: LaunchFacts) -> bool:
    """Whether a revision is given that does not move, or may be."""
    for dest in _PINS:
        found = facts.args.value(dest)
        if isinstance(found, Unknown) or (found.value or "") not in _MOVING:
            return True
    return False
