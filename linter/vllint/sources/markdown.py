"""Markdown: the fenced blocks in which documents show how vLLM is started (CommonMark, "Fenced code blocks").

A document is no deployment: its blocks are alternatives, each read for itself, and what the reader is to
fill in - `<model>`, `YOUR_TOKEN`, `...` - is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from vllint.discover import has_marker
from vllint.sources.dockerfile_launches import image_launches, is_dockerfile
from vllint.sources.embedded_documents import document_launches, is_unit, unit_launches
from vllint.sources.files import File, Found
from vllint.sources.python.excerpts import excerpt_launches
from vllint.sources.shell import shell_launches
from vllint.sources.windows_scripts import dialect_of, windows_launches
from vllint.sources.written_files import may_write, written_launches
from vllint.text.lines import line_extents
from vllint_schemas import Launch, Word

_CONTAINER = re.compile(r"(?:[ ]{0,3}>[ ]?)+")
_FENCE = re.compile(r"(?P<indent>[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(?P<fence>`{3,}|~{3,})(?P<info>.*)$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SHELLS = frozenset(
    {"", "bash", "sh", "shell", "zsh", "console", "shell-session", "shellsession", "terminal", "text", "ksh"}
)
_SURE_SHELLS = frozenset({"bash", "sh", "shell", "zsh", "ksh"})
# fmt: off
_OTHER_LANGUAGES = frozenset(
    {
        "c", "cpp", "cs", "csharp", "css", "csv", "cuda", "diff", "docker", "dockerfile", "fish", "go",
        "graphql", "groovy", "hcl", "html", "ini", "java", "javascript", "jinja", "jinja2", "js", "json",
        "json5", "jsonc", "jsonl", "jsx", "julia", "kotlin", "latex", "log", "lua", "makefile",
        "markdown", "md", "mermaid", "nginx", "nix", "patch", "perl", "php", "plantuml", "powershell",
        "promql", "properties", "proto", "ps1", "python", "py", "python3", "r", "rst", "ruby", "rust",
        "scala", "sql", "svg", "swift", "terraform", "tex", "toml", "ts", "tsx", "typescript", "vue",
        "xml",
    }
)
# fmt: on
"""Languages of fences in which no command stands by itself; other words there are often made up."""

_COMMAND = re.compile(
    r"[ \t]*(?:\$[ \t]+)?(?:export[ \t]+)?(?:[A-Za-z_]\w*=\S*[ \t]+)*(?:[\w./~$\"{}-]*/)?"
    r"(?:vllm[ \t]+serve|vllm[ \t]*\\|python[\d.]*|docker|podman|nerdctl|sudo|nohup|exec|env|uv|bash|sh"
    r"|srun|screen|tmux|numactl|time|ray)(?![\w:])"
)
_DOCUMENTS = frozenset({"yaml", "yml", "docker-compose", "compose"})
_DOCUMENT = re.compile(
    r"(?:\s*\n|#[^\n]*\n|---[ \t]*\n)*(?:apiVersion|kind|services):(?:[ \t]|$)", re.MULTILINE
)
"""How a manifest or a Compose file begins."""

_PYTHON = frozenset({"python", "py", "python3"})
_ENGINE = re.compile(r"\b(?:LLM|EngineArgs|AsyncEngineArgs|LLMConfig)\(")
_IMPORT = re.compile(r"^(?:from vllm[\w.]* import [\w, ]+|import vllm[^\n]*)\n", re.MULTILINE)
_APPLIES = re.compile(r"\s*(?:\$ )?(?:kubectl|oc|cat|docker|podman|helm)[ \t][^\n]*<<")
_UNSAID = frozenset({"", "text", "plaintext", "txt"})
_UNITS = frozenset({"", "ini", "systemd", "service", "toml", "conf", "unit", "text"})
_PROMPT = re.compile(
    r"[ \t]*(?:\([\w.-]+\)[ \t]*)?(?:[\w.-]+@[\w.-]+(?::\S+|[ ]\S+)?)?(?P<sign>[$#%])[ \t]+(?=\S)"
)
_PLACEHOLDER = re.compile(
    r"<(?P<angle>[A-Za-z][\w ./:|-]*)>"
    r"|\[(?P<square>[A-Z][A-Z_ -]{2,})\]"
    r"|(?<![\w/.-])(?P<own>(?:YOUR|MY)[_-][A-Z_0-9-]+|(?:your|my)[_-](?:model|token|key|api|hf|path|image)[\w-]*)(?![\w])"
    r"|(?<=\s)(?P<capitals>MODEL(?:_NAME|_ID|_PATH)?|PORT|N|NUM_GPUS|HF_TOKEN|TOKEN)(?=\s|$)"
    r"|(?<!\.)(?P<dots>\.\.\.|…)(?!\.)"
)


class Block(NamedTuple):
    """A fenced block: the language it is said to be in, in lower case, and its text without indentation."""

    language: str
    text: Word


def recognises(file: File) -> bool:
    """Whether the file is Markdown, as its name says."""
    return True


def launches(file: File) -> Found:
    """Yield what the blocks of a document start; blocks that cannot be read are passed over."""
    yield from shown_launches(_blocks(file.whole), file)


def shown_launches(blocks: Iterable[Block], file: File) -> Found:
    """Yield what blocks of a document start, each read for itself."""
    for block in blocks:
        for found in _found_in(block, file):
            if isinstance(found, Launch):
                yield found._replace(kind="markdown", path=file.path, together=None)


def _found_in(block: Block, file: File) -> Found:
    """Yield what a block starts that names vLLM, or one of Python that builds an engine."""
    content = block.text.text
    names = has_marker(content.encode(errors="replace"))
    if block.language in _PYTHON:
        yield from _python_launches(block, file) if names or _ENGINE.search(content) else ()
    elif names:
        yield from _block_launches(block, file)


def _blocks(text: Word) -> list[Block]:
    """Return what is written as code, in the order in which it stands."""
    hidden = [match.span() for match in _COMMENT.finditer(text.text)]
    fenced = list(fenced_blocks(text))
    taken = [(block.text.site.start, block.text.site.end) for block in fenced]
    loose = list(_loose_commands(text, hidden + taken))
    return sorted(fenced + loose, key=lambda block: block.text.site.start)


def _block_launches(block: Block, file: File) -> Found:
    language = block.language
    dialect = dialect_of(language, block.text.text) if language not in _DOCUMENTS else None
    if dialect is not None:
        yield from windows_launches(with_blanks_unknown(block.text), dialect)
    elif language == "dockerfile" or (language in {"docker", ""} and is_dockerfile(block.text.text)):
        yield from image_launches(with_blanks_unknown(block.text), lambda name: None)
    elif language in _UNITS and is_unit(block.text.text):
        yield from unit_launches(with_blanks_unknown(block.text), file)
    elif language in _DOCUMENTS or (language in _UNSAID and _DOCUMENT.match(block.text.text)):
        text = with_blanks_unknown(block.text)
        # Some show the command that applies a manifest, and call it by what it applies.
        yield from (
            written_launches(text, file) if _APPLIES.match(text.text) else document_launches(text, file)
        )
    elif is_for_shells(language):
        yield from shell_block_launches(block)
        if may_write(block.text.text):
            yield from written_launches(with_blanks_unknown(block.text), file)


def _python_launches(block: Block, file: File) -> Iterator[Launch]:
    """Yield what a block of Python builds or starts; the imports of blocks before it hold in it."""
    before = file.whole.slice(0, block.text.site.start)
    imports = [before.slice(*match.span()) for match in _IMPORT.finditer(before.text)]
    for found in excerpt_launches(file.path, Word.join((*imports, block.text), block.text.site)):
        yield found._replace(argv=tuple(map(with_blanks_unknown, found.argv)), container=None)


def is_for_shells(language: str) -> bool:
    """Whether a block said to be in a language may hold commands."""
    return language in _SHELLS or language not in _OTHER_LANGUAGES | _DOCUMENTS


def shell_block_launches(block: Block) -> Iterator[Launch]:
    """Yield what a block in the shell's language starts, or one in none whose lines begin as commands do."""
    if not is_for_shells(block.language) or "vllm" not in block.text.text.lower():
        return
    text = with_blanks_unknown(_typed(block.text))
    for found in shell_launches(text, "markdown"):
        if isinstance(found, Launch) and (block.language in _SURE_SHELLS or _is_command(found, block.text)):
            yield found._replace(together=None)


