"""MMO001 limit-mm-per-prompt-legacy-syntax."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from vllint import (
    Example,
    LaunchFacts,
    Mistake,
    Rule,
    accepting_releases,
    part_of_json,
    replace_argument,
    severity_since,
)
from vllint_schemas import Applicability, Argument, Edit, Finding, Fix, Located, Severity, Unknown

_PLURALS = {"images": "image", "videos": "video", "audios": "audio"}
"""Keys that people write, and vLLM's names for the inputs."""

_LEGACY = re.compile(r"[\w-]+=\d+(?:\s*,\s*[\w-]+=\d+)*,?")


_OPTIONS = {
    "image": frozenset({"width", "height"}),
    "video": frozenset({"num_frames", "width", "height"}),
    "audio": frozenset({"length"}),
}
"""What may stand beside `count` (vLLM 0.33.0 `config/multimodal.py:218-239`)."""


class LimitMmPerPromptLegacySyntax(Rule):
    """`--limit-mm-per-prompt` takes JSON.

    ## What it does

    Finds `image=4,video=1` and other texts that are no JSON as the value of `--limit-mm-per-prompt`, and
    the keys `images`, `videos` and `audios`, which vLLM takes and never looks up. Of a model that takes such
    inputs, numbers below what vLLM 0.33.0 wants, and options that a kind of input does not have.

    ## Why is this bad?

    Since release 0.10.0 vLLM reads the value as JSON, and exits over `key=value`.

    ## Example

    `--limit-mm-per-prompt image=4,video=1`

    ## Use instead

    `--limit-mm-per-prompt '{"image": 4, "video": 1}'`, or `--limit-mm-per-prompt.image=4`, which needs no
    quotes.

    ## Fix safety

    Safe where the file states its release; else an older one, which knows the old syntax only, may run.

    ## Since

    0.1.0
    """

    code = "MMO001"
    name = "limit-mm-per-prompt-legacy-syntax"
    severity = Severity.ERROR
    stage = "parse"
    source = "engine/arg_utils.py:302"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/multimodal_inputs.html"
    triggers = frozenset({"wrong_value", "limit_mm_per_prompt"})
    tags = ("flags", "multimodal")

    BAD = (
        Example(
            vllm_version="0.22.1",
            text="vllm serve Qwen/Qwen2.5-VL-7B-Instruct --limit-mm-per-prompt image=4,video=1 --port 8001\n"
            "#                                                            ~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen2.5-VL-7B-Instruct"
            " --limit-mm-per-prompt.image=4 --limit-mm-per-prompt.video=1 --port 8001\n",
        ),
        Example(
            title="items of a list",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen2.5-VL-7B-Instruct
      - --limit-mm-per-prompt
      - image=4
      - video=1
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen2.5-VL-7B-Instruct
      - --limit-mm-per-prompt.image=4
      - --limit-mm-per-prompt.video=1
""",
        ),
        Example(
            title="no release stated",
            text="vllm serve Qwen/Qwen2.5-VL-7B-Instruct --limit-mm-per-prompt=image=4\n",
            fixed="vllm serve Qwen/Qwen2.5-VL-7B-Instruct --limit-mm-per-prompt.image=4\n",
        ),
        Example(
            title="a plural",
            text="vllm serve Qwen/Qwen2.5-VL-7B-Instruct --limit-mm-per-prompt '{\"images\": 4}'\n"
            "#                                                               ~~~~~~\n",
            fixed="vllm serve Qwen/Qwen2.5-VL-7B-Instruct --limit-mm-per-prompt '{\"image\": 4}'\n",
        ),
        Example(
            title="no option of images",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen2.5-VL-7B-Instruct"
            ' --limit-mm-per-prompt \'{"image": {"count": 1, "num_frames": 8}}\'\n',
        ),
        Example(
            title="in a config file",
            path="config.yaml",
            vllm_version="0.33.0",
            command="vllm serve Qwen/Qwen2.5-VL-7B-Instruct --config config.yaml\n",
            text="limit-mm-per-prompt: image=4,video=1\n",
            fixed='limit-mm-per-prompt: {"image": 4, "video": 1}\n',
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen2.5-VL-7B-Instruct --limit-mm-per-prompt '{\"image\": 4}'\n"),
        Example(
            vllm_version="0.8.5",
            text="vllm serve Qwen/Qwen2.5-VL-7B-Instruct --limit-mm-per-prompt image=4,video=1\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a value that is no JSON."""
        for mistake in facts.mistakes:
            if mistake.kind == "wrong_value" and mistake.argument.dest == "limit_mm_per_prompt":
                yield self._wrong(facts, mistake)
        yield from self._plurals(facts)
        yield from self._refused_limits(facts)

    def _refused_limits(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for each limit that the options of its kind of input refuse."""
        argument, model = facts.args.given("limit_mm_per_prompt"), facts.maybe_model
        value = argument.value.value if argument is not None and isinstance(argument.value, Located) else None
        if argument is None or not argument.values or not isinstance(value, dict):
            return
        if isinstance(model, Unknown) or model.multimodal is not True:
            return
        word = argument.values[-1]
        for path, why in _refused(value):
            part = part_of_json(word, path)
            severity, caveat = severity_since(facts, "0.33.0", "--limit-mm-per-prompt")
            yield self.finding(
                facts,
                part.span if part is not None else word.span,
                f"`{'.'.join(path)}` of `--limit-mm-per-prompt` {why}{caveat}",
                "write another number" if "must" in why else "leave it out",
                severity=severity,
                stage="config",
                source="config/multimodal.py:212",
                subject=f"limit_mm_per_prompt.{'.'.join(path)}",
            )

    def _plurals(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for each key that no model's inputs are called by."""
        argument = facts.args.given("limit_mm_per_prompt")
        value = argument.value.value if argument is not None and isinstance(argument.value, Located) else None
        if argument is None or not argument.values or not isinstance(value, dict):
            return
        word = argument.values[-1]
        for name in value:
            meant = _PLURALS.get(name)
            if meant is None:
                continue
            key = part_of_json(word, (name,), key=True)
            place = key.text_span if key is not None else None
            editable = place is not None and meant not in value and not word.via
            yield self.finding(
                facts,
                key.span if key is not None else word.span,
                f"no input is called `{name}`: the limit is ignored, and the default of `{meant}` stays",
                f"write `{meant}`",
                severity=Severity.WARNING,
                stage="advice",
                source="config/multimodal.py:276",
                fix=Fix(f"write `{meant}`", Applicability.SAFE, (Edit(place, meant),))
                if editable and place is not None
                else None,
                subject=f"limit_mm_per_prompt.{name}",
            )

    def _wrong(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        argument, release = mistake.argument, facts.release
        value = argument.values[0]
        limits = _limits(facts, mistake)
        others = accepting_releases(argument.option, value.text)
        told = f"; {others[-1]} takes it" if others else ""
        return self.finding(
            facts,
            value.span,
            f"`{argument.option}` takes JSON, and `{value.text}` is none{told}{release.caveat(bool(others))}",
            f"write `'{json.dumps(limits)}'`" if limits else "write JSON, as `'{\"image\": 4}'`",
            severity=release.severity(bool(others)),
            fix=_fix(facts, mistake, limits),
            subject=f"flag={argument.option}",
        )


def _limits(facts: LaunchFacts, mistake: Mistake) -> dict[str, int]:
    """Return the limits that the old syntax means; it may go on in words of its own."""
    argument = mistake.argument
    words = [value.text for value in argument.values] + _more(facts, argument)
    if not all(_LEGACY.fullmatch(word) for word in words):
        return {}
    pairs = [pair.split("=") for word in words for pair in word.replace(" ", "").strip(",").split(",")]
    return {name: int(number) for name, number in pairs}


def _more(facts: LaunchFacts, argument: Argument) -> list[str]:
    """Return the limits that follow as words of their own."""
    following = facts.launch.argv[argument.last + 1 :] if argument.last >= 0 else ()
    return list(takewhile(_LEGACY.fullmatch, (word.text for word in following)))


def _fix(facts: LaunchFacts, mistake: Mistake, limits: dict[str, int]) -> Fix | None:
    argument = mistake.argument
    if not limits:
        return None
    if argument.first < 0:
        edits: tuple[Edit, ...] | None = (Edit(argument.values[0].site, json.dumps(limits)),)
    else:
        whole = argument._replace(last=argument.last + len(_more(facts, argument)))
        words = tuple(f"{argument.option}.{name}={number}" for name, number in limits.items())
        edits = replace_argument(facts, whole, words)
    level = Applicability.SAFE if facts.release.is_certain else Applicability.UNSAFE
    return None if edits is None else Fix("write a limit for each", level, edits)


def _refused(limits: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what vLLM refuses: the path to it, and why."""
    for name, limit in limits.items():
        if name not in _OPTIONS:
            continue
        options = limit if isinstance(limit, dict) else {"count": limit}
        for key, number in options.items():
            path = (name, key) if isinstance(limit, dict) else (name,)
            if key != "count" and key not in _OPTIONS[name]:
                yield path, "is no option of such inputs"
            elif type(number) is int and number < (0 if key == "count" else 1):
                yield path, f"must be {'at least 0' if key == 'count' else 'above 0'}, and is {number}"
