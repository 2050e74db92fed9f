from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    InvalidProcessingJobError,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    SageMakerCreateProcessingJob,
)
from tests.helpers.stacks import in_machine, resources, stack, statements

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
ROLE = "arn:aws:iam::111122223333:role/ProcessingRole"
RETRY = [
    {
        "ErrorEquals": [
            "SageMaker.ResourceLimitExceededException",
            "SageMaker.ResourceLimitExceeded",
            "SageMaker.ThrottlingException",
            "SageMaker.Throttling",
        ],
        "IntervalSeconds": 30,
        "MaxAttempts": 10,
        "BackoffRate": 2,
        "MaxDelaySeconds": 600,
        "JitterStrategy": "FULL",
    },
    {
        "ErrorEquals": ["SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException"],
        "IntervalSeconds": 5,
        "MaxAttempts": 5,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    },
]


def test_minimal_task() -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE)

    assert in_machine(scope, task)["States"]["Count"] == {
        "Type": "Task",
        "End": True,
        "Retry": RETRY,
        "Resource": "arn:<AWS::Partition>:states:::sagemaker:createProcessingJob.sync",
        "Parameters": {
            "ProcessingJobName.$": "States.Format('Count-{}', States.UUID())",
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {"ImageUri": IMAGE},
            "RoleArn": "<CountRole2553F83B.Arn>",
        },
    }


def test_complete_task() -> None:
    scope = stack()
    bucket = s3.Bucket.from_bucket_name(scope, "Bucket", "my-bucket")
    key = kms.Key.from_key_arn(scope, "Key", "arn:aws:kms:us-west-2:111122223333:key/1234")
    task = SageMakerCreateProcessingJob(
        scope,
        "Count",
        image_uri=IMAGE,
        role=iam.Role.from_role_arn(scope, "Role", ROLE),
        instance_type="ml.c5.2xlarge",
        instance_count=2,
        volume_size_in_gb=50,
        volume_kms_key=key,
        inputs=[ProcessingInput(source="s3://in-bucket/raw/", destination="/opt/ml/processing/input/raw")],
        outputs=[
            ProcessingOutput(output_name="own", source="/opt/ml/processing/own"),
            ProcessingOutput(source="/opt/ml/processing/named", destination="s3://out-bucket/b"),
        ],
        output_kms_key="alias-of-mine",
        bucket=bucket,
        entrypoint=["python3", "/app/run.py"],
        arguments=["--deep", "yes"],
        env={"A": "b"},
        network_config=NetworkConfig(subnets=["subnet-1"], security_group_ids=["sg-1"]),
        max_runtime_in_seconds=3600,
        base_job_name="Word Count of the whole library",
        tags={"team": "ml"},
        integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE,
        retry_at_creation=False,
        state_name="Count words",
        comment="Counts words",
        input_path="$.job",
        result_selector={"arn.$": "$.ProcessingJobArn"},
        result_path="$.count",
        output_path="$.count",
        assign={"counted": True},
        task_timeout=sfn.Timeout.at("$.patience"),
    )

    assert in_machine(scope, task)["States"]["Count words"] == {
        "Type": "Task",
        "End": True,
        "Comment": "Counts words",
        "InputPath": "$.job",
        "ResultSelector": {"arn.$": "$.ProcessingJobArn"},
        "ResultPath": "$.count",
        "OutputPath": "$.count",
        "Assign": {"counted": True},
        "TimeoutSecondsPath": "$.patience",
        "Resource": "arn:<AWS::Partition>:states:::sagemaker:createProcessingJob",
        "Parameters": {
            "ProcessingJobName.$": "States.Format('Word-Count-of-the-whole-li-{}', States.UUID())",
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": "ml.c5.2xlarge",
                    "InstanceCount": 2,
                    "VolumeSizeInGB": 50,
                    "VolumeKmsKeyId": "arn:aws:kms:us-west-2:111122223333:key/1234",
                }
            },
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/app/run.py"],
                "ContainerArguments": ["--deep", "yes"],
            },
            "RoleArn": ROLE,
            "ProcessingInputs": [
                {
                    "InputName": "input-1",
                    "AppManaged": False,
                    "S3Input": {
                        "S3Uri": "s3://in-bucket/raw/",
                        "LocalPath": "/opt/ml/processing/input/raw",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                        "S3DataDistributionType": "FullyReplicated",
                        "S3CompressionType": "None",
                    },
                }
            ],
            "ProcessingOutputConfig": {
                "KmsKeyId": "alias-of-mine",
                "Outputs": [
                    {
                        "OutputName": "own",
                        "AppManaged": False,
                        "S3Output": {
                            "S3Uri.$": "States.Format('s3://my-bucket/outputs/{}/{}/try-{}/own', "
                            "$$.Execution.Name, $$.State.Name, $$.State.RetryCount)",
                            "LocalPath": "/opt/ml/processing/own",
                            "S3UploadMode": "EndOfJob",
                        },
                    },
                    {
                        "OutputName": "output-2",
                        "AppManaged": False,
                        "S3Output": {
                            "S3Uri": "s3://out-bucket/b",
                            "LocalPath": "/opt/ml/processing/named",
                            "S3UploadMode": "EndOfJob",
                        },
                    },
                ],
            },
            "Environment": {"A": "b"},
            "NetworkConfig": {
                "EnableNetworkIsolation": False,
                "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "Tags": [{"Key": "team", "Value": "ml"}],
        },
    }


