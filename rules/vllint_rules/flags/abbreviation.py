"""FLG006 abbreviation."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, option_table, rename_flag
from vllint_schemas import Applicability, Argument, Finding, Fix, Origin, Severity


class Abbreviation(Rule):
    """Options are best written out.

    ## What it does

    Finds options that are cut short, as `--tensor-parallel` for `--tensor-parallel-size`.

    ## Why is this bad?

    vLLM takes the beginning of an option's name as long as no other begins so. A new option in the next
    release can make it ambiguous, and vLLM then refuses to start; or the text can come to mean another one,
    as `--device cuda` means `--device-ids cuda` on vLLM 0.28.0.

    ## Example

    `--tensor-parallel 4`

    ## Use instead

    `--tensor-parallel-size 4`

    ## Fix safety

    Safe: the option that vLLM takes it for is written out.

    ## Since

    0.1.0
    """

    code = "FLG006"
    name = "abbreviation"
    severity = Severity.INFO
    stage = "advice"
    source = "utils/argparse_utils.py:520"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"option.cut_short"})
    tags = ("flags",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen3-8B --tensor-parallel 4\n#                        ~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --tensor-parallel-size 4\n",
        ),
        Example(
            title="joined with its value",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: Qwen/Qwen3-8B --max-model=8192
    #                      ~~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: Qwen/Qwen3-8B --max-model-len=8192
""",
        ),
    )
    GOOD = (Example(text="vllm serve Qwen/Qwen3-8B -tp 4 --max_model_len 8192 --no-enable-prefix-caching\n"),)

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every option that is cut short."""
        table = option_table(facts.release.judged)
        told = {id(mistake.argument.flag) for mistake in facts.mistakes}
        for argument in facts.args.arguments:
            name = _written(argument)
            if not name.startswith("--") or name in table.by_flag or argument.flag.origin is Origin.PLATFORM:
                continue
            option = table.by_flag.get(argument.option)
            spelling = (
                next((one for one in (*option.aliases, *option.negations) if one.startswith(name)), None)
                if option is not None
                else None
            )
            if spelling is not None and id(argument.flag) not in told:
                yield self._cut(facts, argument, name, spelling)

    def _cut(self, facts: LaunchFacts, argument: Argument, name: str, spelling: str) -> Finding:
        whole = "." not in argument.flag.text
        edits = rename_flag(facts, argument, spelling) if whole and facts.launch.kind != "python" else None
        return self.finding(
            facts,
            argument.flag.span,
            f"`{name}` is `{spelling}` cut short, which a new option can make ambiguous",
            f"write `{spelling}`",
            fix=None if edits is None else Fix(f"write `{spelling}`", Applicability.SAFE, edits),
            subject=f"flag={spelling}",
        )


def _written(argument: Argument) -> str:
    """Return the option's name as vLLM looks it up."""
    return argument.flag.text.partition("=")[0].partition(".")[0].replace("_", "-")
