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
    """Return the table: the actions of each command by their resources, and the pages of AWS about the services."""
    from smproc.operations.permissions import COMMANDS  # noqa: PLC0415 - the path is extended below

    text = "\n| command | resource | actions | needed if |\n|---|---|---|---|\n"
    pages: dict[str, str] = {}
    for command, permissions in COMMANDS.items():
        rows: dict[tuple[str, str], set[str]] = {}
        always = {(one.resource, one.action) for one in permissions if not one.when}
        for one in permissions:
            if one.when and (one.resource, one.action) in always:
                continue
            rows.setdefault((one.when, one.resource), set()).add(one.action)
            pages[one.action.partition(":")[0]] = one.source
        name = f"`smproc {command}`"
        for (when, resource), actions in sorted(rows.items()):
            listed = ", ".join(f"[`{action}`][{action.partition(':')[0]}]" for action in sorted(actions))
            text += f"| {name} | {'any (`*`)' if resource == 'any' else resource} | {listed} | {when} |\n"
            name = ""
    links = "".join(f"[{service}]: {page}\n" for service, page in sorted(pages.items()))
    return f"{text}\n{links}\n"


def page() -> str:
    """Return the page with the table."""
    return _TABLE.sub(lambda _: table(), PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]
    PAGE.write_text(page(), encoding="utf-8")
