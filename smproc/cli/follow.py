"""The options ``--follow``: of commands that print lines as they come, and of those that show a progress."""

from __future__ import annotations

from typing import Annotated

import typer

FollowLines = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on with the lines to come, until the end or Ctrl-C.")
]
FollowProgress = Annotated[
    bool,
    typer.Option("--follow/--no-follow", help="Show the progress until it is over; the exit status is 1 if it fails."),
]
