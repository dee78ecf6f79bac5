"""What came in the place of environment variables that vLLM no longer reads."""

from __future__ import annotations

from typing import Any

SUCCESSORS: dict[str, dict[str, Any]] = {}
