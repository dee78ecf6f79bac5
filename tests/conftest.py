"""What several test files share: reading a file's text, and checking that every place reads as it should."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from vllint.sources.readers import Reading, read_source
from vllint.text.source import SourceText
from vllint_schemas import Launch, Located, Origin, Span, Word

Reader = Callable[..., Reading]
"""Reads `(text, path, neighbours)`, and asserts the places of everything found."""


def words_of(launch: Launch) -> Iterator[Word]:
    """Yield all words that a launch holds."""
    yield from launch.argv
    yield from (variable.value for variable in launch.env)
    if launch.image is not None:
        yield launch.image


def spans_of(word: Word) -> Iterator[Span]:
    """Yield all places that a word refers to."""
    yield word.site
    yield from word.via
    yield from (run.source for run in word.runs)
    yield from (hole.source for hole in word.holes)
    if word.slot is not None:
        yield word.slot.extent


def check_places(texts: Mapping[str, str], launch: Launch) -> None:
    """Assert that every place lies in its file, and that every place said to read as a value does."""
    for word in words_of(launch):
        for span in spans_of(word):
            assert 0 <= span.start <= span.end <= len(texts[span.path]), (word, span)
        place = word.text_span
        if word.is_known and place is not None:
            assert texts[place.path][place.start : place.end] == word.text
        # A platform's value stands at what it comes from; its slot is the field that would set it.
        is_own = word.origin is not Origin.PLATFORM
        assert word.slot is None or not is_own or _overlap(word.slot.extent, word.site)
    for span in (launch.extent, launch.at):
        assert 0 <= span.start <= span.end <= len(texts[launch.path])
    version, count = launch.vllm_version, launch.hardware.gpu_count
    if isinstance(version, Located) and version.span is not None:
        assert texts[version.span.path][version.span.start : version.span.end] == version.value
    if isinstance(count, Located) and count.span is not None:
        assert 0 <= count.span.start < count.span.end <= len(texts[count.span.path])


def _overlap(one: Span, other: Span) -> bool:
    return one.path == other.path and one.start <= other.end and other.start <= one.end


def read_text(
    text: str,
    path: str,
    neighbours: Mapping[str, str] | None = None,
    env_files: Mapping[str, str] | None = None,
) -> Reading:
    """Read a text as a file would be; `neighbours` are the files beside it, `env_files` those of `--env`."""
    beside = neighbours or {}
    named = None if env_files is None else tuple(SourceText(name, env) for name, env in env_files.items())

    def neighbour(name: str) -> SourceText | None:
        return SourceText(name, beside[name]) if name in beside else None

    reading = read_source(SourceText(path, text), neighbour, named)
    for launch in reading.launches:
        check_places({**beside, **(env_files or {}), path: text}, launch)
    return reading


@pytest.fixture(scope="session")
def assert_places() -> Callable[[Mapping[str, str], Launch], None]:
    """Return the check of all places of a launch."""
    return check_places


@pytest.fixture(scope="session")
def read() -> Reader:
    """Return the reader of `(text, path, neighbours, env_files)`; it checks all places."""
    return read_text


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of shared data; skip the test where it is not."""
    folder = Path(os.environ.get("VLLINT_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("the shared data folder is not here")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep results and models apart from those of whoever runs the tests; return the folder of results."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLINT_CACHE_DIR", str(folder))
        patch.setenv("HF_HUB_CACHE", str(folder / "no-models"))
        yield folder
