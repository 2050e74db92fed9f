"""The permissions of the commands: the page is up to date, and every action exists."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from typer.main import get_command

from smproc.cli import app
from smproc.operations.permissions import COMMANDS
from tests.helpers.stacks import ROOT

# The names of services in botocore that differ from those in actions, and the actions that no operation is named after.
CLIENTS = {"states": "stepfunctions", "tag": "resourcegroupstaggingapi", "servicequotas": "service-quotas"}
OTHERS = {
    "iam:PassRole": "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
    "lambda:InvokeFunction": "https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
    "s3:GetBucketNotification": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html",
    "s3:ListBucket": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html",
    "s3:ListBucketVersions": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html",
}


def test_each_action_is_an_operation_of_its_service() -> None:
    session = botocore.session.Session()
    actions = {one.action for permissions in COMMANDS.values() for one in permissions}
    operations = {
        service: set(session.get_service_model(CLIENTS.get(service, service)).operation_names)
        for service in {action.partition(":")[0] for action in actions}
    }
    unknown = {action for action in actions if action.partition(":")[2] not in operations[action.partition(":")[0]]}

    # GetBucketNotification is also an operation, which is deprecated.
    assert unknown == set(OTHERS) - {"s3:GetBucketNotification"}


def test_the_page_lists_them() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "regenerate_permissions.py"))
    assert (ROOT / "docs" / "operating.md").read_text(encoding="utf-8") == tool["page"]()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_exists_and_finds_its_pipeline_by_tags_if_it_takes_one(command: str) -> None:
    found = get_command(app)
    for word in command.split():
        found = found.commands[word]  # type: ignore[attr-defined] # a group
    takes_one = {parameter.name for parameter in found.params} & {"pipeline", "stack"}
    is_found_by_tags = "tag:GetResources" in {one.action for one in COMMANDS[command]}
    # `graph` takes a state machine of a stack.
    assert is_found_by_tags == (bool(takes_one) or command == "pipelines") or command == "graph"


def test_every_command_that_calls_aws_is_listed() -> None:
    commands = {" ".join(words) for words in _commands(get_command(app)) if words[0] != "local"}
    assert commands - {"new", "try", "adopt notebook", "adopt pipeline"} == set(COMMANDS)


def _commands(group: Any) -> Iterator[list[str]]:  # noqa: ANN401 - Typer publishes no type for it
    """Yield the words of each command of a group."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ([name, *words] for words in _commands(command))
        else:
            yield [name]
