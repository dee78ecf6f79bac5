"""The parts of a shell script: what a word, a command and a compound command are made of.

Positions are offsets into the script's text. A word keeps its parts unexpanded.
"""

from typing import NamedTuple, TypeAlias


class ShellSyntaxError(Exception):
    """The text is not valid shell at `position`."""

    def __init__(self, position: int) -> None:
        super().__init__(f"not valid shell at offset {position}")
        self.position = position


class Literal(NamedTuple):
    """Characters that stand for themselves."""

    start: int
    end: int
    quoted: bool


class Fixed(NamedTuple):
    """Characters that stand for another text: an escape, empty quotes, a term of a brace expansion."""

    start: int
    end: int
    text: str
    quoted: bool


class Parameter(NamedTuple):
    """`$name`, `${name}`, `${name[index]}` or `${name<operator>operand}`.

    The operator is one of `- = + ?`, these with a leading colon, `#` for the length, `keys` for
    `${!name[@]}`, `name` for `${!name}`, `other` for what is not evaluated, or empty. It is `other` too for
    operators that change the value, as `##`: `change` is then that operator.
    """

    start: int
    end: int
    quoted: bool
    name: str
    subscript: str = ""
    operator: str = ""
    operand: "tuple[Part, ...]" = ()
    change: str = ""


class Arithmetic(NamedTuple):
    """`$((expression))`, the expression as parts."""

    start: int
    end: int
    quoted: bool
    expression: "tuple[Part, ...]"


class Opaque(NamedTuple):
    """A text known only at run time: the output of `body`'s commands, or what cannot be read."""

    start: int
    end: int
    quoted: bool
    body: "Sequence | None" = None


class Gap(NamedTuple):
    """A place where the script's own text is unknown."""

    start: int
    end: int
    quoted: bool


Part: TypeAlias = Literal | Fixed | Parameter | Arithmetic | Opaque | Gap


class RawWord(NamedTuple):
    """A word before expansion."""

    start: int
    end: int
    parts: "tuple[Part, ...]"


class Element(NamedTuple):
    """A word of an array literal, with its `[key]=` if it has one."""

    key: str
    value: RawWord


class Assignment(NamedTuple):
    """`name=value`, `name[index]=value`, `name+=value` or `name=(elements)`."""

    start: int
    end: int
    name: str
    subscript: str
    append: bool
    value: RawWord
    elements: tuple[Element, ...] | None = None


class Document:
    """The text of a here-document, which is read after the command it belongs to.

    It ends at a line that is `delimiter`, with tabs before it where these are stripped. An `expanded` one
    holds `parts` as in double quotes; else its text stands at `[start, end)` as it is.
    """

    __slots__ = ("delimiter", "end", "expanded", "parts", "start", "strips_tabs")

    def __init__(self, delimiter: str, strips_tabs: bool, expanded: bool) -> None:
        self.delimiter = delimiter
        self.strips_tabs = strips_tabs
        self.expanded = expanded
        self.start = self.end = 0
        self.parts: tuple[Part, ...] | None = None


class Input(NamedTuple):
    """What a command reads: a here-document or, of a here-string, the word."""

    source: Document | RawWord


class Simple(NamedTuple):
    """A simple command; the words of `export` and its like may be assignments too.

    `written` is the file that its output goes to, `input` what it reads where the script states that.
    """

    start: int
    end: int
    assignments: tuple[Assignment, ...]
    words: tuple[RawWord | Assignment, ...]
    targets: tuple[RawWord, ...] = ()
    written: RawWord | None = None
    input: Input | None = None


class Test(NamedTuple):
    """`[[ ... ]]`; its operators, parentheses included, are words without parts."""

    words: tuple[RawWord, ...]


class Calculation(NamedTuple):
    """`(( expression ))`."""

    start: int
    end: int
    expression: "tuple[Part, ...]"


class Sequence(NamedTuple):
    """Commands one after another."""

    nodes: "tuple[Node, ...]"


class Chain(NamedTuple):
    """Commands joined by `&&` and `||`."""

    first: "Node"
    rest: "tuple[tuple[str, Node], ...]"


class Pipeline(NamedTuple):
    """Commands that run in processes of their own: piped, in the background or in parentheses."""

    nodes: "tuple[Node, ...]"


class Not(NamedTuple):
    """A command whose success is taken for failure."""

    node: "Node"


class If(NamedTuple):
    """Conditions with their bodies; the first condition stands at `[start, end)`."""

    clauses: "tuple[tuple[Sequence, Sequence], ...]"
    otherwise: "Sequence | None"
    start: int
    end: int


class While(NamedTuple):
    """`while` and, `negated`, `until`; the condition stands at `[start, end)`."""

    condition: "Sequence"
    body: "Sequence"
    start: int
    end: int
    negated: bool = False


class For(NamedTuple):
    """`for name in words`; without `in`, `words` is None. A `select` is not `counted`."""

    name: str
    words: tuple[RawWord, ...] | None
    body: "Sequence"
    start: int
    end: int
    counted: bool = True


class ArithmeticFor(NamedTuple):
    """`for ((...; ...; ...))`, the three expressions in the header."""

    header: tuple[Calculation, ...]
    body: "Sequence"
    start: int
    end: int


class CaseItem(NamedTuple):
    """Patterns and their commands; `falls` when the next item is tried or run as well."""

    patterns: tuple[RawWord, ...]
    body: "Sequence"
    falls: bool


class Case(NamedTuple):
    """`case subject in items esac`."""

    subject: RawWord
    items: tuple[CaseItem, ...]


class Function(NamedTuple):
    """A function's definition."""

    name: str
    body: "Node"


class Redirected(NamedTuple):
    """A compound command with redirects."""

    node: "Node"
    targets: tuple[RawWord, ...]


class Broken(NamedTuple):
    """Commands found in a stretch that is not valid shell."""

    commands: tuple[Simple, ...]


def start_of(node: "Node | CaseItem") -> int:
    """Return the offset of the first word in a test, or in the patterns of an item; -1 where none is."""
    if isinstance(node, Simple | Calculation):
        return node.start
    if isinstance(node, Test):
        return node.words[0].start if node.words else -1
    if isinstance(node, CaseItem):
        return node.patterns[0].start if node.patterns else -1
    if isinstance(node, Sequence | Pipeline | Broken):
        inner = node.commands if isinstance(node, Broken) else node.nodes
        return start_of(inner[0]) if inner else -1
    if isinstance(node, Chain):
        return start_of(node.first)
    return start_of(node.node) if isinstance(node, Not | Redirected) else -1


Node: TypeAlias = (
    Simple
    | Test
    | Calculation
    | Sequence
    | Chain
    | Pipeline
    | Not
    | If
    | While
    | For
    | ArithmeticFor
    | Case
    | Function
    | Redirected
    | Broken
)
