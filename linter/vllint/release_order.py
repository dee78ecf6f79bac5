"""Which of two releases is the newer."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of a release for comparing: `0.10.1.1` is (0, 10, 1, 1)."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
