"""The page for the person with an account has the costs and the actions of the data."""

from __future__ import annotations

from tools.verify_aws.page import PAGE, render
from tools.verify_aws.permissions import STAGE_0, STAGE_1, actions_of
from tools.verify_aws.without_deploying import CHECKS


def test_the_page_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert render(page) == page, "run python -m tools.verify_aws.page"


def test_the_page_has_every_action_and_every_check() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [action for action in (*STAGE_0, *STAGE_1) if action not in page] == []
    assert [check.id for check in CHECKS if f"`{check.id}`" not in page] == []


def test_requests_need_actions_of_other_names() -> None:
    calls = ["stepfunctions:StartExecution", "s3:HeadObject", "s3:DeleteObjects", "sts:GetCallerIdentity"]
    assert actions_of(calls) == {"states:StartExecution", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion"}
