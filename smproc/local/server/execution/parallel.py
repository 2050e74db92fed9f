"""Many small transfers at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_AT_ONCE = 8

_T = TypeVar("_T")


def in_parallel(work: Iterable[_T], do: Callable[[_T], None]) -> None:
    """Do something with each of many things, a few at a time, taken from their iterable only when their turn comes.

    Args:
        work: the things; an iterator may open a file for each, as no more than a few are open at a time.
        do: what to do. The first exception ends the whole and is raised.
    """
    things = iter(work)
    lock = threading.Lock()
    failed = threading.Event()

    def labour() -> None:
        while not failed.is_set():
            try:
                with lock:
                    thing = next(things)
            except StopIteration:
                return
            try:
                do(thing)
            except BaseException:
                failed.set()
                raise

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="transfer") as pool:
        for done in [pool.submit(labour) for _ in range(_AT_ONCE)]:
            done.result()
