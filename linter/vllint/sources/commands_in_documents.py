"""Commands in YAML and JSON of people's own making: the last resort, when no format is recognised.

A text or a list that starts a server is a command; what machine it runs on is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from vllint.sources.commands import Script, starts_in
from vllint.sources.containers import no_claim
from vllint.sources.containers_in_documents import container_launches, containers
from vllint.sources.deployments import Deployment, deployed, mapped_variables, text_of
from vllint.sources.files import Document, Found
from vllint.sources.yaml_words import scalar_word, scalar_words
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Span, Word

_STARTS = re.compile(
    r"(?:^|[\n;&|(\"']|\b(?:exec|nohup|uv run|bash -l?c) )[ \t]*"
    r"(?:[A-Za-z_]\w*=\S*[ \t]+)*(?:(?:exec|nohup|sudo|uv run|env|time)[ \t]+)*"
    r"(?:\S*/)?(?:vllm[ \t]+serve\b|docker[ \t]+run\b"
    r"|python[\d.]*[ \t]+(?:-\w+[ \t]+)*-m[ \t]+vllm\.entrypoints\.)"
)
_COMMANDS = re.compile(
    r"(?i)cmd|command|run|exec|script|start|serve|launch|entrypoint|shell|bash|task|job|step|init|user_?data"
)
"""What keys of commands are called; texts under other keys are for people to read."""

_MAX_NODES = 20_000


class _Command(NamedTuple):
    """A command's words or text, and the mapping it stands in."""

    words: tuple[Word, ...]
    text: Word | None
    extent: Span
    beside: Mapping | None
    key: str


def recognises(root: Node) -> bool:
    """Whether a document holds a command that starts a server, or a container of vLLM's image."""
    return any(True for _ in _commands(root)) or any(True for _ in containers(root))


def launches(document: Document) -> Found:
    """Yield the servers that the document's commands and containers start."""
    found = list(containers(document.root))
    for container in found:
        yield from container_launches(container, document.file.path)
    for command in _commands(document.root):
        if any(container.fields.span.holds(command.extent) for container in found):
            continue
        beside = command.beside
        variables = mapped_variables(beside.get("env")) if beside is not None else ()
        name = text_of(beside.get("name"), command.key) if beside is not None else command.key
        deployment = Deployment(
            document.file.path, name or "command", "command", command.extent, no_claim(), variables
        )
        around = deployment.surroundings
        if command.text is not None:
            yield from deployed(deployment, (Script(command.text, around),))
        else:
            yield from deployed(deployment, starts_in(command.words, around))


def _commands(root: Node) -> Iterator[_Command]:
    """Yield the commands below a node, in the order in which they stand."""
    waiting: list[tuple[Node, Mapping | None, str]] = [(root, None, "")]
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        node, beside, key = waiting.pop()
        if isinstance(node, Scalar):
            is_command = _COMMANDS.search(key) is not None and _STARTS.search(node.value) is not None
            word = scalar_word(node) if is_command else None
            if word is not None:
                yield _Command((), word, node.span, beside, key)
        elif isinstance(node, Sequence):
            words = scalar_words(node)
            if _is_command(words):
                yield _Command(words, None, node.span, beside, key)
            else:
                waiting.extend((item, beside, key) for item in reversed(node.entries))
        else:
            pairs = [(name.value, value) for name, value in node.items() if isinstance(name, Scalar)]
            waiting.extend((value, node, name) for name, value in reversed(pairs))


def _is_command(words: tuple[Word, ...]) -> bool:
    texts = [word.text for word in words]
    if len(texts) > 1 and texts[0].rsplit("/", 1)[-1] == "vllm" and texts[1] == "serve":
        return True
    return any(one == "-m" and other.startswith("vllm.entrypoints.") for one, other in pairwise(texts[:5]))
