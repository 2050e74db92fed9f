"""The command deploys nothing without a yes, and says before what it costs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.unit.verify_aws.test_account import an_account
from tests.unit.verify_aws.test_report import an_answer
from tools.verify_aws import __main__ as command
from tools.verify_aws.account import Account, NoAccountError
from tools.verify_aws.laboratory.deployment import Deployment, DeploymentError
from tools.verify_aws.question import OTHERWISE


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stage 0 has one answer, and a deployment fails; return what is deployed and deleted."""
    events: list[str] = []

    def deploy(_: Deployment, revision: int = 0) -> str:
        events.append(f"deploy {revision}")
        raise DeploymentError("cdk deploy failed with exit status 1:\nno bootstrap stack")

    def clean_up(_: Account) -> list[str]:
        events.append("clean up")
        return []

    monkeypatch.setattr(Account, "of", lambda *_: an_account(""))
    monkeypatch.setattr(command, "instance_quotas", lambda *_: {"ml.t3.medium": 4.0})
    monkeypatch.setattr(command, "_without_deploying", lambda *_: [an_answer()])
    monkeypatch.setattr(command, "clean_up", clean_up)
    monkeypatch.setattr(Deployment, "deploy", deploy)
    return events


@pytest.mark.parametrize("said", ["", "n\n", "no\n", "\n", "maybe\n"])
def test_without_a_yes_nothing_is_deployed(
    deployed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, said: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert command.main(["--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert deployed == []
    assert "Account 111122223333 in us-east-1, as arn, AWS." in printed
    assert "Stage 1 deploys the stack ProcessingVerification, runs its jobs, and deletes it" in printed
    assert "USD 0.2" in printed
    assert "Nothing was deployed." in printed
    assert (tmp_path / next(tmp_path.iterdir()).name).name.startswith("us-east-1-")


@pytest.mark.parametrize("arguments", [["--yes"], []])
def test_what_a_failed_deployment_left_is_cleaned_up_and_the_answers_are_recorded(
    deployed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert command.main([*arguments, "--output", str(tmp_path)]) == 2
    assert deployed == ["deploy 0", "clean up"]
    assert "no bootstrap stack" in capsys.readouterr().out
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_quota_nothing_is_deployed(
    deployed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "instance_quotas", lambda *_: {"ml.t3.medium": 0.0})
    assert command.main(["--yes", "--output", str(tmp_path)]) == 2
    assert deployed == []
    assert (
        "the account must allow a processing job an instance of ml.t3.medium, got a quota of 0; request an "
        "increase in Service Quotas" in capsys.readouterr().out
    )


def test_a_stack_that_is_not_deleted_is_left(
    deployed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def clean_up(_: Account) -> list[str]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteStack")

    monkeypatch.setattr(command, "clean_up", clean_up)
    assert command.main(["--yes", "--output", str(tmp_path)]) == 2
    assert deployed == ["deploy 0"]
    assert "left: stack ProcessingVerification, which was not deleted: " in capsys.readouterr().out


def test_stage_0_asks_nothing_and_deploys_nothing(deployed: list[str], tmp_path: Path) -> None:
    assert command.main(["--stage", "0", "--output", str(tmp_path)]) == 0
    assert deployed == []


def test_a_fallen_claim_is_the_exit_status(
    deployed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "_without_deploying", lambda *_: [an_answer(OTHERWISE)])
    assert command.main(["--stage", "0", "--output", str(tmp_path)]) == 1
    assert "This claim falls: the paths of a manifest's objects" in capsys.readouterr().out
    assert deployed == []


def test_without_an_account_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def of(*_: object) -> Account:
        raise NoAccountError("region must be known, got none; pass --region, or set AWS_REGION")

    monkeypatch.setattr(Account, "of", of)
    assert command.main([]) == 2
    assert capsys.readouterr().err == "region must be known, got none; pass --region, or set AWS_REGION\n"
