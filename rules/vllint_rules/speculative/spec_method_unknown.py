"""SPC015 spec-method-unknown."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, accepting_releases, json_problems, part_of_json, similar_name
from vllint_schemas import Applicability, Argument, Edit, Finding, Fix, Located, Severity

_GONE = {"medusa": "0.32.0", "mlp_speculator": "0.32.0"}
"""Methods that vLLM took away, and the last release with them (`config/speculative.py:1500`)."""


class SpecMethodUnknown(Rule):
    """The method of speculative decoding must be one that vLLM has.

    ## What it does

    Looks the `method` of `--speculative-config` up in the list of vLLM 0.33.0: `medusa` and
    `mlp_speculator` went with that release. Methods named after a model, as `deepseek_mtp`, still work and
    are called `mtp` now.

    ## Why is this bad?

    vLLM refuses the configuration, after the model's own has been downloaded.

    ## Example

    `--speculative-config '{"method": "medusa", "model": "a/b", "num_speculative_tokens": 3}'`

    ## Use instead

    A draft of another kind, as EAGLE 3 or MTP.

    ## Fix safety

    Safe where `mtp` is the method's new name; else unsafe, since the nearest name may not be the one that
    was meant.

    ## Since

    0.1.0
    """

    code = "SPC015"
    name = "spec-method-unknown"
    severity = Severity.ERROR
    stage = "config"
    source = "config/speculative.py:419"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/spec_decode/"
    triggers = frozenset({"speculative_config"})
    tags = ("speculative", "json")

    BAD = (
        Example(
            title="gone",
            vllm_version="0.33.0",
            text='vllm serve Qwen/Qwen3-8B --speculative-config \'{"method": "medusa", "model": "a/b"}\'\n'
            "#                                                          ~~~~~~\n",
        ),
        Example(
            title="letters",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "NGRAM", "num_speculative_tokens": 3}\'\n',
            fixed="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "ngram", "num_speculative_tokens": 3}\'\n',
        ),
        Example(
            title="a name of old",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "deepseek_mtp", "num_speculative_tokens": 1}\'\n',
            fixed="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "mtp", "num_speculative_tokens": 1}\'\n',
        ),
    )
    GOOD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --speculative-config"
            ' \'{"method": "ngram", "num_speculative_tokens": 3}\'\n',
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a method that vLLM has not, or has by another name."""
        argument = facts.args.given("speculative_config")
        value = argument.value.value if argument is not None and isinstance(argument.value, Located) else None
        method = value.get("method") if isinstance(value, dict) else None
        if argument is None or not isinstance(method, str):
            return
        problems = json_problems(argument.option, {"method": method}, facts.release.judged)
        names = next((problem.names for problem in problems if problem.kind == "unknown_name"), None)
        if names is not None:
            yield self._unknown(facts, argument, method, names)
        elif method.endswith("_mtp") and "mtp" in _methods(facts, argument):
            yield self._renamed(facts, argument, method)

    def _unknown(
        self, facts: LaunchFacts, argument: Argument, method: str, names: tuple[str, ...]
    ) -> Finding:
        release = facts.release
        others = (_GONE[method],) if method in _GONE else accepting_releases("--spec-method", method)
        last = f"; the last release with it is {_GONE[method]}" if method in _GONE else ""
        near = None if method in _GONE else similar_name(method, names)
        part = part_of_json(argument.values[-1], ("method",))
        place = part.text_span if part is not None else None
        fix = None
        if near is not None and place is not None and not argument.values[-1].via:
            level = Applicability.SAFE if near == method.lower() else Applicability.UNSAFE
            fix = Fix(f"write `{near}`", level, (Edit(place, near),))
        return self.finding(
            facts,
            part.span if part is not None else argument.values[-1].span,
            f"vLLM {release.judged} has no method `{method}` of speculative"
            f" decoding{last}{release.caveat(bool(others))}",
            f"did you mean `{near}`?" if near else "take a draft of another kind, as `eagle3` or `mtp`",
            severity=release.severity(bool(others)),
            fix=fix,
            subject=f"method={method}",
        )

    def _renamed(self, facts: LaunchFacts, argument: Argument, method: str) -> Finding:
        part = part_of_json(argument.values[-1], ("method",))
        place = part.text_span if part is not None else None
        editable = place is not None and not argument.values[-1].via
        return self.finding(
            facts,
            part.span if part is not None else argument.values[-1].span,
            f"the method `{method}` is called `mtp` now: vLLM takes the old name with a warning",
            "write `mtp`",
            severity=Severity.INFO,
            stage="advice",
            source="config/speculative.py:1247",
            fix=Fix("write `mtp`", Applicability.SAFE, (Edit(place, "mtp"),))
            if editable and place is not None
            else None,
            subject=f"method={method}",
        )


def _methods(facts: LaunchFacts, argument: Argument) -> tuple[str, ...]:
    """Return the methods that the release has, where they are known."""
    problems = json_problems(argument.option, {"method": "?"}, facts.release.judged)
    return next((problem.names for problem in problems if problem.kind == "unknown_name"), ())
