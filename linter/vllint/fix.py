"""Applying fixes to texts, and writing texts to files."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from vllint_schemas.findings import Applicability, Edit, Fix

MAX_ROUNDS = 10
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)

Reason = Literal["overlap", "out of range", "advice", "no change", "breaks the file"]


class Skipped(NamedTuple):
    """A fix that was not applied, and why."""

    fix: Fix
    reason: Reason


class Applied(NamedTuple):
    """All texts, with fixes applied to them; fixes in the order of the places they change."""

    texts: Mapping[str, str]
    applied: tuple[Fix, ...]
    skipped: tuple[Skipped, ...]


class Fixed(NamedTuple):
    """What is left when no fix applies any more, or after the last round if `settled` is false.

    `applied` are all fixes of all rounds, `skipped` those that the last round could not apply.
    """

    texts: Mapping[str, str]
    applied: tuple[Fix, ...]
    skipped: tuple[Skipped, ...]
    settled: bool


class WriteError(OSError):
    """A file could not be written; the message names it and says why."""


def apply_fixes(texts: Mapping[str, str], fixes: Iterable[Fix]) -> Applied:
    """Apply each fix as a whole or not at all; neither order nor repetition of `fixes` matters.

    A fix that overlaps or touches one applied before it is skipped, unless the edits they share are the
    same: these are made once. So is a fix with an edit outside `texts`, and one that is advice only.
    """
    taken: dict[str, list[Edit]] = {}
    applied: list[Fix] = []
    skipped: list[Skipped] = []
    for fix in sorted(set(fixes), key=_order):
        reason = _obstacle(fix, texts, taken)
        if reason is not None:
            skipped.append(Skipped(fix, reason))
            continue
        applied.append(fix)
        for edit in fix.edits:
            edits = taken.setdefault(edit.span.path, [])
            if edit not in edits:
                edits.append(edit)
    changed = {path: _edited(texts[path], edits) for path, edits in taken.items()}
    return Applied({**texts, **changed}, tuple(applied), tuple(skipped))


def fix_until_settled(
    texts: Mapping[str, str],
    judge: Callable[[Mapping[str, str]], Iterable[Fix]],
    still_reads: Callable[[str, str, str], bool],
) -> Fixed:
    """Apply what `judge` proposes until it proposes nothing that applies, for at most `MAX_ROUNDS` rounds.

    `still_reads(path, old, new)` says whether a changed file can still be read; fixes that make it
    unreadable are not applied.
    """
    applied: list[Fix] = []
    outcome = Applied(texts, (), ())
    for _ in range(MAX_ROUNDS):
        outcome = _apply_readably(outcome.texts, tuple(judge(outcome.texts)), still_reads)
        if not outcome.applied:
            return Fixed(outcome.texts, tuple(applied), outcome.skipped, settled=True)
        applied.extend(outcome.applied)
    return Fixed(outcome.texts, tuple(applied), outcome.skipped, settled=False)


def unified_diff(path: str, old: str, new: str) -> str:
    """Return the change of a file as `git apply` and `patch` take it; empty if there is none."""
    from difflib import unified_diff as difference

    name = path.lstrip("/")
    end = "\t" if " " in name else ""
    lines = difference(
        _lines(old), _lines(new), fromfile=f"a/{name}{end}", tofile=f"b/{name}{end}", lineterm="\n"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def write_atomically(path: Path, raw: bytes) -> None:
    """Replace the content of the file at `path`, or of the file it links to, keeping mode and owner.

    Readers see the old content or the new, never a part. Raises WriteError.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        before = target.stat()
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "the file is read-only")
        descriptor = _create(temporary)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            _keep_owner_and_mode(temporary, before)
            file.write(raw)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _order(fix: Fix) -> tuple[object, ...]:
    """Return what fixes are sorted by: place first, then everything else, so that no tie is left."""
    edits = tuple((edit.span, edit.text) for edit in fix.edits)
    return (sorted(edits), fix.title, fix.applicability, edits)


def _obstacle(fix: Fix, texts: Mapping[str, str], taken: Mapping[str, Sequence[Edit]]) -> Reason | None:
    """Return why `fix` cannot be applied besides the edits in `taken`, if it cannot."""
    if fix.applicability is Applicability.DISPLAY or not fix.edits:
        return "advice"
    for edit in fix.edits:
        path, start, end = edit.span
        if path not in texts or not 0 <= start <= end <= len(texts[path]):
            return "out of range"
    if all(texts[edit.span.path][edit.span.start : edit.span.end] == edit.text for edit in fix.edits):
        return "no change"
    if _crosses_itself(fix.edits):
        return "overlap"
    for edit in fix.edits:
        others = taken.get(edit.span.path, ())
        if edit not in others and any(_touch(edit, other) for other in others):
            return "overlap"
    return None


def _crosses_itself(edits: Sequence[Edit]) -> bool:
    ordered = sorted(set(edits), key=lambda edit: edit.span)
    return any(
        first.span.path == second.span.path and second.span.start < first.span.end
        for first, second in pairwise(ordered)
    )


def _touch(edit: Edit, other: Edit) -> bool:
    return edit.span.start <= other.span.end and other.span.start <= edit.span.end


def _edited(text: str, edits: Iterable[Edit]) -> str:
    """Return `text` with edits made that do not overlap; insertions at one place keep their order."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        pieces += (text[at : edit.span.start], edit.text)
        at = edit.span.end
    return "".join((*pieces, text[at:]))


def _apply_readably(
    texts: Mapping[str, str], fixes: Sequence[Fix], still_reads: Callable[[str, str, str], bool]
) -> Applied:
    """Apply fixes together; if a file cannot be read then, one after the other, leaving out the culprits."""
    outcome = apply_fixes(texts, fixes)
    if _reads(texts, outcome.texts, still_reads):
        return outcome
    accepted: list[Fix] = []
    dropped: list[Skipped] = []
    for fix in sorted(set(fixes), key=_order):
        if _reads(texts, apply_fixes(texts, [*accepted, fix]).texts, still_reads):
            accepted.append(fix)
        else:
            dropped.append(Skipped(fix, "breaks the file"))
    outcome = apply_fixes(texts, accepted)
    return outcome._replace(skipped=(*outcome.skipped, *dropped))


def _reads(
    old: Mapping[str, str], new: Mapping[str, str], still_reads: Callable[[str, str, str], bool]
) -> bool:
    return all(still_reads(path, old[path], text) for path, text in new.items() if text != old[path])


def _lines(text: str) -> list[str]:
    """Return the lines of `text` as diffs count them: they end at `\\n` only."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _keep_owner_and_mode(path: Path, before: os.stat_result) -> None:
    """Give a new file the owner and mode of the old one, as far as this user may."""
    present = path.stat()
    if (present.st_uid, present.st_gid) != (before.st_uid, before.st_gid):
        _change_owner(path, before.st_uid, before.st_gid)
    path.chmod(before.st_mode & 0o7777)


def _change_owner(path: Path, owner: int, group: int) -> None:
    """Change owner and group, or the group alone, or neither: only root may give files away."""
    for wanted in (owner, -1):
        try:
            os.chown(path, wanted, group)
        except OSError:
            continue
        return


def _create(path: Path) -> int:
    try:
        return os.open(path, _CREATE, 0o600)
    except PermissionError as error:
        raise PermissionError(errno.EACCES, f"the folder {path.parent} is read-only") from error
