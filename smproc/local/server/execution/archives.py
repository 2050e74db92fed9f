"""The archives of a job's results: ``model.tar.gz`` and ``output.tar.gz``."""

from __future__ import annotations

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from smproc.local.server.execution.opt_ml import OptMl


@contextlib.contextmanager
def archived(hosts: Sequence[OptMl], local_path: str, check_stop: Callable[[], None]) -> Iterator[IO[bytes] | None]:
    """Yield an archive of a directory of all hosts; None if it has no files. Links, devices and pipes are left out.

    Of several hosts' files with one name the last host's is taken, as in the SageMaker SDK's local mode.

    Args:
        hosts: the hosts' ``/opt/ml``, in order.
        local_path: the directory.
        check_stop: raises if the job must stop; called before each file.
    """
    names: set[str] = set()
    # Beside the hosts' directories: a model may be larger than the memory, which a temporary directory may be.
    with tempfile.TemporaryFile(dir=hosts[0].path.parent) as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for host in reversed(hosts):
                for name, content in host.files(local_path):
                    with content:
                        check_stop()
                        if name not in names:
                            names.add(name)
                            archive.addfile(_member(name, os.fstat(content.fileno())), content)
        yield file if names else None


def _member(name: str, status: os.stat_result) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = status.st_size, status.st_mtime, status.st_mode & 0o777
    return member
