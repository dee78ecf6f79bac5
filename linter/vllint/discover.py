"""From paths to the files that may launch vLLM: what git knows of, what is small, text and names vLLM."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from vllint.exclude_patterns import excluded_by

MAX_BYTES = 1024 * 1024
MARKERS: tuple[tuple[bytes, ...], ...] = (
    (b"vllm",),
    (b"instancetype", b"repository"),
    (b"model_loading_config",),
    (b"llminferenceservice",),
    (b"inferenceservice", b"huggingface"),
    (b"kaito.sh/", b"preset"),
)
"""A file is ours if it holds, in any case, all of one row: vLLM's name, an endpoint's two keys, or those of
resources that vLLM serves unless they say otherwise: of Ray Serve LLM, KServe and KAITO."""

SUFFIXES: Mapping[str, str] = {
    "yaml": "compose, Kubernetes, endpoint",
    "yml": "compose, Kubernetes, endpoint",
    "json": "endpoint, Kubernetes",
    "sh": "shell",
    "bash": "shell",
    "zsh": "shell",
    "ksh": "shell",
    "ps1": "PowerShell",
    "bat": "Windows batch",
    "cmd": "Windows batch",
    "sbatch": "Slurm",
    "slurm": "Slurm",
    "env": "environment",
    "service": "systemd",
    "container": "podman quadlet",
    "py": "Python",
    "ipynb": "Jupyter notebook",
    "mk": "Makefile",
    "just": "justfile",
    "tf": "Terraform",
    "hcl": "Terraform, Nomad",
    "nomad": "Nomad",
    "toml": "Cerebrium, BentoML",
    "properties": "SageMaker",
    "md": "Markdown",
    "mdx": "Markdown",
    "rst": "reStructuredText",
    "conf": "environment",
    "dockerfile": "Dockerfile",
    "containerfile": "Dockerfile",
}
"""What a file's name may end in, and what such a file may be; `compose.yaml.j2` ends in `yaml`."""
TEMPLATE_SUFFIXES = frozenset(
    {"j2", "jinja", "jinja2", "tmpl", "tpl", "gotmpl", "template", "example", "sample"}
)
_STEMS = frozenset(
    {"dockerfile", "containerfile", ".env", "makefile", "gnumakefile", "justfile", ".justfile", "procfile"}
)
_SETTINGS = frozenset({"vllint.toml", ".vllint.toml"})
_SHELL = rb"#![^\n]*\b(?:ba|da|z|k|a)?sh\b"

_PRUNED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__"})
_CHUNK = 64 * 1024
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLLOW = os.O_RDONLY | _BINARY
_NO_FOLLOW = _FOLLOW | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false")
_GIT_SETTINGS_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_EXEC_PATH")


class Reason(StrEnum):
    """Why a file is passed over."""

    EXCLUDED = "excluded"
    NOT_OURS = "not a kind of file that starts vLLM"
    SYMLINK = "a symbolic link"
    TOO_LARGE = "larger than 1 MiB"
    BINARY = "binary"
    UTF_16 = "UTF-16, which vllint does not read: save it as UTF-8"
    NO_MARKER = "does not mention vLLM"


class Candidate(NamedTuple):
    """A file to check; `explicit` says that it was named, not found."""

    path: str
    raw: bytes
    explicit: bool


class PassedOver(NamedTuple):
    """A file that is not checked; `explicit` says that it was named, not found."""

    path: str
    reason: Reason
    explicit: bool = False


class Unreadable(NamedTuple):
    """A path that should have been read and could not be."""

    path: str
    reason: str


