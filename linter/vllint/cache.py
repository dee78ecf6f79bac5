"""Results kept between runs: what reports say of files that have not changed since.

There is one file for each folder that vllint is run from, in the user's cache folder and never beside the
files that are checked. It holds lines of JSON: first the stamp of the program that wrote it and a checksum
of the rest, then three lines a result: what it depends on with what every run needs of it, its findings,
and its launches. A file with another stamp, or a damaged one, counts as missing; a folder that cannot be
written to means no cache.

A result holds what reports print, in which secrets are masked, and nothing else of the file's text.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import vllint
import vllint_schemas
from vllint.cache_folder import cache_folder
from vllint.digests import digest
from vllint.registry import rule_places
from vllint.report.document import FileReport
from vllint.tables import facts_folder
from vllint_schemas import Span
from vllint_schemas.report import Unchecked, to_dict

if TYPE_CHECKING:
    from vllint.checking import Request
    from vllint.settings import Settings

_FORMAT = 2
_NO_LAUNCHES = b"null"


class Dependencies(NamedTuple):
    """What a result depends on: digests of the file, of the conditions, and of the files beside it.

    `neighbours` are those that were asked for, by the name they were asked by; `None` for missing ones.
    """

    content: str
    conditions: str
    neighbours: Mapping[str, str | None]


class _Kept(NamedTuple):
    """A result as it stands in the file; `head` is its first line, decoded."""

    head: list[Any]
    lines: tuple[bytes, bytes, bytes]


class ResultCache:
    """The results of earlier runs, and those of this one until they are written."""

    def __init__(self, place: Path, stamp: str) -> None:
        self._place = place
        self._stamp = stamp
        self._kept = _read(place, stamp)
        self._seen: set[str] = set()
        self._changed = False

    def find(
        self,
        path: str,
        content: str,
        conditions: str,
        neighbour: Callable[[str], str | None],
        launches: bool,
    ) -> FileReport | None:
        """Return what is known of a file, without sources; `None` if anything has changed since.

        `neighbour` gives the digests of files beside it. With `launches`, a result without them is none.
        """
        self._seen.add(path)
        kept = self._kept.get(path)
        if kept is None or kept.head[1] != content or kept.head[2] != conditions:
            return None
        if any(neighbour(name) != digest for name, digest in kept.head[3].items()):
            return None
        if launches and kept.lines[2] == _NO_LAUNCHES:
            return None
        return _decoded(kept, launches)

    def keep(self, file: FileReport, dependencies: Dependencies) -> None:
        """Keep what was found in a file."""
        unchecked = [(item.launch, item.fact, item.reason) for item in file.unchecked]
        head = [file.path, *dependencies, file.launch_count, unchecked, file.hidden]
        findings = [to_dict(finding) for finding in file.findings]
        launches = None if file.launches is None else [to_dict(launch) for launch in file.launches]
        self._kept[file.path] = _Kept(head, (_line(head), _line(findings), _line(launches)))
        self._changed = True

    def write(self) -> None:
        """Write the results if there are new ones; those of files that are gone are dropped."""
        if not self._changed:
            return
        kept = (one for path, one in self._kept.items() if path in self._seen or os.path.lexists(path))
        body = b"".join(line + b"\n" for one in kept for line in one.lines)
        _write(self._place, _line(_header(self._stamp, body)) + b"\n" + body)


def open_cache(environment: Mapping[str, str], here: str) -> ResultCache | None:
    """Return the results of earlier runs in the folder `here`; `None` if there is no place for any.

    Nor is there a cache when rules do not load: what they would say is not known.
    """
    place = cache_place(environment, here)
    rules = rule_places()
    if place is None or rules is None:
        return None
    own = (str(Path(package.__file__ or "").parent) for package in (vllint, vllint_schemas))
    facts = facts_folder()
    named = () if facts is None else (str(facts),)
    return ResultCache(place, program_stamp(vllint.__version__, (*own, *rules, *named)))


def conditions_digest(request: Request, settings: Settings, lock: Path | None = None) -> str | None:
    """Return what stands for what files are judged by, besides their own content and their neighbours'.

    `None` where settings name a config file of a model, or where the Hub is asked: what these say is not
    theirs.
    """
    if request.online or settings.online:
        return None
    if any(model.config is not None for model in settings.models.values()):
        return None
    try:
        locked = None if lock is None else digest(lock.read_bytes())
    except OSError:
        # Judging the file says what is wrong with it.
        return None
    return digest(repr((request, settings, locked)).encode("utf-8", "surrogatepass"))


def cache_place(environment: Mapping[str, str], here: str) -> Path | None:
    """Return the file for the results of runs in the folder `here`; `None` where there is no home."""
    folder = cache_folder(environment)
    return None if folder is None else folder / f"{digest(os.fsencode(here))}.jsonl"


def program_stamp(version: str, places: Iterable[str]) -> str:
    """Return what stands for the program: its version, and every file at or below `places`.

    Files count by name, size and time, so that an upgrade or an edit in a checkout makes another stamp.
    """
    parts = [version, sys.version]
    for place in places:
        parts.append(place)
        path = Path(place)
        parts.extend(_states(os.scandir(place)) if path.is_dir() else [_state(place, path.stat())])
    return digest("\n".join(parts).encode("utf-8", "surrogatepass"))


def _states(entries: Iterable[os.DirEntry[str]]) -> Iterator[str]:
    for entry in sorted(entries, key=lambda entry: entry.name):
        if entry.is_dir():
            yield from () if entry.name == "__pycache__" else _states(os.scandir(entry.path))
        else:
            yield _state(entry.path, entry.stat())


def _state(path: str, state: os.stat_result) -> str:
    return f"{path} {state.st_size} {state.st_mtime_ns}"


def _read(place: Path, stamp: str) -> dict[str, _Kept]:
    try:
        header, _, body = place.read_bytes().partition(b"\n")
    except OSError:
        # No cache yet, or none that may be read: everything is judged anew.
        return {}
    if header != _line(_header(stamp, body)):
        return {}
    lines = body.split(b"\n")
    heads = json.loads(b"[" + b",".join(lines[:-1:3]) + b"]")
    triples = zip(lines[:-1:3], lines[1::3], lines[2::3], strict=True)
    return {head[0]: _Kept(head, triple) for head, triple in zip(heads, triples, strict=True)}


def _header(stamp: str, body: bytes) -> dict[str, Any]:
    return {"vllint-results": _FORMAT, "stamp": stamp, "checksum": digest(body)}


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _decoded(kept: _Kept, launches: bool) -> FileReport:
    path, _, _, _, launch_count, unchecked, hidden = kept.head
    _, findings, launch_line = kept.lines
    return FileReport(
        path=path,
        launch_count=launch_count,
        launches=_launches(launch_line) if launches else None,
        findings=() if findings == b"[]" else _findings(findings),
        unchecked=tuple([Unchecked(*item) for item in unchecked]),
        sources={},
        hidden=tuple([Span(*place) for place in hidden]),
    )


def _findings(line: bytes) -> tuple[Any, ...]:
    from vllint.report.decoding import finding_of

    return tuple([finding_of(finding) for finding in json.loads(line)])


def _launches(line: bytes) -> tuple[Any, ...]:
    from vllint.report.decoding import launch_of

    return tuple([launch_of(launch) for launch in json.loads(line)])


def _write(place: Path, content: bytes) -> None:
    """Replace the file at once, so that runs at the same time see the old one or the new one whole."""
    beside = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            beside.write_bytes(content)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
    except OSError:
        # A full disk or a folder that may not be written to: the next run judges everything anew.
        return
