"""FLG030 attention-backend-unknown."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, doubtful, unknown_name, when_known
from vllint_schemas import Applicability, Edit, Finding, Fix, Severity

_SUCCESSORS = {"FLASH_ATTN_VLLM_V1": "FLASH_ATTN", "TRITON_ATTN_VLLM_V1": "TRITON_ATTN"}
"""Backends that another name stands for now."""


class AttentionBackendUnknown(Rule):
    """The attention backend must be one that vLLM has.

    ## What it does

    Looks the value of `--attention-backend` up in the list of backends of the release that the file runs.
    `XFORMERS` and the names that end with `_VLLM_V1` are gone.

    ## Why is this bad?

    vLLM refuses the configuration: `Unknown attention backend`.

    ## Example

    `--attention-backend FLASH_ATTN_VLLM_V1`

    ## Use instead

    `--attention-backend FLASH_ATTN`

    ## Fix safety

    Safe where a backend has another name now; else unsafe, since the nearest name may not be the one that
    was meant.

    ## Since

    0.1.0
    """

    code = "FLG030"
    name = "attention-backend-unknown"
    severity = Severity.ERROR
    stage = "config"
    source = "v1/attention/backends/registry.py:28"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"attention_backend"})
    tags = ("flags",)

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --attention-backend FLASH_ATTN_VLLM_V1\n"
            "#                                            ~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --attention-backend FLASH_ATTN\n",
        ),
        Example(
            title="gone",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: Qwen/Qwen3-8B --attention-backend=XFORMERS
""",
        ),
        Example(
            title="Python",
            path="serve.py",
            vllm_version="0.33.0",
            text='from vllm import LLM\n\nllm = LLM("Qwen/Qwen3-8B", attention_backend="FLASHINFR")\n',
            fixed='from vllm import LLM\n\nllm = LLM("Qwen/Qwen3-8B", attention_backend="FLASHINFER")\n',
        ),
    )
    GOOD = (
        Example(vllm_version="0.33.0", text="vllm serve Qwen/Qwen3-8B --attention-backend flashinfer\n"),
        Example(vllm_version="0.33.0", text="vllm serve Qwen/Qwen3-8B --attention-backend auto\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a backend that the release has not."""
        found = unknown_name(facts.args, "attention_backend", str.upper, frozenset({"AUTO", "", "NONE"}))
        if found is None:
            return
        release, place = facts.release, found.word.text_span
        successor = _SUCCESSORS.get(found.name)
        meant = successor if successor in found.names else found.near
        fix = None
        if meant is not None and place is not None and not found.word.via:
            level = Applicability.SAFE if successor else Applicability.UNSAFE
            fix = Fix(f"write `{meant}`", level, (Edit(place, meant),))
        elsewhere = bool(found.others)
        past = f"{when_known(found.others, release.judged)}{release.caveat(elsewhere)}"
        yield self.finding(
            facts,
            found.word.span,
            f"vLLM {release.judged} has no attention backend `{found.word.text}`{past}",
            f"did you mean `{meant}`?" if meant else "leave the option out, and vLLM chooses",
            severity=Severity.WARNING if doubtful(found, release.stated) else release.severity(elsewhere),
            fix=fix,
            subject=f"attention_backend={found.word.text}",
        )
