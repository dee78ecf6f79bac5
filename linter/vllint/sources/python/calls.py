"""Python files: the engines that they build and the commands that they start.

Only what the file itself says is known; nothing is run.
"""

from __future__ import annotations

from vllint.sources.files import File, Found
from vllint_schemas import SourceProblem, Span

_MAX_ENDPOINT_CALLS = 200


def recognises(file: File) -> bool:
    """Whether the file is Python, as its name says."""
    return file.path.endswith(".py")


def launches(file: File) -> Found:
    """Yield the servers that a Python file starts."""
    if "vllm" not in file.text.lower() and "model_loading_config" not in file.text:
        return
    yield from program_launches(file.path, file.text)


def program_launches(path: str, text: str) -> Found:
    """Yield the servers that a program starts."""
    from vllint.sources.python.source import line_starts, parse_module

    try:
        module = parse_module(path, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        lines = line_starts(text)
        line = min(getattr(error, "lineno", None) or 1, len(lines))
        place = Span(path, lines[line - 1], lines[line - 1])
        message = f"the file cannot be read: {error.args[0] if error.args else 'it is nested too deeply'}"
        yield SourceProblem("not_parsed", message, place)
        return
    from vllint.sources.python.commands import command_launches, script_launches
    from vllint.sources.python.endpoints import endpoint_launches, is_endpoint_call
    from vllint.sources.python.engines import engine_launches
    from vllint.sources.python.flow import Flow, Site
    from vllint.sources.python.ray import ray_launches

    flow = Flow(module)
    calls: list[Site] = []
    for site in flow.sites():
        yield from engine_launches(flow, site)
        yield from ray_launches(flow, site)
        yield from command_launches(flow, site)
        if is_endpoint_call(flow, site) and len(calls) < _MAX_ENDPOINT_CALLS:
            # What names are worth changes behind the call.
            calls.append(site._replace(state=dict(site.state)))
    yield from script_launches(flow)
    for site in calls:
        yield from endpoint_launches(flow, site, calls)
