from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.fix import (
    MAX_ROUNDS,
    WriteError,
    apply_fixes,
    fix_until_settled,
    unified_diff,
    write_atomically,
)
from vllint_schemas import Applicability, Edit, Fix, Span

SAFE = Applicability.SAFE
TEXT = "0123456789" * 4


def fix(*edits: tuple[int, int, str] | tuple[str, int, int, str], title: str = "t") -> Fix:
    whole = [edit if len(edit) == 4 else ("a", *edit) for edit in edits]
    return Fix(title, SAFE, tuple(Edit(Span(path, start, end), text) for path, start, end, text in whole))


def fixed(text: str, *fixes: Fix) -> str:
    return apply_fixes({"a": text}, fixes).texts["a"]


def reasons(texts: Mapping[str, str], *fixes: Fix) -> list[str]:
    return [skipped.reason for skipped in apply_fixes(texts, fixes).skipped]


def test_edits_replace_insert_and_delete() -> None:
    assert fixed("abcdef", fix((0, 1, "X")), fix((2, 2, "Y")), fix((4, 5, ""))) == "XbYcdf"


def test_identical_edits_of_several_fixes_are_made_once() -> None:
    shared = (2, 2, "!")
    outcome = apply_fixes({"a": "abcdef"}, [fix(shared), fix(shared, (4, 5, "E"), title="u")])
    assert outcome.texts == {"a": "ab!cdEf"}
    assert len(outcome.applied) == 2


def test_a_fix_that_overlaps_an_applied_one_is_skipped_as_a_whole() -> None:
    outcome = apply_fixes({"a": "abcdef"}, [fix((0, 3, "X")), fix((2, 4, "Y"), (5, 6, "Z"))])
    assert outcome.texts == {"a": "Xdef"}
    assert [skipped.reason for skipped in outcome.skipped] == ["overlap"]


def test_a_fix_that_touches_an_applied_one_waits_for_the_next_round() -> None:
    assert fixed("abcdef", fix((0, 2, "X")), fix((2, 2, "Y"))) == "Xcdef"


def test_the_edits_of_one_fix_may_touch_and_keep_their_order() -> None:
    assert fixed("abc", fix((1, 1, "1"), (1, 1, "2"), (1, 2, "B"))) == "a12Bc"


def test_a_fix_across_files_is_applied_in_all_of_them_or_in_none() -> None:
    across = fix(("a", 0, 1, "A"), ("b", 0, 1, "B"))
    texts = {"a": "aaa", "b": "bbb"}
    assert apply_fixes(texts, [across]).texts == {"a": "Aaa", "b": "Bbb"}
    assert apply_fixes({"a": "aaa"}, [across]).texts == {"a": "aaa"}
    assert apply_fixes(texts, [across, fix(("a", 0, 0, "!"))]).texts == {"a": "!aaa", "b": "bbb"}


def test_fixes_that_cannot_be_applied_say_why() -> None:
    advice = Fix("t", Applicability.DISPLAY, (Edit(Span("a", 0, 1), "X"),))
    texts = {"a": "abc"}
    assert reasons(texts, advice) == ["advice"]
    assert reasons(texts, Fix("t", SAFE)) == ["advice"]
    assert reasons(texts, fix((2, 4, "X"))) == ["out of range"]
    assert reasons(texts, fix(("b", 0, 0, "X"))) == ["out of range"]
    assert reasons(texts, fix((0, 2, "X"), (1, 3, "Y"))) == ["overlap"]
    assert reasons(texts, fix((0, 2, "ab"))) == ["no change"]


edits = st.builds(
    lambda path, start, length, text: (path, start, min(start + length, len(TEXT)), text),
    st.sampled_from("ab"),
    st.integers(0, len(TEXT)),
    st.integers(0, 4),
    st.text("xyz", max_size=3),
)
fixes = st.lists(
    st.builds(
        lambda parts, title: fix(*parts, title=title), st.lists(edits, min_size=1, max_size=3), st.text("tu")
    ),
    max_size=8,
)
BOTH = {"a": TEXT, "b": TEXT}


