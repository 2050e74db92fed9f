"""The files of the command ``train``."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def train_files(root: str) -> dict[str, Path]:
    """Return the files of ``train`` by the path at which they appear in the sandbox.

    Args:
        root: a directory in the sandbox; ``bin`` has the command, ``lib`` the rest.
    """
    return {f"{root}/bin/train": _HERE / "train", f"{root}/lib/smtrain": _HERE / "smtrain"}


def train_command(root: str) -> tuple[str, ...]:
    """Return the command that ``train`` stands for in the sandbox.

    Args:
        root: the directory that `train_files` got.
    """
    return ("python3", f"{root}/bin/train")
