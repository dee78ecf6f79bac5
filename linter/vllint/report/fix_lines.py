"""A fix in one line, with how far it can be trusted."""

from __future__ import annotations

from vllint_schemas.report import ReportedFix

_TITLES = {"safe": "fix", "unsafe": "fix (unsafe)", "display": "fix (by hand)"}


def fix_title(fix: ReportedFix) -> str:
    """Return what a fix is called: `fix`, `fix (unsafe)`, `fix (by hand)`."""
    return _TITLES[fix.applicability.value]
