"""Python files: `LLM(...)`, `EngineArgs(...)` and their kin with literal arguments.

Only what `ast` reads as literals, and names that the module assigns one literal, are known; nothing is run.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vllint.sources.containers import visible_devices
from vllint.sources.files import File, Found
from vllint_schemas import (
    EntryPoint,
    HardwareClaim,
    Launch,
    Origin,
    Slot,
    SlotKind,
    SourceProblem,
    Span,
    Unknown,
    Variable,
    Word,
)
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_ENGINES = {
    "LLM": EntryPoint.LLM,
    "EngineArgs": EntryPoint.SERVE,
    "AsyncEngineArgs": EntryPoint.SERVE,
    "AsyncLLM": EntryPoint.SERVE,
}
"""Classes whose keywords are engine arguments."""


class Module(NamedTuple):
    """A parsed file: its text, where its lines start, and the names that stand for one literal each."""

    path: str
    text: str
    line_starts: tuple[int, ...]
    literals: Mapping[str, ast.expr]

    def span(self, node: ast.expr | ast.keyword) -> Span:
        """Return a node's place; `ast` counts columns in UTF-8 bytes."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return Span(self.path, self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column))

    def _offset(self, line: int, column: int) -> int:
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        content = self.text[start:end]
        if content.isascii():
            return start + column
        return start + len(content.encode()[:column].decode(errors="ignore"))


def recognises(file: File) -> bool:
    """Whether the file is Python, as its name says."""
    return file.path.endswith(".py")


def launches(file: File) -> Found:
    """Yield the engines that a Python file builds."""
    text, path = file.text, file.path
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        start = _line_starts(text)[min(line, text.count("\n") + 1) - 1]
        yield SourceProblem(
            "not_parsed", f"the file cannot be read: {error.args[0]}", Span(path, start, start)
        )
        return
    names = _imported(tree)
    if not names:
        return
    module = Module(path, text, _line_starts(text), _literals(tree))
    environment = tuple(_environment(tree, module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            entry_point = _ENGINES.get(_class_of(node.func, names) or "")
            if entry_point is not None:
                yield _launch(node, entry_point, module, environment)


def _line_starts(text: str) -> tuple[int, ...]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return tuple(starts)


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what names of vLLM the file imports, by the name it gives them; `vllm` itself included."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vllm":
            names.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.Import):
            names.update({alias.asname or "vllm": "" for alias in node.names if alias.name == "vllm"})
    return names


def _class_of(function: ast.expr, names: Mapping[str, str]) -> str | None:
    if isinstance(function, ast.Name):
        return names.get(function.id)
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr if names.get(function.value.id) == "" else None
    return None


def _literals(tree: ast.Module) -> dict[str, ast.expr]:
    """Return the names that the whole file assigns once, and a literal then."""
    nodes = list(ast.walk(tree))
    stored = Counter(
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    parameters = {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and stored[target.id] == 1 and target.id not in parameters
    }


def _launch(
    call: ast.Call, entry_point: EntryPoint, module: Module, environment: tuple[Variable, ...]
) -> Launch:
    visible = next((v.value for v in environment if v.name == "CUDA_VISIBLE_DEVICES"), None)
    return Launch(
        path=module.path,
        name="engine",
        kind="python",
        extent=module.span(call),
        at=module.span(call.func),
        entry_point=entry_point,
        argv=tuple(_words(call, module)),
        hardware=HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM if visible is None else visible_devices(visible)),
        vllm_version=Unknown("the file does not name a vLLM release"),
        env=environment,
    )


def _words(call: ast.Call, module: Module) -> Iterator[Word]:
    """Yield the call's arguments as the words of a command line: the model first."""
    keywords = {keyword.arg: keyword for keyword in call.keywords if keyword.arg}
    model = call.args[0] if call.args else None
    if model is None and "model" in keywords:
        model = keywords["model"].value
    if model is not None:
        yield _value(model, module)
    for keyword in call.keywords:
        span = module.span(keyword)
        if keyword.arg is None:
            yield Word.unknown("`**` passes arguments that are not written here", span, splits=True)
        elif keyword.arg != "model":
            yield from _option(keyword.arg, keyword, module)


def _option(name: str, keyword: ast.keyword, module: Module) -> Iterator[Word]:
    span = module.span(keyword)
    flag = name.replace("_", "-")
    named = Span(span.path, span.start, span.start + len(name))
    node = _resolved(keyword.value, module)
    if isinstance(node, ast.Constant) and node.value is None:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield Word.atomic(f"--{flag}" if node.value else f"--no-{flag}", named)
        return
    yield Word.atomic(f"--{flag}", named)
    if isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            yield _value(item, module)
    else:
        yield _value(keyword.value, module)


def _resolved(node: ast.expr, module: Module) -> ast.expr:
    return module.literals.get(node.id, node) if isinstance(node, ast.Name) else node


def _value(node: ast.expr, module: Module) -> Word:
    """Return a literal as a word; text inside plain quotes knows its place."""
    use = module.span(node)
    found = _resolved(node, module)
    span = module.span(found)
    via = (use,) if found is not node else ()
    origin = Origin.VARIABLE if via else Origin.LITERAL
    slot = None if via else Slot(SlotKind.KEYWORD, use)
    if isinstance(found, ast.Constant) and isinstance(found.value, str | int | float):
        text = str(found.value)
        written = module.text[span.start : span.end]
        start = span.start + written.find(text)
        if text and written.count(text) == 1 and len(written) - len(text) in {0, 2, 6}:
            word = Word.verbatim(text, module.path, start)
        else:
            word = Word.atomic(text, span)
        return Word(word.text, word.runs, use, origin=origin, via=via, slot=slot)
    try:
        content = json.dumps(ast.literal_eval(found))
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return Word.unknown(f"`{module.text[use.start : use.end][:40]}` is computed", use)
    word = Word.atomic(content, span)
    return Word(word.text, word.runs, use, origin=origin, via=via, slot=slot)


def _environment(tree: ast.Module, module: Module) -> Iterator[Variable]:
    """Yield what `os.environ["NAME"] = "value"` sets."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target = node.targets[0]
        if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Attribute):
            continue
        if target.value.attr == "environ" and isinstance(target.slice, ast.Constant):
            yield Variable(str(target.slice.value), _value(node.value, module))
