"""Making the same of many things in several processes, where the system can divide one (`fork`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
U = TypeVar("U")

_SHARE = 50
"""The fewest things that are worth a process of their own."""

_FIRST = 20
"""How many are made before the process divides, so that what they load is loaded once."""

_MOST = 8


def processes_for(number: int) -> int:
    """Return how many processes are worth it for a number of things: no more than there are processors.

    Only Linux divides processes safely: Windows cannot, and parts of macOS do not survive it.
    """
    if sys.platform != "linux":
        return 1
    return max(1, min(len(os.sched_getaffinity(0)), (number - _FIRST) // _SHARE, _MOST))


def made_of_each(
    things: Sequence[T], make: Callable[[T], U], processes: int, begin: Callable[[T], None]
) -> list[U]:
    """Return what `make` makes of each thing, in their order; it must do nothing else that lasts.

    `begin` is told the things of this process before. What `make` raises is raised, and what becomes of a
    process that dies of something else is made here.
    """

    def here(some: Sequence[T]) -> list[U]:
        made = []
        for thing in some:
            begin(thing)
            made.append(make(thing))
        return made

    first = here(things[:_FIRST] if processes > 1 else things)
    rest = things[len(first) :]
    shares = [rest[number::processes] for number in range(processes)]
    others: list[_Process] = []
    try:
        others.extend(_divided(share, make) for share in shares[1:])
        made = [here(shares[0])]
        for other, share in zip(others, shares[1:], strict=True):
            found = other.result()
            made.append(here(share) if found is None else found)
    finally:
        for other in others:
            other.end()
    return first + [made[number % processes][number // processes] for number in range(len(rest))]


class _Process(NamedTuple):
    """Another process, and the end of the pipe at which its results come out."""

    number: int
    pipe: int

    def result(self) -> list[Any] | None:
        """Wait for what it has made; `None` if it ended before that."""
        import pickle

        with os.fdopen(self.pipe, "rb", closefd=False) as pipe:
            content = pipe.read()
        try:
            made: list[Any] = pickle.loads(content)
        except (EOFError, pickle.UnpicklingError):
            return None
        return made

    def end(self) -> None:
        """End it if it still runs."""
        import signal

        os.close(self.pipe)
        os.kill(self.number, signal.SIGKILL)
        os.waitpid(self.number, 0)


def _divided(things: Sequence[T], make: Callable[[T], U]) -> _Process:
    """Begin a process that makes its share; it writes nothing but its results."""
    import pickle

    reading, writing = os.pipe()
    number = os.fork()
    if number:
        os.close(writing)
        return _Process(number, reading)
    try:
        content = pickle.dumps([make(thing) for thing in things], pickle.HIGHEST_PROTOCOL)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)
    finally:
        # Neither what it failed of nor what is still to be printed is this process's to tell.
        os._exit(0)
