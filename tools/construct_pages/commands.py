"""The commands of `smproc`, as their help describes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from smproc.cli import app
from tools.construct_pages.rendering import GENERATED

_WIDTH = 100
_ABOUT = """\
What `smproc COMMAND --help` prints. [Operating pipelines](operating.md), [the local AWS](local-aws.md), [from a saved
script to its outputs](inner-loop.md) and [adopting](adopting.md) show the commands at work."""
# Subcommands are below the headings of their commands.
_DEEP = 3


def command_pages() -> str:
    """Return the text of the page."""
    runner = CliRunner()
    parts = [GENERATED, "# Commands", _ABOUT]
    for words in (["smproc"], *_commands(get_command(app), ["smproc"])):
        shown = runner.invoke(app, [*words[1:], "--help"], prog_name="smproc", terminal_width=_WIDTH)
        help_text = "\n".join(line.rstrip() for line in shown.output.strip().splitlines())
        parts.append(f"{'##' if len(words) < _DEEP else '###'} {' '.join(words)}\n\n```text\n{help_text}\n```")
    return "\n\n".join(parts) + "\n"


def _commands(group: Any, path: list[str]) -> Iterator[list[str]]:  # noqa: ANN401 - Typer's own
    for name, command in group.commands.items():
        if not command.hidden:
            yield [*path, name]
            if hasattr(command, "commands"):
                yield from _commands(command, [*path, name])
