"""The clients that ministack's tests expect of a conftest, which its source distribution lacks.

`__main__` copies this file beside the tests as their conftest. Tests that use more of theirs than clients are skipped.
Two of their assumptions differ from AWS, which hides what a test is about, so the client of Step Functions
does what a user would: a synchronous execution is one of an Express workflow, and the actions of ``aws-sdk``
integrations begin in lower case.

See: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
See: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import os
import re
import uuid
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

REGION = "us-east-1"
ENDPOINT = os.environ["MINISTACK_ENDPOINT"]
_SERVICES = {
    "acm_client": "acm", "apigw": "apigatewayv2", "apigw_v1": "apigateway", "appconfig_client": "appconfig",
    "appsync": "appsync", "autoscaling": "autoscaling", "backup": "backup", "cfn": "cloudformation",
    "cloudfront": "cloudfront", "codebuild": "codebuild", "cognito_identity": "cognito-identity",
    "cognito_idp": "cognito-idp", "cw": "cloudwatch", "ddb": "dynamodb", "ddb_streams": "dynamodbstreams",
    "eb": "events", "ec": "elasticache", "ec2": "ec2", "ecr": "ecr", "ecs": "ecs", "efs": "efs", "eks": "eks",
    "elbv2": "elbv2", "fh": "firehose", "glue": "glue", "iam": "iam", "iot_client": "iot", "kin": "kinesis",
    "kms": "kms", "kms_client": "kms", "lam": "lambda", "location": "location", "logs": "logs",
    "opensearch": "opensearch", "r53": "route53", "rds": "rds", "s3": "s3", "s3tables": "s3tables",
    "scheduler": "scheduler", "sd": "servicediscovery", "ses": "ses", "sesv2": "sesv2", "sfn": "stepfunctions",
    "signer": "signer", "sm": "secretsmanager", "sns": "sns", "sqs": "sqs", "ssm": "ssm", "sts": "sts",
    "wafv2": "wafv2",
}  # fmt: skip
_ACTION = re.compile(r"(aws-sdk:[a-z0-9]+:)([A-Z])")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever a test imports
    if name.startswith(("__", "collect_ignore", "pytest")):  # for which pytest asks
        raise AttributeError(name)
    return lambda *_args, **_kwargs: pytest.skip("needs a helper that the source distribution lacks")


def make_client(service: str, region: str | dict[str, Any] = REGION, **more: Any) -> Any:  # noqa: ANN401 - boto3's
    """Return a client, for tests that make their own."""
    config: dict[str, Any] = {"retries": {"max_attempts": 0}, "read_timeout": 60, "inject_host_prefix": False}
    if isinstance(region, dict):
        config, region = {**config, **region}, REGION
    more.setdefault("config", Config(**config))
    client = botocore.session.get_session().create_client(
        service,
        endpoint_url=ENDPOINT,
        region_name=region,
        **{"aws_access_key_id": "test", "aws_secret_access_key": "test", **more},
    )
    return _as_in_aws(client) if service == "stepfunctions" else client


def _as_in_aws(client: Any) -> Any:  # noqa: ANN401 - boto3's
    create, update, start = client.create_state_machine, client.update_state_machine, client.start_sync_execution

    def with_actions(request: dict[str, Any]) -> dict[str, Any]:
        definition = request.get("definition")
        if isinstance(definition, str):
            request["definition"] = _ACTION.sub(lambda found: found[1] + found[2].lower(), definition)
        return request

    def start_sync_execution(**request: Any) -> Any:  # noqa: ANN401 - boto3's
        try:
            return start(**request)
        except client.exceptions.StateMachineTypeNotSupported:
            found = client.describe_state_machine(stateMachineArn=request["stateMachineArn"])
            express = create(
                name=uuid.uuid4().hex, definition=found["definition"], roleArn=found["roleArn"], type="EXPRESS"
            )
            return start(**{**request, "stateMachineArn": express["stateMachineArn"]})

    client.create_state_machine = lambda **request: create(**with_actions(request))
    client.update_state_machine = lambda **request: update(**with_actions(request))
    client.start_sync_execution = start_sync_execution
    return client


def _fixture(service: str) -> Any:  # noqa: ANN401 - a fixture
    @pytest.fixture(scope="session")
    def client() -> Any:  # noqa: ANN401 - boto3's
        return make_client(service)

    return client


globals().update({name: _fixture(service) for name, service in _SERVICES.items()}, sfn_sync=_fixture("stepfunctions"))