def test_values_from_the_executions_input() -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(
        scope,
        "Count",
        image_uri=sfn.JsonPath.string_at("$.image"),
        instance_type=sfn.JsonPath.string_at("$.instance"),
        instance_count=int(sfn.JsonPath.number_at("$.instances")),
        inputs=[
            ProcessingInput(source=sfn.JsonPath.string_at("$.source"), destination="/opt/ml/processing/input"),
        ],
        env={"MODE": sfn.JsonPath.string_at("$.mode")},
    )

    parameters = in_machine(scope, task)["States"]["Count"]["Parameters"]
    assert parameters["AppSpecification"] == {"ImageUri.$": "$.image"}
    assert parameters["ProcessingResources"]["ClusterConfig"] == {
        "InstanceType.$": "$.instance",
        "InstanceCount.$": "$.instances",
        "VolumeSizeInGB": 30,
    }
    assert parameters["ProcessingInputs"][0]["S3Input"]["S3Uri.$"] == "$.source"
    assert parameters["Environment"] == {"MODE.$": "$.mode"}


def test_the_state_machine_has_the_permissions_of_sync_and_no_more() -> None:
    scope = stack()
    in_machine(scope, SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE))

    arn = "arn:<AWS::Partition>:sagemaker:us-west-2:111122223333:processing-job/Count-*"
    rule = "StepFunctionsGetEventsForSageMakerProcessingJobsRule"
    assert statements(scope, "MachineRole") == [
        {
            "Effect": "Allow",
            "Action": [
                "sagemaker:CreateProcessingJob",
                "sagemaker:DescribeProcessingJob",
                "sagemaker:StopProcessingJob",
                "sagemaker:AddTags",
            ],
            "Resource": arn,
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "<CountRole2553F83B.Arn>",
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
        {"Effect": "Allow", "Action": "sagemaker:ListTags", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            "Resource": f"arn:<AWS::Partition>:events:us-west-2:111122223333:rule/{rule}",
        },
    ]


@pytest.mark.parametrize("tagged", [False, True])
def test_request_response_needs_fewer_permissions(*, tagged: bool) -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(
        scope, "Count", image_uri=IMAGE, integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE
    )
    if tagged:
        task.add_tag("team", "ml")
    in_machine(scope, task)

    assert [statement["Action"] for statement in statements(scope, "MachineRole")] == [
        ["sagemaker:CreateProcessingJob", "sagemaker:AddTags"] if tagged else "sagemaker:CreateProcessingJob",
        "iam:PassRole",
        "sagemaker:ListTags",
    ]


def test_the_job_has_the_permissions_that_its_request_needs() -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(
        scope,
        "Count",
        image_uri=IMAGE,
        inputs=[
            ProcessingInput(source="s3://in-bucket/raw/", destination="/opt/ml/processing/input"),
            ProcessingInput(source="s3://whole-bucket", destination="/opt/ml/processing/all"),
        ],
        outputs=[ProcessingOutput(source="/opt/ml/processing/out", destination="s3://out-bucket/b")],
    )
    in_machine(scope, task)

    found = {
        (str(statement["Action"]), str(statement["Resource"]), str(statement.get("Condition", {})))
        for statement in statements(scope, "CountRole")
    }
    bucket = "arn:<AWS::Partition>:s3:::"
    assert {
        ("s3:GetObject", f"{bucket}in-bucket/raw/*", "{}"),
        ("s3:ListBucket", f"{bucket}in-bucket", "{'StringLike': {'s3:prefix': 'raw/*'}}"),
        ("s3:GetObject", f"{bucket}whole-bucket/*", "{}"),
        ("s3:ListBucket", f"{bucket}whole-bucket", "{}"),
        ("s3:PutObject", f"{bucket}out-bucket/b*", "{}"),
        ("ecr:GetAuthorizationToken", "*", "{}"),
        (
            "['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer']",
            "arn:<AWS::Partition>:ecr:us-west-2:444455556666:repository/team/count",
            "{}",
        ),
    } <= found
    assert not [entry for entry in found if entry[0].startswith("ec2:") or "ec2:" in entry[0]]


def test_a_job_in_a_vpc_may_create_network_interfaces() -> None:
    scope = stack()
    vpc = ec2.Vpc(scope, "Vpc", max_azs=2, nat_gateways=0, restrict_default_security_group=False)
    group = ec2.SecurityGroup(scope, "Group", vpc=vpc)
    network = NetworkConfig(subnets=vpc.isolated_subnets or vpc.public_subnets, security_group_ids=[group])
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, network_config=network)

    sent = in_machine(scope, task)["States"]["Count"]["Parameters"]["NetworkConfig"]["VpcConfig"]
    assert sent["SecurityGroupIds"][0].startswith("<Group")
    assert len(sent["Subnets"]) == 2
    assert any("ec2:CreateNetworkInterface" in statement["Action"] for statement in statements(scope, "CountRole"))


