"""FLG003 not-yet-flag."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Mistake, Rule, option_table, releases_with, rename_flag
from vllint_schemas import Applicability, Finding, Fix, Severity


class NotYetFlag(Rule):
    """An option must not be newer than the release.

    ## What it does

    Finds options, and other spellings of options, that only releases after the one the file runs know:
    `--disable-prefix-caching` came with 0.33.0, `--option.key value` with 0.9.1.

    ## Why is this bad?

    vLLM prints `unrecognized arguments` and exits, once the image has been pulled.

    ## Example

    `--disable-prefix-caching` with the image `vllm/vllm-openai:v0.22.1`.

    ## Use instead

    `--no-enable-prefix-caching`, which both releases know; or a newer image.

    ## Fix safety

    Safe: the fix writes another name of the same option, where the release has one.

    ## Since

    0.1.0
    """

    code = "FLG003"
    name = "not-yet-flag"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:304"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"not_yet_flag"})
    tags = ("flags",)

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: Qwen/Qwen3-8B --disable-prefix-caching
    #                      ~~~~~~~~~~~~~~~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: Qwen/Qwen3-8B --no-enable-prefix-caching
""",
        ),
        Example(
            title="no other name",
            vllm_version="0.16.0",
            text="vllm serve Qwen/Qwen3-8B --language-model-only\n",
        ),
        Example(
            title="keys after a dot",
            vllm_version="0.8.5",
            text="vllm serve Qwen/Qwen3-8B --compilation-config.level 3\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
    )
    GOOD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --disable-prefix-caching\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every option that is yet to come."""
        for mistake in facts.mistakes:
            if mistake.kind == "not_yet_flag":
                yield self._not_yet(facts, mistake)

    def _not_yet(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        release, name = facts.release, mistake.flag
        with_it = releases_with(name)
        written = mistake.argument.flag
        message = f"vLLM {release.judged} has no option `{name}`; the first release known to have it is"
        first = with_it[0]
        if release.judged in with_it:
            message = (
                f"vLLM {release.judged} takes no keys after a dot, as in `{written.text}`; they came with"
            )
            first = "0.9.1"
        other = _other_name(name, with_it[0], release.judged)
        return self.finding(
            facts,
            written.span,
            f"{message} {first}{release.caveat(elsewhere=True)}",
            f"write `{other}`, which both take" if other else f"remove it, or run vLLM {first} or later",
            severity=release.severity(elsewhere=True),
            fix=_fix(facts, mistake, other),
            subject=f"flag={name}",
        )


def _other_name(name: str, newer: str, judged: str) -> str | None:
    """Return a spelling that says the same to the release, if it has the option under another one."""
    option = option_table(newer).by_flag[name]
    here = next((other for other in option_table(judged).options if other.dest == option.dest), None)
    if here is None or name in here.aliases or here.nargs != option.nargs:
        return None
    spellings = here.negations if name in option.negations else here.aliases
    return next((spelling for spelling in spellings if spelling.startswith("--")), None)


def _fix(facts: LaunchFacts, mistake: Mistake, other: str | None) -> Fix | None:
    if other is None:
        return None
    edits = rename_flag(facts, mistake.argument, other)
    return None if edits is None else Fix(f"write `{other}`", Applicability.SAFE, edits)
