"""FLG005 ambiguous-abbreviation."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Mistake, Rule, option_table, releases, rename_flag
from vllint_schemas import Applicability, Finding, Fix, Severity

_SHOWN = 6


class AmbiguousAbbreviation(Rule):
    """An abbreviated option must stand for one option only.

    ## What it does

    Finds options that are the beginning of several others. vLLM accepts abbreviations as long as they are
    unique, which every new option may end.

    ## Why is this bad?

    vLLM prints `ambiguous option` and exits, once the image has been pulled.

    ## Example

    `--kv-cache fp8`, which could be `--kv-cache-dtype` or `--kv-cache-memory-bytes`.

    ## Use instead

    The whole name: `--kv-cache-dtype fp8`.

    ## Fix safety

    Unsafe: offered where the others only go on from the first, which is then the likely one.

    ## Since

    0.1.0
    """

    code = "FLG005"
    name = "ambiguous-abbreviation"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:520"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"ambiguous_flag"})
    tags = ("flags",)

    BAD = (
        Example(text="vllm serve Qwen/Qwen3-8B --kv-cache fp8\n#                        ~~~~~~~~~~\n"),
        Example(
            title="one and what goes on from it",
            text="vllm serve Qwen/Qwen3-8B --kv-cache-d=fp8\n#                        ~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --kv-cache-dtype=fp8\n",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B --kv-cache-dtype fp8\n"),)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every abbreviation of several options."""
        for mistake in facts.mistakes:
            if mistake.kind == "ambiguous_flag":
                yield self._ambiguous(facts, mistake)

    def _ambiguous(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        release, name = facts.release, mistake.flag
        elsewhere = any(len(_options(name, other)) == 1 for other in releases())
        rivals = [flag for flag in option_table(release.judged).by_flag if flag.startswith(name)]
        shown = ", ".join(f"`{rival}`" for rival in rivals[:_SHOWN])
        more = f" and {len(rivals) - _SHOWN} more" if len(rivals) > _SHOWN else ""
        return self.finding(
            facts,
            mistake.argument.flag.span,
            f"`{name}` could be any of {len(rivals)} options of vLLM {release.judged}: {shown}{more}"
            f"{release.caveat(elsewhere)}",
            "write the whole name",
            severity=release.severity(elsewhere),
            fix=_fix(facts, mistake, rivals),
            subject=f"flag={name}",
        )


def _options(name: str, release: str) -> set[str]:
    """Return the options of a release that a name may abbreviate."""
    return {option.flag for flag, option in option_table(release).by_flag.items() if flag.startswith(name)}


def _fix(facts: LaunchFacts, mistake: Mistake, rivals: list[str]) -> Fix | None:
    shortest = min(rivals, key=len)
    option = option_table(facts.release.judged).by_flag[shortest]
    if option.dest == "model" or facts.args.given(option.dest) is not None:
        return None
    if not all(rival.startswith(shortest) for rival in rivals):
        return None
    edits = rename_flag(facts, mistake.argument, shortest)
    return None if edits is None else Fix(f"write `{shortest}`", Applicability.UNSAFE, edits)
