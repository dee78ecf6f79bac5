"""Writing options where a launch's words stand: in a script, a list, or a platform's fields."""

from __future__ import annotations

import re
from typing import NamedTuple

from vllint.endpoint_fields import FIELD_OF_OPTION
from vllint.facts import LaunchFacts
from vllint.vllm.written_words import is_call
from vllint.word_edits import bring_forward, remove_words, whole_lines, write_words
from vllint_schemas import Argument, Edit, Located, Origin, Slot, SlotKind, Span, Word

_PLAIN = re.compile(r"[A-Za-z0-9._/:-]+")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_SWITCHED_ON = re.compile(r"""["']?[ \t]*:[ \t]*[^\s#]+""")
"""What follows the key of a switch in a config file: of its value, `true`, no word is made."""


class Setting(NamedTuple):
    """An option to set: its flag, the `dest` it fills, and its new value."""

    flag: str
    dest: str
    value: str

    @property
    def shown(self) -> str:
        """The setting as messages have it."""
        return f"`{self.flag} {self.value}`"


def set_options(facts: LaunchFacts, settings: tuple[Setting, ...]) -> tuple[Edit, ...] | None:
    """Return the edits that make vLLM see `settings`; `None` where the words cannot be edited in place."""
    replaced: list[Edit] = []
    added: list[Setting] = []
    for setting in settings:
        if not _PLAIN.fullmatch(setting.value):
            return None
        argument = facts.args.given(setting.dest)
        if argument is None or (_is_platforms(argument) and argument.values[-1].slot is None):
            added.append(setting)
            continue
        edit = _replace(facts, argument, setting.value)
        if edit is None:
            return None
        if edit.text != "" or len(edit.span):
            replaced.append(edit)
    if not added:
        return tuple(replaced)
    insertion = _insert(facts, tuple(added))
    return None if insertion is None else (*replaced, insertion)


def remove_argument(facts: LaunchFacts, argument: Argument) -> tuple[Edit, ...] | None:
    """Return the edits that take an option and its values out; `None` where that cannot be done in place."""
    if argument.first < 0:
        return _remove_key(facts, argument)
    if is_call(facts.launch):
        # Most launches are commands.
        from vllint.keyword_edits import remove_keyword

        return remove_keyword(facts, argument)
    text = facts.sources.get(facts.launch.argv[argument.first].site.path)
    if text is None:
        return None
    edit = remove_words(text, facts.launch.argv, argument.first, argument.last)
    return None if edit is None else (edit,)


def replace_argument(
    facts: LaunchFacts, argument: Argument, words: tuple[str, ...]
) -> tuple[Edit, ...] | None:
    """Return the edits that write `words` instead of an option and its values, or nothing for none."""
    if not words:
        return remove_argument(facts, argument)
    argv = facts.launch.argv
    text = None if argument.first < 0 else facts.sources.get(argv[argument.first].site.path)
    if text is None:
        return None
    edit = write_words(text, argv, argument.first, argument.last, words)
    return None if edit is None else (edit,)


def move_to_front(facts: LaunchFacts, word: Word) -> tuple[Edit, ...] | None:
    """Return the edits that make a word of the command its first; `None` where they cannot be made."""
    argv = facts.launch.argv
    at = next((index for index, candidate in enumerate(argv) if candidate is word), None)
    text = facts.sources.get(word.site.path)
    if at is None or text is None or _ends_options(facts):
        return None
    return bring_forward(text, argv, at)


def _remove_key(facts: LaunchFacts, argument: Argument) -> tuple[Edit, ...] | None:
    """Take a key out of a config file: its line, if it has one to itself."""
    words = (argument.flag, *argument.values)
    text = facts.sources.get(words[0].site.path)
    if text is None or any(word.via for word in words):
        return None
    extent = words[0].site.cover(words[-1].site)
    switched_on = _SWITCHED_ON.match(text, extent.end)
    if len(words) == 1 and switched_on is not None:
        extent = Span(extent.path, extent.start, switched_on.end())
    edit = whole_lines(text, extent)
    if edit is None or _is_bare(text[: edit.span.start] + text[edit.span.end :]):
        return None
    return (edit,)


