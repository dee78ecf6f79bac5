"""SCH006 batched-tokens-lt-max-len-no-chunking."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, set_options
from vllint_schemas import Applicability, Finding, Fix, Located, Related, Severity, Unknown

_TOKENS, _CHUNKED, _LENGTH = "max_num_batched_tokens", "enable_chunked_prefill", "max_model_len"


class BatchedTokensLtMaxLenNoChunking(Rule):
    """Without chunked prefill a batch must hold the longest prompt.

    ## What it does

    Compares `--max-num-batched-tokens` with the length of the context where chunked prefill is switched
    off: `--max-model-len`, or else the model's own. Where the tokens are not given, vLLM takes enough.

    ## Why is this bad?

    vLLM refuses the configuration: a prompt is then computed in one step, and the longest would not fit.

    ## Example

    `--no-enable-chunked-prefill --max-model-len 16384 --max-num-batched-tokens 8192`

    ## Use instead

    `--no-enable-chunked-prefill --max-model-len 16384 --max-num-batched-tokens 16384`, or chunked prefill.

    ## Fix safety

    Unsafe: larger batches take more memory.

    ## Since

    0.1.0
    """

    code = "SCH006"
    name = "batched-tokens-lt-max-len-no-chunking"
    severity = Severity.ERROR
    stage = "config"
    source = "config/scheduler.py:318"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/optimization.html"
    triggers = frozenset({"max_num_batched_tokens"})
    tags = ("scheduling",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --no-enable-chunked-prefill"
            " --max-model-len 16384 --max-num-batched-tokens 8192\n",
            fixed="vllm serve Qwen/Qwen3-8B --no-enable-chunked-prefill"
            " --max-model-len 16384 --max-num-batched-tokens 16384\n",
        ),
        Example(
            title="the model's own length",
            text="vllm serve Qwen/Qwen3-8B --no-enable-chunked-prefill --max-num-batched-tokens 8192\n",
            fixed="vllm serve Qwen/Qwen3-8B --no-enable-chunked-prefill --max-num-batched-tokens 40960\n",
        ),
    )
    GOOD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --max-model-len 16384 --max-num-batched-tokens 8192\n",
        ),
        Example(
            title="vLLM takes enough",
            text="vllm serve Qwen/Qwen3-8B --no-enable-chunked-prefill --max-model-len 16384\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding when prompts must go in one step and the longest does not."""
        chunked, tokens = facts.args.value(_CHUNKED), facts.args.integer(_TOKENS)
        off = isinstance(chunked, Located) and chunked.value is False
        if not off or isinstance(tokens, Unknown) or facts.args.given(_TOKENS) is None:
            return
        length = _length(facts)
        if length is None or facts.args.given(_CHUNKED) is None or not 0 < tokens.value < length:
            return
        edits = set_options(facts, (Setting("--max-num-batched-tokens", _TOKENS, str(length)),))
        title = f"write `--max-num-batched-tokens {length}`"
        switch = facts.args.place(_CHUNKED)
        yield self.finding(
            facts,
            facts.args.place(_TOKENS) or facts.launch.at,
            f"{tokens.value} batched tokens do not hold a prompt of {length}, and chunked prefill is off",
            f"raise them to {length}, lower `--max-model-len`, or leave chunked prefill on",
            related=() if switch is None else (Related(switch, "chunked prefill is off"),),
            fix=None if edits is None else Fix(title, Applicability.UNSAFE, edits),
            subject=f"max_num_batched_tokens={tokens.value}",
        )


def _length(facts: LaunchFacts) -> int | None:
    """Return the length of the context: as given, else the model's; `None` where vLLM chooses it."""
    given = facts.args.integer(_LENGTH)
    if isinstance(given, Located):
        return given.value if given.value > 0 else None
    unset = facts.args.value(_LENGTH)
    if isinstance(unset, Unknown) or unset.value is not None or isinstance(facts.maybe_model, Unknown):
        return None
    return facts.maybe_model.default_max_model_len
