"""What works while a job's programs run: feeding pipes, uploading, watching the volume."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from smproc.local.server.execution.errors import JobFailedError

_log = logging.getLogger(__name__)
Work = Callable[[threading.Event], None]


class BackgroundTasks:
    """Threads that live as long as a job's programs.

    Args:
        end_programs: called when the first of them fails, because the job then has failed.
    """

    def __init__(self, end_programs: Callable[[], None]) -> None:
        self.failure: JobFailedError | None = None
        self._end_programs = end_programs
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, work: Work) -> None:
        """Start a thread; its function gets the event that says when the programs have ended."""
        thread = threading.Thread(target=self._work, args=(work,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _work(self, work: Work) -> None:
        try:
            work(self._ended)
        except JobFailedError as failure:
            self._fail(failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must end
            _log.exception("what works beside a job failed for a reason of ours")
            self._fail(JobFailedError(f"InternalServerError: {type(error).__name__}: {error}"))

    def _fail(self, failure: JobFailedError) -> None:
        self.failure = self.failure or failure
        self._end_programs()
