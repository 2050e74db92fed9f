"""Settings that the local AWS accepts and that have no effect here: shown by the doctor, and not refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from smproc import cli
from smproc.local import LocalAws
from smproc.local.server.operation_names import service_model
from smproc.local.settings_without_effect import SETTINGS_WITHOUT_EFFECT, SettingWithoutEffect
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT

EACH = pytest.mark.parametrize("setting", SETTINGS_WITHOUT_EFFECT, ids=lambda setting: setting.name)
KEY = "arn:aws:kms:us-east-1:000000000000:key/one"
LIFE_CYCLE = {"Rules": [{"Id": "a", "Status": "Enabled", "ExpirationInDays": 3}]}


@pytest.fixture(scope="module")
def strict_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(free_port(), state_dir=tmp_path_factory.mktemp("settings"), strict=True) as local_aws:
        yield local_aws


def client(aws: LocalAws, service: str) -> Any:  # noqa: ANN401 - of any service
    return botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the local AWS's own
    )


@EACH
def test_cloudformation_has_the_property(setting: SettingWithoutEffect) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", setting.resource_type).schema
    assert setting.property_path.partition(".")[0] in schema["properties"]


@EACH
def test_the_operations_have_the_members(setting: SettingWithoutEffect) -> None:
    for operation, member in setting.requests.items():
        service, _, name = operation.partition(":")
        model = service_model(service)
        assert model is not None
        shape: Any = model.operation_model(name).input_shape
        for part in filter(None, member.split(".")):
            # The attributes of queues and topics have names that are values.
            shape = shape.members[part] if shape.type_name == "structure" else shape.value


@EACH
def test_the_documentation_lists_it(setting: SettingWithoutEffect) -> None:
    page = (ROOT / "docs/local-and-aws.md").read_text()
    assert f"| `{setting.resource_type}` | `{setting.property_path}` | {setting.absence} |" in page


def test_the_doctor_shows_the_settings_of_templates_and_requests_which_strict_does_not_refuse(
    strict_aws: LocalAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    formation = client(strict_aws, "cloudformation")
    topic, bucket = {"KmsMasterKeyId": KEY}, {"BucketName": "moved", "LifecycleConfiguration": LIFE_CYCLE}
    resources = {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": topic},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": bucket},
    }
    formation.create_stack(StackName="one", TemplateBody=json.dumps({"Resources": resources}))
    formation.get_waiter("stack_create_complete").wait(StackName="one", WaiterConfig={"Delay": 1})
    client(strict_aws, "sns").create_topic(Name="a", Attributes={"KmsMasterKeyId": KEY})
    client(strict_aws, "sns").create_topic(Name="b", Attributes={"DisplayName": "KmsMasterKeyId"})
    client(strict_aws, "sqs").create_queue(QueueName="a", Attributes={"SqsManagedSseEnabled": "true"})
    client(strict_aws, "logs").create_log_group(logGroupName="a")
    client(strict_aws, "logs").put_retention_policy(logGroupName="a", retentionInDays=1)
    assert strict_aws.settings_without_effect() == {
        "KmsMasterKeyId of AWS::SNS::Topic": ["Topic of the stack one", "requests sns:CreateTopic"],
        "LifecycleConfiguration of AWS::S3::Bucket": ["Bucket of the stack one"],
        "RetentionInDays of AWS::Logs::LogGroup": ["requests logs:PutRetentionPolicy"],
        "SqsManagedSseEnabled of AWS::SQS::Queue": ["requests sqs:CreateQueue"],
    }
    assert strict_aws.ignored() == {}
    monkeypatch.setenv("SMPROC_HOME", str(strict_aws.status().folder.parent))
    assert cli.main(["local", "doctor", "--port", str(strict_aws.port)]) == 0
    printed = capsys.readouterr().out
    moved = "LifecycleConfiguration of AWS::S3::Bucket (nothing expires or moves): Bucket of the stack one"
    assert f"without effect: {moved}\n" in printed