def _is_bare(text: str) -> bool:
    """Whether a config file says nothing, which vLLM cannot read."""
    lines = (line.strip() for line in text.splitlines())
    return all(not line or line.startswith("#") or line in {"---", "..."} for line in lines)


def rename_flag(facts: LaunchFacts, argument: Argument, flag: str) -> tuple[Edit, ...] | None:
    """Return the edits that write an option by another name, its value untouched."""
    if is_call(facts.launch):
        from vllint.keyword_edits import rename_keyword

        return rename_keyword(facts, argument, flag)
    place = argument.flag.text_span
    if place is not None:
        return None if argument.flag.via else (Edit(place, flag),)
    # A key of a config file is the option without its dashes.
    place = argument.flag.slice(2).text_span
    return None if place is None else (Edit(place, flag.removeprefix("--")),)


def _is_platforms(argument: Argument) -> bool:
    """Whether the platform sets the option, since the file does not, or sets it to null."""
    return argument.flag.origin is Origin.PLATFORM


def _replace(facts: LaunchFacts, argument: Argument, value: str) -> Edit | None:
    """Return the edit of the value's own text; text that says something else as well is left alone."""
    if not argument.values:
        return None
    word = argument.values[-1]
    if _is_platforms(argument) and word.slot is not None:
        return Edit(word.slot.extent, value) if len(word.slot.extent) else None
    place = word.text_span
    shared = bool(word.via) and word.origin is Origin.LITERAL
    if place is None or shared or _is_used_elsewhere(facts, place, word):
        return None
    return Edit(place, value)


def _is_used_elsewhere(facts: LaunchFacts, place: Span, word: Word) -> bool:
    """Whether the text at `place` is part of another word of the launch, or of what it says of GPUs."""
    launch = facts.launch
    count = launch.hardware.gpu_count
    if isinstance(count, Located) and count.via and count.span == place:
        return True
    others = (*launch.argv, *(variable.value for variable in launch.env), *filter(None, (launch.image,)))
    return any(
        run.source.path == place.path and run.source.start < place.end and place.start < run.source.end
        for other in others
        if other.site != word.site and not other.site.holds(word.site)
        for run in other.runs
    )


def _insert(facts: LaunchFacts, settings: tuple[Setting, ...]) -> Edit | None:
    """Return the edit that adds options after the last word that can be followed."""
    anchor = _anchor(facts)
    if anchor is None or anchor.slot is None or _ends_options(facts):
        return None
    text = facts.sources.get(anchor.slot.extent.path)
    if text is None:
        return None
    written = _WRITERS[anchor.slot.kind](text, anchor, settings)
    if written is None:
        return None
    end = anchor.slot.extent.end
    if written.startswith(("\n", "\r")):
        end = _end_of_line(text, end)
    return Edit(Span(anchor.slot.extent.path, end, end), written)


def _ends_options(facts: LaunchFacts) -> bool:
    """Whether a `--` stands among the words, behind which nothing is an option."""
    return any(word.text == "--" for word in facts.launch.argv)


def _end_of_line(text: str, offset: int) -> int:
    """Return where the line ends, if only a comment follows on it."""
    rest = _REST_OF_LINE.match(text, offset)
    return rest.end() if rest is not None else offset


def _anchor(facts: LaunchFacts) -> Word | None:
    """Return the word to write after: a field of the platform's, else the last option that is written out.

    An option whose values are not known may go on, so that nothing can be put in its middle. Nor can it
    between a switch and the `true` that somebody meant for it.
    """
    if facts.launch.platform is not None:
        fields = [word for word in facts.launch.argv[1:] if word.slot and word.slot.kind is SlotKind.FIELD]
        return fields[-1] if fields else facts.launch.image
    argv, model = facts.launch.argv, facts.args.model
    ends = {argument.last for argument in facts.args.arguments if argument.last >= 0}
    if isinstance(model, Located) and model.span is not None:
        ends.update(index for index, word in enumerate(argv) if word.site.holds(model.span))
    for end in sorted(ends, reverse=True):
        word = argv[end]
        if word.slot is not None and word.is_known and not word.via and not _goes_on(facts, end):
            return word
    return None


