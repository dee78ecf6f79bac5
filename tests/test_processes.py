"""Many files are judged in several processes, and nothing in the report tells."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import vllint.reporting
from vllint.checking import Checker, Request
from vllint.processes import made_of_each, processes_for
from vllint.report.document import FileReport
from vllint.settings import Settings
from vllint_schemas.report import to_dict

NUMBERS = list(range(200))

divides = pytest.mark.skipif(sys.platform != "linux", reason="only Linux divides processes safely")


def parts(file: FileReport) -> Iterator[object]:
    yield from (*file.findings, *file.unchecked, *(file.launches or ()))


def ignore(thing: object) -> None:
    """Take no note of what is begun."""


def square(number: int) -> int:
    return number * number


@divides
@pytest.mark.parametrize("processes", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 20, 21, 22, 200])
def test_results_come_in_the_order_of_the_things(processes: int, count: int) -> None:
    made = made_of_each(NUMBERS[:count], square, processes, ignore)
    assert made == [square(number) for number in NUMBERS[:count]]


@divides
def test_the_things_are_made_in_as_many_processes_as_are_asked_for() -> None:
    assert len(set(made_of_each(NUMBERS, lambda _: os.getpid(), 3, ignore))) == 3


@divides
def test_what_a_process_that_dies_has_not_made_is_made_here() -> None:
    here = os.getpid()

    def die_elsewhere(number: int) -> int:
        if os.getpid() != here:
            os._exit(9)
        return square(number)

    assert made_of_each(NUMBERS, die_elsewhere, 2, ignore) == [square(number) for number in NUMBERS]


@divides
@pytest.mark.parametrize("bad", [3, 100, 101])
def test_what_is_raised_in_any_process_is_raised_here(bad: int) -> None:
    def fail(number: int) -> int:
        if number == bad:
            raise KeyError(bad)
        return number

    with pytest.raises(KeyError):
        made_of_each(NUMBERS, fail, 2, ignore)


def test_few_things_are_not_worth_a_process() -> None:
    assert processes_for(0) == processes_for(100) == 1


@divides
def test_many_things_take_the_processors_there_are() -> None:
    assert processes_for(10_000) == min(8, len(os.sched_getaffinity(0)))


@divides
@pytest.mark.parametrize("launches", [False, True])
def test_a_report_from_several_processes_is_that_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launches: bool
) -> None:
    for number in range(130):
        words = f"--tensor-parallel-size {number % 5} --port {8000 + number} --gpu-mem 0.5 --nonsense"
        (tmp_path / f"{number}.sh").write_text(f"vllm serve Qwen/Qwen3-8B {words}\n")
    (tmp_path / "broken.yaml").write_text("vllm: [\n")
    request = Request(settings=Settings(), gpu="L40S:4")

    def report(processes: Callable[[int], int]) -> object:
        monkeypatch.setattr(vllint.reporting, "processes_for", processes)
        said = Checker(request).run_report((str(tmp_path),), launches=launches)
        return [
            (file._replace(launches=None, findings=(), unchecked=()), *map(to_dict, parts(file)))
            for file in said.files
        ]

    alone = report(lambda number: 1)
    assert report(lambda number: 3) == alone
    assert report(lambda number: 2) == alone
