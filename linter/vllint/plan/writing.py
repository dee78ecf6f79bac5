"""A layout as something to run: a command for each machine, a Compose service, an endpoint's payload."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

from vllint.hardware.cards import find_card
from vllint.hardware.instances import HUGGING_FACE, hf_instances
from vllint.plan.placements import Placement
from vllint.plan.planning import Plan
from vllint.plan.ranking import Choice
from vllint.plan.words import HEAD, layout_words
from vllint.redact import redacted_words
from vllint.statements import StatementError
from vllint_schemas import Instance, Unknown, Word

FORMATS = ("command", "compose", "endpoint")

_PLAIN = re.compile(r"[A-Za-z_./][\w./-]*")
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def written(plan: Plan, choice: Choice, form: str) -> str:
    """Return the choice in one of `FORMATS`; raises StatementError for what the format cannot say."""
    if form == "compose":
        return _compose(plan, choice)
    return (
        _endpoint(plan, choice)
        if form == "endpoint"
        else "".join(f"{one}\n" for one in commands(plan, choice))
    )


def commands(plan: Plan, choice: Choice) -> tuple[str, ...]:
    """Return a command for each machine, as shell text."""
    placement = choice.judgement.placement
    cards = ",".join(map(str, plan.machines.chosen(placement.gpus_per_node)))
    chosen = f"CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES={cards} " if cards else ""
    return tuple(
        chosen
        + _text(("vllm", "serve", *_masked(plan.words), *layout_words(placement, plan.base.args, node)))
        for node in range(placement.nodes)
    )


def _text(words: tuple[str, ...]) -> str:
    return " ".join(f'"{word}"' if word == f"${HEAD}" else shlex.quote(word) for word in words)


def _masked(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return words without the secrets that the user typed."""
    return redacted_words(tuple(Word.verbatim(word, "", 0) for word in words))


def _one_machine(placement: Placement, what: str) -> None:
    if placement.nodes > 1:
        raise StatementError(
            f"--format: {what} is one machine, and the layout takes {placement.nodes}; `--format command`"
            " writes a command for each"
        )


def _compose(plan: Plan, choice: Choice) -> str:
    placement = choice.judgement.placement
    _one_machine(placement, "a Compose service")
    words = (*_model_words(plan), *_options(plan), *layout_words(placement, plan.base.args))
    lines = "\n".join(f"      - {_scalar(word)}" for word in words)
    gpu = f'"{choice.judgement.gpu}:{placement.gpus_per_node}"'
    numbers = plan.machines.chosen(placement.gpus_per_node)
    devices = f"device_ids: {json.dumps([str(number) for number in numbers])}"
    return f"""\
services:
  vllm:
    # vllint: gpu={gpu}
    image: vllm/vllm-openai:v{plan.release}
    command:
{lines}
    ports:
      - 127.0.0.1:8000:8000
    volumes:
      - ~/.cache/huggingface:/root/.cache/huggingface
    environment:
      HF_TOKEN:
    ipc: host
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              {devices if numbers else f"count: {placement.gpus_per_node}"}
              capabilities: [gpu]
"""


def _model_words(plan: Plan) -> tuple[str, str]:
    """Return the model as images of every release take it: older ones start a server without a positional."""
    named = plan.base.args.model
    return ("--model", plan.model if isinstance(named, Unknown) else named.value)


def _options(plan: Plan) -> Iterator[str]:
    """Yield the user's words but the model."""
    positional = plan.base.args.positional
    given = plan.base.args.given("model")
    for number, word in enumerate(_masked(plan.words)):
        is_model = positional is not None and plan.base.launch.argv[number] == positional
        if not is_model and not (given is not None and given.first <= number <= given.last):
            yield word


def _scalar(word: str) -> str:
    """Return a word as a YAML scalar that is read as text."""
    plain = _PLAIN.fullmatch(word.lstrip("-")) and word.lower() not in _YAML_WORDS
    return word if plain and not word.startswith("- ") else json.dumps(word, ensure_ascii=False)


def _endpoint(plan: Plan, choice: Choice) -> str:
    placement = choice.judgement.placement
    _one_machine(placement, "an endpoint's replica")
    if plan.machines.differ_among(placement.gpus_per_node):
        raise StatementError(f"--format: {HUGGING_FACE} has no machine with cards of several kinds")
    instance = _instance(choice)
    vendor, kind, size = instance.name.split("/")
    layout = placement.layout
    own = placement._replace(layout=layout._replace(tensor=1, data=1))
    args = [*_options(plan), *layout_words(own, plan.base.args)]
    payload: dict[str, Any] = {
        "name": re.sub(r"[^a-z0-9]+", "-", plan.model.rpartition("/")[2].lower()).strip("-")[:32].strip("-"),
        "type": "authenticated",
        "provider": {"vendor": vendor, "region": _REGIONS.get(vendor, "")},
        "compute": {
            "accelerator": "gpu",
            "instanceType": kind,
            "instanceSize": size,
            "scaling": {"minReplica": 1, "maxReplica": 1},
        },
        "model": {
            "repository": plan.model,
            "framework": "custom",
            "task": "text-generation",
            "image": {
                "vLLM": {
                    "url": f"vllm/vllm-openai:v{plan.release}",
                    "port": 8000,
                    "healthRoute": "/health",
                    "tensorParallelSize": layout.tensor,
                    "dataParallelSize": layout.data,
                }
            },
            "args": args,
        },
    }
    return json.dumps(payload, indent=2, ensure_ascii=False) + "\n"


_REGIONS = {"aws": "us-east-1", "gcp": "us-east4", "azure": "eastus"}


def _instance(choice: Choice) -> Instance:
    """Return the cheapest endpoint machine with as many of the card as the layout uses."""
    gpus = choice.judgement.placement.gpus_per_node
    same = [one for one in hf_instances() if _is_card(one, choice)]
    for instance in same:
        if instance.gpu_count == gpus:
            return instance
    if not same:
        raise StatementError(f"--format: {HUGGING_FACE} has no machine with `{choice.judgement.gpu}`")
    counts = sorted({one.gpu_count for one in same})
    raise StatementError(
        f"--format: {HUGGING_FACE} has {', '.join(map(str, counts))} x `{choice.judgement.gpu}`, not {gpus}"
    )


def _is_card(instance: Instance, choice: Choice) -> bool:
    """Whether a machine has the card: the same, or one of those that its name may mean."""
    card, wanted = find_card(instance.gpu), choice.judgement.card
    if isinstance(card, Unknown):
        return False
    if card.name == wanted.name:
        return True
    low, high, memory = wanted.memory_low_bytes, wanted.memory_high_bytes, card.memory_bytes
    if isinstance(low, Unknown) or isinstance(high, Unknown) or isinstance(memory, Unknown):
        return False
    same_name = "@" not in wanted.name and wanted.name.split()[0] == card.name.split()[0]
    return same_name and low <= memory <= high


def price_of(choice: Choice) -> Instance | None:
    """Return the endpoint machine that the layout fills, if there is one with a price."""
    if choice.judgement.placement.nodes > 1:
        return None
    gpus = choice.judgement.placement.gpus_per_node
    return next((one for one in hf_instances() if one.gpu_count == gpus and _is_card(one, choice)), None)
