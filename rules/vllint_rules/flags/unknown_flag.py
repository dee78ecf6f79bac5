"""FLG001 unknown-flag."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, known_elsewhere, similar_flags
from vllint_schemas import Applicability, ArgumentProblem, Edit, Finding, Fix, Severity, Word


class UnknownFlag(Rule):
    """An option must be one that vLLM knows.

    ## What it does

    Looks every option up in the table of the vLLM release that the file runs: by its name, its short form,
    its negation, with underscores or dashes, and abbreviated as far as the abbreviation is unique.

    ## Why is this bad?

    vLLM prints `unrecognized arguments` and exits, once the image has been pulled.

    ## Example

    `vllm serve Qwen/Qwen3-8B --max-model-length 4096`

    ## Use instead

    `vllm serve Qwen/Qwen3-8B --max-model-len 4096`

    ## Fix safety

    Unsafe: the nearest name may not be the one that was meant.

    ## Since

    0.1.0
    """

    code = "FLG001"
    name = "unknown-flag"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:304"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    tags = ("flags",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --max-model-length 4096\n"
            "#                        ~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --max-model-len 4096\n",
        ),
        Example(
            title="another engine's spelling",
            text="vllm serve Qwen/Qwen3-8B --tp 2\n#                        ~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B -tp 2\n",
        ),
    )
    GOOD = (
        Example(title="abbreviated", text="vllm serve Qwen/Qwen3-8B --max-model-l 4096\n"),
        Example(title="with underscores", text="vllm serve Qwen/Qwen3-8B --max_model_len 4096\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every option that no release has."""
        for problem in facts.args.problems:
            if problem.kind == "unknown_option" and known_elsewhere(_flag(problem)) is None:
                yield self._unknown(facts, problem)

    def _unknown(self, facts: LaunchFacts, problem: ArgumentProblem) -> Finding:
        flag = _flag(problem)
        word = problem.word.slice(0, len(flag)) if len(flag) < len(problem.word.text) else problem.word
        close = similar_flags(flag, facts.release.judged)
        doubt = facts.release.doubt
        meant = ", ".join(f"`{name}`" for name in close)
        return self.finding(
            facts,
            word.span,
            f"vLLM {facts.release.judged} has no option `{flag}`{f' ({doubt})' if doubt else ''}",
            f"did you mean {meant}?" if meant else "remove it; `vllm serve --help=all` lists the options",
            severity=Severity.WARNING if doubt else Severity.ERROR,
            fix=_fix(word, close),
            subject=f"flag={flag}",
        )


def _flag(problem: ArgumentProblem) -> str:
    """Return the option's name as it is written."""
    return problem.word.text.partition("=")[0].partition(".")[0]


def _fix(word: Word, close: tuple[str, ...]) -> Fix | None:
    """Replace the name by the nearest one, if there is just one that is near."""
    if not close:
        return None
    title = f"write `{close[0]}`"
    place, name = word.text_span, close[0]
    if place is None:
        # A key of a config file is the option without its dashes.
        place, name = word.slice(2).text_span, close[0].removeprefix("--")
    if len(close) > 1 or place is None:
        return Fix(title, Applicability.DISPLAY)
    return Fix(title, Applicability.UNSAFE, (Edit(place, name),))
