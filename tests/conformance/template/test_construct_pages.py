"""The pages about constructs: current, complete, and drawn from what the templates state."""

from __future__ import annotations

from pathlib import Path

import pytest

import cdk_sagemaker_processing as library
from tests.helpers.stacks import ROOT
from tools.construct_pages.connections import connections
from tools.construct_pages.excerpts import excerpt
from tools.construct_pages.pages import ERRORS, PAGES, VALUES
from tools.construct_pages.permissions import of_resources, of_roles, rows
from tools.construct_pages.templates import Template, synthesize
from tools.regenerate_construct_pages import DIRECTORY, PICTURES, files

COMMAND = "run python -m tools.regenerate_construct_pages"


@pytest.fixture(scope="module")
def trigger() -> Template:
    return synthesize("examples/triggered-state-machine/app.py")


@pytest.mark.exhaustive
def test_the_pages_are_those_of_the_examples() -> None:
    written = files()
    assert {path for directory in (DIRECTORY, PICTURES) for path in directory.iterdir()} <= set(written), COMMAND
    stale = [path.relative_to(ROOT) for path, text in written.items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], COMMAND


def test_each_public_name_is_documented_once() -> None:
    documented = [name for page in PAGES for name in (page.name, *page.others)] + [*VALUES, *ERRORS]
    assert sorted(documented) == sorted(library.__all__)


@pytest.mark.parametrize("page", PAGES, ids=[page.file for page in PAGES])
def test_each_page_is_in_the_navigation(page: object) -> None:
    file = getattr(page, "file", "")
    assert f"constructs/{file}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert (DIRECTORY / f"{file}.md").is_file()


def test_the_way_of_an_upload_is_drawn(trigger: Template) -> None:
    path_of = {name: resource.path for name, resource in trigger.resources.items()}
    found = {(path_of[each.source], each.label, path_of[each.target]) for each in connections(trigger)}
    assert {
        ("Arrivals", "Object Created", "Trigger/Rule"),
        ("Trigger/Rule", "", "Trigger/Queue"),
        ("Trigger/Queue", "delivers", "Trigger/Function"),
        ("Trigger/Queue", "after 5 receives", "Trigger/DeadLetterQueue"),
        ("Trigger/Function", "invokes", "Trigger/Ledger/Dispatcher"),
        ("Trigger/Ledger/Dispatcher", "reads, writes", "Trigger/Ledger/Table"),
        ("Trigger/Ledger/Dispatcher", "starts", "Machine"),
        ("Machine", "runs", "JobRole"),
        ("Arrivals", "reads", "JobRole"),
        ("Machine", "execution ended", "Trigger/EndedRule"),
        ("Trigger/EndedRule", "", "Trigger/Queue"),
    } <= found


def test_each_statement_of_a_role_is_a_row(trigger: Template) -> None:
    inside = trigger.inside(("Trigger",))
    policies = list(of_roles(trigger, inside))
    assert [each.owner for each in policies] == ["Trigger/Ledger/DispatcherRole", "Trigger/FunctionRole"]
    statements = sum(
        len(resource.properties["PolicyDocument"]["Statement"])
        for resource in inside
        if resource.type == "AWS::IAM::Policy"
    )
    assert sum(len(list(rows(trigger, each))) for each in policies) == statements
    assert ("`states:ListExecutions`, `states:StartExecution`", "`<Machine>`", "") in rows(trigger, policies[0])
    (queue,) = [each for each in of_resources(trigger, inside) if each.owner == "Trigger/Queue"]
    assert ("anybody", "**denies** `sqs:*`", "`<Trigger/Queue>`", "`aws:SecureTransport` is `false`") in rows(
        trigger, queue
    )


def test_an_excerpt_has_what_creates_and_uses_a_construct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.construct_pages.excerpts.ROOT", tmp_path)
    (tmp_path / "app.py").write_text(
        "import aws_cdk as cdk\nother = 1\nbucket = ProcessingBucket(\n    stack, 'B'\n)\nuse(bucket)\nuse(other)\n"
    )
    assert excerpt("app.py", "ProcessingBucket").splitlines() == [
        "from cdk_sagemaker_processing import ProcessingBucket",
        "",
        "bucket = ProcessingBucket(",
        "    stack, 'B'",
        ")",
        "use(bucket)",
    ]
