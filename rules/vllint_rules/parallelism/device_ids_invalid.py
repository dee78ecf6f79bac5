"""PAR021 device-ids-invalid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vllint import Example, LaunchFacts, Rule, severity_since
from vllint_schemas import Finding, Severity, Unknown

_DEST, _VARIABLE = "device_ids", "CUDA_VISIBLE_DEVICES"


class DeviceIdsInvalid(Rule):
    """Each GPU of `--device-ids` must be there, and be named once.

    ## What it does

    Checks that `--device-ids` names no GPU twice, does not mix numbers with UUIDs, and has no number beyond
    the GPUs of `CUDA_VISIBLE_DEVICES`, into which the numbers count.

    ## Why is this bad?

    vLLM refuses to start.

    ## Example

    `CUDA_VISIBLE_DEVICES=4,5 vllm serve Qwen/Qwen3-8B --device-ids 4`

    ## Use instead

    `--device-ids 0`: the first of those that are visible.

    ## Since

    0.1.0
    """

    code = "PAR021"
    name = "device-ids-invalid"
    severity = Severity.ERROR
    stage = "config"
    source = "engine/arg_utils.py:2150"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"device_ids"})
    tags = ("parallelism", "gpu")

    BAD = (
        Example(
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B -tp 2 --device-ids 0,0\n"
            "#                                           ~~~\n",
        ),
        Example(
            title="numbers and names",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B -tp 2 --device-ids 0,GPU-8932f937\n",
        ),
        Example(
            title="beyond what is visible",
            vllm_version="0.33.0",
            text="CUDA_VISIBLE_DEVICES=4,5 vllm serve Qwen/Qwen3-8B --device-ids 4\n"
            "#                                                              ~\n",
        ),
    )
    GOOD = (
        Example(text="vllm serve Qwen/Qwen3-8B -tp 2 --device-ids 2,3\n"),
        Example(text="CUDA_VISIBLE_DEVICES=4,5 vllm serve Qwen/Qwen3-8B --device-ids 1\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for ids that vLLM does not take."""
        value = facts.args.value(_DEST)
        if isinstance(value, Unknown) or not isinstance(value.value, list):
            return
        ids = [str(device).strip() for device in value.value]
        wrong = _wrong(ids) or _beyond(facts, ids)
        if wrong is None:
            return
        severity, caveat = severity_since(facts, "0.33.0", "--device-ids")
        yield self.finding(
            facts,
            facts.args.place(_DEST) or facts.launch.at,
            f"{wrong}{caveat}",
            f"name each GPU once, by its number among those that are visible (`{_VARIABLE}`)",
            severity=severity,
            subject=f"device_ids={','.join(ids)}",
        )


def _wrong(ids: Sequence[str]) -> str | None:
    """Return what is wrong with ids, wherever they are used."""
    twice = next((device for device in ids if ids.count(device) > 1), None)
    if twice is not None:
        return f"`--device-ids` names GPU {twice} more than once"
    if len({device.isdecimal() for device in ids}) > 1:
        return "`--device-ids` mixes numbers and UUIDs"
    return None


def _beyond(facts: LaunchFacts, ids: Sequence[str]) -> str | None:
    """Return what is wrong with numbers that count into the visible GPUs."""
    values = [variable.value for variable in facts.launch.env if variable.name == _VARIABLE]
    if not values or not values[-1].is_known or not values[-1].text.strip():
        return None
    visible = len(values[-1].text.split(","))
    far = next((device for device in ids if device.isdecimal() and int(device) >= visible), None)
    if far is None:
        return None
    return f"`--device-ids` counts into the {visible} GPUs of `{_VARIABLE}`, and there is no {far}"
