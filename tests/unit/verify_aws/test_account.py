"""The account that is asked: whose it is, and what the local AWS does not have."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.verify_aws import account as account_module
from tools.verify_aws.account import Account, NoAccountError
from tools.verify_aws.provoking import LocalProvoker, Provoker, provoker_for
from tools.verify_aws.question import NotAnsweredError, NotProvokedError


class Refusing:
    """A client whose operation is refused."""

    def __init__(self, code: str) -> None:
        self._code = code
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def list_analyzers(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, "ListAnalyzers")


def an_account(endpoint: str, code: str = "NotImplemented") -> Account:
    return Account(
        number="111122223333",
        region="us-east-1",
        caller="arn",
        endpoint=endpoint,
        _clients_of=lambda *_, **__: Refusing(code),
    )


def test_what_the_local_aws_does_not_have_is_not_answered() -> None:
    with pytest.raises(NotAnsweredError, match="the local AWS has no accessanalyzer:list_analyzers"):
        an_account("http://127.0.0.1:4566").ask("accessanalyzer", "list_analyzers")


@pytest.mark.parametrize(("endpoint", "code"), [("", "NotImplemented"), ("http://127.0.0.1:4566", "AccessDenied")])
def test_other_refusals_are_errors(endpoint: str, code: str) -> None:
    with pytest.raises(ClientError):
        an_account(endpoint, code).ask("accessanalyzer", "list_analyzers")


def test_another_region_has_clients_of_its_own_and_the_calls_of_the_account() -> None:
    asked: list[tuple[str, str | None]] = []

    def client_of(service: str, *, region_name: str | None = None, **_: Any) -> Refusing:
        asked.append((service, region_name))
        return Refusing("")

    here = dataclasses.replace(an_account(""), _clients_of=client_of)
    there = here.in_region("eu-west-1")
    for account in (here, there, here.in_region("us-east-1")):
        account.client("ecr")
    assert asked == [("ecr", None), ("ecr", "eu-west-1")]
    assert (there.region, there.number, there.calls is here.calls) == ("eu-west-1", here.number, True)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
        ("http://localhost:4566/", "http://localhost:4566/"),
        ("https://sts.eu-west-1.amazonaws.com", ""),
        ("https://vpce-1.sts.eu-west-1.vpce.amazonaws.com", ""),
    ],
)
def test_the_local_aws_is_on_loopback(url: str, local: str) -> None:
    assert account_module._local_endpoint(url) == local


def test_nothing_can_be_provoked_in_aws() -> None:
    provoker = provoker_for(an_account(""))
    assert type(provoker) is Provoker
    with pytest.raises(NotProvokedError, match="AWS has no capacity on request"):
        provoker.provoke("capacity")


def test_faults_are_injected_into_the_local_aws_alone() -> None:
    assert isinstance(provoker_for(an_account("http://127.0.0.1:4566")), LocalProvoker)


def test_without_credentials_or_a_region_there_is_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoAccountError, match="region must be known, got none; pass --region, or set AWS_REGION"):
        Account.of()
    with pytest.raises(NoAccountError, match="the credentials must lead to an account: Unable to locate credentials"):
        Account.of(region="eu-west-1")
    with pytest.raises(NoAccountError, match=r"the credentials must lead to an account: .*nobody"):
        Account.of(profile="nobody", region="eu-west-1")
