from __future__ import annotations

import io
import sys
import textwrap

from vllint.cli.progress import PATIENCE, Progress

CLEAN = "vllm serve Qwen/Qwen2.5-7B-Instruct -tp 2\n"


class Clock:
    """A clock that goes forward by as much at each look."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_a_short_run_says_nothing() -> None:
    terminal = io.StringIO()
    progress = Progress(terminal, Clock(PATIENCE / 100))
    for number in range(90):
        progress(f"{number}.sh")
    progress(None)
    assert terminal.getvalue() == ""


def test_a_long_run_counts_on_one_line_and_erases_it_at_the_end() -> None:
    terminal = io.StringIO()
    progress = Progress(terminal, Clock(1.0))
    for number in range(4):
        progress(f"{number}.sh")
    assert "3 files, 2.sh" in terminal.getvalue()
    progress(None)
    shown = terminal.getvalue()
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")


def test_the_line_is_no_wider_than_the_terminal_and_cannot_move_the_cursor() -> None:
    terminal = io.StringIO()
    progress = Progress(terminal, Clock(5.0))
    progress("deploy/\x1b[2J" + "x" * 500)
    [line] = [part for part in terminal.getvalue().split("\r\x1b[K") if part]
    assert len(line) < 80
    assert "\x1b" not in line


def test_a_quick_run_on_a_terminal_shows_no_progress(folder, on_terminal) -> None:
    (folder / "a.sh").write_text(CLEAN)
    assert "files, " not in on_terminal("check", ".")


def test_a_slow_run_on_a_terminal_shows_progress_and_takes_it_away(folder, on_terminal) -> None:
    for name in ("a", "b", "c"):
        (folder / f"{name}.sh").write_text(CLEAN)
    impatient = textwrap.dedent(
        """
        import sys
        from vllint.cli import main, progress
        progress.PATIENCE = 0.0
        sys.argv = ["vllint", "check", "."]
        main()
        """
    )
    got = on_terminal(program=[sys.executable, "-c", impatient])
    assert "vllint: 1 files, a.sh" in got
    assert got.rindex("\r\x1b[K") < got.index("no problems in")


def test_progress_goes_to_no_file(folder, run) -> None:
    (folder / "a.sh").write_text(CLEAN)
    assert run("check", ".").err == ""
