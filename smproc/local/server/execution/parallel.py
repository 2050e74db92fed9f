"""Parallel transfers of many small objects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_THREADS = 8

_T = TypeVar("_T")


def in_parallel(items: Iterable[_T], function: Callable[[_T], None]) -> None:
    """Call a function for each item, on eight threads; an item is taken from its iterable when a thread is free.

    Args:
        items: the items. An iterator may open a file for each: no more than eight are open at a time.
        function: called with each item. Its first exception stops the calls and is raised.
    """
    iterator = iter(items)
    lock = threading.Lock()
    failed = threading.Event()

    def run() -> None:
        while not failed.is_set():
            try:
                with lock:
                    item = next(iterator)
            except StopIteration:
                return
            try:
                function(item)
            except BaseException:
                failed.set()
                raise

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="transfer") as pool:
        for future in [pool.submit(run) for _ in range(_THREADS)]:
            future.result()
