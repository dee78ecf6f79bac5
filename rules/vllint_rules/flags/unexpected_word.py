"""FLG037 unexpected-word."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Mistake, Rule, keeps_blank, option_table, replace_argument
from vllint_schemas import Applicability, Finding, Fix, Severity, Word

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""Dashes that text processing makes of one or two hyphens."""


class UnexpectedWord(Rule):
    """Besides the model, every word must be an option or the value of one.

    ## What it does

    Finds words that belong to no option and are not the model, unless another rule knows how they got
    there: a second value of an option that takes one, an option without its dashes or with other dashes
    than hyphens, a backslash in the middle of a line.

    ## Why is this bad?

    vLLM prints `unrecognized arguments` and exits, once the image has been pulled.

    ## Example

    `vllm serve Qwen/Qwen3-8B tensor-parallel-size 2`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --tensor-parallel-size 2`

    ## Fix safety

    Safe: offered where the word is an option but for its dashes.

    ## Since

    0.1.0
    """

    code = "FLG037"
    name = "unexpected-word"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:520"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/cli/serve.html"
    triggers = frozenset({"unexpected_word"})
    tags = ("flags",)

    BAD = (
        Example(
            title="no dashes",
            text="vllm serve Qwen/Qwen3-8B tensor-parallel-size 2\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --tensor-parallel-size 2\n",
        ),
        Example(
            title="a dash of a text processor",
            text="vllm serve Qwen/Qwen3-8B \u2014port 8001\n",
            fixed="vllm serve Qwen/Qwen3-8B --port 8001\n",
        ),
        Example(
            title="two values",
            text="vllm serve Qwen/Qwen3-8B --max-model-len 4096 8192\n"
            "#                                             ~~~~\n",
        ),
        Example(title="two models", text="vllm serve Qwen/Qwen3-8B Qwen/Qwen3-4B\n"),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B --served-model-name a b c\n"),
        Example(title="arguments that are not known", text='vllm serve Qwen/Qwen3-8B "$@" more\n'),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for words that nothing explains; those that stand together share one."""
        for mistake in facts.mistakes:
            # What stands behind a blank that a backslash keeps is told of as cut off.
            if mistake.kind == "unexpected_word" and not (
                facts.launch.cut_off and keeps_blank(mistake.argument.flag)
            ):
                yield self._unexpected(facts, mistake)

    def _unexpected(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        word, more = mistake.argument.flag, mistake.argument.values
        text = " ".join(one.text for one in (word, *more))
        behind_end = _is_behind_end(facts, mistake)
        option = None if behind_end else _option(facts, word.text)
        return self.finding(
            facts,
            word.span.cover(more[-1].span) if more else word.span,
            f"vLLM does not expect `{text}` here: it belongs to no option",
            _advice(word, option, behind_end),
            fix=_fix(facts, mistake, option),
            subject=f"word={word.text}",
        )


def _option(facts: LaunchFacts, text: str) -> str | None:
    """Return the option that a word is but for its dashes."""
    name, equals, value = text.partition("=")
    option = f"--{name.lstrip(_DASHES + '-').replace('_', '-')}"
    known = option in option_table(facts.release.judged).by_flag
    long_enough = name[:1] in _DASHES or "-" in name or "_" in name
    return f"{option}{equals}{value}" if known and name and long_enough else None


def _is_behind_end(facts: LaunchFacts, mistake: Mistake) -> bool:
    """Whether a `--` stands before the word, which ends the options."""
    return any(word.text == "--" for word in facts.launch.argv[: max(mistake.argument.first, 0)])


def _advice(word: Word, option: str | None, behind_end: bool) -> str:
    if behind_end:
        return "take out the `--` before it: nothing behind that is an option"
    if option and word.text[:1] in _DASHES:
        return f"write `{option}`: `{word.text[0]}` is a dash, and options begin with hyphens"
    if option:
        return f"write `{option}`"
    if keeps_blank(word) or word.text.strip() in {"\\", ""}:
        return "a backslash goes on with the command at the very end of a line only"
    return "remove it, or name the option it is for"


def _fix(facts: LaunchFacts, mistake: Mistake, option: str | None) -> Fix | None:
    if option is None or mistake.argument.first < 0:
        return None
    alone = mistake.argument._replace(last=mistake.argument.first)
    edits = replace_argument(facts, alone, (option,))
    return None if edits is None else Fix(f"write `{option}`", Applicability.SAFE, edits)