@given(fixes)
def test_nothing_outside_the_edits_of_applied_fixes_changes(proposed: list[Fix]) -> None:
    outcome = apply_fixes(BOTH, proposed)
    for path, text in BOTH.items():
        made = {edit for fix in outcome.applied for edit in fix.edits if edit.span.path == path}
        kept = set(range(len(text))).difference(*(range(edit.span.start, edit.span.end) for edit in made))
        new = outcome.texts[path]
        assert [character for character in new if character.isdigit()] == [text[at] for at in sorted(kept)]
        assert len(new) == len(kept) + sum(len(edit.text) for edit in made)


@given(fixes, st.randoms())
def test_the_order_and_repetition_of_fixes_do_not_matter(proposed: list[Fix], random) -> None:
    shuffled = [*proposed, *proposed[:2]]
    random.shuffle(shuffled)
    assert apply_fixes(BOTH, shuffled) == apply_fixes(BOTH, proposed)


@given(fixes)
def test_every_fix_is_applied_or_skipped_and_applied_ones_share_no_character(proposed: list[Fix]) -> None:
    outcome = apply_fixes(BOTH, proposed)
    assert {*outcome.applied, *(skipped.fix for skipped in outcome.skipped)} == set(proposed)
    made = sorted({edit for fix in outcome.applied for edit in fix.edits}, key=lambda edit: edit.span)
    for first, second in pairwise(made):
        assert first.span.path != second.span.path or first.span.end <= second.span.start


def doubled_letters(texts: Mapping[str, str]) -> Sequence[Fix]:
    """Propose to write each pair of equal letters once."""
    return [
        fix((path, at, at + 2, text[at]))
        for path, text in texts.items()
        for at in range(len(text) - 1)
        if text[at] == text[at + 1]
    ]


def always(path: str, old: str, new: str) -> bool:
    return True


@given(st.text("ab", max_size=100))
def test_fixing_goes_on_until_nothing_is_left_and_then_changes_nothing(text: str) -> None:
    once = fix_until_settled({"a": text}, doubled_letters, always)
    if not once.settled:
        return
    assert doubled_letters(once.texts) == []
    again = fix_until_settled(once.texts, doubled_letters, always)
    assert again.texts == once.texts
    assert again.applied == ()


def test_fixes_that_undo_each_other_end_unsettled() -> None:
    def swap(texts: Mapping[str, str]) -> Sequence[Fix]:
        return [fix((0, 1, "y" if texts["a"] == "x" else "x"))]

    outcome = fix_until_settled({"a": "x"}, swap, always)
    assert not outcome.settled
    assert len(outcome.applied) == MAX_ROUNDS


def test_a_fix_that_makes_a_file_unreadable_is_dropped_and_the_others_are_applied() -> None:
    def judge(texts: Mapping[str, str]) -> Sequence[Fix]:
        good = [fix((2, 3, "C"))] if texts["a"][2] == "c" else []
        return [fix((0, 1, "{"), title="bad"), *good]

    def still_reads(path: str, old: str, new: str) -> bool:
        return "{" not in new

    outcome = fix_until_settled({"a": "abcdef"}, judge, still_reads)
    assert outcome.texts == {"a": "abCdef"}
    assert outcome.settled
    assert [(skipped.fix.title, skipped.reason) for skipped in outcome.skipped] == [
        ("bad", "breaks the file")
    ]


def test_a_fix_behind_one_that_breaks_the_file_gets_its_turn() -> None:
    def judge(texts: Mapping[str, str]) -> Sequence[Fix]:
        return [fix((0, 2, "{")), fix((1, 3, "B"))] if texts["a"] == "abc" else []

    outcome = fix_until_settled({"a": "abc"}, judge, lambda path, old, new: "{" not in new)
    assert outcome.texts == {"a": "aB"}


