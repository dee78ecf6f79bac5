"""FLG001 unknown-flag."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Mistake, Rule, is_call, option_table, rename_flag, similar_flags
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, Severity


class UnknownFlag(Rule):
    """An option must be one that vLLM knows.

    ## What it does

    Looks every option up in the table of the vLLM release that the file runs: by its name, its short form,
    its negation, with underscores or dashes, and abbreviated as far as the abbreviation is unique. In a
    Python call, its name as vLLM's engine arguments have it counts alone.

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
    triggers = frozenset({"unknown_flag"})
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
        Example(
            title="in a config file, which has no short forms",
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --config config.yaml\n",
            text="tp: 2\n",
            fixed="tensor-parallel-size: 2\n",
        ),
    )
    GOOD = (
        Example(title="abbreviated", text="vllm serve Qwen/Qwen3-8B --max-model-l 4096\n"),
        Example(
            title="an option of a fork's own",
            text="docker run --gpus all vllm/vllm-omni:v0.18.0 --model Qwen/Qwen-Image --omni\n",
        ),
        Example(title="with underscores", text="vllm serve Qwen/Qwen3-8B --max_model_len 4096\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every option that no release has."""
        for mistake in facts.mistakes:
            if mistake.kind != "unknown_flag":
                continue
            name = mistake.argument.flag.text.partition(".")[0]
            close = _close(name, facts, in_file=mistake.argument.first < 0)
            # A fork has options of its own: vllm-omni's `--omni` is no slip of the pen.
            if close or not facts.release.doubt:
                yield self._unknown(facts, mistake, name, close)

    def _unknown(self, facts: LaunchFacts, mistake: Mistake, name: str, close: tuple[str, ...]) -> Finding:
        release = facts.release
        meant = ", ".join(f"`{other}`" for other in close)
        listed = "" if facts.launch.kind == "python" else "; `vllm serve --help=all` lists the options"
        return self.finding(
            facts,
            mistake.argument.flag.slice(0, len(name)).span,
            f"vLLM {release.judged} has no option `{name}`{release.caveat(elsewhere=False)}",
            f"did you mean {meant}?" if meant else f"remove it{listed}",
            severity=release.severity(elsewhere=False),
            fix=_fix(facts, mistake, name, close),
            subject=f"flag={name}",
        )


def _close(name: str, facts: LaunchFacts, in_file: bool) -> tuple[str, ...]:
    """Return the nearest names; a config file takes none of the short ones, and a call the first one only."""
    by_flag = option_table(facts.release.judged).by_flag
    close = similar_flags(name, facts.release.judged)
    if not in_file and not is_call(facts.launch):
        return close
    options = [(by_flag[other], other in by_flag[other].negations) for other in close]
    return tuple(dict.fromkeys((off and option.negation) or option.flag for option, off in options))


def _says_more(name: str, near: str) -> bool:
    """Whether `name` says what the nearest option does not: the opposite, or a number as in `-tp2`."""
    return name.startswith("--no-") != near.startswith("--no-") or (
        name[-1].isdigit() and not near[-1].isdigit()
    )


def _leaves_a_value(facts: LaunchFacts, mistake: Mistake, near: str) -> bool:
    """Whether the nearest option takes no value, and one stands behind the name."""
    option, argument = option_table(facts.release.judged).by_flag[near], mistake.argument
    if option.nargs != "0" or argument.first < 0:
        return False
    words = facts.launch.argv[argument.first + 1 : argument.last + 2]
    model = facts.args.model
    place = model.span if isinstance(model, Located) else None
    return any(
        word.is_known and not word.text.startswith("-") and (place is None or not word.site.holds(place))
        for word in words
    )


def _fix(facts: LaunchFacts, mistake: Mistake, name: str, close: tuple[str, ...]) -> Fix | None:
    """Replace the name by the nearest one, if there is just one that is near."""
    if not close:
        return None
    title = f"write `{close[0]}`"
    word = mistake.argument.flag.slice(0, len(name))
    place, written = word.text_span, close[0]
    if place is None:
        # A key of a config file is the option without its dashes.
        place, written = word.slice(2).text_span, close[0].removeprefix("--")
    if _leaves_a_value(facts, mistake, close[0]):
        return Fix(title, Applicability.DISPLAY)
    if is_call(facts.launch) and len(close) == 1 and not _says_more(name, close[0]):
        edits = rename_flag(facts, mistake.argument, close[0])
        return Fix(title, Applicability.DISPLAY) if edits is None else Fix(title, Applicability.UNSAFE, edits)
    if len(close) > 1 or place is None or word.via or _says_more(name, close[0]):
        return Fix(title, Applicability.DISPLAY)
    return Fix(title, Applicability.UNSAFE, (Edit(place, written),))
