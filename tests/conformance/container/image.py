"""An image made of this machine's own Python, without a registry."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

NAME = "smproc-conformance:1"
# The ENTRYPOINT and the CMD of the image, which a job may override.
ENTRYPOINT = ("python3", "-c", "import sys; print('own entry point', *sys.argv[1:])")
COMMAND = ("own", "command")
# Beside those that jobs of the tests call, what Spark's scripts do.
_PROGRAMS = ("sh", "sleep", "bash", "dirname", "env", "head")
# What wheels of numpy and its like, and Java, expect of every Linux.
_LIBRARIES = ("libstdc++.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libz.so.1")
_PASSWORDS = b"root:x:0:0:root:/root:/bin/bash\n"
_EXCLUDED = {
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}


def build(engine: str, directory: Path, environment: dict[str, str]) -> None:
    """Import the image into an engine.

    Args:
        engine: the engine's command.
        directory: a directory for the image's archive, which is deleted after the import.
        environment: the environment of the command.
    """
    archive = directory / "image.tar"
    with tarfile.open(archive, "w") as root:
        _fill(root)
    changes = [
        f"ENTRYPOINT {json.dumps(ENTRYPOINT)}",
        f"CMD {json.dumps(COMMAND)}",
        "ENV PATH=/usr/bin:/bin",
    ]
    options = [option for change in changes for option in ("--change", change)]
    subprocess.run([engine, "import", *options, str(archive), NAME], env=environment, check=True, capture_output=True)
    archive.unlink()


def _fill(root: tarfile.TarFile) -> None:
    prefix = Path(sys.base_prefix)
    python = (prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}").resolve()
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": str(prefix), "base": str(prefix)}))
    modules = [path for path in library.rglob("*") if path.is_file() and not _EXCLUDED & set(path.parts)]
    # With its compiled modules, as an image of Python has them: else each job compiles what it imports.
    compiled = f".{sys.implementation.cache_tag}.pyc"
    modules = [path for path in modules if path.suffix != ".pyc" or path.name.endswith(compiled)]
    modules = [path for path in modules if not any(part.startswith("config-") for part in path.parts)]
    programs = {f"/usr/bin/{name}": Path(f"/bin/{name}").resolve() for name in _PROGRAMS}
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    wheels_need = [match[1] for name in _LIBRARIES if (match := re.search(rf"{re.escape(name)} .*=> (\S+)", listed))]
    shared = _libraries([python, *programs.values(), *library.glob("lib-dynload/*.so"), *map(Path, wheels_need)])
    shared = [*shared, *map(Path, wheels_need)]
    for directory in ("tmp", "proc", "dev", "root", "opt/ml", "etc"):
        entry = tarfile.TarInfo(directory)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
        root.addfile(entry)
    passwords = tarfile.TarInfo("etc/passwd")
    passwords.size = len(_PASSWORDS)
    root.addfile(passwords, io.BytesIO(_PASSWORDS))
    for path in {*modules, python, *shared}:
        _add(root, path, str(path))
    for name, path in programs.items():
        _add(root, path, name)
    for name, target in (("usr/bin/python3", str(python)), ("bin", "usr/bin")):
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        root.addfile(entry)


def _add(root: tarfile.TarFile, path: Path, name: str) -> None:
    real = path.resolve()
    with real.open("rb") as content:
        root.addfile(root.gettarinfo(str(real), arcname=name.lstrip("/")), content)


def _libraries(files: Iterable[Path]) -> Sequence[Path]:
    paths: set[str] = set()
    for file in files:
        listing = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False).stdout
        paths |= set(re.findall(r"(/\S+) \(0x", listing))
    return [Path(path) for path in sorted(paths)]
