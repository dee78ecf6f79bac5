"""`serving.properties` of Amazon's LMI container: `option.NAME=value` lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllint.sources.commands import Start
from vllint.sources.deployments import Deployment, deployed
from vllint.sources.files import File, Found
from vllint.sources.platforms.sagemaker import lmi_server
from vllint.sources.templates.tags import with_placeholders_unknown
from vllint_schemas import HardwareClaim, Span, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_LINE = re.compile(r"(?m)^[ \t\f]*(?P<name>[^#!\s=:][^\s=:]*)[ \t\f]*[=:]?[ \t\f]*(?P<value>[^\r\n]*)")
_OPTION = "option."


def recognises(file: File) -> bool:
    """Whether the file has options of the container."""
    return _OPTION in file.text


def launches(file: File) -> Found:
    """Yield the server, where the options say that vLLM is the engine."""
    options = {name.removeprefix(_OPTION).lower(): value for name, value in _properties(file)}
    server = lmi_server(options, "", HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM))
    if server is None:
        return
    extent = Span(file.path, 0, len(file.text))
    deployment = Deployment(file.path, "model", "sagemaker", extent, server.hardware)
    start = Start(server.entry_point, server.argv, server.argv[0].site, deployment.surroundings)
    yield from deployed(deployment, (start,))


def _properties(file: File) -> Iterator[tuple[str, Word]]:
    """Yield names and values as `java.util.Properties` has them, but for lines that go on in the next."""
    for match in _LINE.finditer(file.text):
        value = match["value"].rstrip() if match["name"].startswith(_OPTION) else match["value"].strip()
        word = Word.verbatim(value, file.path, match.start("value"))
        yield match["name"], with_placeholders_unknown(word)
