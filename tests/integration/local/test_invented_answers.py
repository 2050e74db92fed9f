"""Operations and services that the local AWS does not have: refused by name, as errors that the SDKs read."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.helpers.local_aws import RunningLocalAws

ROLE = "arn:aws:iam::000000000000:role/one"
NO_MODEL, NO_JOBS = "no model runs here", "nothing runs its jobs here"
OPERATIONS: list[tuple[str, str, dict[str, Any], str]] = [
    ("batch", "SubmitJob", {"jobName": "a", "jobQueue": "b", "jobDefinition": "c"}, NO_JOBS),
    ("bedrock-runtime", "InvokeModel", {"modelId": "some.model", "body": b"{}"}, NO_MODEL),
    ("bedrock-runtime", "Converse", {"modelId": "some.model", "messages": []}, NO_MODEL),
    ("bedrock-agent-runtime", "RetrieveAndGenerate", {"input": {"text": "a"}}, NO_MODEL),
    ("codebuild", "StartBuild", {"projectName": "a"}, "nothing runs its builds here"),
    ("emr", "AddJobFlowSteps", {"JobFlowId": "j-1", "Steps": []}, NO_JOBS),
    ("inspector2", "ListFindings", {}, "nothing is scanned here"),
    (
        "transcribe",
        "StartTranscriptionJob",
        {"TranscriptionJobName": "a", "Media": {"MediaFileUri": "s3://a/b"}},
        NO_MODEL,
    ),
    (
        "translate",
        "StartTextTranslationJob",
        {
            "InputDataConfig": {"S3Uri": "s3://a/b", "ContentType": "text/plain"},
            "DataAccessRoleArn": ROLE,
            "OutputDataConfig": {"S3Uri": "s3://a/c"},
            "SourceLanguageCode": "de",
            "TargetLanguageCodes": ["fr"],
            "ClientToken": "a",
        },
        NO_MODEL,
    ),
]
# Of each protocol: JSON with a target, JSON with paths, and forms.
SERVICES: list[tuple[str, str, dict[str, Any]]] = [
    ("comprehend", "DetectSentiment", {"Text": "a", "LanguageCode": "en"}),
    ("forecast", "ListDatasets", {}),
    ("redshift-data", "ListStatements", {}),
    ("polly", "DescribeVoices", {}),
    ("redshift", "DescribeClusters", {}),
]


def refusal(aws: RunningLocalAws, service: str, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    client = aws.client(service)
    with pytest.raises(ClientError) as refused:
        getattr(client, xform_name(operation))(**arguments)
    return {**refused.value.response}


@pytest.mark.parametrize(("service", "operation", "arguments", "reason"), OPERATIONS)
def test_an_operation_that_nothing_carries_out_is_refused_by_name(
    local_aws: RunningLocalAws, service: str, operation: str, arguments: dict[str, Any], reason: str
) -> None:
    response = refusal(local_aws, service, operation, arguments)
    name = "elasticmapreduce" if service == "emr" else service
    assert response["Error"]["Code"] == "NotImplemented"
    assert response["Error"]["Message"] == f"The local AWS does not implement {name}:{operation}: {reason}"
    assert response["ResponseMetadata"]["RetryAttempts"] == 0


@pytest.mark.parametrize(("service", "operation", "arguments"), SERVICES)
def test_a_service_that_is_not_there_is_named_with_the_operation(
    local_aws: RunningLocalAws, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    error = refusal(local_aws, service, operation, arguments)["Error"]
    assert error["Code"] == "NotImplemented"
    assert error["Message"] == f"The local AWS does not implement {service}:{operation}: it has no service {service}"
