"""The two sides of a comparison: files and folders as they are, or as a git revision has them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from vllint.checking import Checker
from vllint.discover import MAX_BYTES
from vllint.facts import LaunchFacts
from vllint.statements import StatementError
from vllint_schemas import Finding


class Seen(NamedTuple):
    """A launch with its findings; `path` is relative to what is compared, empty for a file by itself."""

    path: str
    facts: LaunchFacts
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The launch's name within its file."""
        return self.facts.launch.name


class Side(NamedTuple):
    """One side: what people call it, its launches, and what could not be read.

    `problems` keep vllint from its work, `unread` are files in which launches cannot be told.
    """

    title: str
    launches: tuple[Seen, ...]
    problems: tuple[str, ...]
    unread: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where one side lies: paths on disk, or in the tree of a revision of the repository around here."""

    revision: str | None
    paths: tuple[str, ...]

    @property
    def title(self) -> str:
        """What people call it."""
        paths = " ".join(self.paths)
        return paths if self.revision is None else f"{self.revision}:{paths}".rstrip(":")


def places_of(old: str, new: str) -> tuple[Place, Place]:
    """Return the places that two texts mean, each `PATH`, `REV:PATH` or `REV`.

    What lies on disk is a path. A revision by itself means what the other text means in it, or this folder.
    """
    return _place(old, new), _place(new, old)


def _place(text: str, other: str) -> Place:
    revision, colon, path = text.partition(":")
    if os.path.lexists(text):
        return Place(None, (text,))
    if colon and revision:
        return Place(revision, (path,))
    if not _is_revision(text):
        return Place(None, (text,))
    beside = other if os.path.lexists(other) else other.partition(":")[2]
    return Place(text, (beside or ".",))


def merge_base(one: str, other: str) -> str:
    """Return the commit where two revisions part; raises StatementError where git knows none."""
    try:
        return _git("merge-base", "--", one, other).decode().strip()[:_SHORT]
    except _GitError as error:
        reason = str(error).removeprefix("git: ") or "they have no commit in common"
        raise StatementError(f"`{one}...{other}`: {reason}") from error


_SHORT = 12
"""How many digits of a commit's name are enough to find it, and few enough to be read."""


def _is_revision(text: str) -> bool:
    try:
        return bool(_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}"))
    except StatementError:
        return False


def see(place: Place, checker: Checker) -> Side:
    """Judge a place's launches. Raises StatementError for revisions and paths that are not there."""
    with ExitStack() as stack:
        if place.revision is None:
            roots = [Path(path) for path in place.paths]
            for root in roots:
                if not root.exists():
                    raise StatementError(
                        f"`{root}` is neither a file or folder nor a git revision (`REV` or `REV:PATH`)"
                    )
        else:
            top = Path(stack.enter_context(TemporaryDirectory(prefix="vllint-"))).resolve()
            tree = Revision(place.revision)
            tree.write(top)
            roots = [top / tree.path_in_tree(path) for path in place.paths]
            for root, path in zip(roots, place.paths, strict=True):
                if not root.exists():
                    raise StatementError(f"`{path}` is not in revision `{place.revision}`")
        return _side(place, roots, checker)


def _side(place: Place, roots: Sequence[Path], checker: Checker) -> Side:
    launches: list[Seen] = []
    problems: list[str] = []
    unread: list[str] = []
    alone = len(roots) == 1
    for root, given in zip(roots, place.paths, strict=True):
        report = checker.check((str(root),))
        problems += [problem.replace(str(root), given) for problem in report.problems]
        for judged in report.judged:
            inside = Path(os.path.relpath(judged.path, root)).as_posix().removeprefix(".")
            path = inside if alone else "/".join(filter(None, (given.rstrip("/"), inside)))
            if not judged.launches:
                unread += (f"{path or given}: {one.message}" for one in judged.findings)
            for facts in judged.launches:
                own = tuple(one for one in judged.findings if one.launch == facts.launch.id)
                launches.append(Seen(path, facts, own))
    return Side(place.title, tuple(launches), tuple(problems), tuple(unread))


class Revision:
    """A commit of the repository around the working directory; raises StatementError if there is none."""

    def __init__(self, name: str) -> None:
        try:
            self._prefix = _git("rev-parse", "--show-prefix").decode().strip()
        except _GitError as error:
            raise StatementError(f"`{name}` cannot be read: {error}") from error
        top = _git("rev-parse", "--show-toplevel").decode().rstrip("\n")
        self._top = Path(top)
        try:
            self._commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except _GitError as error:
            shallow = _git("rev-parse", "--is-shallow-repository").strip() == b"true"
            hint = "; its clone is shallow, `git fetch --unshallow` gets the rest" if shallow else ""
            raise StatementError(f"`{name}` is not a revision of this repository{hint}") from error

    def path_in_tree(self, path: str) -> str:
        """Return a path relative to the repository's top, as the working directory means it."""
        if Path(path).is_absolute():
            return Path(path).resolve().relative_to(self._top.resolve()).as_posix()
        joined = os.path.normpath(f"{self._prefix}{path}")
        if joined.startswith(".."):
            raise StatementError(f"`{path}` lies outside of the repository")
        return joined

    def write(self, folder: Path) -> None:
        """Write the commit's files to a folder, which settings and files beside others are read in."""
        (folder / ".git").mkdir()
        commit = self._commit.decode().strip()
        entries = list(_entries(_git("ls-tree", "-r", "-z", "-l", "--full-tree", commit)))
        for first in range(0, len(entries), _AT_ONCE):
            some = entries[first : first + _AT_ONCE]
            for (_, path), content in zip(some, _contents([name for name, _ in some]), strict=True):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)


_AT_ONCE = 1000


def _contents(names: Sequence[str]) -> Iterator[bytes]:
    """Yield the contents of git objects: each is a line that ends in its size, itself, and a line break."""
    found = _git("cat-file", "--batch", text="".join(f"{name}\n" for name in names).encode())
    at = 0
    for _ in names:
        end = found.index(b"\n", at)
        size = int(found[at:end].rsplit(b" ", 1)[1])
        yield found[end + 1 : end + 1 + size]
        at = end + 2 + size


def _entries(listing: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each plain file that is small enough to be read."""
    for line in listing.decode("utf-8", "surrogateescape").split("\0"):
        head, tab, path = line.partition("\t")
        if not tab:
            continue
        mode, _, name, size = head.split()
        parts = PurePosixPath(path).parts
        # A tree may hold any name, also those that lead out of the folder.
        safe = not path.startswith("/") and not {"..", ".git"} & {part.lower() for part in parts}
        if mode.startswith("100") and size.isdecimal() and int(size) <= MAX_BYTES and safe:
            yield name, path


class _GitError(StatementError):
    """What git said when it failed."""


def _git(*words: str, text: bytes | None = None) -> bytes:
    try:
        done = subprocess.run(("git", *words), input=text, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise StatementError("git is not installed, so revisions cannot be read") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise _GitError(f"git: {said}")
    return done.stdout
