"""Quotas that the account has never changed are among the defaults alone."""

from __future__ import annotations

from typing import Any

from tests.unit.verify_aws.test_account import Refusing
from tools.verify_aws.account import Account
from tools.verify_aws.without_deploying.quotas import instance_quotas

OWN = {"ml.m5.large for processing job usage": 4, "ml.m5.large for training job usage": 9}
DEFAULTS = {"ml.m5.large for processing job usage": 0, "ml.t3.medium for processing job usage": 2}


class Quotas(Refusing):
    """Service Quotas, with a page for each quota; it counts the lists."""

    def __init__(self) -> None:
        super().__init__("")
        self.lists: list[str] = []

    def list_service_quotas(self, **request: Any) -> dict[str, Any]:
        return self._page("own", OWN, request)

    def list_aws_default_service_quotas(self, **request: Any) -> dict[str, Any]:
        return self._page("defaults", DEFAULTS, request)

    def _page(self, name: str, quotas: dict[str, int], request: dict[str, Any]) -> dict[str, Any]:
        assert request["ServiceCode"] == "sagemaker"
        position = int(request.get("NextToken", 0))
        self.lists += [] if position else [name]
        (quota, value) = list(quotas.items())[position]
        more = {"NextToken": str(position + 1)} if position + 1 < len(quotas) else {}
        return {"Quotas": [{"QuotaName": quota, "Value": value}], **more}


def quotas_of(*types: str) -> tuple[dict[str, float], list[str]]:
    client = Quotas()
    account = Account(number="1", region="r", caller="c", endpoint="", _clients_of=lambda *_, **__: client)
    return instance_quotas(account, types), client.lists


def test_the_defaults_are_asked_for_what_the_account_does_not_have() -> None:
    assert quotas_of("ml.m5.large") == ({"ml.m5.large": 4.0}, ["own"])
    assert quotas_of("ml.m5.large", "ml.t3.medium") == ({"ml.m5.large": 4.0, "ml.t3.medium": 2.0}, ["own", "defaults"])


def test_a_type_that_aws_does_not_know_has_a_quota_of_zero() -> None:
    assert quotas_of("ml.none.large")[0] == {"ml.none.large": 0.0}
