"""Where a file sets an environment variable, and taking it out or giving it another name there.

The value of a variable knows its place. What stands around it, up to the variable's name, tells how the
variable is set: by a key, an item `NAME=value`, a pair of `name` and `value`, or a word of a command.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from vllint.facts import LaunchFacts, Release
from vllint.vllm.environment import environment_release
from vllint.vllm.version import split_image
from vllint.word_edits import whole_lines
from vllint_schemas import Edit, Located, Span, Variable

_NEAR = 400
"""Characters within which the parts of one entry stand."""

_TAG = r"v?(\d+\.\d+\.\d+)"
_AS_NAME = r"""name["']?[ \t]*[:=][ \t]*["']?"""
"""What precedes the name of a variable that is a pair, as in Kubernetes."""

_WORD = r"""(?:[^\s"'\\;|&<>()$]|\\[^\r\n]|"(?:[^"\\]|\\.)*"|'[^']*'|\$\([^()\n]*\)|\$\{[^{}\n]*\}|\$)*"""
"""The rest of a shell's word."""

_OPTION = r"(?<!\S)(?:-e|--env)(?:[ \t]+|=|[ \t]*\\\r?\n[ \t]*)\Z"
_STATEMENT = r"(?:(?:\A|[;&|(])[ \t]*|[\"'])((?:(?:export|declare -x|ENV)[ \t]+|Environment=[ \t]*)?)\Z"
_NOTHING_MORE = r"[ \t]*(?:[ \t]#[^\r\n]*)?(?=[\r\n]|\Z)"
_CONTINUED = r"[ \t]*\\\r?\n[ \t]*"
_BLANKS = r"[ \t]+(?=[^\s;&|)])(?![`^][ \t]*[\r\n])"
"""What parts a word from the next; what continues a line of Windows' shells is none."""

_SEPARATOR = r"[ \t]*(?:;|&&)[ \t]*(?=[^\s;])"
_CONTINUATION_BEFORE = r"[ \t]*\\\r?\n[ \t]*\Z"
_FLOW_VALUE = r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^,}\]\n"']*"""
_KEY_ALONE = r"[ \t]*[\w.-]+:[ \t]*(?:#[^\r\n]*)?"


class _Place(NamedTuple):
    """A variable's name in the text of a file, where its line begins, and where its value ends."""

    text: str
    name: Span
    line: int
    end: int

    @property
    def head(self) -> str:
        return self.text[self.line : self.name.start]

    @property
    def tail(self) -> str:
        """What follows the name on its line."""
        return self.text[self.name.end : _line_end(self.text, self.name.end)]

    def edit(self, start: int, end: int) -> Edit:
        """Return the edit that takes a part of the file out."""
        return Edit(Span(self.name.path, start, end), "")


def own_variables(facts: LaunchFacts) -> tuple[Variable, ...]:
    """Return the variables of the server's process: of those with the same name the last."""
    return tuple({variable.name: variable for variable in facts.launch.env}.values())


def variable_release(facts: LaunchFacts) -> Release:
    """Return the release that judges a launch's variables: more have a table of these than of options.

    What takes the options, such as a platform's own server, raises no doubt about them. An image does that
    is not vLLM's own; where its tag reads like a release, it most likely holds that.
    """
    release, image = facts.release, facts.launch.image
    name = None if image is None or not image.is_known else split_image(image.text)
    official = name is None or name.is_official
    if isinstance(release.stated, Located):
        tabled = environment_release(release.stated.value) is not None
        judged = release.stated.value if tabled else release.judged
        return release._replace(judged=judged, doubt="" if official and tabled else release.doubt)
    if name is None or official:
        return release._replace(doubt="")
    tag = re.match(_TAG, name.tag)
    return release._replace(judged=tag[1]) if tag and environment_release(tag[1]) else release


def variable_place(facts: LaunchFacts, variable: Variable) -> Span:
    """Return where to point for a variable: at its name if that stands beside its value."""
    place = _place(facts, variable)
    return variable.value.span if place is None else place.name


def rename_variable(facts: LaunchFacts, variable: Variable, name: str) -> tuple[Edit, ...] | None:
    """Return the edits that give a variable another name; `None` where its name is not at hand, or named."""
    place = _place(facts, variable)
    if place is None or is_named(facts, variable.name):
        return None
    return (Edit(place.name, name),)


