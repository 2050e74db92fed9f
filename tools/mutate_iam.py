"""Remove each action from each IAM statement of the pipelines' roles, and check that its use is denied.

Run by ``make test-iam``. It deploys app.py and examples/batches to a local AWS that enforces IAM, and runs a
scenario that uses each action: once with all actions, where nothing may be denied, and once without the action, where
its use must be denied. Actions that the local AWS cannot enforce, because AWS performs them without a request, have the
page of AWS's documentation that requires them instead.

The exit status is 0 if every action is enforced or documented, and every page is needed.
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

NOBODY, DOCUMENTATION = "nobody", "AWS's documentation"


@dataclass(frozen=True)
class Row:
    """The result of one removal."""

    app: str
    action: Action
    enforced_by: str
    shown_by: str

    def __str__(self) -> str:
        action = self.action
        cells = self.app, action.part, action.name, action.resource, self.enforced_by, self.shown_by
        return f"| {' | '.join(cells)} |"


def rows(pipeline: Pipeline) -> Iterator[Row]:
    """Remove each action in turn and yield the results."""
    for action in pipeline.actions():
        denial = pipeline.denial_without(action)
        if denial is not None:
            yield Row(pipeline.stack, action, denial["by"], f"denied on {denial['resource'].strip(chr(34))}")
        elif page := DOCUMENTED[action.part].get(action.name):
            yield Row(pipeline.stack, action, DOCUMENTATION, page)
        else:
            yield Row(pipeline.stack, action, NOBODY, "nothing was denied, and no page requires it")


def print_table(pipelines: Iterator[Pipeline]) -> list[Row]:
    """Print the table row by row, and return the rows."""
    sys.stdout.write("| app | role | removed action | resource of the statement | enforced by | evidence |\n")
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
    """Print the table and the number of actions of each app by what enforces them."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with LocalAws(port=free_port(), state_dir=directory / "state") as local_aws:
            environment = local_aws.redirect(os.environ) | {"SMPROC_HOME": str(directory / "state")}
            bootstrap(environment)
            found = print_table(kind(local_aws, environment, directory) for kind in (Demo, Batches))
    sys.stdout.write("\n")
    for app, count in Counter(row.app for row in found).items():
        by = Counter(row.enforced_by for row in found if row.app == app)
        sys.stdout.write(f"{app}: {count} actions: {', '.join(f'{by[each]} by {each}' for each in sorted(by))}\n")
    needed = {(row.action.part, row.action.name) for row in found if row.enforced_by == DOCUMENTATION}
    idle = [f"{part}: {name}" for part, pages in DOCUMENTED.items() for name in pages if (part, name) not in needed]
    if idle:
        sys.stdout.write(f"pages that no action needs; remove them from documented.py: {', '.join(idle)}\n")
    return 1 if idle or any(row.enforced_by == NOBODY for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
