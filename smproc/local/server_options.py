"""The options of a server, which are fixed from its start to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from smproc.local.errors import InvalidOptionError

_RUNNERS = ("auto", "process", "container")
_MANIFEST_LAYOUTS = ("relative", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """The options with which a server was requested to start; None where the server decides.

    Attributes:
        region: the region that it emulates.
        runner: the program that runs jobs: ``auto``, ``process`` or ``container``.
        enforce_iam: whether requests need a policy that allows them.
        manifest_layout: the paths of the objects of a manifest: ``relative`` or ``key``.
        strict: whether what would be ignored is refused.

    Raises:
        InvalidOptionError: the runner is none of the three, or the layout of manifests neither of the two.
    """

    region: str | None = None
    runner: Literal["auto", "process", "container"] | None = None
    enforce_iam: bool | None = None
    manifest_layout: Literal["relative", "key"] | None = None
    strict: bool | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("runner", _RUNNERS), ("manifest_layout", _MANIFEST_LAYOUTS)):
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise InvalidOptionError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")

    def given(self) -> dict[str, Any]:
        """Return the options that are not left to the server, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def arguments(self) -> list[str]:
        """Return the options as arguments of a command line."""
        return [part for name, value in self.given().items() for part in _arguments(name, value)]

    def differences(self, running: Mapping[str, Any]) -> list[str]:
        """Return a text for each option that a running server does not have as requested.

        Args:
            running: the options of the running server, by name.
        """
        return [
            f"{' '.join(_arguments(name, value))} was requested, it has {' '.join(_arguments(name, running[name]))}"
            for name, value in self.given().items()
            if name in running and running[name] != value
        ]


def _arguments(name: str, value: str | bool) -> list[str]:  # noqa: FBT001 - the value of an option
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", value]