def _is_command(launch: Launch, text: Word) -> bool:
    """Whether a launch in a block of any kind stands in a command rather than in a sentence."""
    whole = text.site
    start = launch.extent.start - whole.start
    shift = text.text_span is None
    return shift or _COMMAND.match(text.text, max(start, 0)) is not None


def _loose_commands(text: Word, blocks: list[tuple[int, int]]) -> Iterator[Block]:
    """Yield the commands that stand outside of fences: indented blocks, and lines that go on with `\\`."""
    lines = list(line_extents(text.text))
    number = 0
    while number < len(lines):
        start, end = lines[number]
        first = number
        number += 1
        content = text.text[start:end]
        if "vllm" not in content and "docker" not in content and "podman" not in content:
            continue
        indent = len(content) - len(content.lstrip(" \t"))
        if any(low <= end and start < high for low, high in blocks) or not _COMMAND.match(content, indent):
            continue
        while content.rstrip().endswith("\\") and number < len(lines):
            content = text.text[slice(*lines[number])]
            number += 1
        if number - first > 1 or (indent >= 4 and " --" in content):
            yield Block("bash", text.slice(start, lines[number - 1][1]))


def fenced_blocks(text: Word) -> Iterator[Block]:
    """Yield the fenced blocks, those in lists and quotes included; what HTML comments hold is left out."""
    hidden = [match.span() for match in _COMMENT.finditer(text.text)]
    lines = list(line_extents(text.text))
    number = 0
    while number < len(lines):
        opening = _fence(text.text, lines[number])
        number += 1
        if opening is None or any(low <= lines[number - 1][0] < high for low, high in hidden):
            continue
        end = number
        while end < len(lines) and not _closes(text.text, lines[end], opening["fence"]):
            end += 1
        if end > number:
            yield Block(_language(opening["info"]), block_body(text, lines[number:end], opening["indent"]))
        number = end + 1


