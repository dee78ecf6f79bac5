"""FLG010 duplicate-flag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from vllint import Example, LaunchFacts, Rule, option_table, remove_argument
from vllint_schemas import Applicability, Argument, Finding, Fix, Origin, Related, Severity, Unknown


class DuplicateFlag(Rule):
    """An option should be given once.

    ## What it does

    Finds options that are given twice, under the same name or another of their names: `-tp` and
    `--tensor-parallel-size`, `--enable-prefix-caching` and `--no-enable-prefix-caching`. Options that
    collect values, keys after a dot, and options that repeat the file of `--config` are meant to be.

    ## Why is this bad?

    The last one counts, and the others say what is not so. vLLM logs `Found duplicate keys` at best, and
    nothing at all when the names differ.

    ## Example

    `vllm serve Qwen/Qwen3-8B -tp 4 --tensor-parallel-size 8`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --tensor-parallel-size 8`

    ## Fix safety

    Safe where all say the same; unsafe where they do not, since the one that counts may not be the one
    that was meant. The fix removes what has no effect.

    ## Since

    0.1.0
    """

    code = "FLG010"
    name = "duplicate-flag"
    severity = Severity.WARNING
    stage = "parse"
    source = "utils/argparse_utils.py:447"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"option.repeated"})
    tags = ("flags",)

    BAD = (
        Example(
            title="two names",
            text="vllm serve Qwen/Qwen3-8B -tp 4 --tensor-parallel-size 8\n#                        ~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --tensor-parallel-size 8\n",
        ),
        Example(
            title="the same twice",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --trust-remote-code
      - --port=8001
      - --trust_remote_code
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --port=8001
      - --trust_remote_code
""",
        ),
        Example(
            title="on and off",
            text="vllm serve Qwen/Qwen3-8B --enable-prefix-caching --no-enable-prefix-caching\n",
            fixed="vllm serve Qwen/Qwen3-8B --no-enable-prefix-caching\n",
        ),
    )
    GOOD = (
        Example(title="collected", text="vllm serve Qwen/Qwen3-8B --middleware a.B --middleware c.D\n"),
        Example(
            title="keys of one option",
            text="vllm serve Qwen/Qwen3-8B --speculative-config.method ngram"
            " --speculative-config.num_speculative_tokens 3\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every option that a later one overrules."""
        if facts.launch.kind == "python":
            return
        for earlier, later in combinations(facts.args.arguments, 2):
            if earlier.dest == later.dest and _repeats(facts, earlier, later):
                yield self._overruled(facts, earlier, later)

    def _overruled(self, facts: LaunchFacts, earlier: Argument, next_one: Argument) -> Finding:
        later = facts.args.given(earlier.dest) or next_one
        same = _same(earlier, later)
        shown = "the same again" if same else f"`{_written(later)}`, which counts"
        edits = remove_argument(facts, earlier)
        level = Applicability.SAFE if same else Applicability.UNSAFE
        return self.finding(
            facts,
            earlier.flag.span.cover(earlier.values[-1].span) if earlier.values else earlier.flag.span,
            f"`{_written(earlier)}` has no effect: further on stands {shown}",
            "keep one of them",
            related=(Related(later.flag.span, "this one counts"),),
            fix=None if edits is None else Fix(f"remove `{_written(earlier)}`", level, edits),
            subject=f"flag={earlier.option}",
        )


def _repeats(facts: LaunchFacts, earlier: Argument, later: Argument) -> bool:
    """Whether `later`, the next of its kind, stands beside `earlier` and overrules it."""
    option = option_table(facts.release.judged).by_flag.get(earlier.option)
    if option is None or option.action == "append" or (earlier.first < 0) != (later.first < 0):
        return False
    if any("." in one.flag.text or one.flag.origin is not Origin.LITERAL for one in (earlier, later)):
        return False
    between = facts.args.arguments[
        facts.args.arguments.index(earlier) + 1 : facts.args.arguments.index(later)
    ]
    return all(other.dest != earlier.dest for other in between)


def _same(earlier: Argument, later: Argument) -> bool:
    """Whether both set the same value, as far as it is known."""
    if isinstance(earlier.value, Unknown) or isinstance(later.value, Unknown):
        return False
    return bool(earlier.value.value == later.value.value)


def _written(argument: Argument) -> str:
    """Return the option as it is written; values that are not known are left out."""
    values = [value.text for value in argument.values if value.is_known]
    return " ".join([argument.flag.text, *values])
