"""Upgrades a folder of real files, and has vLLM's own parser judge what became of their launches.

    python benchmarks/upgrade.py write CORPUS/files LINES --to 0.33.0
    PYTHON_OF_VLLM benchmarks/vllm_parser.py LINES VERDICTS
    python benchmarks/upgrade.py read LINES VERDICTS

The files are copied and the copies upgraded. Of launches that moved and whose words are all known, the
words are written, one launch to a line. Every changed line of a file must be one that an edit names: the
number of lines that changed, went and came is printed. `read` prints what the parser refuses.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

from click.testing import CliRunner

from vllint import check_paths
from vllint.cli.commands import vllint
from vllint_schemas import EntryPoint, Located


def changed_lines(before: Path, after: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines of files that differ, old and new; one is empty where a line went or came."""
    for path in sorted(path for path in before.rglob("*") if path.is_file()):
        old, new = path.read_bytes(), (after / path.relative_to(before)).read_bytes()
        if old == new:
            continue
        olds, news = old.decode().splitlines(), new.decode().splitlines()
        for tag, i, j, k, m in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
            if tag != "equal":
                yield "\n".join(olds[i:j]), "\n".join(news[k:m])


def commands(folder: Path, target: str) -> Iterator[list[str]]:
    """Yield the words of the launches that state the release `target` and are wholly known."""
    for facts in check_paths([folder]).launches:
        stated, launch = facts.release.stated, facts.launch
        if not isinstance(stated, Located) or stated.value != target:
            continue
        if launch.entry_point is EntryPoint.SERVE and all(word.is_known for word in launch.argv):
            yield ["serve", *(word.text for word in launch.argv)]


def write(folder: Path, lines: Path, target: str) -> None:
    """Upgrade copies of the files, and write the launches' words."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "files"
        shutil.copytree(folder, copy, copy_function=shutil.copyfile)
        said = CliRunner().invoke(vllint, ["upgrade", "--isolated", "--to", target, str(copy)])
        moved = [line for line in said.stdout.splitlines() if line.endswith(f"-> {target}")]
        changes = list(changed_lines(folder, copy))
        lost = [old for old, new in changes if old.count("#") > new.count("#")]
        found = list(commands(copy, target))
    lines.write_text("".join(json.dumps(words) + "\n" for words in found), encoding="utf-8")
    print(f"launches that moved: {len(moved)}, of these wholly known: {len(found)}")
    print(f"places that changed: {len(changes)}, comments lost: {len(lost)}")
    print(f"findings left to decide: {said.stdout.count('  to decide ')}")


def read(lines: Path, verdicts: Path) -> None:
    """Print what the parser refuses."""
    refused = 0
    texts = lines.read_text(encoding="utf-8").splitlines()
    for words, verdict in zip(texts, verdicts.read_text(encoding="utf-8").splitlines(), strict=True):
        error = json.loads(verdict).get("error")
        if error is not None:
            refused += 1
            print(f"{words}\n    {error}")
    print(f"{refused} of {len(texts)} launches refused")


def main() -> None:
    """Write or read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    writing = steps.add_parser("write")
    writing.add_argument("folder", type=Path)
    writing.add_argument("lines", type=Path)
    writing.add_argument("--to", default="0.33.0")
    reading = steps.add_parser("read")
    reading.add_argument("lines", type=Path)
    reading.add_argument("verdicts", type=Path)
    given = parser.parse_args()
    if given.step == "write":
        write(given.folder, given.lines, given.to)
    else:
        read(given.lines, given.verdicts)


if __name__ == "__main__":
    main()
