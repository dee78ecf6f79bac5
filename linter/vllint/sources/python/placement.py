"""Where a function of a Python program runs: what its decorators say about cards, image and variables.

Modal (`@app.function(gpu="H100:8", image=...)`), Ray (`@ray.remote(num_gpus=2)`) and BentoML
(`@bentoml.service(resources={"gpu": 1})`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.deployments import (
    NO_RELEASE,
    counted_cards,
    installed_release,
    platform_card,
    whole_number,
)
from vllint.sources.python.flow import Flow, Site
from vllint.sources.python.values import Constant, Items, Opaque, State, Table, Text, Value
from vllint_schemas import HardwareClaim, Located, Span, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_NOTHING = HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
_INSTALLERS = frozenset({"pip_install", "uv_pip_install", "run_commands", "dockerfile_commands"})
_IMAGES = frozenset({"from_registry", "from_aws_ecr", "from_gcp_artifact_registry"})
_MAX_CHAIN = 60


class Placement(NamedTuple):
    """The machine, image, variables and vLLM release that a platform gives a function."""

    hardware: HardwareClaim = _NOTHING
    image: Word | None = None
    environment: tuple[Variable, ...] = ()
    release: Located[str] | Unknown = NO_RELEASE


def placement(flow: Flow, site: Site) -> Placement:
    """Return what the decorators of the functions and classes around a call say, the innermost first."""
    for definition in reversed(site.inside):
        for decorator in definition.decorator_list:
            if isinstance(decorator, ast.Call):
                found = _decorated(flow, decorator, site.state)
                if found is not None:
                    return found
    return Placement()


def _decorated(flow: Flow, call: ast.Call, state: State) -> Placement | None:
    name = flow.module.dotted(call.func)
    last = name.rpartition(".")[2]
    keywords = {
        keyword.arg: flow.evaluator.value(keyword.value, state) for keyword in call.keywords if keyword.arg
    }
    if last in {"function", "cls"} and ("gpu" in keywords or "image" in keywords):
        return _modal(flow, keywords, state)
    if name == "ray.remote" and "num_gpus" in keywords:
        count = keywords["num_gpus"]
        return Placement(HardwareClaim(NO_GPU_CLAIM, _count(flow, count)))
    if name == "bentoml.service" and isinstance(keywords.get("resources"), Table):
        return Placement(_bentoml(flow, keywords["resources"]))
    return None


def _count(flow: Flow, value: Value | None) -> Located[int] | Unknown:
    if value is None or isinstance(value, Constant):
        return NO_COUNT_CLAIM
    return whole_number(flow.evaluator.word(value, value.span if isinstance(value, Opaque) else _site(value)))


def _site(value: Value) -> Span:
    if isinstance(value, Text):
        return value.word.site
    return value.span if isinstance(value, Opaque | Constant) else Span("", 0, 0)


def _bentoml(flow: Flow, resources: Value) -> HardwareClaim:
    if not isinstance(resources, Table):
        return _NOTHING
    card = resources.get("gpu_type")
    name = platform_card(card.word, "bentoml") if isinstance(card, Text) else NO_GPU_CLAIM
    return HardwareClaim(name, _count(flow, resources.get("gpu")))


def _modal(flow: Flow, keywords: dict[str, Value], state: State) -> Placement:
    gpu, image = keywords.get("gpu"), keywords.get("image")
    hardware = _NOTHING if gpu is None else _modal_cards(flow, gpu, state)
    if not isinstance(image, Opaque) or image.node is None:
        return Placement(hardware)
    chain = list(_chain(flow, image.node, state))
    installs = [word for call in chain if _last(call) in _INSTALLERS for word in _texts(flow, call, state)]
    base = next(
        (word for call in chain if _last(call) in _IMAGES for word in _texts(flow, call, state)), None
    )
    variables = tuple(
        variable for call in reversed(chain) for variable in _image_variables(flow, call, state)
    )
    return Placement(hardware, base, variables, installed_release(*installs))


def _modal_cards(flow: Flow, gpu: Value, state: State) -> HardwareClaim:
    """Read `"H100:8"`, `modal.gpu.H100(count=8)` and lists of candidates."""
    if isinstance(gpu, Text):
        claim = counted_cards(_bare(gpu.word), "modal")
        return claim if gpu.word.is_known else claim._replace(gpu=Unknown(gpu.word.reason))
    if (
        isinstance(gpu, Opaque)
        and isinstance(gpu.node, ast.Call)
        and ".gpu." in flow.module.dotted(gpu.node.func)
    ):
        return _modal_object(flow, gpu.node, state)
    if isinstance(gpu, Items) and gpu.words:
        claims = [counted_cards(_bare(word), "modal") for word in gpu.words]
        same = len({str(claim.gpu) for claim in claims}) == 1
        counts = {claim.gpu_count.value if isinstance(claim.gpu_count, Located) else None for claim in claims}
        first = claims[0]
        if len(claims) > 1 and not same:
            first = first._replace(gpu=Unknown("any of several cards may be given"))
        return (
            first if len(counts) == 1 else first._replace(gpu_count=Unknown("the candidates' numbers differ"))
        )
    if isinstance(gpu, Constant):
        return _NOTHING
    reason = Unknown(gpu.reason if isinstance(gpu, Opaque) else "the cards are not written as text")
    return HardwareClaim(reason, reason)


def _bare(word: Word) -> Word:
    """Return `H100!:8` without the mark that forbids upgrades to a better card."""
    mark = word.text.find("!")
    if mark < 0 or word.holes:
        return word
    return replace(Word.join((word.slice(0, mark), word.slice(mark + 1)), word.site), via=word.via)


def _modal_object(flow: Flow, call: ast.Call, state: State) -> HardwareClaim:
    """Read `modal.gpu.A100(size="80GB", count=2)`."""
    name = flow.module.dotted(call.func).rpartition(".")[2]
    keywords = {keyword.arg: flow.evaluator.value(keyword.value, state) for keyword in call.keywords}
    size = keywords.get("size")
    suffix = f"-{size.word.text}" if isinstance(size, Text) and size.word.is_known else ""
    card = platform_card(Word.atomic(f"{name}{suffix}", flow.module.span(call.func)), "modal")
    count = keywords.get("count")
    if count is None:
        return HardwareClaim(card, Located(1, flow.module.span(call)))
    return HardwareClaim(card, _count(flow, count))


def _chain(flow: Flow, node: ast.expr, state: State) -> Iterator[ast.Call]:
    """Yield the calls that build an image, the last first; names in front stand for further ones."""
    for _ in range(_MAX_CHAIN):
        if isinstance(node, ast.Call):
            yield node
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Name):
            value = state.get(node.id)
            if not isinstance(value, Opaque) or value.node is None or value.node is node:
                return
            node = value.node
        else:
            return


def _last(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _texts(flow: Flow, call: ast.Call, state: State) -> Iterator[Word]:
    for argument in call.args:
        value = flow.evaluator.value(argument, state)
        if isinstance(value, Text):
            yield value.word
        elif isinstance(value, Items):
            yield from value.words


def _image_variables(flow: Flow, call: ast.Call, state: State) -> Iterator[Variable]:
    """Yield what `.env({...})` sets."""
    if _last(call) != "env" or not call.args:
        return
    table = flow.evaluator.value(call.args[0], state)
    for name, value, span in table.entries if isinstance(table, Table) else ():
        yield Variable(name, flow.evaluator.word(value, span))
