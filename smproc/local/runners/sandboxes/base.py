"""What isolates a program from the rest of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# What a program needs of /etc to resolve names, verify certificates, tell the time and find Java.
ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "pip.conf",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "timezone",
)
# Where distributions keep what /usr/lib/jvm links to, e.g. java-17-openjdk.
ETC_PATTERNS = ("java*",)
# Files of the kernel that belong to root: without capabilities, root could write to them all the same.
PROC_SETTINGS = ("bus", "fs", "irq", "sys", "sysrq-trigger")
# The shell looks the program up on the PATH inside and says when there is none; a container has no PWD.
_RUN = 'unset PWD; exec "$@"'
ROOT_LINKS = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
# What a value is called on its way in: a name that means nothing to the loader, the sandbox and the shells on the way,
# as LD_PRELOAD or PATH would.
_CARRIED = "SMPROC_{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """What a sandboxed program sees and runs.

    Attributes:
        command: the program and its arguments, looked up on the environment's PATH inside.
        environment: all of its variables.
        read_only: folders and files of this machine, by the path at which they appear.
        writable: folders of this machine, by the path at which they appear.
        links: symbolic links to make, by path.
        hostname: the name of the host.
        network: whether it may reach the network.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    read_only: Mapping[str, Path]
    writable: Mapping[str, Path]
    links: Mapping[str, str]
    hostname: str
    network: bool

    @property
    def carried(self) -> dict[str, str]:
        """The environment to start the sandbox in: the program's values, under names that nothing on the way heeds.

        They are on no command line, which every user of the machine can read.
        """
        return {_CARRIED.format(number): value for number, value in enumerate(self.environment.values())}

    @property
    def entry(self) -> list[str]:
        """The words that, inside, give the carried values their names, and nothing else, and become the program."""
        named = " ".join(f"{name}=${{{_CARRIED.format(number)}}}" for number, name in enumerate(self.environment))
        return ["/usr/bin/env", "-i", "-S", named, "/bin/sh", "-c", _RUN, "smproc", *self.command]


class Sandbox(Protocol):
    """Isolates a program: its own root, process ids and, if asked, network; it dies with the thread that started it."""

    @property
    def name(self) -> str:
        """The sandbox's name, for `status`."""

    def command(self, inside: SandboxSpec) -> list[str]:
        """The command line that runs the program isolated; to be started in the environment `Inside.carried`.

        The program is process 1 of its namespace and the only child of the process that the command line starts; to
        kill it is to kill all that it has started.
        """


def system_files() -> dict[str, Path]:
    """The read-only parts of this machine that every program needs, by the path at which they appear."""
    files = {"/usr": Path("/usr")}
    names = [*ETC, *sorted(path.name for pattern in ETC_PATTERNS for path in Path("/etc").glob(pattern))]
    for name in names:
        path = Path("/etc") / name
        if path.exists():
            # What is bound must be the file itself: resolv.conf is often a link into /run, which is not visible inside.
            files[f"/etc/{name}"] = path.resolve()
    for name in ROOT_LINKS:
        path = Path("/") / name
        if path.is_dir() and not path.is_symlink():
            files[str(path)] = path
    return files


def system_links() -> dict[str, str]:
    """The symbolic links in the root folder, by path: ``/bin`` to ``usr/bin`` on most distributions."""
    candidates = (Path("/") / name for name in ROOT_LINKS)
    return {str(path): str(path.readlink()) for path in candidates if path.is_symlink()}
