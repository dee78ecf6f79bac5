"""Scripts for bash, written at random: of any seed the same one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

import pytest

NAMES = ("A", "B", "C")
ARRAYS = ("P", "Q")
PLAIN = "abcxyz0129-_./:=,@%+"
ODD = 'ab1 \t\n*?[]#;&|<>()!~^"$`\\'
ARRAY_FORMS = (
    '"${%s[@]}"', "${%s[@]}", '"${%s[*]}"', "${%s[*]}", "${%s[0]}", "${#%s[@]}", '"x${%s[@]}y"', 
    '"${%s[-1]}"', "${%s}", '"${%s[@]:-none}"', '"${!%s[@]}"', '"${%s[@]:1}"', '${%s[@]+"set"}',
)  # fmt: skip
BRACES = (
    "{a,b}",
    "x{1..3}y",
    "{a,'b c',}",
    "{3..1}",
    "{a}",
    "{}",
    "{a,b}{c,d}",
    "{x,{y,z}}",
    '{"k":1,"v":[2]}',
)
ARITHMETIC = ("$((1+2*3))", "$((8000 + (7-9)/2))", "$((-7/2))", "$((-7 % 3))", "$((010))", '"$((1 + 1))"')
QUOTED_OPERANDS = ('"a b"', "a  b", "'q'", "$((1+1))", "", "plain")
ANSI = ("a\\nb", "\\x41", "it\\'s", "\\101\\t", "")
BRANCHES = (
    "if true; then\n{}\nelse\n{}\nfi",
    "if false; then\n{}\nelif true; then\n{}\nfi",
    'if [ -n "$NEW" ]; then\n{}\nfi\nNEW=1',
    "while false; do\n{}\ndone\n{}",
    "n=0; while [ $n -lt 2 ]; do\nn=$((n+1))\n{}\ndone",
    "until true; do\n{}\ndone",
    "true && {{\n{}\n}}; false || {{\n{}\n}}",
    "false && {{\n{}\n}}",
    "case $A in 1) {} ;; *)\n{}\n;; esac",
    "case x in y) {} ;; esac\n{}",
    "case x in x) {} ;& z)\n{}\n;; w) {} ;; esac",
    "for x in 1 2 3; do\n[ $x = 2 ] && continue\n{}\n[ $x = 3 ] && break\n{}\ndone",
    "for x in $(echo 1 2); do\n{}\ndone",
    "while [ $# -gt 0 ]; do\n{}\nshift\ndone\n{}",
    "{} | cat",
    "x=$(\n{}\n)",
    'f() {{\n[ -n "$1" ] || return 1\n{}\n}}\nf; f 1',
    'P+=(more)\n[ -n "$A" ] && P+=(even more)',
    "A+=' --x'; [ -n \"$NO\" ] && A+=' --y'",
    '[ -z "$NEW" ] && NEW=8',
    "export A; if true; then export B; fi; vllm",
    "shift; set -- a 'b c'; vllm \"$@\" $# $1; set --",
    "read -r A <<< 'x y'; {}",
    "unset B; false || B=5",
    ": ${{NEW:=7}}; {}",
    "[[ -n $A && $B == *3 ]] && {{\n{}\n}}",
    "(( A > 0 )) && {{\n{}\n}}; (( A++ ))",
    "set -a; A=5; set +a; {}; export -n A",
    "(exit 1); {}",
    "printf -v A %s new; {}",
)
"""Constructs around three statements: the words of these depend on what is true when the script runs."""


CHANGES = (
    "${%s#?}", "${%s##*[/ ]}", "${%s%%?}", "${%s%%%%[./]*}", "${%s/a/x y}", "${%s//[a-c]/-}", "${%s/#?/^}", 
    "${%s^^}", "${%s,,}", "${%s^}", "${%s:1}", "${%s:0:2}", "${%s: -2}", '"${%s%%.*}"', '"${%s//b/}"',
)  # fmt: skip
"""Forms of a variable that change its value."""

OUTPUTS = (
    "$(seq 3)", "$(seq -s, 0 2)", "$(seq 4 -2 0)", "$(basename /a/b.c .c)", "$(dirname a/b/c)",
    "$(echo a  'b c')", "$(echo 0,1,2 | tr ',' '\\n' | wc -l)", "$(echo Ab-c | tr A-Z a-z)",
    "$(cut -d, -f2 <<< a,b)",
    "$(printf '1\\n2\\n' | head -1)", "$(echo a b | wc -w)", "$(echo 'a b' | tr -d ' ')",
    "$(printf '%s-%d\\n' x 1 y 2)", "$(echo -n q; echo)", "`echo $A`", '"$(printf "%s/" "$A" b)"',
    "$(if [ -n \"$A\" ]; then echo set; else echo none; fi)", "$([ 1 -gt 2 ] && echo no)",
)  # fmt: skip
"""Commands whose output the script itself states."""

TESTS = (
    '[ "$A" = "{}" ]', '[[ $A == *{}* ]]', '[ -z "$A" ]', '[ -n "$A" -a 1 -lt 2 ]', "(( 2 + 1 > {n} ))",
    '[[ -n "$A" && ! ( {n} -eq 1 || "$A" != {}* ) ]]', 'test "$A" != "{}"', "[[ $A =~ ^[a-c0-9]+$ ]]",
    '! [ "$A" ]', '[ "$#" -lt 1 ]', '[ {n} -ge 2 ] && [ "$A" = x ] || [[ -z $A ]]', '[[ "$A" = [a-m]?* ]]',
)  # fmt: skip
"""Tests that come out one way or the other by what the script has set."""


class Scope:
    """The variables that have a value so far."""

    def __init__(self, names: tuple[str, ...] = (), arrays: tuple[str, ...] = ()) -> None:
        self.names = names
        self.arrays = arrays

    def copy(self) -> Scope:
        return Scope(self.names, self.arrays)

    def inside(self, name: str) -> Scope:
        return Scope((*self.names, name), self.arrays)


class Writer:
    """Writes scripts that use only variables which have a value."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def pick(self, options: Sequence[str]) -> str:
        return self.random.choice(options)

    def text(self, alphabet: str, least: int = 0) -> str:
        return "".join(self.random.choices(alphabet, k=self.random.randint(least, 6)))

    def words(self, scope: Scope) -> str:
        return " ".join(self.word(scope) for _ in range(self.random.randint(1, 3)))

    def word(self, scope: Scope) -> str:
        return "".join(self.chunk(scope, 0) for _ in range(self.random.randint(1, 3)))

    def chunk(self, scope: Scope, depth: int) -> str:
        kinds = [
            "plain",
            "plain",
            "single",
            "double",
            "escaped",
            "continued",
            "ansi",
            "arithmetic",
            "default",
        ]
        kinds += ["scalar", "scalar", "quoted", "alternative", "alternative", "length"] if scope.names else []
        kinds += ["array", "array"] if scope.arrays else []
        kinds += ["brace"] if depth == 0 else []
        return str(getattr(self, self.pick(kinds))(scope, depth))

    def plain(self, scope: Scope, depth: int) -> str:
        return self.text(PLAIN, 1)

    def single(self, scope: Scope, depth: int) -> str:
        return "'" + self.text(ODD) + "'"

    def double(self, scope: Scope, depth: int) -> str:
        return '"' + re.sub(r'([\\"$`])', r"\\\1", self.text(ODD + "'")) + '"'

    def escaped(self, scope: Scope, depth: int) -> str:
        return "".join("\\" + character for character in self.text(ODD + "'") if character != "\n")

    def continued(self, scope: Scope, depth: int) -> str:
        return self.text(PLAIN, 1) + "\\\n" + self.text(PLAIN, 1)

    def ansi(self, scope: Scope, depth: int) -> str:
        return "$'" + self.pick(ANSI) + "'"

    def arithmetic(self, scope: Scope, depth: int) -> str:
        return self.pick(ARITHMETIC)

    def default(self, scope: Scope, depth: int) -> str:
        inner = self.chunk(scope, depth + 1) if depth < 2 else self.text(PLAIN)
        return f"${{UNSET{self.random.randint(0, 99999)}{self.pick([':-', '-', ':='])}{inner}}}"

    def scalar(self, scope: Scope, depth: int) -> str:
        name = self.pick(scope.names)
        return self.pick([f"${{{name}}}", f'"${name}"', f'x"${{{name}}}y"'])

    def quoted(self, scope: Scope, depth: int) -> str:
        return f'"a ${self.pick(scope.names)} \\" b"'

    def alternative(self, scope: Scope, depth: int) -> str:
        opening = "${" + self.pick(scope.names) + self.pick([":+", "+", ":-", "-"])
        if self.random.random() < 0.5:
            return f'"{opening}{self.pick(QUOTED_OPERANDS)}}}"'
        inner = self.chunk(scope, depth + 1) if depth < 2 else self.text(PLAIN)
        return f"{opening}{inner}}}"

    def length(self, scope: Scope, depth: int) -> str:
        return f"${{#{self.pick(scope.names)}}}"

    def array(self, scope: Scope, depth: int) -> str:
        return self.pick(ARRAY_FORMS) % self.pick(scope.arrays)

    def brace(self, scope: Scope, depth: int) -> str:
        return self.pick(BRACES)

    def statement(self, scope: Scope, depth: int) -> str:
        """Give a statement that is wholly known to whoever reads only the script."""
        kinds = ["run", "run", "assign", "assign", "append", "fill", "put", "export", "prefix"]
        kinds += ["unset"] if depth == 0 else []
        kinds += ["each", "count", "group", "apart", "call", "chain"] if depth < 2 else []
        kinds += ["decided", "case", "turns", "change", "output", "read", "document"] if depth < 2 else []
        return str(getattr(self, self.pick(kinds) + "_statement")(scope, depth))

    def run_statement(self, scope: Scope, depth: int) -> str:
        return f"vllm {self.words(scope)}"

    def assign_statement(self, scope: Scope, depth: int) -> str:
        name, value = self.pick(NAMES), self.word(scope)
        plus = self.pick(["", "+"]) if name in scope.names else ""
        scope.names = (*scope.names, name)
        return f"{name}{plus}={value}"

    append_statement = assign_statement

    def fill_statement(self, scope: Scope, depth: int) -> str:
        name, words = self.pick(ARRAYS), self.words(scope)
        plus = self.pick(["", "+"]) if name in scope.arrays else ""
        blank = self.pick([" ", "\n  ", " # a comment\n"])
        scope.arrays = (*scope.arrays, name)
        return f"{name}{plus}=(first{blank}{words}{blank})"

    def put_statement(self, scope: Scope, depth: int) -> str:
        if not scope.arrays:
            return self.fill_statement(scope, depth)
        return f"{self.pick(scope.arrays)}[{self.pick(['0', '1', '1+1', '5'])}]={self.word(scope)}"

    def export_statement(self, scope: Scope, depth: int) -> str:
        name, other = self.pick(NAMES), self.pick(NAMES)
        text = f"{self.pick(['export', 'declare -x'])} {name}={self.word(scope)} {other}={self.word(scope)}"
        scope.names = (*scope.names, name, other)
        return text

    def prefix_statement(self, scope: Scope, depth: int) -> str:
        prefix = f"{self.pick(NAMES)}={self.word(scope)} {self.pick(NAMES)}={self.word(scope)}"
        return f"{prefix} vllm {self.words(scope)} > /dev/null 2>&1"

    def unset_statement(self, scope: Scope, depth: int) -> str:
        name = self.pick(("B", "C"))
        scope.names = (*scope.names, name)
        return f'unset {name}; vllm ${name} "${name}" ${{{name}:-was unset}}; {name}=again; export -n {name}'

    def body(self, scope: Scope, depth: int) -> str:
        return "\n".join(self.statement(scope, depth + 1) for _ in range(self.random.randint(1, 3)))

    def few(self, scope: Scope) -> str:
        """Give what becomes only a few words."""
        return self.pick([self.plain(scope, 1), self.double(scope, 1), "{1..3}", "$((7+1))", "", "'a b'"])

    def each_statement(self, scope: Scope, depth: int) -> str:
        name, words = f"i{depth}", " ".join(self.few(scope) for _ in range(3))
        return f"for {name} in {words}; do\n{self.body(scope.inside(name), depth)}\nvllm ${name}\ndone"

    def count_statement(self, scope: Scope, depth: int) -> str:
        name = f"n{depth}"
        header = f"for (({name}=0; {name}<{self.random.randint(0, 3)}; {name}++)); do"
        return f"{header}\n{self.body(scope.inside(name), depth)}\nvllm $((8000+{name}))\ndone"

    def group_statement(self, scope: Scope, depth: int) -> str:
        return "{\n" + self.body(scope, depth) + "\n}"

    def apart_statement(self, scope: Scope, depth: int) -> str:
        opening, closing = self.random.choice([("(", ")"), ("{", "} & wait"), ("{", "} | cat")])
        return f"{opening}\n{self.body(scope.copy(), depth)}\n{closing}"

    def call_statement(self, scope: Scope, depth: int) -> str:
        name = f"f{self.random.randint(0, 9999)}"
        begin = 'local L="$1" A=$A\nvllm "$@" $# "${2:-none}" $L ${A:-}'
        inner = Scope(tuple(set(scope.names) - {"A"}), scope.arrays)
        text = f'{name}() {{\n{begin}\n{self.body(inner, depth)}\nshift\nvllm "$@"\n}}'
        return f'A=a\n{text}\n{name} {self.words(scope)}\nvllm "${{L:-no L}}"'

    def test(self) -> str:
        form = self.pick(TESTS)
        return form.replace("{n}", self.pick("0123")).replace("{}", self.pick(["a", "ab", "1", "x", ""]))

    def decided_statement(self, scope: Scope, depth: int) -> str:
        inner = [self.body(scope.copy(), depth + 1) for _ in range(3)]
        prefix = f"set --\nA={self.text('abx1')}"
        scope.names = (*scope.names, "A")
        if self.random.random() < 0.4:
            behind = f"set --\nA=x\n{self.test()} || vllm {self.words(scope)}"
            return f"{prefix}\n{self.test()} && {{\n{inner[0]}\n}}\n{behind}"
        return (
            f"{prefix}\nif {self.test()}; then\n{inner[0]}\n"
            f"elif {self.test()}; then\n{inner[1]}\nelse\n{inner[2]}\nfi"
        )

    def case_statement(self, scope: Scope, depth: int) -> str:
        patterns = [self.pick(["a*", "[ab]?|x", "'1'", "?", "*b", "a|'b c'", "[!a]*"]) for _ in range(2)]
        items = [f"{one}) {self.body(scope.copy(), depth + 1)} ;;" for one in (*patterns, "*")]
        subject = self.pick(["a", "ab", "x", "1", "b", "'b c'"])
        return f"case {subject} in\n" + "\n".join(items) + "\nesac"

    def turns_statement(self, scope: Scope, depth: int) -> str:
        name = f"t{depth}"
        step = self.pick([f"{name}=$(({name}+1))", f"(({name}++))", f"(({name} += 2))", f"let {name}+=1"][:3])
        loop, sign = self.random.choice([("while", "-lt"), ("until", "-ge")])
        body = self.body(scope.inside(name).copy(), depth + 1)
        return (
            f"{name}=0\n{loop} [ ${name} {sign} {self.pick('023')} ]; do\n{body}\n{step}\ndone\nvllm ${name}"
        )

    def change_statement(self, scope: Scope, depth: int) -> str:
        value = self.pick(["a/b/c.d", "abcABC", "Q/x-7B", "'a b/c'", "x"])
        forms = " ".join(self.pick(CHANGES) % "V" for _ in range(3))
        return f"V={value}\nvllm {forms}"

    def output_statement(self, scope: Scope, depth: int) -> str:
        outputs = [self.pick(OUTPUTS) for _ in range(2)]
        loop = f"for o in {self.pick(OUTPUTS)}; do vllm $o; done"
        return f"A={self.text('abx1')}\nvllm {' '.join(outputs)}\nV={self.pick(OUTPUTS)}\nvllm $V\n{loop}"

    def read_statement(self, scope: Scope, depth: int) -> str:
        text = self.pick(["a b c", "a,b,,c", " x  y ", "1", "", "a:b c"])
        form = self.pick(["read -r R S", "IFS=, read -ra L", "IFS=': ' read -r R S T", "read -r R"])
        return f'R= S= T= L=()\n{form} <<< "{text}"\nvllm "$R" "$S" "$T" "${{L[@]}}"'

    def document_statement(self, scope: Scope, depth: int) -> str:
        mark = self.pick(["EOF", "'EOF'", "-EOF", '"EOF"'])
        line = self.pick(["vllm 1 'a b' \\\n  c", 'vllm "$D"', "\tvllm x # y", "vllm $((1+1)) `echo q`"])
        return f"export D=v\nbash <<{mark}\n{line}\nEOF\nvllm behind"

    def chain_statement(self, scope: Scope, depth: int) -> str:
        return f"true && vllm {self.words(scope)} || vllm never; eval 'vllm \"x y\" z'"


def _certain_script(seed: int) -> str:
    writer, scope = Writer(seed), Scope()
    return "\n".join(writer.statement(scope, 0) for _ in range(writer.random.randint(1, 6))) + "\n"


def _branching_script(seed: int) -> str:
    """Give a script whose course depends on conditions, loops and its environment."""
    writer, scope = Writer(seed), Scope(NAMES, ("P",))
    lines = ["A=1 B='2 3' C=", "P=(first 'a b')"]
    for _ in range(writer.random.randint(1, 5)):
        inner = [writer.statement(scope.copy(), 1) for _ in range(3)]
        lines.append(writer.pick(BRANCHES).format(*inner))
        lines.append('vllm $A "$B" $C "${P[@]}" "${P[1]}" ${NEW:-none} ${#P[@]}')
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def certain_script() -> Callable[[int], str]:
    """Write a script without conditions: what it runs is known before."""
    return _certain_script


@pytest.fixture(scope="session")
def branching_script() -> Callable[[int], str]:
    """Write a script whose course depends on conditions, loops and its environment."""
    return _branching_script
