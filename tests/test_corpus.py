"""Real public deployment files, whole and mutilated: judged without a crash, with true places."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from vllint.cli.commands import vllint
from vllint.engine import Assumptions, Judged, judge_source
from vllint.hardware.resolve import stated_machine
from vllint.registry import load_rules
from vllint.report.formats import FORMATS
from vllint.settings import Settings
from vllint.text.source import SourceText, UndecodableText, decode
from vllint_schemas import Launch, Origin

EXAMPLES = int(os.environ.get("VLLINT_EXAMPLES", "300"))
RULES = load_rules().rules
MACHINE = Assumptions((stated_machine("H100-80GB:8", Origin.COMMAND_LINE, "gpu"),))
SETTINGS = Settings(preview=True)

AssertPlaces = Callable[..., None]


@pytest.fixture(scope="module")
def files(shared: Path) -> list[Path]:
    """Return the corpus."""
    return sorted(path for path in (shared / "corpus/files").rglob("*") if path.is_file())


def judge(path: str, raw: bytes) -> Judged | None:
    """Judge a file's bytes as `vllint check` would, without the files beside it."""
    try:
        source = decode(path, raw)
    except UndecodableText:
        return None
    return judge_source(source, lambda name: None, RULES, SETTINGS, MACHINE)


def beside(path: Path) -> Callable[[str], SourceText | None]:
    def read(name: str) -> SourceText | None:
        there = path.parent / name
        return decode(name, there.read_bytes()) if there.is_file() else None

    return read


def check_findings(judged: Judged) -> None:
    """Assert that every place that findings name lies in its file."""
    for finding in judged.findings:
        spans = [finding.span, *(related.span for related in finding.related)]
        spans += [edit.span for edit in (finding.fix.edits if finding.fix else ())]
        for span in spans:
            assert 0 <= span.start <= span.end <= len(judged.sources.get(span.path, "")), finding
        assert finding.message
        assert "Unknown(" not in finding.message + finding.help


def test_every_file_is_judged_and_every_known_word_reads_as_it_stands(
    files: list[Path], assert_places: Callable[[dict[str, str], Launch], None]
) -> None:
    launches = 0
    for path in files:
        source = decode(path.name, path.read_bytes())
        judged = judge_source(source, beside(path), RULES, SETTINGS, MACHINE)
        check_findings(judged)
        for facts in judged.launches:
            assert_places(dict(judged.sources), facts.launch)
            launches += 1
    assert launches > 100


def test_every_format_reports_the_whole_corpus(shared: Path, tmp_path: Path) -> None:
    outputs = [
        part
        for name in FORMATS
        for part in ("--output-format", name, "--output-file", str(tmp_path / f"report.{name}"))
    ]
    arguments = ["check", str(shared / "corpus/files"), "--no-cache", "--isolated", "--gpu", "H100-80GB:8"]
    done = CliRunner().invoke(vllint, [*arguments, *outputs])
    assert done.exit_code == 1, done.stderr
    for name in FORMATS:
        assert (tmp_path / f"report.{name}").stat().st_size > 0


def test_fixing_the_corpus_twice_is_fixing_it_once(shared: Path, tmp_path: Path) -> None:
    copy = tmp_path / "files"
    shutil.copytree(shared / "corpus/files", copy)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    arguments = ["check", str(copy), "--no-cache", "--isolated", "--gpu", "H100-80GB:8"]
    texts = [contents(copy)]
    for _ in range(2):
        done = CliRunner().invoke(vllint, [*arguments, "--fix", "--unsafe-fixes"])
        assert done.exit_code == 1, done.stderr
        texts.append(contents(copy))
    assert texts[0] != texts[1]
    assert texts[1] == texts[2]


def contents(folder: Path) -> dict[Path, bytes]:
    """Return the bytes of all files below a folder."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def mutations(raws: list[tuple[str, bytes]], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield files with one to three changes: bytes, lines, indents, ends."""
    random = Random(seed)
    for _ in range(count):
        name, raw = random.choice(raws)
        for _ in range(random.randint(1, 3)):
            raw = random.choice(CHANGES)(raw, random)
        yield name, raw


def _cut(raw: bytes, random: Random) -> bytes:
    return raw[: random.randint(0, len(raw))]


def _flip(raw: bytes, random: Random) -> bytes:
    if not raw:
        return raw
    place = random.randrange(len(raw))
    return raw[:place] + random.choice(SPECIAL) + raw[place + 1 :]


def _insert(raw: bytes, random: Random) -> bytes:
    place = random.randint(0, len(raw))
    return raw[:place] + random.choice(SPECIAL) + raw[place:]


def _drop_line(raw: bytes, random: Random) -> bytes:
    lines = raw.splitlines(keepends=True)
    return b"".join(line for number, line in enumerate(lines) if number != random.randint(0, len(lines)))


def _double_line(raw: bytes, random: Random) -> bytes:
    lines = raw.splitlines(keepends=True) or [b""]
    place = random.randrange(len(lines))
    return b"".join([*lines[:place], lines[place], *lines[place:]])


def _swap_lines(raw: bytes, random: Random) -> bytes:
    lines = raw.splitlines(keepends=True)
    if len(lines) < 2:
        return raw
    one, other = random.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _indent(raw: bytes, random: Random) -> bytes:
    lines = raw.splitlines(keepends=True) or [b""]
    place = random.randrange(len(lines))
    lines[place] = random.choice([b"  ", b"\t", b"    "]) + lines[place]
    return b"".join(lines)


def _dedent(raw: bytes, random: Random) -> bytes:
    lines = raw.splitlines(keepends=True) or [b""]
    place = random.randrange(len(lines))
    lines[place] = lines[place].lstrip(b" \t") or b"\n"
    return b"".join(lines)


def _windows(raw: bytes, random: Random) -> bytes:
    return raw.replace(b"\n", random.choice([b"\r\n", b"\r", b"\n\n"]))


SPECIAL = [
    *(bytes([code]) for code in b"\n\r\t :-[]{}'\"|>&*!#%@`\\$=,()<;?~"),
    *(b"\x00", b"\x1b", b"\xff", b"\xc3", "é".encode(), "🚀".encode(), b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
    *(b"${", b"}}", b"{{", b"<<: *x", b"\\\n", b"$((", b"<<EOF\n", b"'''", b"|-\n", b" --config ", b" -tp "),
]
CHANGES = [
    *(_cut, _flip, _flip, _insert, _insert, _insert, _drop_line, _double_line),
    *(_swap_lines, _indent, _dedent, _windows),
]


def test_mutilated_files_are_judged_without_a_crash(files: list[Path], assert_places: AssertPlaces) -> None:
    seed = Random().randrange(2**32)
    raws = [(path.name, path.read_bytes()) for path in files if path.stat().st_size < 20_000]
    for name, raw in mutations(raws, EXAMPLES, seed):
        try:
            judged = judge(name, raw)
            if judged is None:
                continue
            check_findings(judged)
            for facts in judged.launches:
                assert_places(dict(judged.sources), facts.launch)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {name} as {raw!r}") from error
