"""Where vllint keeps what it found: the user's cache folder, never beside the files that are checked."""

import sys
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """Return the folder; `None` where there is no home."""
    named = environment.get("VLLINT_CACHE_DIR")
    if named:
        return Path(named).absolute()
    if sys.platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return Path(local) / "vllint" / "cache" if local else None
    # The XDG base directory specification: a relative path is to be ignored.
    base = environment.get("XDG_CACHE_HOME", "")
    if base.startswith("/"):
        return Path(base) / "vllint"
    home = environment.get("HOME", "")
    return Path(home) / ".cache" / "vllint" if home.startswith("/") else None
