"""SCH001 max-len-exceeds-model."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Rule,
    Setting,
    context_limit,
    given_otherwise,
    set_options,
    version_key,
)
from vllint_schemas import (
    Applicability,
    Finding,
    Fix,
    ModelFacts,
    Related,
    Severity,
    Unknown,
)

_LENGTH = "max_model_len"
_ALLOWED = "VLLM_ALLOW_LONG_MAX_MODEL_LEN"

_OTHER_CONFIGS = (
    "hf_overrides",
    "hf_config_path",
    "rope_scaling",
    "config_format",
)
_OTHER_KINDS = ("runner", "task", "convert")
"""Options that may change the config, or make a sentence encoder with a length of its own."""

_SCALED_TO_0_29 = frozenset({"yarn", "deepseek_yarn"})
_UNSCALED_SINCE = (0, 30)
"""Rope types whose factor the length holds already, and the release that stopped to apply it for YaRN."""


class MaxLenExceedsModel(Rule):
    """The context cannot be longer than the model's config allows.

    ## What it does

    Compares `--max-model-len` with the length that vLLM derives from the model's config: the positions it
    has, times the factor of a linear or dynamic rope scaling. Configs that options change are left alone.

    ## Why is this bad?

    vLLM refuses the configuration, unless the environment variable `VLLM_ALLOW_LONG_MAX_MODEL_LEN=1` takes
    that check away. Positions the model has not learned give bad text or a crash.

    ## Example

    `vllm serve Qwen/Qwen3-32B --max-model-len 131072`: the model's config has 40960 positions.

    ## Use instead

    `vllm serve Qwen/Qwen3-32B --max-model-len 40960`, or rope scaling by `--hf-overrides` with a
    `max_position_embeddings` to match, where the model's card describes it.

    ## Fix safety

    Unsafe: the longer context may have been wanted, and rope scaling forgotten.

    ## Since

    0.1.0
    """

    code = "SCH001"
    name = "max-len-exceeds-model"
    severity = Severity.ERROR
    stage = "config"
    source = "config/model.py:2669"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/context_extension.html"
    needs = ("model",)
    triggers = frozenset({"max_model_len"})
    yields_to = frozenset({"FLG011"})
    tags = ("scheduling",)

    BAD = (
        Example(
            title="without windows",
            text="vllm serve google/gemma-2-9b --max-model-len 8192 --disable-sliding-window\n",
            fixed="vllm serve google/gemma-2-9b --max-model-len 4096 --disable-sliding-window\n",
        ),
        Example(
            text="vllm serve Qwen/Qwen3-32B --max-model-len 131072\n"
            "#                                         ~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-32B --max-model-len 40960\n",
        ),
        Example(
            title="compose",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: ["--model", "Qwen/Qwen2.5-7B-Instruct", "--max-model-len", "64k"]
    #                                                                    ~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: ["--model", "Qwen/Qwen2.5-7B-Instruct", "--max-model-len", "32768"]
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-32B --max-model-len 40960\n"),
        Example(text="vllm serve google/gemma-2-9b --max-model-len 4096 --disable-sliding-window\n"),
        Example(title="as much as fits", text="vllm serve Qwen/Qwen3-32B --max-model-len auto\n"),
        Example(
            title="the check is off",
            text="VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 vllm serve Qwen/Qwen3-32B --max-model-len 131072\n",
        ),
        Example(
            title="the config is changed",
            text="vllm serve Qwen/Qwen3-32B --max-model-len 131072 --hf-overrides"
            ' \'{"max_position_embeddings": 131072, "rope_parameters": {"rope_type": "yarn",'
            ' "rope_theta": 1000000, "factor": 4.0, "original_max_position_embeddings": 32768}}\'\n',
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a length that the config does not give."""
        asked = facts.args.integer(_LENGTH)
        limit, windows = context_limit(facts.model), _windows(facts)
        limit = windows if limit is not None and windows is not None and windows < limit else limit
        if isinstance(asked, Unknown) or limit is None or asked.value <= limit:
            return
        if _may_differ(facts) or _is_allowed(facts):
            return
        earlier = limit if limit == windows else _earlier_limit(facts.model, limit)
        if asked.value <= earlier and version_key(facts.release.judged) < _UNSCALED_SINCE:
            return
        worked = asked.value <= earlier
        named = facts.model_span
        edits = set_options(facts, (Setting("--max-model-len", _LENGTH, str(limit)),))
        title = f"write `--max-model-len {limit}`"
        yield self.finding(
            facts,
            facts.args.place(_LENGTH) or facts.launch.at,
            f"{asked.value:,} tokens are more than the {limit:,} that the config of `{facts.model.id}` allows"
            f"{' without windows' if limit == windows else ''}{_caveat(facts, worked)}",
            f"take at most {limit:,}, or add rope scaling and `max_position_embeddings` by `--hf-overrides`"
            f" if the model is made for it; `{_ALLOWED}=1` only switches the check off",
            severity=_severity(facts, worked),
            related=() if named is None else (Related(named, "the model"),),
            fix=None if edits is None else Fix(title, Applicability.UNSAFE, edits),
            subject=f"max_model_len={asked.value}",
        )


def _windows(facts: LaunchFacts) -> int | None:
    """Return the windows' length where they are off and cut the context to it; `None` where they are on."""
    off = facts.args.is_on("disable_sliding_window")
    return None if isinstance(off, Unknown) or not off.value else facts.model.sliding_window or None


def _earlier_limit(model: ModelFacts, limit: int) -> int:
    """Return the longest context until 0.29, which multiplied by the factor of YaRN."""
    if model.rope_type not in _SCALED_TO_0_29:
        return limit
    positions = model.original_max_position_embeddings or model.max_position_embeddings or 0
    return max(limit, int(positions * (model.rope_factor or 1)))


def _may_differ(facts: LaunchFacts) -> bool:
    """Whether options may give the model another config, or another kind of length."""
    others = any(facts.args.given(dest) for dest in _OTHER_CONFIGS)
    return others or facts.args.open_ended is not None or given_otherwise(facts.args, _OTHER_KINDS)


def _is_allowed(facts: LaunchFacts) -> bool:
    """Whether the check is off, or may be: the variable's value is not known, or stands elsewhere."""
    values = [variable.value for variable in facts.launch.env if variable.name == _ALLOWED]
    if values:
        return not values[-1].is_known or values[-1].text.strip().lower() in ("1", "true")
    return any(_ALLOWED in text for text in facts.sources.values())


def _is_open(facts: LaunchFacts) -> bool:
    """Whether the container may have more variables than the file shows."""
    container = facts.launch.container
    return container is not None and (container.open_ended is not None or container.builds_image)


def _severity(facts: LaunchFacts, worked: bool) -> Severity:
    found = facts.release.severity(worked)
    return Severity.WARNING if found is Severity.ERROR and _is_open(facts) else found


def _caveat(facts: LaunchFacts, worked: bool) -> str:
    said = facts.release.caveat(worked)
    return said or (f" (unless `{_ALLOWED}` is set out of sight)" if _is_open(facts) else "")
