"""The files of a CDK app, and whether one of them has changed since a synth."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

_CONFIGURATION = ("cdk.json", "cdk.context.json")
_LEFT_OUT = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages"})


def changed_since(directory: Path, time_ns: int, *, leave_out: Collection[str]) -> Path | None:
    """Return a file of an app that was changed after a time; None if there is none.

    The files of an app are its Python modules, except tests, and the configuration of the CDK. Directories that are
    hidden, virtual environments, and cloud assemblies are left out.

    Args:
        directory: the directory of the app.
        time_ns: the time, in nanoseconds since 1970.
        leave_out: the real paths of files that belong to jobs, and not to the app.
    """
    for name in _CONFIGURATION:
        if _modified(path := directory / name) > time_ns:
            return path
    return next((path for path in _modules(directory, leave_out) if _modified(path) > time_ns), None)


def _modules(directory: Path, leave_out: Collection[str]) -> Iterator[Path]:
    for root, directories, names in os.walk(directory):
        if root != str(directory) and ("pyvenv.cfg" in names or {"cdk.out", "manifest.json"} <= set(names)):
            directories.clear()
            continue
        directories[:] = [name for name in directories if not name.startswith(".") and name not in _LEFT_OUT]
        for name in names:
            if name.endswith(".py") and not _is_test(name):
                path = os.path.join(root, name)  # noqa: PTH118 - thousands of them, and most are no path of interest
                if os.path.realpath(path) not in leave_out:
                    yield Path(path)


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # it has just been removed, or is a broken link
        return 0
