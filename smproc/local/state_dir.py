"""The directory in which a local AWS keeps its state, and the lock that its server holds."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOG_MAX_BYTES = 10 * 1024 * 1024
# A request for the status holds a shared lock for an instant, which must not be taken for a server.
_ACQUIRE_ATTEMPTS = 5
_ACQUIRE_INTERVAL_IN_SECONDS = 0.02


def state_root() -> Path:
    """Return the directory of all state: ``$SMPROC_HOME``, else the platform's directory for the state of programs.

    On Linux that is ``$XDG_STATE_HOME/smproc`` or ``~/.local/state/smproc``, on macOS
    ``~/Library/Application Support/smproc``.
    """
    if home := os.environ.get("SMPROC_HOME"):
        return Path(home).expanduser().absolute()
    import platformdirs  # noqa: PLC0415 - most servers and tests name their directory

    return platformdirs.user_state_path("smproc", appauthor=False).absolute()


@dataclass(frozen=True, slots=True)
class StateDir:
    """The paths of one local AWS; the directory is named after its port.

    Attributes:
        path: the directory.
    """

    path: Path

    @property
    def log(self) -> Path:
        """The log of the server and of ministack."""
        return self.path / "server.log"

    @property
    def jobs(self) -> Path:
        """The directories of running jobs, one each."""
        return self.path / "jobs"

    @property
    def temporary(self) -> Path:
        """The server's own TMPDIR, for example for unpacked Lambda functions."""
        return self.path / "tmp"

    @property
    def counts(self) -> Path:
        """The file with the numbers of jobs that run and that have ended."""
        return self.path / "counts.json"

    @property
    def records(self) -> Path:
        """The records of jobs, kept from one server to the next."""
        return self.path / "jobs.sqlite3"

    @property
    def account(self) -> Path:
        """The records of everything else in the account."""
        return self.path / "account"

    @property
    def images(self) -> Path:
        """The substitutes for images that the user has added."""
        return self.path / "images.json"

    @property
    def ignored(self) -> Path:
        """The names in templates that the local AWS has ignored, a JSON text per line."""
        return self.path / "ignored.jsonl"

    @property
    def settings_in_use(self) -> Path:
        """The settings without effect that resources have, a JSON text per line."""
        return self.path / "settings-in-use.jsonl"

    def read_ignored(self) -> dict[str, list[str]]:
        """Return the names that were ignored, by their owner."""
        names: dict[str, set[str]] = {}
        for owner, name in _read_names(self.ignored):
            names.setdefault(owner, set()).add(name)
        return {owner: sorted(found) for owner, found in names.items()}

    def read_settings_in_use(self) -> dict[str, list[str]]:
        """Return the owners of the settings without effect, by the setting's name."""
        owners: dict[str, set[str]] = {}
        for owner, name in _read_names(self.settings_in_use):
            owners.setdefault(name, set()).add(owner)
        return {name: sorted(found) for name, found in owners.items()}

    def sagemaker_config(self, region: str, account: str) -> Path:
        """Return the path of the SageMaker SDK's configuration file for a region of an account."""
        return self.path / f"sagemaker-{region}-{account}.yaml"

    def create(self) -> None:
        """Make the directory, readable by its owner alone: jobs' data, logs and credentials pass through it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def clean(self) -> None:
        """Remove what a server leaves behind, except its log and its records."""
        for directory in (self.jobs, self.temporary):
            remove_tree(directory)
        self.counts.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove everything, and the directory around it if nothing else is in it."""
        remove_tree(self.path)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()

    def forget(self) -> None:
        """Remove the records of jobs and of the account."""
        remove_tree(self.account)
        self.ignored.unlink(missing_ok=True)
        self.settings_in_use.unlink(missing_ok=True)
        for path in self.path.glob(f"{self.records.name}*"):
            path.unlink()

    def cut_log(self) -> None:
        """Empty the log once it is over 10 MiB; until then it shows the last lines of a server that was killed."""
        if self.log.exists() and self.log.stat().st_size > _LOG_MAX_BYTES:
            os.truncate(self.log, 0)

    def write_counts(self, **counts: int) -> None:
        """Write the numbers of jobs for `status`; replaced in one step so that no reader sees half a file."""
        partial = self.counts.with_suffix(".partial")
        partial.write_text(json.dumps(counts), encoding="utf-8")
        partial.replace(self.counts)

    def read_counts(self) -> dict[str, int]:
        """Return what `write_counts` wrote last; empty when nothing was written."""
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

    state_dir: StateDir
    _descriptor: int = field(default=-1, init=False)

    @property
    def path(self) -> Path:
        """The lock file."""
        return self.state_dir.path / "lock"

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
        """Return True if a server holds the lock now."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            # A shared lock: two callers at the same time do not take each other for a server.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def read(self) -> dict[str, Any]:
        """Return the description of the lock's holder, or of a server that was killed; empty after a clean end."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write(self, **content: object) -> None:
        """Describe the server that holds the lock; needs the lock."""
        encoded = json.dumps(content).encode()
        os.pwrite(self._descriptor, encoded, 0)
        os.ftruncate(self._descriptor, len(encoded))

    def release(self) -> None:
        """Empty and release the lock: the sign of a clean end."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def remove_tree(directory: Path) -> None:
    """Remove a directory whatever a job did to the permissions in it."""

    def retry(function: Callable[[str], object], path: str, _error: object) -> None:
        try:
            Path(path).parent.chmod(0o700)
            if not Path(path).is_symlink():
                Path(path).chmod(0o700)
            function(path)
        except OSError:
            pass  # seen again, and reported, by the next start

    shutil.rmtree(directory, onerror=retry)


def _read_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the owners and names in a file of reports."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        # The last line may be incomplete, where the server was killed.
        with contextlib.suppress(ValueError):
            report = json.loads(line)
            yield from ((report["owner"], name) for name in report["names"])