def remove_variable(facts: LaunchFacts, variable: Variable) -> tuple[Edit, ...] | None:
    """Return the edits that take a variable out; `None` where that cannot be done in place.

    That is so in Python, for values of several lines, and where something else in the files names it.
    """
    place = _place(facts, variable)
    if place is None or facts.launch.kind == "python" or is_named(facts, variable.name):
        return None
    quoted = re.match(r"""["']?[ \t]*(:(?=\s)|=(?=[ \t]))""", place.tail)
    if re.search(_AS_NAME + r"\Z", place.head):
        edit = _without_pair(place)
    elif quoted is not None:
        edit = _without_key(place, place.name.end + quoted.end())
    elif place.tail.startswith("="):
        edit = _without_item(place) or _without_word(place)
    elif place.head.strip() == "ENV":
        edit = whole_lines(place.text, Span(place.name.path, place.line, place.end))
    else:
        edit = None
    return None if edit is None else (edit,)


def is_named(facts: LaunchFacts, name: str) -> bool:
    """Whether a file of the launch uses the variable itself: `$NAME`, `${NAME}`, `-e NAME`, `unset NAME`."""
    escaped = re.escape(name)
    used = re.compile(rf"\$[({{]?{escaped}(?!\w)|(?:-e|--env|unset|printenv)[ =]+{escaped}(?![\w=])")
    return any(used.search(text) for text in facts.sources.values())


def _place(facts: LaunchFacts, variable: Variable) -> _Place | None:
    site = variable.value.site
    text = facts.sources.get(site.path)
    if text is None or not variable.name:
        return None
    line = _line_start(text, site.start)
    name = re.compile(rf"(?<![\w$])(?<!\$[{{(]){re.escape(variable.name)}(?!\w)")
    found = [
        match
        for match in name.finditer(text, line, site.end)
        if match.start() <= site.start or re.fullmatch(_AS_NAME, text[site.start : match.start()])
    ]
    above = re.compile(rf"({_AS_NAME})({name.pattern})[^\n]*\n[ \t]*\Z")
    pair = None if found else above.search(text, max(0, line - _NEAR), line)
    after = re.compile(rf"[^\n]*\n[ \t]*({_AS_NAME})({name.pattern})").match(text, site.end)
    at = found[-1].span() if found else pair.span(2) if pair else after.span(2) if after else None
    if at is None:
        return None
    end = site.end if found and site.start > at[0] else _line_end(text, at[1])
    return _Place(text, Span(site.path, *at), _line_start(text, at[0]), end)


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _line_end(text: str, offset: int) -> int:
    places = [place for place in (text.find("\n", offset), text.find("\r", offset)) if place >= 0]
    return min(places, default=len(text))


def _without_key(place: _Place, value: int) -> Edit | None:
    """Take `NAME: value` out: its line, or the part of a flow mapping."""
    text = place.text
    opened = place.name.start - (text[place.name.start - 1 : place.name.start] in ('"', "'"))
    head = text[place.line : opened]
    if not head.strip():
        before = text[: place.line].rstrip()[-1:]
        if before in {"{", ","}:
            return _without_member(place, opened, value)
        return _without_block(place, place.line, place.name.start)
    return _without_member(place, opened, value) if head.rstrip()[-1:] in {"{", ","} else None


def _without_member(place: _Place, start: int, value: int) -> Edit | None:
    """Take a member of a flow mapping or a JSON object out, with a comma."""
    text = place.text
    blanks = len(text[value:]) - len(text[value:].lstrip(" \t"))
    found = re.compile(_FLOW_VALUE).match(text, value + blanks)
    end = value + blanks if found is None else found.end()
    return _without_listed(place, start, end)


def _without_listed(place: _Place, start: int, end: int) -> Edit | None:
    """Take a part of a flow collection out, with the comma behind it, else the one before it."""
    text = place.text
    behind = re.compile(r"[ \t]*,[ \t]*").match(text, end)
    if behind is not None:
        if not text[place.line : start].strip() and re.compile(_NOTHING_MORE).match(text, behind.end()):
            return whole_lines(text, Span(place.name.path, start, behind.end()))
        return place.edit(start, behind.end())
    if re.compile(r"\s*[}\]]").match(text, end) is None:
        return None
    before = text[:start].rstrip()
    return place.edit(len(before) - 1, end) if before.endswith(",") else place.edit(start, end)


def _without_pair(place: _Place) -> Edit | None:
    """Take an item with `name` and `value` out: of a block its lines, of a flow collection its braces."""
    text, brace = place.text, place.head.rfind("{")
    if brace >= 0:
        closing = re.compile(r"[^{}\n]*(?:\{[^{}\n]*\}[^{}\n]*|\{[^{}\n]*\{[^{}\n]*\}[^{}\n]*\}[^{}\n]*)?\}")
        start = place.line + brace
        closed = closing.match(text, start + 1)
        if closed is None:
            return None
        if place.head[:brace].strip() == "-":
            return _without_block(place, place.line, start)
        return _without_listed(place, start, closed.end())
    start = place.line
    key = len(place.head) - len(place.head.lstrip(" \t-\"'"))
    for _ in range(4):
        dash = re.compile(r"[ \t]*-[ \t]").match(text, start)
        if dash is not None:
            return _without_block(place, start, dash.end()) if dash.end() - start <= key else None
        start = _line_start(text, start - 1) if start else 0
    return None


