"""The tasks that run while a job's programs run: feeding pipes, uploading outputs, checking the volumes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from smproc.local.server.execution.errors import JobFailedError

_log = logging.getLogger(__name__)
Task = Callable[[threading.Event], None]


class BackgroundTasks:
    """Threads that run as long as a job's programs; a context manager that waits for them at its end.

    Args:
        end_programs: called when a task fails, which fails the job.

    Attributes:
        failure: the first failure of a task; None so far.
    """

    def __init__(self, end_programs: Callable[[], None]) -> None:
        self.failure: JobFailedError | None = None
        self._end_programs = end_programs
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, task: Task) -> None:
        """Start a task on a thread of its own.

        Args:
            task: called with an event that is set when the programs have ended.
        """
        thread = threading.Thread(target=self._run, args=(task,), daemon=True)
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

    def _run(self, task: Task) -> None:
        try:
            task(self._ended)
        except JobFailedError as failure:
            self._fail(failure)
        except Exception as error:  # noqa: BLE001 - any error must end the job
            _log.exception("A background task of a job failed with an internal error")
            self._fail(JobFailedError(f"InternalServerError: {type(error).__name__}: {error}"))

    def _fail(self, failure: JobFailedError) -> None:
        self.failure = self.failure or failure
        self._end_programs()
