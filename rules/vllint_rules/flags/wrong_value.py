"""FLG011 wrong-value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Mistake,
    Rule,
    accepting_releases,
    broken_bound,
    is_removed_choice,
    is_so,
    option_table,
    similar_name,
    tidied_number,
)
from vllint_schemas import Applicability, Argument, Edit, Finding, Fix, Located, Severity, Word

_OWN_RULES = frozenset(
    {"gpu_memory_utilization", "kv_cache_dtype", "limit_mm_per_prompt", "max_lora_rank", "quantization"}
)
"""Options whose values have a rule to themselves."""

_CHOICE_RULES = _OWN_RULES - {"gpu_memory_utilization"}

_SHOWN = 8
_REFUSAL = re.compile(r"argument [^:]*: ")
_REPEATED = re.compile(r"(?s): invalid (?:\w+ value: (?:'[^']*'|\"[^\"]*\")\Z|choice: .*)")
"""What vLLM says of a value that the finding names already."""


class WrongValue(Rule):
    """An option's value must be one that it takes.

    ## What it does

    Reads every value as vLLM's parser does: whole numbers, numbers with a unit where the option takes
    them (`32k` is 32,000 and `32K` is 32,768), JSON, and choices; and finds options without the value
    that they need, as when a variable is empty. Numbers are held against the bounds that vLLM 0.33.0's
    configuration sets, too.

    ## Why is this bad?

    vLLM prints `invalid ... value`, `invalid choice` or `expected one argument` and exits, once the image
    has been pulled.

    ## Example

    `--max-num-seqs 1k`: this option takes no unit.

    ## Use instead

    `--max-num-seqs 1000`

    ## Fix safety

    Safe where the same number, or the same choice in other letters, is written as vLLM reads it. Unsafe
    where it takes a guess: the nearest choice, a decimal comma, a unit that vLLM does not take.

    ## Since

    0.1.0
    """

    code = "FLG011"
    name = "wrong-value"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:520"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    tags = ("flags",)
    yields_to = frozenset({"FLG021", "SPC004"})

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --max-num-seqs 1k\n#                                       ~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --max-num-seqs 1000\n",
        ),
        Example(
            title="letters",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --dtype=BFloat16
      #         ~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --dtype=bfloat16
""",
        ),
        Example(
            title="a choice that is near",
            text="vllm serve Qwen/Qwen3-8B --runner=poolin\n#                                 ~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --runner=pooling\n",
        ),
        Example(
            title="an empty variable",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: Qwen/Qwen3-8B --max-model-len ${LENGTH:-} --port 8001
    #                      ~~~~~~~~~~~~~~~
""",
        ),
        Example(
            title="too little",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B -tp 0\n",
        ),
        Example(
            title="too little, where adapters are served",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --enable-lora --max-loras 0\n"
            "#                                                  ~\n",
        ),
        Example(
            title="taken for an option",
            text="vllm serve Qwen/Qwen3-8B --gpu-memory-utilization -0.1\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --max-model-len 32k --max-num-seqs 256 --dtype half\n"),
        Example(
            title="nobody looks without adapters",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --max-loras 0\n",
        ),
        Example(
            title="a choice that this release has",
            vllm_version="0.12.0",
            text="vllm serve Qwen/Qwen3-8B --convert reward\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every value that its option does not take, or that is missing."""
        for mistake in facts.mistakes:
            if mistake.kind == "missing_value":
                yield self._missing(facts, mistake)
            elif mistake.kind == "wrong_value" and mistake.argument.dest not in _CHOICE_RULES:
                word = _refused_word(facts, mistake)
                if not _is_others(facts, mistake):
                    yield self._wrong(facts, mistake, word)
        if facts.launch.kind != "python":
            for argument in facts.args.arguments:
                yield from self._out_of_bounds(facts, argument)

    def _out_of_bounds(self, facts: LaunchFacts, argument: Argument) -> Iterator[Finding]:
        """Check a number that the parser takes and the configuration may not."""
        number = argument.value.value if isinstance(argument.value, Located) else None
        if isinstance(number, str) and re.fullmatch(r"-?\d{1,9}", number):
            number = int(number)
        if not isinstance(number, int | float) or isinstance(number, bool) or argument.dest in _OWN_RULES:
            return
        bound = broken_bound(argument.dest, number, facts.release.judged)
        if bound is None or facts.args.given(argument.dest) is not argument:
            return
        if bound.when and not is_so(facts, bound.when):
            return
        yield self.finding(
            facts,
            argument.values[-1].span if argument.values else argument.flag.span,
            f"`{argument.option}` must be {bound.text}, and is {number:g}{facts.release.caveat(True)}",
            "write another number, or remove it",
            severity=facts.release.severity(elsewhere=True),
            stage=bound.stage,
            source=bound.source,
            subject=f"flag={argument.option}",
        )

    def _missing(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        return self.finding(
            facts,
            mistake.argument.flag.span,
            f"`{mistake.flag}` has no value: {_REFUSAL.sub('', mistake.message)}",
            "give it one, or remove it",
            subject=f"flag={mistake.flag}",
        )

    def _wrong(self, facts: LaunchFacts, mistake: Mistake, word: Word) -> Finding:
        release, argument = facts.release, mistake.argument
        others = accepting_releases(argument.option, word.text)
        if release.judged in others:
            # What is refused is how the value is written, not the value.
            others = ()
        said = _REPEATED.sub("", f": {_REFUSAL.sub('', mistake.message)}")
        value = f"`{word.text}`" if word.text else "an empty text"
        told = f"; {others[-1]} takes it" if others else ""
        return self.finding(
            facts,
            word.span,
            f"`{argument.option}` does not take {value}{said}{told}{release.caveat(bool(others))}",
            _advice(facts, mistake),
            severity=release.severity(bool(others)),
            fix=_fix(facts, mistake, word),
            subject=f"flag={argument.option}",
        )


def _refused_word(facts: LaunchFacts, mistake: Mistake) -> Word:
    """Return the value that is refused: of several, the one vLLM names."""
    values = mistake.argument.values
    return next((value for value in values if repr(value.text) in mistake.message), values[-1])


def _is_others(facts: LaunchFacts, mistake: Mistake) -> bool:
    """Whether another rule speaks of the value: those of JSON, and of names that were taken away."""
    option = option_table(facts.release.judged).by_flag.get(mistake.argument.option)
    if option is None:
        return False
    return option.kind.startswith("json") or is_removed_choice(facts, mistake)


def _choices(facts: LaunchFacts, mistake: Mistake) -> tuple[str, ...]:
    option = option_table(facts.release.judged).by_flag.get(mistake.argument.option)
    choices = option.choices if option is not None and option.choices else ()
    return tuple(str(choice) for choice in choices if choice is not None)


def _advice(facts: LaunchFacts, mistake: Mistake) -> str:
    choices = _choices(facts, mistake)
    if choices:
        more = f" and {len(choices) - _SHOWN} more" if len(choices) > _SHOWN else ""
        return f"it takes {', '.join(f'`{choice}`' for choice in choices[:_SHOWN])}{more}"
    option = option_table(facts.release.judged).by_flag.get(mistake.argument.option)
    kinds = {
        "int": "it takes a whole number, without a unit",
        "float": "it takes a number with a decimal point",
        "human_readable_int": "it takes a whole number, also as `32k` (32,000) or `32K` (32,768)",
        "human_readable_int_or_auto": "it takes a whole number, also as `32k` or `32K`, or `auto`",
    }
    kind = "" if option is None else option.kind
    return kinds.get(kind, "it takes JSON" if kind.startswith("json") else "see `vllm serve --help=all`")


def _fix(facts: LaunchFacts, mistake: Mistake, word: Word) -> Fix | None:
    """Write the same value as the option reads it, or the one that was probably meant."""
    option = option_table(facts.release.judged).by_flag.get(mistake.argument.option)
    place = word.text_span
    if option is None or place is None or word.via:
        return None
    choices = _choices(facts, mistake)
    if choices:
        name = similar_name(word.text, choices)
        same = name is not None and name.lower() == word.text.lower()
    else:
        name, same = tidied_number(word.text, option.kind)
    if name is None:
        return None
    level = Applicability.SAFE if same else Applicability.UNSAFE
    return Fix(f"write `{name}`", level, (Edit(place, name),))
