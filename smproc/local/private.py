"""A local AWS that belongs to one process and ends with it."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smproc.local.controller import LocalAws
from smproc.local.environment import ACCOUNT
from smproc.local.errors import PortInUseError
from smproc.local.state_dir import remove_tree
from smproc.local.status import Status

if TYPE_CHECKING:
    from boto3 import Session

_ATTEMPTS = 5


class PrivateLocalAws(LocalAws):
    """A local AWS of this process alone: on a free port, with an empty account in a temporary directory.

    It ends with the process, however the process ends, and leaves nothing behind. Everything is allowed in it.

    Args:
        region: the region that it emulates. Default: us-east-1.
        account: the account that `environment` leads to. Default: 000000000000.
        runner: as for `LocalAws`. Default: ``auto``.
        images: as for `LocalAws`. Default: none.
        manifest_layout: as for `LocalAws`. Default: ``relative``.
        enforce_iam: as for `LocalAws`. Default: False.

    Raises:
        InvalidOptionError: as for `LocalAws`.

    Example:
        >>> with PrivateLocalAws() as aws:  # doctest: +SKIP
        ...     print(aws.endpoint)
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        account: str = ACCOUNT,
        runner: Literal["auto", "process", "container"] | None = None,
        images: Mapping[str, str | Path] | None = None,
        manifest_layout: Literal["relative", "key"] | None = None,
        enforce_iam: bool = False,
    ) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="smproc-"))
        self._owned: int | None = None
        super().__init__(
            _free_port(),
            region,
            self._root,
            runner=runner,
            images=images,
            manifest_layout=manifest_layout,
            enforce_iam=enforce_iam,
            account=account,
        )

    def start(self, *, fresh: bool = False) -> Status:
        """Start it and wait until it answers.

        Args:
            fresh: without effect, as its account is always empty.

        Raises:
            LocalAwsError: as for `LocalAws`.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            self._lifeline, self._owned = os.pipe()
            try:
                return super().start(fresh=fresh)
            except PortInUseError:
                # Another process has taken the port that was free a moment ago.
                self._let_go()
                if attempt == _ATTEMPTS:
                    raise
                self._move_to(_free_port(), self._root)
            except BaseException:
                self._let_go()
                raise
            finally:
                os.close(self._lifeline)
                self._lifeline = None
        raise AssertionError  # the loop returns or raises

    def stop(self) -> Status:
        """Stop it, wait for its end, and remove its state."""
        status = super().stop()
        self._let_go()
        remove_tree(self._root)
        return status

    def leave(self) -> None:
        """Make it stop and remove its state, without waiting for that."""
        if self._owned is None:
            remove_tree(self._root)
        self._let_go()

    def session(self) -> Session:
        """Return a boto3 session of it, which calls nothing else whatever the environment says."""
        from smproc.local.session import SharedSession  # noqa: PLC0415 - slow to load

        return SharedSession(self)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _let_go(self) -> None:
        if self._owned is not None:
            with contextlib.suppress(OSError):
                os.close(self._owned)
            self._owned = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