def _goes_on(facts: LaunchFacts, end: int) -> bool:
    """Whether behind an option stands a word that vLLM takes for none of its options or their values."""
    argv, following = facts.launch.argv, end + 1
    if following >= len(argv) or not argv[following].is_known or argv[following].text.startswith("-"):
        return False
    model = facts.args.model
    if isinstance(model, Located) and model.span is not None and argv[following].site.holds(model.span):
        return False
    return not any(one.first <= following <= one.last for one in facts.args.arguments)


def _in_shell(text: str, anchor: Word, settings: tuple[Setting, ...]) -> str | None:
    equals = "=" if anchor.text.startswith("--") and "=" in anchor.text else " "
    return "".join(f" {setting.flag}{equals}{setting.value}" for setting in settings)


def _in_block(text: str, anchor: Word, settings: tuple[Setting, ...]) -> str | None:
    slot = _slot(anchor)
    line_start = max(text.rfind("\n", 0, slot.extent.start), text.rfind("\r", 0, slot.extent.start)) + 1
    lead = text[line_start : slot.extent.start]
    if lead.strip():
        return None
    newline = "\r\n" if text[: line_start + 1].endswith("\r\n") or "\r\n" in text else "\n"
    items = _items(anchor, settings, slot.quote, quote_numbers='"')
    return "".join(f"{newline}{lead}- {item}" for item in items)


def _in_flow(text: str, anchor: Word, settings: tuple[Setting, ...]) -> str | None:
    quote = _slot(anchor).quote or '"'
    return "".join(f", {item}" for item in _items(anchor, settings, quote, quote_numbers=quote))


def _in_call(text: str, anchor: Word, settings: tuple[Setting, ...]) -> str | None:
    return "".join(f", {setting.dest}={setting.value}" for setting in settings)


def _items(anchor: Word, settings: tuple[Setting, ...], quote: str, quote_numbers: str) -> list[str]:
    """Return list items in the anchor's style: `--flag=value` as one item, or two items."""
    if anchor.text.startswith("--") and "=" in anchor.text:
        return [f"{quote}{setting.flag}={setting.value}{quote}" for setting in settings]
    items: list[str] = []
    for setting in settings:
        value_quote = quote or quote_numbers
        items += [f"{quote}{setting.flag}{quote}", f"{value_quote}{setting.value}{value_quote}"]
    return items


def _in_fields(text: str, anchor: Word, settings: tuple[Setting, ...]) -> str | None:
    """Add keys beside the anchor's: in a block on lines of their own, in a flow mapping after it."""
    slot = _slot(anchor)
    line_start = text.rfind("\n", 0, slot.extent.start) + 1
    lead = text[line_start : slot.extent.start]
    indent = lead[: len(lead) - len(lead.lstrip())]
    parts: list[str] = []
    for setting in settings:
        field = FIELD_OF_OPTION.get(setting.flag)
        if field is None:
            return None
        if lead.lstrip().startswith('"'):
            parts.append(f',\n{indent}"{field}": {setting.value}')
        elif "{" in lead:
            quote = '"' if re.search(r'"\s*:\s*"?$', lead) else ""
            parts.append(f", {quote}{field}{quote}: {setting.value}")
        else:
            parts.append(f"\n{indent}{field}: {setting.value}")
    return "".join(parts)


def _slot(word: Word) -> Slot:
    assert word.slot is not None
    return word.slot


_WRITERS = {
    SlotKind.SHELL: _in_shell,
    SlotKind.BLOCK_ITEM: _in_block,
    SlotKind.FLOW_ITEM: _in_flow,
    SlotKind.KEYWORD: _in_call,
    SlotKind.FIELD: _in_fields,
}
