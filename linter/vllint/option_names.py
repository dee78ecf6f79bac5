"""Options by the names that a launch's file gives them: a keyword of a call, a key of a mapping."""

from __future__ import annotations

import re
from typing import NamedTuple

from vllint.endpoint_fields import FIELD_OF_OPTION
from vllint.facts import LaunchFacts
from vllint.vllm.options import Option, option_table
from vllint.vllm.written_words import is_call, spelled
from vllint_schemas import Argument, Origin

_CODE = r"(\bremove )?`(--[^`]+)`"
_SEVERAL = r" (?=--[a-z])"
_WRITTEN = r"(--[a-z0-9][a-z0-9_-]*)((?:\.[a-z0-9_-]+)*)(?:[ =](.+))?"
_KEY = re.compile(r"""["']?([A-Za-z_][\w.-]*)["']?[ \t]*([:=])(?!=)""")
_KEY_BEFORE = r"""([A-Za-z_][\w.-]*)["']?[ \t]*([:=])[ \t]*["']?$"""
_NUMBER = r"-?[0-9.]+|True|False|None"


class Key(NamedTuple):
    """An option's name in a file, whether `=` or `:` parts it from its value, and whether in a call."""

    name: str
    sign: str
    in_call: bool = False

    def set_to(self, value: str) -> str:
        """Return the setting as the file would have it."""
        plain = value[1:-1] if value[:1] == value[-1:] == "'" else value
        if self.sign == ":":
            return f"{self.name}: {plain}"
        is_text = self.in_call and not re.fullmatch(_NUMBER, plain) and plain[:1] not in "{["
        return f'{self.name}="{plain}"' if is_text else f"{self.name}={plain}"


def as_written(facts: LaunchFacts, text: str, *, setting: bool) -> str:
    """Return a text with the options in it, as `--max-num-seqs 64`, by the names that the launch's file has.

    `setting` says that the text tells what to write, so that a switch comes with its value.
    """
    if "`--" not in text or _is_command(facts):
        return text
    names = _Names(facts)
    if names.call:
        text = text.replace("option `--", "argument `--")
    return re.sub(_CODE, lambda code: names.renamed(code, setting), text)


def _is_command(facts: LaunchFacts) -> bool:
    """Whether all options are written as a command's words, as in most files."""
    launch = facts.launch
    if launch.kind == "python" or launch.platform is not None:
        return False
    arguments = (*facts.args.arguments, *(mistake.argument for mistake in facts.mistakes))
    return all(argument.flag.text_span is not None for argument in arguments)


class _Names:
    """The names of a launch's options: of those that are given, and of others where all are alike."""

    def __init__(self, facts: LaunchFacts) -> None:
        self._options = option_table(facts.release.judged).by_flag
        self._platform = facts.launch.platform is not None
        given = [argument for argument in facts.args.arguments if argument.option.startswith("--")]
        keys = [(argument, _key(facts, argument)) for argument in given if argument.dest != "config"]
        cut_short = [argument for argument in given if spelled(argument.flag) not in self._options]
        wrong = [mistake.argument for mistake in facts.mistakes]
        self._unknown = {
            spelled(argument.flag): key
            for argument in (*cut_short, *wrong)
            if (key := _key(facts, argument)) is not None
        }
        self._by_dest = {
            argument.dest: key
            for argument, key in keys
            if key is not None and argument not in cut_short and not self._is_opposite(argument)
        }
        self.call = is_call(facts.launch)
        self._sign = "=" if self.call else ":"
        self._joint = "_" if self.call else _joint(keys)

    def _is_opposite(self, argument: Argument) -> bool:
        """Whether an option is set by the name that turns it off, as `disable_log_requests`."""
        name, option = spelled(argument.flag), self._options.get(argument.option)
        return option is not None and name in option.negations and not name.startswith("--no-")

    def renamed(self, code: re.Match[str], setting: bool) -> str:
        """Return what stands for a piece of code that names options, and for the verb before it."""
        removed, text = code[1] or "", code[2]
        parts = [self._part(part, setting and not removed) for part in re.split(_SEVERAL, text)]
        if any(part is None for part in parts):
            return code[0]
        return removed + " and ".join(f"`{part}`" for part in parts)

    def _part(self, written: str, setting: bool) -> str | None:
        match = re.fullmatch(_WRITTEN, written, re.IGNORECASE)
        if match is None:
            return None
        flag, inner, value = match[1], match[2], match[3]
        option = self._options.get(flag)
        unknown = self._unknown.get(flag.replace("_", "-"))
        if unknown is not None and not value:
            return unknown.name
        key = unknown or self._key(flag, option)
        if key is None:
            return None
        if inner:
            return _inner(key, inner, value)
        if value:
            return key.set_to(value)
        if option is None or option.nargs != "0":
            return key.name
        if self.call and flag in option.negations:
            return f"{option.dest}=False"
        on = "True" if key.sign == "=" else "true"
        return key.set_to(on) if setting else key.name

    def _key(self, flag: str, option: Option | None) -> Key | None:
        """Return the key of an option: the one in the file, or the one that it would have there."""
        if option is not None and flag not in option.negations and option.dest in self._by_dest:
            return self._by_dest[option.dest]
        if self._platform and flag in FIELD_OF_OPTION:
            return Key(FIELD_OF_OPTION[flag], ":")
        if not self._joint or flag in ("--config", "--help"):
            return None
        if option is None and not self.call:
            return None
        return Key(flag.removeprefix("--").replace("-", self._joint), self._sign, self.call)


def _inner(key: Key, inner: str, value: str | None) -> str:
    """Return a key within an option's JSON, as a call or a config file has it."""
    if key.sign == ":":
        name = Key(f"{key.name}{inner}", key.sign)
        return name.set_to(value) if value else name.name
    names = inner[1:].split(".")
    opened = "{" + ": {".join(f'"{name}"' for name in names)
    written = f'"{value}"' if value else "..."
    return f"{key.name}={opened}: {written}{'}' * len(names)}"


def _joint(keys: list[tuple[Argument, Key | None]]) -> str:
    """Return what joins the words of a key, if all options are keys that are called as the options are."""
    joints: set[str] = set()
    if not keys:
        return ""
    for argument, key in keys:
        if argument.flag.origin is Origin.PLATFORM:
            continue
        name = spelled(argument.flag).removeprefix("--")
        if key is None or key.sign != ":" or key.name.replace("_", "-") != name:
            return ""
        joints.update(joint for joint in "-_" if joint in key.name)
    return "-" if "-" in joints or not joints else "_"


def _key(facts: LaunchFacts, argument: Argument) -> Key | None:
    """Return the key that stands for an option's word; `None` where the file has the word itself.

    Readers that make an option of a key place its word at the key, or at the value.
    """
    flag = argument.flag
    text = facts.sources.get(flag.site.path)
    if text is None or flag.text_span is not None or flag.origin is Origin.PLATFORM:
        return None
    match = _KEY.match(text, flag.site.start)
    if match is None and any(value.site == flag.site for value in argument.values):
        line = text[text.rfind("\n", 0, flag.site.start) + 1 : flag.site.start]
        match = re.search(_KEY_BEFORE, line)
    if match is None:
        return None
    in_call = facts.launch.kind == "python"
    return Key(match[1], "=" if in_call else match[2], in_call)
