"""FLG017 config-yaml-false-dropped."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, option_table
from vllint_schemas import Applicability, ConfigFile, Edit, Finding, Fix, Severity, Span, Word

_MAY_BE_NEEDED = frozenset({"enable_chunked_prefill"})
"""Switches without which vLLM may refuse other options."""


class ConfigYamlFalseDropped(Rule):
    """A switch in a config file is turned off by its other form.

    ## What it does

    Finds `false` for a switch that is on, or may be, when nothing is said, in the file of `--config`.

    ## Why is this bad?

    vLLM leaves out whatever is `false` in the file, so that the switch keeps its default: prefix caching
    stays on. From 0.28.0 on vLLM means to turn `key: false` into `--no-key`, but asks the wrong parser: it
    works with the api_server module only, not with `vllm serve`.

    ## Example

    `enable-prefix-caching: false`

    ## Use instead

    `no-enable-prefix-caching: true`

    ## Fix safety

    Safe: the fix says the same so that vLLM heeds it. Unsafe for chunked prefill, without which vLLM may
    refuse the sizes of its batches.

    ## Since

    0.1.0
    """

    code = "FLG017"
    name = "config-yaml-false-dropped"
    severity = Severity.WARNING
    stage = "parse"
    source = "utils/argparse_utils.py:657"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/serve_args.html"
    triggers = frozenset({"--config"})
    tags = ("flags", "config")

    BAD = (
        Example(
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --config config.yaml\n",
            text="port: 8001\nenable-prefix-caching: false  # APC\n~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="port: 8001\nno-enable-prefix-caching: true  # APC\n",
        ),
    )
    GOOD = (
        Example(
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --config config.yaml\n",
            text="no-enable-prefix-caching: true\n",
        ),
        Example(
            title="off anyway",
            path="config.yaml",
            command="vllm serve Qwen/Qwen3-8B --config config.yaml\n",
            text="enforce-eager: false\n",
        ),
        Example(
            title="heeded here",
            path="config.yaml",
            vllm_version="0.33.0",
            command="python -m vllm.entrypoints.openai.api_server --config config.yaml\n",
            text="enable-prefix-caching: false\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every `false` that changes nothing and should."""
        config = facts.args.config
        if not isinstance(config, ConfigFile):
            return
        for key in config.dropped:
            yield from self._dropped(facts, key)

    def _dropped(self, facts: LaunchFacts, key: Word) -> Iterator[Finding]:
        flag = f"--{key.text.replace('_', '-')}"
        option = option_table(facts.release.judged).by_flag.get(flag)
        on_anyway = option is not None and option.nargs == "0" and option.default is not False
        if option is None or not on_anyway or flag not in option.aliases:
            return
        if facts.launch.entry_point.takes_model_as_option and facts.args.given(option.dest) is not None:
            return
        other = option.negation
        keeps = "stays on" if option.default is True else "keeps its default"
        yield self.finding(
            facts,
            key.span,
            f"vLLM leaves out keys that are `false`, so `{key.text}` {keeps}",
            f"write `{other.removeprefix('--')}: true`" if other else "set it on the command line",
            fix=_fix(facts, key, other, option.dest),
            subject=f"flag={flag}",
        )


def _fix(facts: LaunchFacts, key: Word, other: str | None, dest: str) -> Fix | None:
    """Write the other form and `true`; the value stands behind the key and its colon."""
    text = facts.sources.get(key.site.path)
    place = key.text_span
    if text is None or other is None or place is None or key.via:
        return None
    colon = text.find(":", key.site.end)
    start = colon + 1 + len(text[colon + 1 :]) - len(text[colon + 1 :].lstrip(" \t"))
    end = start
    while end < len(text) and text[end].isalpha():
        end += 1
    if text[start:end].lower() not in {"false", "no", "off"}:
        return None
    level = Applicability.UNSAFE if dest in _MAY_BE_NEEDED else Applicability.SAFE
    edits = (
        Edit(place, other.removeprefix("--")),
        Edit(Span(place.path, start, end), "true"),
    )
    return Fix(f"write `{other.removeprefix('--')}: true`", level, edits)
