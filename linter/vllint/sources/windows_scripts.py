"""Scripts for Windows, of `cmd` and of PowerShell: the commands of docker, WSL and Python in them.

What these shells do otherwise, as with paths of Windows and with variables that are computed, is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.files import File, Found
from vllint.sources.line_ends import up_to
from vllint.sources.shell import shell_launches
from vllint_schemas import Launch, Origin, Span, Word

_STARTS = re.compile(
    r"^[ \t]*(?:@|&[ \t]+|call[ \t]+)?(?=(?:docker|podman|nerdctl|wsl|vllm|python[\d.]*|uv)(?:\.exe)?[ \t])",
    re.MULTILINE | re.IGNORECASE,
)
_FOREIGN = r"(?P<path>(?<![\w\"'])(?:[A-Za-z]:|[\w.~-]+)?\\[\w.~-][^\s\"'`^|&;]*)"
"""A word with backslashes between folders; in quotes a POSIX shell has them, too."""


class Dialect(NamedTuple):
    """A shell of Windows: what continues a line, sets a variable and names one, and what is a comment."""

    continues: str
    assigns: re.Pattern[str]
    names: re.Pattern[str]
    comments: re.Pattern[str]
    given: re.Pattern[str] | None = None


CMD = Dialect(
    "^",
    re.compile(r"(?im)^set[ \t]+\"?(?P<name>\w+)=(?P<value>[^\"%\r\n]*?)\"?[ \t]*$"),
    re.compile(rf"%(?P<name>[A-Za-z_]\w*)%|%~?\w+|{_FOREIGN}"),
    re.compile(r"(?im)^[ \t]*(?:@?rem\b|::).*$"),
)
POWERSHELL = Dialect(
    "`",
    re.compile(
        r"(?im)^[ \t]*(?:\[[\w.]+\][ \t]*)?\$(?P<name>\w+)[ \t]*=[ \t]*"
        r"(?:\"(?P<value>[^\"$`\r\n]*)\"|'(?P<plain>[^'\r\n]*)'|(?P<number>[\d.]+))[ \t]*,?[ \t]*(?:#.*)?$"
    ),
    re.compile(
        r"\$\(\$(?P<name>\w+)\)|\$\{(?P<braced>\w+)\}|\$(?P<bare>(?!env:|\()\w+)|\$\(?\{?\$?env:\w+\}?\)?"
        rf"|\$\([^()\n]*\)|{_FOREIGN}"
    ),
    re.compile(r"(?m)<#(?s:.*?)#>|^[ \t]*#[^\r\n]*"),
    re.compile(r"(?is)\bparam[ \t\r\n]*\((?:[^()]|\([^()]*\))*\)"),
)
_LANGUAGES = {
    "powershell": POWERSHELL, "pwsh": POWERSHELL, "ps1": POWERSHELL, "ps": POWERSHELL,
    "bat": CMD, "batch": CMD, "cmd": CMD, "dos": CMD, "batchfile": CMD,
}  # fmt: skip


def dialect_of(language: str, text: str) -> Dialect | None:
    """Return the shell of Windows that a text is for, by its language or by how its lines go on."""
    named = _LANGUAGES.get(language)
    if named is not None or "\\\n" in text:
        return named
    return next(
        (one for one in (CMD, POWERSHELL) if re.search(rf"[ \t]{re.escape(one.continues)}\r?\n", text)), None
    )


def recognises(file: File) -> bool:
    """Whether the file is a script for Windows, as its name says."""
    return True


def launches(file: File) -> Found:
    """Yield the servers that the commands of a script start."""
    powershell = file.path.lower().endswith(".ps1")
    yield from windows_launches(file.whole, POWERSHELL if powershell else CMD)


def windows_launches(script: Word, dialect: Dialect) -> Iterator[Launch]:
    """Yield the servers that commands of `script` start, each command read for itself."""
    hidden = [match.span() for match in dialect.comments.finditer(script.text)]
    variables = _variables(script, dialect)
    for match in _STARTS.finditer(script.text):
        if any(low <= match.start() < high for low, high in hidden):
            continue
        parts, site = _translated(script, match.end(), dialect, variables)
        filled = [part for part in parts if part.via]
        # Where a word comes from is said of it alone; the command as a whole is the file's own.
        command = replace(Word.join(parts, site), origin=Origin.LITERAL, via=())
        for found in shell_launches(command, "windows") if "vllm" in command.text else ():
            if isinstance(found, Launch):
                argv = tuple(_with_origin(word, filled) for word in found.argv)
                yield found._replace(together=None, argv=argv)


def _with_origin(word: Word, filled: list[Word]) -> Word:
    """Return a word of a command with the origin of the variable's value that is in it."""
    value = next((value for value in filled if any(_holds(value, run.source) for run in word.runs)), None)
    return word if value is None else replace(word, origin=value.origin, via=value.via)


