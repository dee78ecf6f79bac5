"""MMO002 mm-item-exceeds-batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vllint import Example, LaunchFacts, Rule, Setting, releases, set_options
from vllint_schemas import Applicability, Finding, Fix, Located, Severity, Unknown

_TOKENS, _WHOLE = "max_num_batched_tokens", "disable_chunked_mm_input"
_LIMITS, _TEXT_ONLY, _PROCESSOR = "limit_mm_per_prompt", "language_model_only", "mm_processor_kwargs"


class _Item(NamedTuple):
    """The least that a model's longest item takes in tokens, what it is, and why it is never cut up."""

    tokens: int
    modality: str
    forced: str = ""


_ITEMS: Mapping[str, _Item] = {
    "gemma3": _Item(256, "image", "the parts of an image see each other"),
    "gemma4": _Item(2496, "video"),
    "whisper": _Item(1500, "audio", "an encoder reads it as a whole"),
}
"""By model type: `mm_tokens_per_image` of Gemma 3 with one crop, 32 frames of a video for Gemma 4 (vLLM
0.33.0 `models/gemma4_mm.py:125`), `max_source_positions` of Whisper."""


class MmItemExceedsBatch(Rule):
    """A batch must hold an image, a video or a sound that is not cut up.

    ## What it does

    Finds `--max-num-batched-tokens` below the tokens of the longest item, for models that read their items
    as a whole: Gemma 3, Whisper, and Gemma 4 where `--disable-chunked-mm-input` is given.

    ## Why is this bad?

    vLLM refuses to start: `Chunked MM input disabled but max_tokens_per_mm_item (256) is larger than
    max_num_batched_tokens (128)`.

    ## Example

    `vllm serve google/gemma-3-4b-it --max-num-batched-tokens 128 --max-num-seqs 64`

    ## Use instead

    A batch of at least that many tokens, or the default.

    ## Fix safety

    Unsafe: a larger batch takes more memory.

    ## Since

    0.1.0
    """

    code = "MMO002"
    name = "mm-item-exceeds-batch"
    severity = Severity.ERROR
    stage = "run"
    source = "v1/core/encoder_cache_manager.py:366"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/optimization.html"
    needs = ("model",)
    waits_for = frozenset({"SCH005", "SCH006"})
    triggers = frozenset({"max_num_batched_tokens"})
    tags = ("multimodal", "scheduling")

    BAD = (
        Example(
            text="vllm serve google/gemma-3-4b-it --max-num-batched-tokens 128 --max-num-seqs 64\n"
            "#                                                        ~~~\n",
            vllm_version="0.33.0",
            fixed="vllm serve google/gemma-3-4b-it --max-num-batched-tokens 256 --max-num-seqs 64\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve google/gemma-3-4b-it --max-num-batched-tokens 2k\n", vllm_version="0.33.0"),
        Example(
            title="no images",
            text="vllm serve google/gemma-3-4b-it --max-num-batched-tokens 128 --max-num-seqs 64"
            " --language-model-only\n",
            vllm_version="0.33.0",
        ),
        Example(
            title="items may be cut up",
            text="vllm serve Qwen/Qwen3-VL-8B-Instruct --max-num-batched-tokens 128 --max-num-seqs 64\n",
            vllm_version="0.33.0",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a batch that is given and shorter than an item."""
        item = _ITEMS.get(facts.model.model_type or "")
        tokens = facts.args.integer(_TOKENS)
        if item is None or isinstance(tokens, Unknown) or facts.args.given(_TOKENS) is None:
            return
        if not 0 < tokens.value < item.tokens or not (item.forced or _on(facts, _WHOLE)):
            return
        if facts.release.judged != releases()[-1] or facts.model.multimodal is not True or _is_limited(facts):
            return
        why = item.forced or "`--disable-chunked-mm-input` is given"
        edits = set_options(facts, (Setting("--max-num-batched-tokens", _TOKENS, str(item.tokens)),))
        title = f"write `--max-num-batched-tokens {item.tokens}`"
        yield self.finding(
            facts,
            facts.args.place(_TOKENS) or facts.launch.at,
            f"a batch of {tokens.value:,} tokens does not hold one {item.modality}, which takes"
            f" {item.tokens:,} and is not cut up: {why}",
            f"raise `--max-num-batched-tokens` to {item.tokens:,} or more, or leave it out",
            fix=None if edits is None else Fix(title, Applicability.UNSAFE, edits),
            severity=facts.release.severity(False),
            subject=f"max_num_batched_tokens={tokens.value}",
        )


def _on(facts: LaunchFacts, dest: str) -> bool:
    found = facts.args.is_on(dest)
    return not isinstance(found, Unknown) and found.value


def _is_limited(facts: LaunchFacts) -> bool:
    """Whether items are refused or may be made shorter, which is not followed here."""
    text_only = facts.args.is_on(_TEXT_ONLY)
    if isinstance(text_only, Unknown) or text_only.value:
        return True
    found = (facts.args.value(dest) for dest in (_LIMITS, _PROCESSOR))
    return any(isinstance(value, Unknown) or (isinstance(value, Located) and value.value) for value in found)
