"""vllint's settings as the program uses them; files are read and validated in `settings_file`."""

# Without `from __future__ import annotations`: a NamedTuple compiles annotations that are text, one by one.

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from vllint.exclude_patterns import excluded_by
from vllint_schemas import Severity

FAIL_ON_DEFAULT = Severity.WARNING


class SettingsError(Exception):
    """A settings file, or an option of vllint's own, that cannot be used; the message names the place."""


class ModelStatement(NamedTuple):
    """What settings say of a model: it is shaped `like` another, or its `config` stands in a file."""

    like: str | None = None
    config: str | None = None


class Override(NamedTuple):
    """Settings for the paths that match any of `paths`; fields left out keep the file's own."""

    paths: tuple[str, ...]
    gpu: str | None = None
    vllm_version: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = MappingProxyType({})


class Settings(NamedTuple):
    """What to check and which facts to assume. `root` is the folder that paths and patterns start from.

    `is_named` says that the user named the file, so that its models may lie anywhere on the machine. `gpu`
    is `CARD` or `CARD:N`; `select` `None` means every rule that is not in preview.
    """

    root: str = "."
    source: str = ""
    is_named: bool = False
    gpu: str | None = None
    vllm_version: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = MappingProxyType({})
    exclude: tuple[str, ...] = ()
    fail_on: Severity = FAIL_ON_DEFAULT
    preview: bool = False
    online: bool = False
    models: Mapping[str, ModelStatement] = MappingProxyType({})
    overrides: tuple[Override, ...] = ()

    def overrides_for(self, path: str) -> tuple[int, ...]:
        """Return which overrides hold for a file; `path` is relative to `root`."""
        return tuple(
            index for index, override in enumerate(self.overrides) if excluded_by(override.paths)(path)
        )

    def overridden(self, overrides: tuple[int, ...]) -> "Settings":
        """Return the settings with some overrides applied, later ones last."""
        chosen = self
        for index in overrides:
            override = self.overrides[index]
            chosen = chosen._replace(
                gpu=override.gpu or chosen.gpu,
                vllm_version=override.vllm_version or chosen.vllm_version,
                select=chosen.select if override.select is None else override.select,
                ignore=chosen.ignore + override.ignore,
                severity={**chosen.severity, **override.severity},
            )
        return chosen

    def excludes(self, path: str) -> bool:
        """Whether a path, relative to `root`, is to be passed over."""
        return excluded_by(self.exclude)(path)


def names_rule(selector: str, code: str, name: str) -> bool:
    """Whether a selector means a rule: its code, the start of its code, its name, or `ALL`."""
    if selector == "ALL":
        return True
    return selector in {code, name} or (selector.isupper() and code.startswith(selector))


def is_selected(settings: Settings, code: str, name: str, preview: bool) -> bool:
    """Whether a rule speaks: selected, not ignored; preview rules only when asked for."""
    if any(names_rule(selector, code, name) for selector in settings.ignore):
        return False
    if settings.select is not None:
        named = any(names_rule(selector, code, name) for selector in settings.select if selector != "ALL")
        return named or ("ALL" in settings.select and (settings.preview or not preview))
    return settings.preview or not preview


def severity_of(settings: Settings, code: str, name: str, own: Severity) -> Severity:
    """Return a finding's severity after the settings' word on its rule; the most exact selector counts."""
    chosen = own
    length = -1
    for selector, severity in settings.severity.items():
        exactness = {name: len(code) + 1, "ALL": 0}.get(selector, len(selector))
        if names_rule(selector, code, name) and exactness > length:
            chosen, length = severity, exactness
    return chosen


def unknown_selectors(selectors: Sequence[str], rules: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the selectors that mean no rule at all; `rules` are (code, name) pairs."""
    return tuple(
        selector
        for selector in selectors
        if selector != "ALL" and not any(names_rule(selector, code, name) for code, name in rules)
    )
