"""Engines that Python programs build themselves: `LLM(...)`, `EngineArgs(...)` and their kin."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.containers import visible_devices
from vllint.sources.files import Found
from vllint.sources.python.commands import variables_of
from vllint.sources.python.flow import Flow, Site
from vllint.sources.python.placement import placement
from vllint.sources.python.values import Constant, Namespace, Opaque, Parser, Table, Text, Value
from vllint_schemas import EntryPoint, Launch, Located, Origin, Slot, SlotKind, Span, Unknown, Word

_ENGINES = {
    "LLM": EntryPoint.LLM,
    "EngineArgs": EntryPoint.SERVE,
    "AsyncEngineArgs": EntryPoint.SERVE,
    "AsyncLLM": EntryPoint.SERVE,
}
"""Classes of vLLM whose keywords are engine arguments."""

_MAX_PARTS = 1000


def engine_launches(flow: Flow, site: Site) -> Found:
    """Yield the engine that a call builds, if it builds one."""
    name = flow.module.dotted(site.call.func)
    package, _, last = name.rpartition(".")
    if package.split(".")[0] == "vllm" and last in _ENGINES:
        yield engine_launch(flow, site, _ENGINES[last], tuple(_words(flow, site)))


def engine_launch(flow: Flow, site: Site, entry_point: EntryPoint, argv: tuple[Word, ...]) -> Launch:
    """Return the launch of the engine that a call stands for, where the program places it."""
    place = placement(flow, site)
    own = site.state.get("os.environ")
    environment = (*place.environment, *(variables_of(flow, own) if isinstance(own, Table) else ()))
    visible = next((v.value for v in reversed(environment) if v.name == "CUDA_VISIBLE_DEVICES"), None)
    hardware = place.hardware
    if visible is not None and not isinstance(hardware.gpu_count, Located):
        hardware = hardware._replace(gpu_count=visible_devices(visible))
    return Launch(
        path=flow.module.path,
        name="engine",
        kind="python",
        extent=flow.module.span(site.call),
        at=flow.module.span(site.call.func),
        entry_point=entry_point,
        argv=argv,
        hardware=hardware,
        vllm_version=place.release,
        env=environment,
    )


def _words(flow: Flow, site: Site) -> Iterator[Word]:
    """Yield the call's arguments as the words of a command line: the model first."""
    call = site.call
    keywords = {keyword.arg: keyword for keyword in call.keywords if keyword.arg}
    model = call.args[0] if call.args else None
    if model is None and "model" in keywords:
        model = keywords["model"].value
    if model is not None:
        yield keyword_value(flow, site, model)
    for keyword in call.keywords:
        if keyword.arg is None:
            yield from _spread(flow, site, keyword)
        elif keyword.arg != "model":
            yield from _option(flow, site, keyword.arg, keyword)


def _spread(flow: Flow, site: Site, keyword: ast.keyword) -> Iterator[Word]:
    """Yield the options of `**options`, a table that the file builds."""
    table = flow.evaluator.value(keyword.value, site.state)
    if isinstance(table, Table):
        yield from table_options(flow, table)
    if not isinstance(table, Table) or table.open:
        span = flow.module.span(keyword)
        yield Word.unknown("`**` passes arguments that are not written here", span, splits=True)


def table_options(flow: Flow, table: Table) -> Iterator[Word]:
    """Yield the options that the entries of a table of engine arguments stand for."""
    for name, value, span in table.entries:
        if isinstance(value, Constant):
            if value.value is not None:
                yield Word.atomic(_switch(name, value.value), span)
            continue
        yield Word.atomic(f"--{name.replace('_', '-')}", span)
        yield content_word(flow, value, span)


def _switch(name: str, on: bool) -> str:
    flag = name.replace("_", "-")
    return f"--{flag}" if on else f"--no-{flag}"


def _option(flow: Flow, site: Site, name: str, keyword: ast.keyword) -> Iterator[Word]:
    span = flow.module.span(keyword)
    named = Span(span.path, span.start, span.start + len(name))
    value = flow.evaluator.value(keyword.value, site.state)
    if isinstance(value, Constant):
        if value.value is not None:
            yield Word.atomic(_switch(name, value.value), named)
        return
    yield Word.atomic(f"--{name.replace('_', '-')}", named)
    literal = keyword.value
    if isinstance(literal, ast.List | ast.Tuple):
        for item in literal.elts:
            yield keyword_value(flow, site, item)
    else:
        yield keyword_value(flow, site, literal)


def keyword_value(flow: Flow, site: Site, node: ast.expr) -> Word:
    """Return an argument as a word that can be replaced in place where it is written there."""
    use = flow.module.span(node)
    word = content_word(flow, flow.evaluator.value(node, site.state), use)
    if word.via or word.holes:
        return replace(word, slot=None)
    return replace(word, site=use, slot=Slot(SlotKind.KEYWORD, use))


def content_word(flow: Flow, value: Value, use: Span) -> Word:
    """Return a value as an option takes it: dicts and lists as JSON."""
    if isinstance(value, Text):
        return value.word
    if isinstance(value, Opaque):
        return Word.unknown(value.reason, use)
    if isinstance(value, Constant) and value.value is None and value.origin is Origin.DEFAULT:
        return Word.unknown("it has no default", use)
    plain = _plain(value) if _is_small(value) else Unknown("a table is too large")
    if isinstance(plain, Unknown):
        return Word.unknown(plain.reason, use)
    return Word.atomic(json.dumps(plain), use)


def _is_small(value: Value) -> bool:
    """Whether a value has few parts, each counted as often as it stands there."""
    parts: list[Value] = [value]
    for _ in range(_MAX_PARTS):
        if not parts:
            return True
        part = parts.pop()
        if isinstance(part, Table):
            parts.extend(item for _, item, _ in part.entries)
    return False


def _plain(value: Value) -> object:
    """Return a table or list as JSON has it; `Unknown` where a part is."""
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, Text):
        return value.value if value.value is not None else Unknown(value.word.reason or "a text is not known")
    if isinstance(value, Opaque):
        return Unknown(value.reason)
    if isinstance(value, Parser | Namespace):
        return Unknown("it is no plain value")
    if isinstance(value, Table):
        entries = {name: _plain(item) for name, item, _ in value.entries}
        unknown = next((item for item in entries.values() if isinstance(item, Unknown)), None)
        if value.open:
            return Unknown("a table is not written out")
        return entries if unknown is None else unknown
    if any(word.holes for word in value.words):
        return Unknown("a list is not written out")
    return [word.text for word in value.words]