def _holds(value: Word, place: Span) -> bool:
    return any(run.source.holds(place) for run in value.runs)


def _variables(script: Word, dialect: Dialect) -> Mapping[str, Word]:
    """Return the variables that the script sets once, and to a text, in lower case."""
    matches = list(dialect.assigns.finditer(script.text))
    names = [match["name"].lower() for match in matches]
    given = None if dialect.given is None else dialect.given.search(script.text)
    found: dict[str, Word] = {}
    for name, match in zip(names, matches, strict=True):
        part = next(
            (part for part in ("value", "plain", "number") if match.groupdict().get(part) is not None), ""
        )
        if names.count(name) > 1 or not part or _set_otherwise(script.text, name, dialect):
            continue
        value = script.slice(*match.span(part))
        by_default = given is not None and given.start() <= match.start() < given.end()
        found[name] = replace(value, origin=Origin.DEFAULT if by_default else Origin.VARIABLE)
    return found


def _set_otherwise(text: str, name: str, dialect: Dialect) -> bool:
    """Whether a variable is set in other ways, too: in a branch, computed, or asked for."""
    sign = r"\bset\b[^\r\n=]*?[ \t\"]" if dialect is CMD else r"\$"
    ways = re.findall(rf"(?i){sign}{re.escape(name)}[ \t]*[-+*.]?=(?!=)", text)
    return len(ways) != 1


def _translated(
    script: Word, start: int, dialect: Dialect, variables: Mapping[str, Word]
) -> tuple[list[Word], Span]:
    """Return the parts of the command at `start` as a POSIX shell would have it, and its place."""
    parts: list[Word] = []
    text, position = script.text, start
    while True:
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].rstrip("\r")
        goes_on = line.endswith(dialect.continues) and end < len(text)
        stop = position + len(line) - goes_on
        parts += _filled(up_to(script, position, stop), dialect, variables)
        if not goes_on:
            return parts, script.slice(start, max(stop, start + 1)).site
        parts.append(Word.atomic(" ", script.slice(stop, stop + 1).site))
        position = end + 1


def _filled(line: Word, dialect: Dialect, variables: Mapping[str, Word]) -> Iterator[Word]:
    """Yield a line's parts, variables replaced; what is not known is a hole."""
    position = 0
    for match in dialect.names.finditer(line.text):
        if match.start() < position:
            continue
        groups, quoted = match.groupdict(), line.text.count('"', 0, match.start()) % 2 == 1
        if groups["path"] and quoted:
            continue
        yield up_to(line, position, match.start())
        position = match.end()
        name = next((groups[part] for part in ("name", "braced", "bare") if groups.get(part)), "")
        use = line.slice(*match.span()).site
        known = variables.get(name.lower())
        if known is not None and known.text:
            yield replace(known, site=use, via=(use, *known.via), slot=None)
        elif known is None:
            reason = (
                f"`{match[0]}` is a path of Windows"
                if groups["path"]
                else f"`{match[0]}` is not set in this file"
            )
            yield Word.unknown(reason, use, splits=not quoted and not groups["path"])
    yield line.slice(position)
