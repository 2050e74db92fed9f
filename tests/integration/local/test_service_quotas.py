"""Service Quotas: those of SageMaker, those of Step Functions by region, and their defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smproc.local.server.service_quotas import states_quotas
from tests.helpers.local_aws import RunningLocalAws
from tests.helpers.stacks import ROOT

BUCKET, REFILL = "StartExecution throttle token bucket size", "StartExecution throttle token refill rate per second"
OPERATIONS = ("list_service_quotas", "list_aws_default_service_quotas")


def quotas_of(aws: RunningLocalAws, operation: str, service: str) -> dict[str, Mapping[str, Any]]:
    pages = (
        aws.client("service-quotas")
        .get_paginator(operation)
        .paginate(ServiceCode=service, PaginationConfig={"PageSize": 5})
    )
    return {quota["QuotaName"]: quota for page in pages for quota in page["Quotas"]}


@pytest.mark.parametrize(("operation", "account"), [(OPERATIONS[0], "000000000000"), (OPERATIONS[1], "")])
def test_the_rates_of_step_functions_are_the_defaults_of_the_region(
    local_aws: RunningLocalAws, operation: str, account: str
) -> None:
    quotas = quotas_of(local_aws, operation, "states")
    assert {name: quota["Value"] for name, quota in quotas.items()} == states_quotas("us-east-1")
    assert quotas[REFILL] == {
        "ServiceCode": "states",
        "ServiceName": "AWS Step Functions",
        "QuotaArn": f"arn:aws:servicequotas:us-east-1:{account}:states/L-1B55A735",
        "QuotaCode": "L-1B55A735",
        "QuotaName": REFILL,
        "Value": 300.0,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


@pytest.mark.parametrize(
    ("region", "bucket", "refill"), [("us-west-2", 1300, 300), ("eu-west-1", 1300, 300), ("eu-central-1", 800, 150)]
)
def test_the_rates_differ_by_region(region: str, bucket: int, refill: int) -> None:
    quotas = states_quotas(region)
    assert (quotas[BUCKET], quotas[REFILL]) == (bucket, refill)


def test_a_fault_changes_the_quota_of_the_account_and_not_its_default(local_aws: RunningLocalAws) -> None:
    local_aws.aws.put_fault("quota", instance_type="ml.m5.large")
    try:
        own, default = (quotas_of(local_aws, operation, "sagemaker") for operation in OPERATIONS)
    finally:
        local_aws.aws.clear_faults()
    name = "ml.m5.large for processing job usage"
    assert (own[name]["Value"], default[name]["Value"]) == (0.0, 20.0)
    assert own.keys() == default.keys()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_another_service_and_another_operation_are_refused(local_aws: RunningLocalAws, operation: str) -> None:
    client = local_aws.client("service-quotas")
    with pytest.raises(ClientError, match="quotas of sagemaker and states alone, not of 'lambda'") as caught:
        getattr(client, operation)(ServiceCode="lambda")
    assert caught.value.response["Error"]["Code"] == "NoSuchResourceException"
    with pytest.raises(
        ClientError, match="does not implement servicequotas:ListServices; it has ListServiceQuotas and"
    ):
        client.list_services()


def test_the_benchmarks_count_with_the_quotas_of_us_east_1() -> None:
    counted = json.loads((ROOT / "benchmarks" / "quotas.json").read_text(encoding="utf-8"))
    names = {
        "start_bucket": BUCKET,
        "start_rate": REFILL,
        "open_executions": "Open executions",
        "list_executions_rate": "ListExecutions throttle token refill rate per second",
    }
    quotas, elsewhere = states_quotas("us-east-1"), states_quotas("eu-central-1")
    assert {key: counted[key]["value"] for key in names} == {key: quotas[name] for key, name in names.items()}
    assert counted["start_rate_elsewhere"]["value"] == elsewhere[REFILL]
