"""One start of a vLLM server, as found in a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from vllint_schemas.known import Located, Unknown
from vllint_schemas.position import Span
from vllint_schemas.words import Word

Kind = Literal["compose", "kubernetes", "shell", "hf_endpoint", "command"]
AllGpus = Literal["all"]


class EntryPoint(StrEnum):
    """Which of vLLM's two front doors parses the words: they treat the positional model differently."""

    SERVE = "serve"
    """`vllm serve MODEL ...`."""
    API_SERVER = "api_server"
    """`python -m vllm.entrypoints.openai.api_server --model MODEL ...`."""


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable of the server's process."""

    name: str
    value: Word


@dataclass(frozen=True, slots=True)
class HardwareClaim:
    """What the file itself says about the machine. `Unknown` where it says nothing or nothing certain.

    `gpu` is a card's name as written, `gpu_count` a number, or "all" of a machine that the file does
    not name. `instance` is an instance's name as written, with its provider where that is known.
    """

    gpu: Located[str] | Unknown
    gpu_count: Located[int | AllGpus] | Unknown
    instance: Located[str] | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """One vLLM server start: `argv` are the words after `vllm serve` or after the module's name.

    `extent` is the part of the file that makes up the launch; comments in it belong to it. `at` is the
    word to point at for findings about the launch as a whole. `platform` names a platform that turns
    fields of its own into options. `repeated_launcher` are words that start vLLM once more, although the
    image does so itself (`image_entry_point`): `argv` is then what the file means, not what runs.
    """

    path: str
    name: str
    kind: Kind
    extent: Span
    at: Span
    entry_point: EntryPoint
    argv: tuple[Word, ...]
    hardware: HardwareClaim
    vllm_version: Located[str] | Unknown
    env: tuple[Variable, ...] = ()
    image: Word | None = None
    platform: str | None = None
    image_entry_point: EntryPoint | None = None
    repeated_launcher: tuple[Word, ...] = ()

    @property
    def id(self) -> str:
        """The launch's stable name: `path#name`."""
        return f"{self.path}#{self.name}"


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """A file that looks like one of ours and cannot be read: `kind` decides how loudly to say so."""

    kind: Literal["not_parsed", "not_rendered"]
    message: str
    span: Span