def _fence(text: str, line: tuple[int, int]) -> re.Match[str] | None:
    """Return the fence that a line opens; backticks in the rest make it inline code."""
    quote = _CONTAINER.match(text, *line)
    match = _FENCE.match(text, line[0] if quote is None else quote.end(), line[1])
    return None if match is None or (match["fence"][0] == "`" and "`" in match["info"]) else match


def _closes(text: str, line: tuple[int, int], fence: str) -> bool:
    content = text[slice(*line)]
    quote = _CONTAINER.match(content)
    stripped = content[quote.end() if quote else 0 :].strip()
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]}


def _language(info: str) -> str:
    """Return the first word of a fence's info string: `bash`, of `{.bash}` and `bash title="x"` too."""
    words = re.findall(r"[\w-]+", info.lower())
    return words[0] if words else ""


def block_body(text: Word, lines: list[tuple[int, int]], indent: str) -> Word:
    """Return the lines of a block without the indentation of its fence."""
    width = len(indent.expandtabs(4))
    if not width and not text.text.startswith(">", lines[0][0]):
        return text.slice(lines[0][0], min(lines[-1][1] + 1, len(text.text)))
    parts = []
    for start, end in lines:
        quote = _CONTAINER.match(text.text, start, end)
        start = start if quote is None else quote.end()
        content = text.text[start:end]
        blank = len(content) - len(content.lstrip(" \t"))
        parts.append(text.slice(start + min(width, blank), min(end + 1, len(text.text))))
    return Word.join(parts, parts[0].site.cover(parts[-1].site))


def _typed(text: Word) -> Word:
    """Return what is typed in a session: the lines behind prompts and what continues them.

    Text without prompts, `$` for a user or `#` and `%` beside one, is returned as it is.
    """
    lines = list(line_extents(text.text))
    prompts = [_PROMPT.match(text.text, *line) for line in lines]
    if not any(match is not None and match["sign"] == "$" for match in prompts):
        return text
    parts: list[Word] = []
    continued = False
    for (start, end), prompt in zip(lines, prompts, strict=True):
        is_prompt = prompt is not None and prompt["sign"] == "$"
        if not continued and not is_prompt:
            continue
        begin = prompt.end() if prompt is not None and is_prompt else start
        parts.append(text.slice(begin, min(end + 1, len(text.text))))
        continued = text.text[start:end].rstrip().endswith("\\")
    return Word.join(parts, text.site)


def with_blanks_unknown(text: Word) -> Word:
    """Return `text` with what the reader of the document is to fill in as holes."""
    parts: list[Word] = []
    position = 0
    for match in _PLACEHOLDER.finditer(text.text):
        if match["angle"] is not None and text.text[match.start() - 1 : match.start()] == "<":
            continue
        parts.append(text.slice(position, match.start()))
        site = text.slice(*match.span()).site
        reason = f"`{match[0]}` is for the reader to fill in"
        parts.append(Word.unknown(reason, site, splits=match["dots"] is not None))
        position = match.end()
    if not position:
        return text
    parts.append(text.slice(position))
    return replace(Word.join(parts, text.site), via=text.via)
