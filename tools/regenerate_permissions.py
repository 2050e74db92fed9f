"""Write the permissions that each command needs to docs/operating.md.

    python tools/regenerate_permissions.py

A test checks that the page is up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "operating.md"
_TABLE = re.compile(r"(?<=<!-- permissions -->\n).*(?=<!-- /permissions -->)", re.DOTALL)


def table() -> str:
    """Return the table: the actions of each command, each with the resource that it is for."""
    from smproc.operations.permissions import COMMANDS  # noqa: PLC0415 - the path is extended below

    text = "\n| command | action | resource | needed if |\n|---|---|---|---|\n"
    for command, permissions in COMMANDS.items():
        seen: dict[tuple[str, str, str], str] = {}
        for one in permissions:
            seen.setdefault((one.action, one.resource, one.when), one.source)
        for number, ((action, resource, when), source) in enumerate(sorted(seen.items())):
            name = f"`smproc {command}`" if not number else ""
            shown = "any (`*`)" if resource == "any" else resource
            text += f"| {name} | [`{action}`]({source}) | {shown} | {when} |\n"
    return f"{text}\n"


def page() -> str:
    """Return the page with the table."""
    return _TABLE.sub(lambda _: table(), PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]
    PAGE.write_text(page(), encoding="utf-8")
