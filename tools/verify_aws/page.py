"""The parts of ``docs/verify-aws.md`` that are data: what a run costs at most, and the actions that it needs.

python -m tools.verify_aws.page
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Final

from tools.verify_aws.costs import bound
from tools.verify_aws.permissions import STAGE_0, STAGE_1

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "verify-aws.md"
_WIDTH: Final = 120


def render(page: str) -> str:
    """Return the text of the page with these parts as they are in the data."""
    for name, text in {"costs": _costs(), "policy": _policy(), "actions": _actions()}.items():
        place = re.compile(rf"<!-- {name} -->\n.*?<!-- end of {name} -->", re.DOTALL)
        page = place.sub(lambda _, name=name, text=text: f"<!-- {name} -->\n{text}\n<!-- end of {name} -->", page)  # type: ignore[misc]
    return page


def _costs() -> str:
    costs = bound()
    rows = [f"| [{cost.what}]({cost.page}) | {cost.usd:.3f} |" for cost in costs]
    return "\n".join(
        [
            "| at most | USD |",
            "|---|---|",
            *rows,
            f"| in all, in US East (N. Virginia) | {sum(cost.usd for cost in costs):.2f} |",
        ]
    )


def _policy() -> str:
    statement = {"Effect": "Allow", "Action": list(STAGE_0), "Resource": "*"}
    return f"```json\n{json.dumps({'Version': '2012-10-17', 'Statement': [statement]}, indent=2)}\n```"


def _actions() -> str:
    return textwrap.fill(f"{', '.join(f'`{action}`' for action in STAGE_1)}.", _WIDTH, break_long_words=False)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