def discover(
    paths: Sequence[str], *, exclude: Sequence[str] = (), force_exclude: bool = False
) -> Iterator[Candidate | PassedOver | Unreadable]:
    """Yield what becomes of each file at or below `paths`, each file once, folders in sorted order.

    A file named in `paths` is a candidate whatever it is called and says, unless it is excluded and
    `force_exclude` is set. Paths are relative to the working directory, or absolute outside of it, and
    parted by `/`. ValueError if a pattern in `exclude` is not one.
    """
    here = Path.cwd().as_posix()
    is_excluded = excluded_by(exclude)
    reals = {path: os.path.realpath(path) for path in paths}
    named = {real for real in reals.values() if not Path(real).is_dir()}
    seen: set[str] = set()
    for path, real in reals.items():
        if not path:
            yield Unreadable("''", os.strerror(errno.ENOENT).lower())
            continue
        if real in seen:
            continue
        seen.add(real)
        shown = displayed(path, here)
        if real not in named:
            yield from _below(real, "" if shown == "." else f"{shown.rstrip('/')}/", is_excluded, named, seen)
        elif force_exclude and is_excluded(shown):
            yield PassedOver(shown, Reason.EXCLUDED)
        else:
            found = _named(path, shown)
            # Hooks name every file of a commit: of these only what mentions vLLM is ours.
            unmarked = force_exclude and isinstance(found, Candidate) and not has_marker(found.raw)
            yield PassedOver(shown, Reason.NO_MARKER) if unmarked else found


def displayed(path: str, here: str) -> str:
    """Return `path` as reports show it, seen from the folder `here`."""
    whole = os.path.normpath(f"{here}/{path}" if not Path(path).is_absolute() else path)
    start = here.rstrip("/") + "/"
    for absolute in (Path(whole).as_posix(), Path(os.path.realpath(whole)).as_posix()):
        if absolute.startswith(start):
            return absolute.removeprefix(start)
        if absolute == here:
            return "."
    return Path(whole).as_posix()


def has_marker(raw: bytes) -> bool:
    """Return whether a file's bytes name vLLM or look like an endpoint."""
    lowered = raw.lower()
    return any(all(marker in lowered for marker in row) for row in MARKERS)


def repository_root(folder: str) -> str | None:
    """Return the nearest folder at or above `folder` that holds `.git`."""
    path = Path(os.path.realpath(folder))
    for candidate in (path, *path.parents):
        if os.path.lexists(candidate / ".git"):
            return candidate.as_posix()
    return None


def _named(path: str, shown: str) -> Candidate | PassedOver | Unreadable:
    """Return what becomes of a file that was named."""
    try:
        raw = _read(path, _FOLLOW)
    except OSError as error:
        return Unreadable(shown, _cause(error))
    reason = _unfit(raw)
    return (
        Candidate(shown, raw, explicit=True) if reason is None else PassedOver(shown, reason, explicit=True)
    )


def _below(
    root: str, prefix: str, is_excluded: Callable[[str], bool], named: set[str], seen: set[str]
) -> Iterator[Candidate | PassedOver | Unreadable]:
    """Yield what becomes of the files below the folder `root`, which is shown as `prefix`."""
    listed = list(_listed(root, prefix, is_excluded))
    yield from (entry for entry in listed if isinstance(entry, Unreadable))
    start = root.rstrip("/") + "/"
    for name in sorted({entry for entry in listed if isinstance(entry, str)}):
        full = start + name
        if full in seen or full in named:
            continue
        seen.add(full)
        found = _found(full, prefix + name, is_excluded)
        if found is not None:
            yield found


def _found(
    full: str, shown: str, is_excluded: Callable[[str], bool]
) -> Candidate | PassedOver | Unreadable | None:
    """Return what becomes of a file that was found; None if it is gone."""
    if is_excluded(shown):
        return PassedOver(shown, Reason.EXCLUDED)
    by_name = _may_launch(full[full.rfind("/") + 1 :])
    if by_name is False:
        return PassedOver(shown, Reason.NOT_OURS)
    try:
        raw = _read(full, _NO_FOLLOW)
    except (FileNotFoundError, IsADirectoryError):
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            return PassedOver(shown, Reason.SYMLINK)
        return Unreadable(shown, _cause(error)) if by_name else PassedOver(shown, Reason.NOT_OURS)
    if by_name is None and not re.match(_SHELL, raw):
        return PassedOver(shown, Reason.NOT_OURS)
    reason = _unfit(raw)
    if reason is None and not has_marker(raw):
        reason = Reason.NO_MARKER
    return Candidate(shown, raw, explicit=False) if reason is None else PassedOver(shown, reason)


