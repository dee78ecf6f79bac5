"""BentoML's `[tool.bentoml.build.args]` in pyproject.toml, as BentoVLLM's services take them."""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.commands import Start
from vllint.sources.deployments import Deployment, deployed, platform_card
from vllint.sources.files import File, Found
from vllint.text.toml_words import Path, TomlError, toml_words
from vllint_schemas import EntryPoint, HardwareClaim, Located, SourceProblem, Span, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_ARGUMENTS: Path = ("tool", "bentoml", "build", "args")


def recognises(file: File) -> bool:
    """Whether the file builds a bento with arguments."""
    return "tool.bentoml.build" in file.text and "model_id" in file.text


def launches(file: File) -> Found:
    """Yield the server that the service starts with the arguments."""
    try:
        words = toml_words(file.text, file.path)
    except TomlError as problem:
        yield SourceProblem("not_parsed", f"the file cannot be read: {problem}", Span(file.path, 0, 0))
        return
    arguments = {
        path[len(_ARGUMENTS) :]: word for path, word in words.items() if path[: len(_ARGUMENTS)] == _ARGUMENTS
    }
    model = arguments.get(("model_id",))
    if model is None:
        return
    count, card = arguments.get(("tp",)), arguments.get(("gpu_type",))
    # The service asks for as many cards as ranks.
    claimed = (
        Located(int(count.text), count.span)
        if count is not None and count.text.isdecimal()
        else NO_COUNT_CLAIM
    )
    name = arguments.get(("name",))
    deployment = Deployment(
        path=file.path,
        name=name.text if name is not None and name.text else "service",
        kind="bentoml",
        extent=Span(file.path, 0, len(file.text)),
        hardware=HardwareClaim(platform_card(card, "bentoml") if card is not None else NO_GPU_CLAIM, claimed),
        environment=tuple(_environment(arguments)),
    )
    argv = [model]
    if count is not None:
        argv += [Word.atomic("--tensor-parallel-size", count.site), count]
    argv += [word for path, word in arguments.items() if path[0] == "cli_args" and len(path) == 2]
    start = Start(EntryPoint.SERVE, tuple(argv), model.site, deployment.surroundings)
    yield from deployed(deployment, (start,))


def _environment(arguments: dict[Path, Word]) -> Iterator[Variable]:
    number = 0
    while ("envs", number, "name") in arguments:
        value = arguments.get(("envs", number, "value"))
        if value is not None:
            yield Variable(arguments[("envs", number, "name")].text, value)
        number += 1
