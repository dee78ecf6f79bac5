"""The Hugging Face cache of this machine: which file holds what was downloaded of a model.

The layout is huggingface_hub's: `models--OWNER--NAME` with `refs/REVISION`, which holds a commit's sha, and
`snapshots/SHA/FILE`, a link into `blobs`. vllint's own cache of what it asked the Hub has the same layout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vllint.cache_folder import cache_folder

REPOSITORY = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9_][\w.-]{0,95}(?:/[A-Za-z0-9_][\w.-]{0,95})?", re.ASCII)
"""A model's id on the Hub. huggingface_hub `utils/_validators.py`."""

REVISION = re.compile(r"(?!.*\.\.)[\w][\w./-]{0,199}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"hf-cache://([^@]+)@([^:]+):([\w.-]*/?)", re.ASCII)


class CachedFile(NamedTuple):
    """A file of a snapshot, and what it really is: a link's target within the same model's folder."""

    shown: Path
    real: Path


def cache_name(repository: str, revision: str | None, file: str) -> str:
    """Return the name under which a neighbour reads a file of the cache; of the empty one the folder's."""
    return f"hf-cache://{repository}@{revision or 'main'}:{file or '/'}"


def cached_file(name: str, environment: Mapping[str, str]) -> CachedFile | None:
    """Return the file of a name that `cache_name` gave, if any cache of this machine has it."""
    parts = _NAME.fullmatch(name)
    if parts is None or not REPOSITORY.fullmatch(parts[1]) or not REVISION.fullmatch(parts[2]):
        return None
    for root in cache_roots(environment):
        own = root / f"models--{parts[1].replace('/', '--')}"
        snapshot = _snapshot(own, parts[2])
        if snapshot is None:
            continue
        shown = snapshot / parts[3].rstrip("/")
        real = _within(shown, own)
        if real is not None:
            return CachedFile(shown, real)
    return None


def cache_roots(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders of caches: that of huggingface_hub, as it finds it itself, then vllint's own."""
    named = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE")
    if named:
        yield Path(named).expanduser().absolute()
    else:
        home = environment.get("HF_HOME")
        base = environment.get("XDG_CACHE_HOME") or os.path.join(environment.get("HOME", ""), ".cache")  # noqa: PTH118
        if home or os.path.isabs(base):  # noqa: PTH117
            yield Path(home or f"{base}/huggingface").expanduser().absolute() / "hub"
    own = own_cache(environment)
    if own is not None:
        yield own


def own_cache(environment: Mapping[str, str]) -> Path | None:
    """Return the folder of what vllint itself asked the Hub; `None` where there is no home."""
    folder = cache_folder(environment)
    return None if folder is None else folder / "hub"


def _snapshot(own: Path, revision: str) -> Path | None:
    """Return the folder of a revision: a commit's sha, or a branch or tag that was asked for once."""
    if not own.is_dir():
        return None
    sha = revision
    if not _SHA.fullmatch(revision):
        try:
            with (own / "refs" / revision).open("rb") as stream:
                sha = stream.read(64).decode("ascii", "replace").strip()
        except OSError:
            return None
    return own / "snapshots" / sha if _SHA.fullmatch(sha) else None


def _within(path: Path, own: Path) -> Path | None:
    try:
        real = path.resolve(strict=True)
        return real if real.is_relative_to(own.resolve(strict=True)) else None
    except (OSError, RuntimeError):
        # Not downloaded, or a link that leads nowhere or in a circle.
        return None
