"""The settings that the local AWS accepts, and that change nothing here: data, for the server and for the doctor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

_WHOLE: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingWithoutEffect:
    """A setting of a resource that the local AWS accepts, and that has no effect here.

    Attributes:
        resource_type: the type of the resource in CloudFormation.
        property_path: the property in CloudFormation, with the path to it.
        absence: what does not happen, as the end of a sentence.
        requests: the operations that set it, such as ``s3:PutBucketLogging``, each with the member that does; an empty
            text where the whole operation does. Services have the names of their endpoints.
    """

    resource_type: str
    property_path: str
    absence: str
    requests: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The property and the type that has it."""
        return f"{self.property_path} of {self.resource_type}"


def _function(name: str, member: str, absence: str) -> SettingWithoutEffect:
    operations = ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration")
    return SettingWithoutEffect(
        resource_type="AWS::Lambda::Function",
        property_path=name,
        absence=absence,
        requests=dict.fromkeys(operations, member),
    )


def _queue(name: str) -> SettingWithoutEffect:
    return SettingWithoutEffect(
        resource_type="AWS::SQS::Queue",
        property_path=name,
        absence="messages are stored unencrypted",
        requests=dict.fromkeys(("sqs:CreateQueue", "sqs:SetQueueAttributes"), f"Attributes.{name}"),
    )


def _table(name: str, of_a_global_table: str, absence: str) -> Iterator[SettingWithoutEffect]:
    yield SettingWithoutEffect(
        resource_type="AWS::DynamoDB::Table",
        property_path=name,
        absence=absence,
        requests=dict.fromkeys(("dynamodb:CreateTable", "dynamodb:UpdateTable"), name),
    )
    yield SettingWithoutEffect(
        resource_type="AWS::DynamoDB::GlobalTable", property_path=of_a_global_table, absence=absence
    )


SETTINGS_WITHOUT_EFFECT: Final[tuple[SettingWithoutEffect, ...]] = (
    *_table("ProvisionedThroughput", "WriteProvisionedThroughputSettings", "nothing is throttled"),
    *_table("SSESpecification", "SSESpecification", "items are stored unencrypted"),
    SettingWithoutEffect(
        resource_type="AWS::DynamoDB::GlobalTable",
        property_path="Replicas",
        absence="there is one replica, without the settings of its own",
    ),
    SettingWithoutEffect(
        resource_type="AWS::EC2::FlowLog",
        property_path="DeliverLogsPermissionArn",
        absence="no traffic is logged",
        requests={"ec2:CreateFlowLogs": "DeliverLogsPermissionArn"},
    ),
    SettingWithoutEffect(
        resource_type="AWS::EC2::SecurityGroup",
        property_path="SecurityGroupEgress",
        absence="no traffic is filtered",
        requests={"ec2:AuthorizeSecurityGroupEgress": _WHOLE},
    ),
    SettingWithoutEffect(
        resource_type="AWS::EC2::SecurityGroup",
        property_path="SecurityGroupIngress",
        absence="no traffic is filtered",
        requests={"ec2:AuthorizeSecurityGroupIngress": _WHOLE},
    ),
    SettingWithoutEffect(
        resource_type="AWS::EC2::VPCEndpoint",
        property_path="PolicyDocument",
        absence="no request passes an endpoint",
        requests={"ec2:CreateVpcEndpoint": "PolicyDocument", "ec2:ModifyVpcEndpoint": "PolicyDocument"},
    ),
    SettingWithoutEffect(
        resource_type="AWS::ECR::Repository",
        property_path="ImageScanningConfiguration",
        absence="no image is scanned",
        requests={"ecr:CreateRepository": "imageScanningConfiguration", "ecr:PutImageScanningConfiguration": _WHOLE},
    ),
    SettingWithoutEffect(
        resource_type="AWS::ECR::Repository",
        property_path="LifecyclePolicy",
        absence="no image expires",
        requests={"ecr:PutLifecyclePolicy": _WHOLE},
    ),
    SettingWithoutEffect(
        resource_type="AWS::KMS::Key",
        property_path="EnableKeyRotation",
        absence="no key is rotated",
        requests={"kms:EnableKeyRotation": _WHOLE},
    ),
    _function("KmsKeyArn", "KMSKeyArn", "variables are stored unencrypted"),
    _function("TracingConfig", "TracingConfig", "no trace is recorded"),
    _function("VpcConfig", "VpcConfig", "functions use the network of this machine"),
    SettingWithoutEffect(
        resource_type="AWS::Logs::LogGroup",
        property_path="KmsKeyId",
        absence="lines are stored unencrypted",
        requests={"logs:AssociateKmsKey": _WHOLE, "logs:CreateLogGroup": "kmsKeyId"},
    ),
    SettingWithoutEffect(
        resource_type="AWS::Logs::LogGroup",
        property_path="RetentionInDays",
        absence="no line is deleted",
        requests={"logs:PutRetentionPolicy": _WHOLE},
    ),
    SettingWithoutEffect(
        resource_type="AWS::S3::Bucket",
        property_path="BucketEncryption",
        absence="objects are stored unencrypted",
        requests={"s3:PutBucketEncryption": _WHOLE},
    ),
    SettingWithoutEffect(
        resource_type="AWS::S3::Bucket",
        property_path="LifecycleConfiguration",
        absence="nothing expires or moves",
        requests={"s3:PutBucketLifecycleConfiguration": _WHOLE},
    ),
    SettingWithoutEffect(
        resource_type="AWS::S3::Bucket",
        property_path="LoggingConfiguration",
        absence="no access log is written",
        requests={"s3:PutBucketLogging": _WHOLE},
    ),
    SettingWithoutEffect(
        resource_type="AWS::SNS::Topic",
        property_path="KmsMasterKeyId",
        absence="messages are stored unencrypted",
        requests={"sns:CreateTopic": "Attributes.KmsMasterKeyId"},
    ),
    _queue("KmsMasterKeyId"),
    _queue("SqsManagedSseEnabled"),
    SettingWithoutEffect(
        resource_type="AWS::Scheduler::Schedule",
        property_path="FlexibleTimeWindow.MaximumWindowInMinutes",
        absence="a schedule starts its target at its time",
        requests=dict.fromkeys(
            ("scheduler:CreateSchedule", "scheduler:UpdateSchedule"), "FlexibleTimeWindow.MaximumWindowInMinutes"
        ),
    ),
    SettingWithoutEffect(
        resource_type="AWS::SecretsManager::Secret",
        property_path="KmsKeyId",
        absence="secrets are stored unencrypted",
        requests=dict.fromkeys(("secretsmanager:CreateSecret", "secretsmanager:UpdateSecret"), "KmsKeyId"),
    ),
    SettingWithoutEffect(
        resource_type="AWS::StepFunctions::StateMachine",
        property_path="TracingConfiguration",
        absence="no trace is recorded",
        requests=dict.fromkeys(("states:CreateStateMachine", "states:UpdateStateMachine"), "tracingConfiguration"),
    ),
)