def test_the_job_has_the_grants_of_the_task() -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE)
    bucket = s3.Bucket(scope, "Bucket")
    bucket.grant_read(task)
    in_machine(scope, task)

    assert any("s3:GetObject*" in statement["Action"] for statement in statements(scope, "CountRole"))


def test_the_role_of_a_job_cannot_be_used_for_another_account() -> None:
    scope = stack()
    SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE)

    (role,) = resources(scope, "AWS::IAM::Role").values()
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_a_task_works_in_parallel_and_map_with_retries_and_catches() -> None:
    scope = stack()
    first = SageMakerCreateProcessingJob(scope, "First", image_uri=IMAGE, retry_at_creation=False)
    second = SageMakerCreateProcessingJob(scope, "Second", image_uri=IMAGE, retry_at_creation=False)
    first.add_retry(errors=["States.TaskFailed"], max_attempts=1)
    first.add_catch(sfn.Fail(scope, "Failed"), errors=["States.ALL"], result_path="$.error")
    items = sfn.Map(scope, "Each")
    items.item_processor(second)
    found = in_machine(scope, sfn.Parallel(scope, "Both").branch(first).branch(items))["States"]["Both"]

    state = found["Branches"][0]["States"]["First"]
    assert [retry["ErrorEquals"] for retry in state["Retry"]] == [["States.TaskFailed"]]
    assert state["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Failed"}]
    assert "Second" in found["Branches"][1]["States"]["Each"]["ItemProcessor"]["States"]
    allowed = [
        statement for statement in statements(scope, "MachineRole") if "sagemaker:AddTags" in statement["Action"]
    ]
    assert sorted(part.rsplit("/", 1)[1] for entry in allowed for part in _listed(entry["Resource"])) == [
        "First-*",
        "Second-*",
    ]


def _listed(value: Any) -> list[str]:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


COMMON: list[dict[str, Any]] = [
    {},
    {"comment": "c", "state_name": "Name"},
    {"input_path": "$.a", "output_path": "$.b", "result_path": "$.c", "result_selector": {"x.$": "$.y"}},
    {"result_path": sfn.JsonPath.DISCARD},
    {"input_path": sfn.JsonPath.DISCARD, "output_path": sfn.JsonPath.DISCARD},
    {"task_timeout": 90},
    {"task_timeout": "$.patience"},
    {"heartbeat_timeout": 90},
    {"heartbeat_timeout": "$.patience", "task_timeout": 90},
    {"query_language": sfn.QueryLanguage.JSON_PATH},
    {"credentials": "$.role"},
    {"credentials": "arn:aws:iam::111122223333:role/Other"},
    {"assign": {"x.$": "$.ProcessingJobName", "y": 1}},
]


def _options(scope: Stack, arguments: dict[str, Any]) -> dict[str, Any]:
    options = dict(arguments)
    for name in ("task_timeout", "heartbeat_timeout"):
        match options.get(name):
            case int(seconds):
                options[name] = sfn.Timeout.duration(Duration.seconds(seconds))
            case str(path):
                options[name] = sfn.Timeout.at(path)
    match options.get("credentials"):
        case str(path) if path.startswith("$"):
            options["credentials"] = sfn.Credentials(role=sfn.TaskRole.from_role_arn_json_path(path))
        case str(arn):
            role = iam.Role.from_role_arn(scope, "Assumed", arn)
            options["credentials"] = sfn.Credentials(role=sfn.TaskRole.from_role(role))
    return options


