"""What is remembered of jobs, whatever ends the server: written at each change, not at the end."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smproc.local.errors import LocalAwsError


class JobRecords:
    """A database with a row per job.

    Args:
        path: its file; made if it is not there.

    Raises:
        LocalAwsError: the file is no such database.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            # Survives a kill of the server; what only a crash of the machine loses is not waited for.
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("CREATE TABLE IF NOT EXISTS jobs (arn TEXT PRIMARY KEY, record TEXT NOT NULL)")
            self.load()
        except (sqlite3.DatabaseError, ValueError) as error:
            self._database.close()
            raise LocalAwsError(
                f"What was remembered of processing jobs cannot be read ({error}); remove {path} to start without it"
            ) from error

    def load(self) -> list[dict[str, Any]]:
        """Every record, the oldest first."""
        with self._lock, contextlib.closing(self._database.execute("SELECT record FROM jobs ORDER BY rowid")) as rows:
            return [json.loads(record) for (record,) in rows]

    def save(self, arn: str, record: Mapping[str, Any]) -> None:
        """Remember a job as it is now."""
        statement = "INSERT INTO jobs VALUES (?, ?) ON CONFLICT (arn) DO UPDATE SET record = excluded.record"
        # Closed: the server is ending, and has given this job up.
        with self._lock, contextlib.suppress(sqlite3.ProgrammingError):
            self._database.execute(statement, (arn, json.dumps(record)))

    def forget(self, arn: str) -> None:
        """Forget a job."""
        with self._lock:
            self._database.execute("DELETE FROM jobs WHERE arn = ?", (arn,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()
