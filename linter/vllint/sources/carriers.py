"""Commands that run others: elsewhere (`ssh`, `docker exec`), by keys (`tmux`), or as a text (`su -c`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllint_schemas import Variable, Word


class Carried(NamedTuple):
    """A shell text that a command passes on; `elsewhere` when it runs without the variables of this shell."""

    words: tuple[Word, ...]
    elsewhere: bool = False


_KEYS = frozenset({"C-m", "Enter", "ENTER", "KPEnter", "C-j"})
_LINE_END = r"(?:\^M|\\n|\\r|\\015|\s)+$"
# fmt: off
_SSH_VALUES = frozenset(
    {
        "-B", "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-o", "-p",
        "-Q", "-R", "-S", "-W", "-w", "-P",
    }
)
"""Options of `ssh` with a value of their own (OpenSSH's `ssh.c`)."""

_SPREAD_VALUES = frozenset({"-w", "-x", "-l", "-f", "-g", "-t", "-u", "-R"})
"""Options of `pdsh` and `clush` with a value of their own."""

_TMUX_VALUES = frozenset({"-s", "-n", "-c", "-t", "-x", "-y", "-F", "-e", "-l", "-p", "-f"})
_TMUX_STARTS = frozenset(
    {
        "new-session", "new", "new-window", "neww", "split-window", "splitw", "respawn-pane", "respawnp",
        "respawn-window", "respawnw",
    }
)
# fmt: on
_TMUX_OUTER_VALUES = frozenset({"-L", "-S", "-f", "-T"})
_ONE_TEXT = {
    "su": ("-c", "--command"),
    "runuser": ("-c", "--command"),
    "sg": ("-c",),
    "script": ("-c", "--command"),
    "gcloud": ("--command",),
    "sbatch": ("--wrap",),
}
"""The options after which a command takes a shell text."""

CARRIERS = frozenset({"ssh", "pdsh", "clush", "tmux", "screen", *_ONE_TEXT})

_REMOTE = frozenset({"kubectl", "oc", "docker", "podman", "nerdctl"})


def carried_by(name: str, rest: Sequence[Word]) -> Carried | None:
    """Return the shell text that the command `name` gets with the words behind it."""
    if name in _ONE_TEXT:
        text = option_value(rest, *_ONE_TEXT[name])
        return None if text is None else Carried((text,), name == "gcloud")
    if name == "ssh":
        words = _behind_host(rest, _SSH_VALUES)
        return Carried(words, True) if words else None
    if name in ("pdsh", "clush"):
        words = _operands(rest, _SPREAD_VALUES)
        return Carried(words, True) if words else None
    if name == "tmux":
        return _of_tmux(_operands(rest, _TMUX_OUTER_VALUES))
    return _of_screen(rest)


def reads_script(words: Sequence[Word]) -> bool:
    """Whether a command hands what it reads to a shell: `bash`, `bash -s`, `ssh host`, `sbatch`."""
    names = [word.text.rsplit("/", 1)[-1] for word in words]
    for at, name in enumerate(names):
        if name in ("bash", "sh", "zsh", "dash", "sbatch"):
            rest = [word.text for word in words[at + 1 :]]
            return "-s" in rest or not any(text != "-" and not text.startswith("-") for text in rest)
    if "ssh" not in names:
        return False
    behind = _behind_host(words[names.index("ssh") + 1 :], _SSH_VALUES)
    return not behind


def is_elsewhere(name: str, rest: Sequence[Word]) -> bool:
    """Whether a command such as `docker exec` runs the rest without the variables of this shell."""
    texts = [word.text for word in rest[:3]]
    if name not in _REMOTE or not texts:
        return name in ("ssh", "pdsh", "clush")
    return texts[0] in ("exec", "rsh") or (texts[0] == "compose" and bool({"exec", "run"} & set(texts[1:])))


def given_variables(rest: Sequence[Word]) -> Iterator[Variable]:
    """Yield the variables that options such as `-e NAME=value` and `--env=NAME=value` give."""
    for at, word in enumerate(rest):
        value = rest[at + 1] if word.text in ("-e", "--env") and at + 1 < len(rest) else None
        if word.text.startswith("--env="):
            value = word.slice(len("--env="))
        name, equals, _ = value.text.partition("=") if value is not None else ("", "", "")
        if value is not None and equals:
            yield Variable(name, value.slice(len(name) + 1))


def option_value(words: Sequence[Word], *names: str) -> Word | None:
    """Return the last value of an option, in the same word behind `=` or in the next one."""
    found: Word | None = None
    for at, word in enumerate(words):
        name, equals, _ = word.text.partition("=")
        if name not in names:
            continue
        if equals:
            found = word.slice(len(name) + 1)
        elif at + 1 < len(words):
            found = words[at + 1]
    return found


def _operands(words: Sequence[Word], with_value: frozenset[str]) -> tuple[Word, ...]:
    """Return what stands behind the options."""
    position = 0
    while position < len(words) and words[position].text.startswith("-"):
        text = words[position].text
        position += 1
        if text == "--":
            break
        position += text in with_value
    return tuple(words[position:])


def _behind_host(words: Sequence[Word], with_value: frozenset[str]) -> tuple[Word, ...]:
    """Return the command behind `[options] host [options]`."""
    return _operands(_operands(words, with_value)[1:], with_value)


def _of_tmux(words: tuple[Word, ...]) -> Carried | None:
    if not words:
        return None
    if words[0].text in _TMUX_STARTS:
        rest = _operands(words[1:], _TMUX_VALUES)
        # Several words are run as they are; one is a text for the shell.
        return Carried(rest) if len(rest) == 1 else None
    if words[0].text in ("send-keys", "send"):
        keys = tuple(word for word in _operands(words[1:], frozenset({"-t", "-N"})) if word.text not in _KEYS)
        return Carried(keys) if keys else None
    return None


def _of_screen(rest: Sequence[Word]) -> Carried | None:
    """Return the keys of `screen -X stuff "text^M"`."""
    for at, word in enumerate(rest[:-1]):
        if word.text == "stuff":
            keys = rest[at + 1]
            ending = re.search(_LINE_END, keys.text)
            return Carried((keys.slice(0, ending.start()) if ending and keys.is_known else keys,))
    return None
