"""Where our ``smspark-submit`` is on this machine and inside the sandbox."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def smspark_files(root: str) -> dict[str, Path]:
    """The parts of ``smspark-submit`` by the path at which they appear inside.

    Args:
        root: a folder inside whose ``bin`` is on the image's PATH; the launcher looks for the rest in its ``lib``.
    """
    return {f"{root}/bin/smspark-submit": _HERE / "smspark-submit", f"{root}/lib/smspark": _HERE / "smspark"}
