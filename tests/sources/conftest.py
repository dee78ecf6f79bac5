"""Short ways to read one format and to look at what came of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Unknown

Compose = Callable[..., Launch]


@pytest.fixture(scope="session")
def argv() -> Callable[[Launch], list[str]]:
    """Return a launch's words as text; what is not known stands as `?`."""

    def texts(launch: Launch) -> list[str]:
        shown = []
        for word in launch.argv:
            text = word.text
            for hole in reversed(word.holes):
                text = f"{text[: hole.at]}?{text[hole.at :]}"
            shown.append(text)
        return shown

    return texts


@pytest.fixture(scope="session")
def service(read: Callable[..., Reading]) -> Compose:
    """Return the one launch of a compose file with one service of these keys."""

    def launch(keys: str, env: str | None = None, env_files: dict[str, str] | None = None) -> Launch:
        text = "services:\n  llm:\n" + textwrap.indent(textwrap.dedent(keys).strip("\n"), "    ") + "\n"
        beside = {} if env is None else {".env": env}
        reading = read(text, "compose.yaml", beside, env_files)
        assert not reading.problems
        [found] = reading.launches
        return found

    return launch


@pytest.fixture(scope="session")
def gpu_count() -> Callable[[Launch], Any]:
    """Return how many GPUs a launch's file claims: a number, `all`, or `None` where that is not known."""

    def claimed(launch: Launch) -> Any:
        count = launch.hardware.gpu_count
        assert isinstance(count, Located | Unknown)
        return count.value if isinstance(count, Located) else None

    return claimed
