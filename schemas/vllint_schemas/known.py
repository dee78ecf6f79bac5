"""What is known, where it came from, and what is not known and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from vllint_schemas.position import Span

T_co = TypeVar("T_co", covariant=True)


class Origin(StrEnum):
    """Where a value came from."""

    LITERAL = "literal"
    """Written where it is used."""
    VARIABLE = "variable"
    """Written elsewhere in the same file and named where it is used."""
    DEFAULT = "default"
    """The text after `:-` in `${NAME:-text}`: the environment may override it."""
    ENV_FILE = "env file"
    """Read from a `.env` file."""
    PLATFORM = "platform"
    """Set by the platform that runs the file when the file does not set it."""
    FLAG_DEFAULT = "flag default"
    """vLLM's own default of an option that is not given."""
    DIRECTIVE = "directive"
    """Stated in a `# vllint:` comment."""
    COMMAND_LINE = "command line"
    """Stated in vllint's own arguments."""
    SETTINGS = "settings"
    """Stated in vllint's settings file."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that cannot be known from what is at hand; `reason` completes "not known: ..."."""

    reason: str

    def __bool__(self) -> bool:
        """Refuse truth tests, so that no rule takes an unknown fact for a missing one."""
        raise TypeError("an Unknown is neither true nor false; test with isinstance")


class Located(NamedTuple, Generic[T_co]):
    """A value, the text it was read from (`None` when no file states it), and its origin.

    `via` names the places that refer to that text: an alias, a variable's use, an interpolation.
    """

    value: T_co
    span: Span | None = None
    origin: Origin = Origin.LITERAL
    via: tuple[Span, ...] = ()
