"""Take each action out of each IAM statement of the pipelines' roles, and see what is denied then.

Run by ``make test-iam``. It deploys app.py and examples/batches.py to a local AWS that enforces IAM, and runs what
uses each action: once with everything, when nothing may be denied, and once without the action, when that must be
denied. What the local AWS cannot enforce, because AWS itself acts there and not a request, has the page of AWS's
documentation that demands it instead.

The exit status is 0 when every action is denied when it is missing, or documented, and every page is needed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smproc.local import LocalAws
from tests.helpers.deployment import bootstrap
from tests.helpers.ports import free_port
from tools.iam_mutations.action import Action
from tools.iam_mutations.batches import Batches
from tools.iam_mutations.demo import Demo
from tools.iam_mutations.documented import DOCUMENTED
from tools.iam_mutations.pipeline import Pipeline

NOBODY, DOCUMENTATION = "nobody", "AWS's documentation alone"


@dataclass(frozen=True)
class Row:
    """What came of one removal."""

    app: str
    action: Action
    enforced_by: str
    shown_by: str

    def __str__(self) -> str:
        action = self.action
        cells = self.app, action.part, action.name, action.resource, self.enforced_by, self.shown_by
        return f"| {' | '.join(cells)} |"


def rows(pipeline: Pipeline) -> Iterator[Row]:
    """What comes of each removal."""
    for action in pipeline.actions():
        found = pipeline.denied_without(action)
        if found is not None:
            yield Row(pipeline.stack, action, found["by"], f"denied on {found['resource'].strip(chr(34))}")
        elif page := DOCUMENTED[action.part].get(action.name):
            yield Row(pipeline.stack, action, DOCUMENTATION, page)
        else:
            yield Row(pipeline.stack, action, NOBODY, "nothing was denied, and no page demands it")


def printed(pipelines: Iterator[Pipeline]) -> list[Row]:
    """The table, printed row by row."""
    sys.stdout.write("| app | role | action taken away | of the statement on | enforced here by | shown by |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    found = []
    for pipeline in pipelines:
        pipeline.check_everything_is_allowed()
        for row in rows(pipeline):
            found.append(row)
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()
    return found


def main() -> int:
    """Print the table, and how many actions of each app are enforced by whom."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LocalAws(port=free_port(), state_dir=folder / "state", enforce_iam=True) as local_aws:
            environment = local_aws.redirect(os.environ) | {"SMPROC_HOME": str(folder / "state")}
            bootstrap(environment)
            found = printed(kind(local_aws, environment, folder) for kind in (Demo, Batches))
    sys.stdout.write("\n")
    for app, count in Counter(row.app for row in found).items():
        by = Counter(row.enforced_by for row in found if row.app == app)
        sys.stdout.write(f"{app}: {count} actions: {', '.join(f'{by[each]} by {each}' for each in sorted(by))}\n")
    needed = {(row.action.part, row.action.name) for row in found if row.enforced_by == DOCUMENTATION}
    idle = [f"{part}: {name}" for part, pages in DOCUMENTED.items() for name in pages if (part, name) not in needed]
    if idle:
        sys.stdout.write(f"pages that no action needs, to be taken out of documented.py: {', '.join(idle)}\n")
    return 1 if idle or any(row.enforced_by == NOBODY for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
