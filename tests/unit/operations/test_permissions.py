"""The permissions of the commands: the page is up to date, and every action exists."""

from __future__ import annotations

import runpy

import pytest
from typer.main import get_command

from smproc.cli import app
from smproc.operations.permissions import COMMANDS
from tests.helpers.stacks import ROOT


def test_the_page_lists_them() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "regenerate_permissions.py"))
    assert (ROOT / "docs" / "operating.md").read_text(encoding="utf-8") == tool["page"]()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_exists_and_finds_pipelines_by_their_tags(command: str) -> None:
    found = get_command(app)
    for word in command.split():
        found = found.commands[word]  # type: ignore[attr-defined] # a group
    assert "tag:GetResources" in {one.action for one in COMMANDS[command]}
