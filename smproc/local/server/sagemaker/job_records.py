"""The persistent records of jobs: written at each change, so that they outlive a server that is killed."""

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
        path: the file; created if it does not exist.

    Raises:
        LocalAwsError: the file is not such a database.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            # Survives a kill of the server. A commit does not wait for the disk, so a crash of the machine may lose it.
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("CREATE TABLE IF NOT EXISTS jobs (arn TEXT PRIMARY KEY, record TEXT NOT NULL)")
            self.load()
        except (sqlite3.DatabaseError, ValueError) as error:
            self._database.close()
            raise LocalAwsError(
                f"The records of jobs cannot be read ({error}); remove {path} to start without it"
            ) from error

    def load(self) -> list[dict[str, Any]]:
        """Return every record, the oldest first."""
        with self._lock, contextlib.closing(self._database.execute("SELECT record FROM jobs ORDER BY rowid")) as rows:
            return [json.loads(record) for (record,) in rows]

    def save(self, arn: str, record: Mapping[str, Any]) -> None:
        """Write a job's record.

        Args:
            arn: the job's ARN.
            record: the record.
        """
        statement = "INSERT INTO jobs VALUES (?, ?) ON CONFLICT (arn) DO UPDATE SET record = excluded.record"
        # ProgrammingError: the database is closed, because the server is stopping and no longer waits for this job.
        with self._lock, contextlib.suppress(sqlite3.ProgrammingError):
            self._database.execute(statement, (arn, json.dumps(record)))

    def delete(self, arn: str) -> None:
        """Delete a job's record.

        Args:
            arn: the job's ARN.
        """
        with self._lock:
            self._database.execute("DELETE FROM jobs WHERE arn = ?", (arn,))

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()
