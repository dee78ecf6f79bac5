"""Health checks as Docker and Compose run them."""

from __future__ import annotations

from vllint.sources.quantities import number, or_default, seconds
from vllint_schemas import Health, Span, Word

_INTERVAL = 30.0
_FAILURES = 3.0
"""Docker's own (`docker run --help`: `--health-interval`, `--health-retries`); the grace period is 0."""


def asks_server(command: str) -> bool:
    """Whether a health check's command asks a server for something."""
    return any(name in command for name in ("://", "localhost", "127.0.0.1"))


def docker_health(
    name: str, span: Span, grace: Word | None, interval: Word | None, retries: Word | None
) -> Health:
    """Return a health check from what is written of its start period, interval and retries."""
    return Health(
        name=name,
        span=span,
        kills=False,
        grace_seconds=or_default(grace, seconds, 0.0),
        interval_seconds=or_default(interval, seconds, _INTERVAL),
        failures=or_default(retries, number, _FAILURES),
    )