def test_fixes_that_break_the_file_only_together_are_not_applied_together() -> None:
    def judge(texts: Mapping[str, str]) -> Sequence[Fix]:
        return [fix((0, 1, "{")), fix((2, 3, "{"))]

    outcome = fix_until_settled({"a": "abc"}, judge, lambda path, old, new: new.count("{") < 2)
    assert outcome.texts == {"a": "{bc"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_applies_the_diff_and_gets_the_new_text(tmp_path: Path) -> None:
    bodies = ["a\nb\nc\n", "a\nB\nc\n", "a\nb\nc", "a\r\nb\r\nc\r\n", "a\r\nb\nc", "", "x\x0cy\u2028z\nw"]
    for name in ("a.yaml", "sub dir/b c.yaml"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        for old in bodies:
            for new in bodies:
                if old == new or not old or not new:
                    continue
                target.write_bytes(old.encode())
                subprocess.run(
                    ["git", "apply", "--whitespace=nowarn", "-"],
                    input=unified_diff(name, old, new).encode(),
                    cwd=tmp_path,
                    check=True,
                )
                assert target.read_bytes() == new.encode()


def test_texts_that_are_equal_have_no_diff() -> None:
    assert unified_diff("a", "x\ny", "x\ny") == ""


def test_a_diff_names_the_file_and_says_where_a_last_line_break_is_missing() -> None:
    assert unified_diff("d/a.yaml", "x", "x\r\n") == (
        "--- a/d/a.yaml\n+++ b/d/a.yaml\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\r\n"
    )


def test_writing_replaces_the_content_and_keeps_the_mode(tmp_path: Path) -> None:
    target = tmp_path / "run.sh"
    target.write_bytes(b"old")
    target.chmod(0o751)
    write_atomically(target, b"new\r\n")
    assert target.read_bytes() == b"new\r\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o751
    assert list(tmp_path.iterdir()) == [target]


def test_writing_through_a_link_changes_the_target_and_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real/compose.yaml"
    target.write_bytes(b"old")
    link = tmp_path / "link.yaml"
    link.symlink_to("real/compose.yaml")
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_file_that_is_gone_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"cannot write .*gone\.yaml: No such file"):
        write_atomically(tmp_path / "gone.yaml", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def tied_hands(tmp_path: Path) -> Iterator[Path]:
    """A folder of a user who is not root, for the time of the test this process's user."""
    if not hasattr(os, "geteuid"):
        pytest.skip("folders have no write permission on Windows")
    if os.geteuid() != 0:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 65534, 65534)
        os.setresuid(65534, 65534, 0)
        yield Path(folder)
        os.setresuid(0, 0, 0)


def test_a_read_only_folder_is_a_clear_error_and_the_file_stays(tied_hands: Path) -> None:
    folder = tied_hands / "fixed"
    folder.mkdir()
    target = folder / "a.yaml"
    target.write_bytes(b"old")
    folder.chmod(0o555)
    with pytest.raises(WriteError) as raised:
        write_atomically(target, b"new")
    folder.chmod(0o755)
    assert str(raised.value) == f"cannot write {target}: the folder {folder} is read-only"
    assert target.read_bytes() == b"old"


def test_a_read_only_file_is_a_clear_error_and_stays(tied_hands: Path) -> None:
    target = tied_hands / "a.yaml"
    target.write_bytes(b"old")
    target.chmod(0o444)
    with pytest.raises(WriteError, match="the file is read-only"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_of_a_file_stays_its_owner(tmp_path: Path) -> None:
    target = tmp_path / "a.yaml"
    target.write_bytes(b"old")
    os.chown(target, 1234, 2345)
    write_atomically(target, b"new")
    assert (target.stat().st_uid, target.stat().st_gid) == (1234, 2345)