@pytest.mark.parametrize("arguments", COMMON, ids=lambda arguments: "+".join(arguments) or "nothing")
def test_parity_with_an_official_task_in_every_common_field(arguments: dict[str, Any]) -> None:
    ours_in, theirs_in = stack(), stack()
    ours = SageMakerCreateProcessingJob(
        ours_in, "Job", image_uri=IMAGE, retry_at_creation=False, **_options(ours_in, arguments)
    )
    theirs = tasks.SageMakerCreateTransformJob(
        theirs_in,
        "Job",
        transform_job_name="job",
        model_name="model",
        transform_input=tasks.TransformInput(
            transform_data_source=tasks.TransformDataSource(
                s3_data_source=tasks.TransformS3DataSource(s3_uri="s3://bucket/in")
            )
        ),
        transform_output=tasks.TransformOutput(s3_output_path="s3://bucket/out"),
        integration_pattern=sfn.IntegrationPattern.RUN_JOB,
        **_options(theirs_in, arguments),
    )

    def common(scope: Stack, task: sfn.TaskStateBase) -> dict[str, Any]:
        task.add_retry(errors=["States.TaskFailed"], max_attempts=1)
        task.add_catch(sfn.Fail(scope, "Failed"), errors=["States.ALL"], result_path="$.error")
        (state,) = [state for state in in_machine(scope, task)["States"].values() if state["Type"] == "Task"]
        return {name: value for name, value in state.items() if name not in ("Parameters", "Resource")}

    assert common(ours_in, ours) == common(theirs_in, theirs)


def test_the_task_token_pattern_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="integration_pattern must be RUN_JOB or REQUEST_RESPONSE"):
        SageMakerCreateProcessingJob(
            stack(), "Count", image_uri=IMAGE, integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN
        )


def _inputs(count: int) -> list[ProcessingInput]:
    return [
        ProcessingInput(source=f"s3://bucket/{n}", destination=f"/opt/ml/processing/input/{n}") for n in range(count)
    ]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"instance_type": "ml.m5.xlage"},
            InvalidValueError,
            (
                "instance_type must be one of ml.m5.xlarge, ml.m5.4xlarge, ml.m5.2xlarge, ml.m5.large, ..., "
                "got 'ml.m5.xlage'"
            ),
        ),
        ({"instance_count": 0}, InvalidValueError, "instance_count must be at least 1, got 0"),
        ({"volume_size_in_gb": 0}, InvalidValueError, "volume_size_in_gb must be at least 1, got 0"),
        ({"volume_size_in_gb": 16385}, InvalidValueError, "volume_size_in_gb must be at most 16384, got 16385"),
        ({"max_runtime_in_seconds": 0}, InvalidValueError, "max_runtime_in_seconds must be at least 1, got 0"),
        (
            {"max_runtime_in_seconds": 777601},
            InvalidValueError,
            "max_runtime_in_seconds must be at most 777600, got 777601",
        ),
        ({"arguments": []}, InvalidValueError, "arguments must have at least 1 entries, got []"),
        ({"arguments": ["a" * 257]}, InvalidValueError, "arguments[0] must have at most 256 characters, got 'aaa"),
        ({"env": {"1A": "x"}}, InvalidValueError, "env['1A'] must match [a-zA-Z_][a-zA-Z0-9_]*, got '1A'"),
        ({"tags": {"a!": "x"}}, InvalidValueError, "tags[0].Key must match "),
        ({"image_uri": "x" * 256}, InvalidValueError, "image_uri must have at most 255 characters"),
        (
            {"inputs": _inputs(11)},
            InvalidValueError,
            "inputs must have at most 10 entries, got [{'InputName': 'input-1'",
        ),
        (
            {"inputs": [*_inputs(1), *_inputs(1)]},
            ConflictingValuesError,
            "each of inputs and outputs must have its own LocalPath, got '/opt/ml/processing/input/0' 2 times",
        ),
        (
            {
                "inputs": _inputs(1),
                "outputs": [ProcessingOutput(source="/opt/ml/processing/input/0/", destination="s3://bucket/out")],
            },
            ConflictingValuesError,
            "each of inputs and outputs must have its own LocalPath, got '/opt/ml/processing/input/0' 2 times",
        ),
        (
            {
                "inputs": [
                    ProcessingInput(source="s3://bucket/0", destination="/opt/ml/processing/a", input_name="x"),
                    ProcessingInput(source="s3://bucket/1", destination="/opt/ml/processing/b", input_name="x"),
                ]
            },
            ConflictingValuesError,
            "each of inputs must have its own name, got 'x' 2 times",
        ),
        (
            {"output_kms_key": "key"},
            ConflictingValuesError,
            "output_kms_key encrypts outputs, and there are none; give outputs, or leave output_kms_key out",
        ),
        (
            {"outputs": [ProcessingOutput(source="/opt/ml/processing/out")]},
            ConflictingValuesError,
            "the output 'output-1' has no destination, and the task no bucket for it; pass one of them",
        ),
    ],
)
def test_a_request_that_the_service_would_refuse_is_refused(
    arguments: dict[str, Any], kind: type[InvalidProcessingJobError], message: str
) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        SageMakerCreateProcessingJob(stack(), "Count", **({"image_uri": IMAGE} | arguments))

    assert type(caught.value) is kind
    assert str(caught.value).startswith(message)
