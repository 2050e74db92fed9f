"""The folder in which one local AWS keeps its state, and the lock that says whether its server lives."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOG_MAX_BYTES = 10 * 1024 * 1024
# Who merely asks for the status holds a shared lock for an instant; that must not look like a server.
_ACQUIRE_ATTEMPTS = 5
_ACQUIRE_INTERVAL_IN_SECONDS = 0.02


def state_root() -> Path:
    """Where state lives: ``$SMPROC_HOME``, else ``$XDG_STATE_HOME/smproc``, else ``~/.local/state/smproc``."""
    if home := os.environ.get("SMPROC_HOME"):
        return Path(home).expanduser().absolute()
    if state := os.environ.get("XDG_STATE_HOME"):
        return Path(state).expanduser().absolute() / "smproc"
    return Path.home() / ".local" / "state" / "smproc"


@dataclass(frozen=True, slots=True)
class StateDir:
    """The paths of one local AWS; the folder is named after its port.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def log(self) -> Path:
        """What the server and ministack have to say."""
        return self.path / "server.log"

    @property
    def jobs(self) -> Path:
        """A folder per running job."""
        return self.path / "jobs"

    @property
    def temporary(self) -> Path:
        """The server's own TMPDIR: unpacked Lambda functions, for one."""
        return self.path / "tmp"

    @property
    def counts(self) -> Path:
        """How many jobs run and have ended."""
        return self.path / "counts.json"

    @property
    def records(self) -> Path:
        """What is remembered of jobs from one server to the next."""
        return self.path / "jobs.sqlite3"

    @property
    def account(self) -> Path:
        """What is remembered of everything else."""
        return self.path / "account"

    def create(self) -> None:
        """Make the folder, readable by its owner alone: jobs' data, logs and credentials pass through it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def clean(self) -> None:
        """Remove what a server leaves behind but its log and its memory of jobs and of the account."""
        for folder in (self.jobs, self.temporary):
            remove_tree(folder)
        self.counts.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove the memory of jobs and of the account."""
        remove_tree(self.account)
        for path in self.path.glob(f"{self.records.name}*"):
            path.unlink()

    def cut_log(self) -> None:
        """Empty the log when it has grown long; until then what a server said before it was killed can be read."""
        if self.log.exists() and self.log.stat().st_size > _LOG_MAX_BYTES:
            os.truncate(self.log, 0)

    def write_counts(self, **counts: int) -> None:
        """Say how many jobs there are, for `status`; replaced in one step so that no reader sees half a file."""
        partial = self.counts.with_suffix(".partial")
        partial.write_text(json.dumps(counts), encoding="utf-8")
        partial.replace(self.counts)

    def read_counts(self) -> dict[str, int]:
        """What `write_counts` wrote last; empty when nothing was."""
        try:
            counts: dict[str, int] = json.loads(self.counts.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return counts


@dataclass(slots=True)
class ServerLock:
    """A file lock that the server holds for its life; the kernel releases it however the server ends.

    The file's content names the server. Content without a lock is what a killed server left behind.
    """

    folder: StateDir
    _descriptor: int = field(default=-1, init=False)

    @property
    def path(self) -> Path:
        """The lock file."""
        return self.folder.path / "lock"

    def acquire(self) -> bool:
        """Take the lock unless another process holds it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for _ in range(_ACQUIRE_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_ACQUIRE_INTERVAL_IN_SECONDS)
            else:
                self._descriptor = descriptor
                return True
        os.close(descriptor)
        return False

    def held_elsewhere(self) -> bool:
        """Whether a server holds the lock now."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            # A shared lock: two who ask at the same time do not take each other for a server.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def read(self) -> dict[str, Any]:
        """Who holds the lock, or held it and was killed; empty after a clean end."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write(self, **content: object) -> None:
        """Say who holds the lock; needs the lock."""
        encoded = json.dumps(content).encode()
        os.pwrite(self._descriptor, encoded, 0)
        os.ftruncate(self._descriptor, len(encoded))

    def release(self) -> None:
        """End cleanly: no content, no lock."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def remove_tree(folder: Path) -> None:
    """Remove a folder whatever a job did to the permissions in it."""

    def retry(function: Any, path: str, _error: object) -> None:  # noqa: ANN401 - shutil's own hook
        try:
            Path(path).parent.chmod(0o700)
            if not Path(path).is_symlink():
                Path(path).chmod(0o700)
            function(path)
        except OSError:
            pass  # seen again, and reported, by the next start

    shutil.rmtree(folder, onerror=retry)
