"""Settings files: found from the linted file upwards, validated by pydantic, never merged.

Imported only where a settings file exists: pydantic costs more than a whole run without one.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from vllint.release_order import version_key
from vllint.settings import ModelStatement, Override, Settings, SettingsError
from vllint_schemas import Severity

_Text = Annotated[str, StringConstraints(min_length=1)]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Table(BaseModel):
    model_config = ConfigDict(alias_generator=_kebab, extra="forbid", frozen=True, strict=True)


class ModelTable(_Table):
    """Facts about a model that the catalogue does not hold."""

    like: _Text | None = Field(None, description="The id of a catalogued model of the same shape.")
    config: _Text | None = Field(
        None, description="A config.json, or the folder that holds it, from the settings file's folder."
    )


class OverrideTable(_Table):
    """Settings for some paths."""

    paths: list[_Text] = Field(description="Patterns as in .gitignore, from the settings file's folder.")
    vllm_version: _Text | None = Field(None, description="The vLLM release of files that name none.")
    gpu: _Text | None = Field(None, description="The card of files that name none, as `H100` or `H100:8`.")
    gpus: int | None = Field(None, ge=1, description="How many cards the machine has.")
    select: list[_Text] | None = Field(None, description="Rules to run: codes, their beginnings, or names.")
    ignore: list[_Text] = Field([], description="Rules to leave out.")
    severity: dict[str, Severity] = Field(
        {}, description="The severity of a rule, by code, beginning of a code, or name."
    )


class SettingsTable(_Table):
    """vllint's settings: `vllint.toml`, `.vllint.toml`, or `[tool.vllint]` in pyproject.toml."""

    vllm_version: _Text | None = Field(None, description="The vLLM release of files that name none.")
    gpu: _Text | None = Field(None, description="The card of files that name none, as `H100` or `H100:8`.")
    gpus: int | None = Field(None, ge=1, description="How many cards the machine has.")
    select: list[_Text] | None = Field(None, description="Rules to run: codes, their beginnings, or names.")
    ignore: list[_Text] = Field([], description="Rules to leave out.")
    severity: dict[str, Severity] = Field(
        {}, description="The severity of a rule, by code, beginning of a code, or name."
    )
    exclude: list[_Text] = Field([], description="Paths to pass over, as in .gitignore.")
    fail_on: Severity = Field(Severity.WARNING, description="The least severity that makes the exit code 1.")
    preview: bool = Field(False, description="Whether rules in preview run.")
    online: bool = Field(False, description="Whether the Hugging Face Hub is asked for unknown models.")
    required_version: _Text | None = Field(
        None, description="The vllint versions these settings are for, as `>=0.1,<0.3`."
    )
    models: dict[str, ModelTable] = Field({}, description="Facts about models by id.")
    overrides: list[OverrideTable] = Field([], description="Settings for some paths.")


def read_settings(path: Path, version: str) -> Settings | None:
    """Return the settings of a file; `None` for a pyproject.toml without `[tool.vllint]`.

    Raises SettingsError for what cannot be read, for unknown keys and wrong values, and when `version`,
    vllint's own, is not one that the file asks for.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if path.name == "pyproject.toml":
        if "vllint" not in content.get("tool", {}):
            return None
        content = content["tool"]["vllint"]
    try:
        table = SettingsTable.model_validate(_with_severities(content))
    except ValidationError as error:
        raise SettingsError(_explain(path, error)) from error
    _check_version(path, table.required_version, version)
    return _settings(path, table)


def _with_severities(content: Any) -> Any:
    """Turn severity names into members: strict validation takes no strings for enums."""
    if not isinstance(content, dict):
        return content
    names = {severity.value: severity for severity in Severity}

    def member(value: Any) -> Any:
        return names.get(value, value) if isinstance(value, str) else value

    result = dict(content)
    if "fail-on" in result:
        result["fail-on"] = member(result["fail-on"])
    if isinstance(result.get("severity"), dict):
        result["severity"] = {rule: member(value) for rule, value in result["severity"].items()}
    if isinstance(result.get("overrides"), list):
        result["overrides"] = [_with_severities(override) for override in result["overrides"]]
    return result


def _settings(path: Path, table: SettingsTable) -> Settings:
    return Settings(
        root=str(path.parent),
        source=str(path),
        gpu=_machine(path, table.gpu, table.gpus),
        vllm_version=table.vllm_version,
        select=None if table.select is None else tuple(table.select),
        ignore=tuple(table.ignore),
        severity=table.severity,
        exclude=tuple(table.exclude),
        fail_on=table.fail_on,
        preview=table.preview,
        online=table.online,
        models={
            name: ModelStatement(_one_of(path, name, model).like, model.config)
            for name, model in table.models.items()
        },
        overrides=tuple(
            Override(
                tuple(override.paths),
                _machine(path, override.gpu, override.gpus),
                override.vllm_version,
                None if override.select is None else tuple(override.select),
                tuple(override.ignore),
                override.severity,
            )
            for override in table.overrides
        ),
    )


def _one_of(path: Path, name: str, model: ModelTable) -> ModelTable:
    if (model.like is None) == (model.config is None):
        raise SettingsError(f"{path}: models.{name}: give either `like` or `config`")
    return model


def _machine(path: Path, gpu: str | None, gpus: int | None) -> str | None:
    """Join `gpu` and `gpus` into `CARD:N`."""
    if gpus is None:
        return gpu
    if gpu is None:
        raise SettingsError(f'{path}: gpus: name the card too, `gpu = "H100"`')
    if re.search(r":\d+$", gpu):
        raise SettingsError(f'{path}: gpus: `gpu = "{gpu}"` already says how many')
    return f"{gpu}:{gpus}"


def _explain(path: Path, error: ValidationError) -> str:
    lines: list[str] = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"{path}: unknown key `{place}`{_suggestion(problem['loc'])}")
        elif problem["type"] == "is_instance_of" and problem["ctx"]["class"] == Severity.__name__:
            lines.append(
                f"{path}: {place}: it is one of {', '.join(f'`{level.value}`' for level in Severity)}"
            )
        else:
            lines.append(f"{path}: {place}: {problem['msg'][:1].lower()}{problem['msg'][1:]}")
    return "\n".join(lines)


def _suggestion(location: tuple[int | str, ...]) -> str:
    table: type[BaseModel] = SettingsTable
    if location[0] == "overrides":
        table = OverrideTable
    elif location[0] == "models" and len(location) > 1:
        table = ModelTable
    keys = [_kebab(name) for name in table.model_fields]
    close = difflib.get_close_matches(_kebab(str(location[-1])), keys, n=1)
    return f", did you mean `{close[0]}`?" if close else f"; there are: {', '.join(keys)}"


def _check_version(path: Path, required: str | None, version: str) -> None:
    if required is None:
        return
    for part in required.split(","):
        match = re.fullmatch(r"\s*(==|>=|<=|!=|<|>)?\s*([0-9]+(?:\.[0-9]+)*)\s*", part)
        if match is None:
            raise SettingsError(f"{path}: required-version: `{part.strip()}` is not a version")
        if not _COMPARISONS[match[1] or "=="](version_key(version), version_key(match[2])):
            raise SettingsError(f"{path}: asks for vllint {required}, this is {version}")


_COMPARISONS: Mapping[str, Any] = {
    "==": lambda own, asked: own[: len(asked)] == asked,
    "!=": lambda own, asked: own[: len(asked)] != asked,
    ">=": lambda own, asked: own >= asked,
    "<=": lambda own, asked: own <= asked,
    ">": lambda own, asked: own > asked,
    "<": lambda own, asked: own < asked,
}
