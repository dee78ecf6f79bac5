"""supervisord's programs (`[program:x] command=`): started without a shell, with variables of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from vllint.sources.commands import Surroundings, starts_in
from vllint.sources.files import File, Found
from vllint.sources.process_launches import process_launches
from vllint.sources.systemd_words import unit_words
from vllint.sources.unit_files import Setting, program_settings
from vllint_schemas import Variable, Word

_PROGRAM = re.compile(r"^\[(?:program|fcgi-program):", re.MULTILINE)
_FIELD = re.compile(r"%(?:%|\(([^)\n]*)\)[sdf])")
_PAIR = re.compile(r"([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|[^,\"']*),?")


def recognises(file: File) -> bool:
    """Whether the file has a program's section."""
    return _PROGRAM.search(file.text) is not None


def launches(file: File) -> Found:
    """Yield what the programs start, each under its name."""
    settings = tuple(program_settings(file.whole))
    shared = dict(_environment(settings, "supervisord"))
    for setting in settings:
        kind, _, name = setting.section.partition(":")
        if kind not in {"program", "fcgi-program"} or setting.key.text != "command":
            continue
        own = {**shared, **dict(_environment(settings, setting.section))}
        variables = tuple(Variable(*pair) for pair in own.items())
        words = tuple(unit_words(_filled(setting.value, own)))
        around = Surroundings().with_variables(variables)
        extent = setting.key.site.cover(setting.value.site)
        yield from process_launches(starts_in(words, around), "command", name, extent)


def _environment(settings: tuple[Setting, ...], section: str) -> Iterator[tuple[str, Word]]:
    """Yield the variables of `environment=A="x",B=y` in a section."""
    for setting in settings:
        if setting.section == section and setting.key.text == "environment":
            for match in _PAIR.finditer(setting.value.text):
                quoted = match[2][:1] in {'"', "'"} and len(match[2]) > 1
                start, end = match.span(2)
                value = setting.value.slice(start + quoted, end - quoted)
                yield match[1], _filled(value, {})


def _filled(word: Word, environment: Mapping[str, Word]) -> Word:
    """Return `word` with `%(ENV_NAME)s` replaced as far as the file sets it; `%%` is a percent sign."""
    if "%" not in word.text:
        return word
    parts: list[Word] = []
    position = 0
    for match in _FIELD.finditer(word.text):
        parts.append(word.slice(position, match.start()))
        use = word.slice(*match.span())
        known = environment.get((match[1] or "").removeprefix("ENV_"))
        if match[0] == "%%":
            parts.append(use.slice(1))
        else:
            parts.append(known or Word.unknown(f"supervisord fills in `{match[0]}`", use.site))
        position = match.end()
    parts.append(word.slice(position))
    return Word.join(parts, word.site)