def _may_launch(name: str) -> bool | None:
    """Return whether a file of this name may start vLLM; None if only its first line can tell."""
    if name in _SETTINGS:
        return False
    stem, dot, suffix = name.lower().rpartition(".")
    if dot and suffix in TEMPLATE_SUFFIXES:
        # What such a file becomes is not said by `values.tpl`; helpers of charts start with `_`.
        says_nothing = suffix not in {"example", "sample"} and "." not in stem and not stem.startswith("_")
        stem, dot, suffix = stem.rpartition(".")
        if says_nothing and stem + suffix:
            return True
    if suffix in SUFFIXES:
        return True
    if any(suffix == known or stem == known or stem.startswith(f"{known}.") for known in _STEMS):
        return True
    return False if stem else None


def _unfit(raw: bytes) -> Reason | None:
    if len(raw) > MAX_BYTES:
        return Reason.TOO_LARGE
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Reason.UTF_16
    return Reason.BINARY if raw.find(b"\0", 0, 8192) >= 0 else None


def _read(path: str, flags: int) -> bytes:
    """Return a file's bytes, at most one more than `MAX_BYTES`."""
    descriptor = os.open(path, flags)
    try:
        raw = os.read(descriptor, _CHUNK)
        if len(raw) < _CHUNK and flags == _NO_FOLLOW:
            return raw
        chunks = [raw]
        size = len(raw)
        while raw and size <= MAX_BYTES:
            raw = os.read(descriptor, min(_CHUNK, MAX_BYTES + 1 - size) or 1)
            chunks.append(raw)
            size += len(raw)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def _cause(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _listed(root: str, prefix: str, is_excluded: Callable[[str], bool]) -> Iterator[str | Unreadable]:
    """Yield the files below `root`, named relative to it: those that git does not ignore, or all."""
    tracked = _known_to_git(root) if repository_root(root) is not None else None
    if tracked is None:
        yield from _walked(root, prefix, is_excluded)
        return
    files, repositories = tracked
    yield from files
    for nested in repositories:
        inside = f"{nested}/"
        if os.path.lexists(f"{root}/{nested}/.git") and not is_excluded(prefix + inside):
            yield from _under(nested, _listed(f"{root}/{nested}", prefix + inside, is_excluded))


def _under(folder: str, entries: Iterator[str | Unreadable]) -> Iterator[str | Unreadable]:
    for entry in entries:
        yield entry if isinstance(entry, Unreadable) else f"{folder}/{entry}"


def _known_to_git(root: str) -> tuple[list[str], list[str]] | None:
    """Return the files and the repositories below `root` that git tracks or would; None if it cannot tell.

    A folder that is ignored itself was asked for all the same, so git has nothing to say about it.
    """
    output = _git(root, "ls-files", "--stage", "--cached", "--others", "--exclude-standard", "-z")
    if output is None or (not output and _git(root, "check-ignore", "-q", ".") is not None):
        return None
    files, repositories = [], []
    for entry in os.fsdecode(output).split("\0")[:-1]:
        stage, tab, name = entry.partition("\t")
        if not (tab and re.match(_STAGE, stage)):
            stage, name = "", entry
        if stage.startswith("160000") or name.endswith("/"):
            repositories.append(name.rstrip("/"))
        else:
            files.append(name)
    return files, repositories


_STAGE = r"(?:100644|100755|120000|160000) [0-9a-f]{40,64} [0-3]$"


def _git(root: str, *arguments: str) -> bytes | None:
    """Return what git prints about the folder `root`; None if it fails or is not there."""
    import subprocess

    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in _GIT_SETTINGS_KEPT
    }
    command = (*_GIT, "-C", root, *arguments)
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _walked(root: str, prefix: str, is_excluded: Callable[[str], bool]) -> Iterator[str | Unreadable]:
    """Yield the files below `root` that stand in no folder that is never ours; links are not followed."""
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(f"{root}/{folder}"))
        except OSError as error:
            yield Unreadable(f"{prefix}{folder}".rstrip("/") or ".", _cause(error))
            continue
        for entry in entries:
            name = folder + entry.name
            if entry.is_symlink() or not entry.is_dir(follow_symlinks=False):
                if entry.is_symlink() or entry.is_file(follow_symlinks=False):
                    yield name
                continue
            if entry.name in _PRUNED or is_excluded(f"{prefix}{name}/"):
                continue
            if os.path.lexists(f"{entry.path}/.git"):
                yield from _under(name, _listed(f"{root}/{name}", f"{prefix}{name}/", is_excluded))
            else:
                folders.append(f"{name}/")