def _without_item(place: _Place) -> Edit | None:
    """Take an item `- NAME=value` of a block sequence out."""
    opened = re.fullmatch(r"""[ \t]*-[ \t]+(["']?)""", place.head)
    if opened is None:
        return None
    word = re.compile(_WORD).match(place.text, place.name.end)
    quote = opened[1]
    rest = place.text[place.name.end if word is None else word.end() : _line_end(place.text, place.name.end)]
    if quote:
        rest = place.tail.partition(quote)[2]
    return (
        _without_block(place, place.line, place.name.start) if not rest.partition(" #")[0].strip() else None
    )


def _without_block(place: _Place, start: int, content: int) -> Edit | None:
    """Take the lines of a block's entry out, with the key above that would be left without a value.

    `start` is where the entry's first line begins, `content` where its text does.
    """
    text = place.text
    indent = len(text[start:content]) - len(text[start:content].lstrip(" \t"))
    end = _next_line(text, content)
    while end < len(text) and (line := text[end : _line_end(text, end)]).strip() and _indent(line) > indent:
        end = _next_line(text, end)
    if end < place.end:
        return None
    following = next((line for line in text[end:].splitlines() if _says_something(line)), "")
    is_item = text[start + indent : start + indent + 1] == "-"
    has_sibling = _indent(following) == indent and following.strip()[:1] not in ("", "}", "]")
    if has_sibling and (following.lstrip()[:1] == "-") == is_item:
        return place.edit(start, end)
    before = _line_start(text, start - 1) if start else 0
    while before and not _says_something(text[before : _line_end(text, before)]):
        before = _line_start(text, before - 1)
    above = text[before : _line_end(text, before)] if start else ""
    if re.compile(_KEY_ALONE).fullmatch(above) and _indent(above) < indent + is_item:
        # A comment between would be lost with the key.
        return place.edit(before, end) if _next_line(text, before) == start else None
    return place.edit(start, end) if above and _indent(above) >= indent else None


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _next_line(text: str, offset: int) -> int:
    end = _line_end(text, offset)
    return end + 2 if text[end : end + 2] == "\r\n" else min(end + 1, len(text))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _without_word(place: _Place) -> Edit | None:
    """Take a word `NAME=value` out of a command, an assignment, or a file that is made of these."""
    text = place.text
    start, end = _shell_word(place)
    if place.head.strip() == "-" and re.compile(_NOTHING_MORE).match(text, end) is not None:
        return None
    option = re.compile(_OPTION).search(text, max(0, start - _NEAR), start)
    first = start if option is None else option.start()
    line = _line_start(text, first)
    head = text[line:first]
    statement = None if option is not None else re.compile(_STATEMENT).search(head)
    continued = re.compile(_CONTINUED).match(text, end)
    if continued is not None:
        stop = continued.end()
        return place.edit(line, _next_line(text, end)) if not head.strip() else place.edit(first, stop)
    if re.compile(_NOTHING_MORE).match(text, end) is None:
        separator = re.compile(_SEPARATOR).match(text, end)
        if separator is not None:
            stated = line + statement.start(1) if statement and statement[1] else first
            return place.edit(stated, separator.end()) if statement is not None else None
        blanks = re.compile(_BLANKS).match(text, end)
        return None if blanks is None else place.edit(first, blanks.end())
    joined = re.compile(_CONTINUATION_BEFORE).search(text[:first])
    if joined is not None and not head.strip():
        return place.edit(joined.start(), end)
    if statement is not None and not head[: statement.start(1) if statement[1] else statement.end()].strip():
        return whole_lines(text, Span(place.name.path, line + len(head) - len(head.lstrip()), end))
    if statement is not None or head.rstrip()[-1:] in {"", ";", "&", "|"}:
        return None
    blanks_before = len(text[:first]) - len(text[:first].rstrip(" \t"))
    return place.edit(first - blanks_before, end)


def _shell_word(place: _Place) -> tuple[int, int]:
    """Return where the word with the variable starts and ends, quotes around all of it included."""
    text, start = place.text, place.name.start
    quote = text[start - 1 : start]
    closed = text.find(quote, place.name.end) if quote in {'"', "'"} else -1
    if closed >= 0 and (place.end == closed or place.end == closed + 1):
        return start - 1, closed + 1
    word = re.compile(_WORD).match(text, place.name.end)
    return start, place.name.end if word is None else word.end()
