"""The interface of a sandbox, which isolates a program from the rest of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# The parts of /etc that a program needs to resolve names, verify certificates, tell the time and find Java.
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
# The targets of links in /usr/lib/jvm on some distributions, e.g. java-17-openjdk.
ETC_PATTERNS = ("java*",)
# The empty directories of a base image that scripts write to without creating them.
EMPTY = ("/home", "/media", "/mnt", "/run", "/srv", "/var/log", "/var/tmp")  # noqa: S108 - paths in the sandbox
# Kernel files that belong to root, who could write to them even without capabilities.
PROC_SETTINGS = ("bus", "fs", "irq", "sys", "sysrq-trigger")
# The shell looks the program up on the PATH of the sandbox and reports a missing one; a container has no PWD.
_RUN = 'unset PWD; exec "$@"'
ROOT_LINKS = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
# Variables enter the sandbox under neutral names: unlike LD_PRELOAD or PATH, these mean nothing to the loader, the
# sandbox and the shells that start the program.
_NEUTRAL_NAME = "SMPROC_{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """The program of a sandbox and everything that it sees.

    Attributes:
        command: the program and its arguments; looked up on the environment's PATH in the sandbox.
        environment: the complete environment of the program.
        read_only: read-only directories and files of this machine, by the path at which they appear.
        writable: writable directories of this machine, by the path at which they appear.
        links: symbolic links to create, by path.
        hostname: the host name.
        network: whether the program may reach the network.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    read_only: Mapping[str, Path]
    writable: Mapping[str, Path]
    links: Mapping[str, str]
    hostname: str
    network: bool

    @property
    def launch_environment(self) -> dict[str, str]:
        """The environment to start the sandbox in: the program's variables under neutral names.

        Their values appear on no command line, which every user of the machine can read.
        """
        return {_NEUTRAL_NAME.format(number): value for number, value in enumerate(self.environment.values())}

    @property
    def entry_command(self) -> list[str]:
        """The command that, in the sandbox, restores the names of the variables and becomes the program."""
        assignments = " ".join(
            f"{name}=${{{_NEUTRAL_NAME.format(number)}}}" for number, name in enumerate(self.environment)
        )
        return ["/usr/bin/env", "-i", "-S", assignments, "/bin/sh", "-c", _RUN, "smproc", *self.command]


class Sandbox(Protocol):
    """An isolated root, process ids and, on request, network; the program dies with the thread that started it."""

    @property
    def name(self) -> str:
        """The sandbox's name, as `status` shows it."""

    def command(self, spec: SandboxSpec) -> list[str]:
        """Return the command line that runs the program isolated; start it in `SandboxSpec.launch_environment`.

        The program is process 1 of its namespace and the only child of the process that the command line starts;
        killing it kills everything that it started.
        """


def system_files() -> dict[str, Path]:
    """Return the read-only parts of this machine that every program needs, by the path at which they appear."""
    files = {"/usr": Path("/usr")}
    names = [*ETC, *sorted(path.name for pattern in ETC_PATTERNS for path in Path("/etc").glob(pattern))]
    for name in names:
        path = Path("/etc") / name
        if path.exists():
            # Only the file itself can be bound: resolv.conf is often a link into /run, which the sandbox does not have.
            files[f"/etc/{name}"] = path.resolve()
    for name in ROOT_LINKS:
        path = Path("/") / name
        if path.is_dir() and not path.is_symlink():
            files[str(path)] = path
    return files


def system_links() -> dict[str, str]:
    """Return the symbolic links in the root directory, by path: ``/bin`` to ``usr/bin`` on most distributions."""
    candidates = (Path("/") / name for name in ROOT_LINKS)
    return {str(path): str(path.readlink()) for path in candidates if path.is_symlink()}
