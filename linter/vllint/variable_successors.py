"""What to write in the place of an environment variable that vLLM has ceased to read."""

from __future__ import annotations

from typing import NamedTuple

from vllint.facts import LaunchFacts
from vllint.option_edits import Setting
from vllint.release_order import version_key
from vllint.variable_edits import variable_release
from vllint.vllm.environment import EnvironmentVariable, Successor, environment_variable, variable_standing
from vllint.vllm.options import option_table
from vllint_schemas import Origin, Variable

_KERNELS = frozenset({"--attention-backend", "--moe-backend", "--linear-backend", "--all2all-backend"})
"""Options whose values may be refused on some cards or for some models."""


class Succession(NamedTuple):
    """What to do about a variable that is not read: advice, and what to set besides taking it out.

    `title` is empty where nothing can be done in the file. `rename` is a new name. `safe` says that a
    launch cannot become worse by it, `nothing_lost` that the variable asked for what vLLM does anyway.
    """

    advice: str
    title: str = ""
    settings: tuple[Setting, ...] = ()
    rename: str = ""
    safe: bool = False
    nothing_lost: bool = False


def succession(facts: LaunchFacts, variable: Variable, known: EnvironmentVariable) -> Succession:
    """Decide what to do about a variable that the launch's release does not read."""
    successor, value = known.successor, variable.value
    if successor is None:
        return Succession("remove it, and see the release notes for what took its place")
    # What the environment may override is more than its default.
    stays = value.is_known and value.origin is not Origin.DEFAULT
    if value.is_known and value.text in successor.drop:
        title = f"remove `{variable.name}`"
        return Succession(f"remove it: {successor.why}", title, safe=stays, nothing_lost=True)
    if successor.variable:
        title = f"write `{successor.variable}`" if _takes_over(successor, facts) else ""
        text = (successor.values or {}).get(value.text)
        written = f"{successor.variable}={text}" if text else successor.variable
        advice = f"write `{written}`: {successor.why}"
        return Succession(advice, title, rename=successor.variable, safe=True)
    if not successor.flag:
        return Succession(f"remove it: {successor.why}")
    text = value.text if successor.values is None else successor.values.get(value.text)
    if not text or not stays or not _exists(successor, facts):
        return Succession(f"see `{successor.flag}`: {successor.why}")
    return _option(facts, variable, successor, text)


def _option(facts: LaunchFacts, variable: Variable, successor: Successor, text: str) -> Succession:
    """Decide for a variable that is an option now, with the value `text`."""
    option, dot, _ = successor.flag.partition(".")
    advice = f"write `{' '.join((successor.flag, text, *successor.also))}`: {successor.why}"
    if facts.args.given(option_table(facts.release.judged).by_flag[option].dest) is not None:
        if dot:
            return Succession(f"see `{successor.flag}`: {successor.why}")
        title = f"remove `{variable.name}`"
        return Succession(f"remove it, since `{option}` is given: {successor.why}", title, safe=True)
    if facts.launch.kind == "python":
        return Succession(advice)
    pairs = ((successor.flag, text), *zip(successor.also[::2], successor.also[1::2], strict=True))
    settings = tuple(Setting(flag, _dest(facts, flag), value) for flag, value in pairs)
    title = advice.partition(":")[0]
    return Succession(advice, title, settings, safe=option not in _KERNELS)


def _dest(facts: LaunchFacts, flag: str) -> str:
    """Return what an option fills; a part of one has a name of its own, under which nothing is given."""
    return flag if "." in flag else option_table(facts.release.judged).by_flag[flag].dest


def _takes_over(successor: Successor, facts: LaunchFacts) -> bool:
    """Whether the launch's release reads the other variable, and any text as the old one was read."""
    later = environment_variable(successor.variable)
    judged = variable_release(facts).judged
    return later is not None and successor.values is None and variable_standing(later, judged) == "reads"


def _exists(successor: Successor, facts: LaunchFacts) -> bool:
    judged = facts.release.judged
    named = successor.flag.partition(".")[0] in option_table(judged).by_flag
    return named and bool(successor.since) and version_key(judged) >= version_key(successor.since)
