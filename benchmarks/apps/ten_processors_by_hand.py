"""The resources of ten_processors.py written with aws-cdk-lib only: the baseline of the library's synth time.

It has the same roles with the same statements and acknowledgments of cdk-nag's findings, the same bucket, and the same
requests in the same state machine, except for images and types of instances; a test compares how much there is of each.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

app = cdk.App()
stack = cdk.Stack(app, "Ten", env=cdk.Environment(account="111122223333", region="eu-west-1"))
bucket = s3.Bucket(stack, "Bucket")
NAMES = (
    *("Own", "Script", "SKLearn", "Framework", "PyTorch"),
    *("TensorFlow", "XGBoost", "MXNet", "HuggingFace", "Spark"),
)
# The processor without a script, and the images whose names are the same.
CONTAINER = "Own"
SAME_IMAGE = {"Own": "mine", "Script": "mine"}
GROUP = "arn:<AWS::Partition>:logs:eu-west-1:111122223333:log-group:/aws/sagemaker/ProcessingJobs:*"


def acknowledge(role: iam.Role, findings: dict[str, str]) -> None:
    """Acknowledge findings of cdk-nag on a role."""
    accepted = [cdk.Acknowledgment(id=finding, reason=reason) for finding, reason in findings.items()]
    cdk.Validations.of(role).acknowledge(*accepted)


def arn(service: str, resource: str) -> str:
    """Return an ARN of the stack's account and region."""
    return f"arn:{cdk.Aws.PARTITION}:{service}:eu-west-1:111122223333:{resource}"


def allow(role: iam.Role, actions: list[str], resources: list[str], **conditions: Any) -> None:
    """Add a statement to a role."""
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions or None))


def job_role(name: str) -> iam.Role:
    """Return the role of a job."""
    role = iam.Role(
        stack,
        f"{name}Role",
        assumed_by=iam.ServicePrincipal(
            "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
        ),
    )
    group = arn("logs", "log-group:/aws/sagemaker/ProcessingJobs")
    logging = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    allow(role, logging, [group, f"{group}:*"])
    namespace = {"cloudwatch:namespace": "/aws/sagemaker/ProcessingJobs"}
    allow(role, ["cloudwatch:PutMetricData"], ["*"], StringEquals=namespace)
    locations = [("data-bucket", "raw/")] + [("code-bucket", "run.sh")] * (name != CONTAINER)
    for data_bucket, key in locations:
        allow(role, ["s3:GetObject"], [f"arn:{cdk.Aws.PARTITION}:s3:::{data_bucket}/{key}*"])
        prefix = {"s3:prefix": f"{key}*"}
        allow(role, ["s3:ListBucket"], [f"arn:{cdk.Aws.PARTITION}:s3:::{data_bucket}"], StringLike=prefix)
    allow(role, ["s3:PutObject"], [f"arn:{cdk.Aws.PARTITION}:s3:::{bucket.bucket_name}/outputs/*"])
    allow(role, ["ecr:GetAuthorizationToken"], ["*"])
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    allow(role, pull, [arn("ecr", f"repository/{name.lower()}")])
    packs = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")
    inputs = [f"arn:<AWS::Partition>:s3:::{data_bucket}/{key}*" for data_bucket, key in locations]
    outputs = "arn:<AWS::Partition>:s3:::<Bucket83908E77>/outputs/*"
    wildcards = {
        GROUP: "the job's log streams, which its name starts",
        "*": "these actions have no resource",
        **dict.fromkeys(inputs, "an input is every key that starts so"),
        outputs: "outputs land below the prefix",
    }
    acknowledge(
        role,
        {f"{pack}-IAMNoInlinePolicy": "the policy is one role's alone" for pack in packs}
        | {f"AwsSolutions-IAM5[Resource::{resource}]": reason for resource, reason in wildcards.items()},
    )
    return role


def task(name: str, role: iam.Role) -> sfn.CustomState:
    """Return the state that runs a job."""
    s3_input = {"S3DataType": "S3Prefix", "S3InputMode": "File", "S3DataDistributionType": "FullyReplicated"}
    inputs = [("input-1", "s3://data-bucket/raw/", "data")]
    if name != CONTAINER:
        inputs.append(("code", "s3://code-bucket/run.sh", "input/code"))
    destination = f"s3://{bucket.bucket_name}/outputs/{{}}/{{}}/try-{{}}/out"
    context = "$$.Execution.Name, $$.State.Name, $$.State.RetryCount"
    return sfn.CustomState(
        stack,
        f"Run{name}",
        state_json={
            "Type": "Task",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::sagemaker:createProcessingJob.sync",
            "ResultPath": sfn.JsonPath.DISCARD,
            "Retry": [
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
            ],
            "Parameters": {
                "ProcessingJobName.$": f"States.Format('{SAME_IMAGE.get(name, name)}-{{}}', States.UUID())",
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
                },
                "AppSpecification": {
                    "ImageUri": f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/{name.lower()}:1",
                    "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/run.sh"],
                },
                "RoleArn": role.role_arn,
                "ProcessingInputs": [
                    {
                        "InputName": input_name,
                        "AppManaged": False,
                        "S3Input": {
                            "S3Uri": uri,
                            "LocalPath": f"/opt/ml/processing/{directory}",
                            "S3CompressionType": "None",
                            **s3_input,
                        },
                    }
                    for input_name, uri, directory in inputs
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {
                            "OutputName": "out",
                            "AppManaged": False,
                            "S3Output": {
                                "S3Uri.$": f"States.Format('{destination}', {context})",
                                "LocalPath": "/opt/ml/processing/out",
                                "S3UploadMode": "EndOfJob",
                            },
                        }
                    ]
                },
            },
        },
    )


roles = {name: job_role(name) for name in NAMES}
chain = sfn.Chain.start(sfn.Pass(stack, "Start"))
for each in NAMES:
    chain = chain.next(task(each, roles[each]))
machine = sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
rule = arn("events", "rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule")
for each in NAMES:
    actions = ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", "AddTags")
    machine.add_to_role_policy(
        iam.PolicyStatement(
            actions=[f"sagemaker:{action}" for action in actions],
            resources=[arn("sagemaker", f"processing-job/{SAME_IMAGE.get(each, each)}-*")],
        )
    )
    machine.add_to_role_policy(
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[roles[each].role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
    )
    machine.add_to_role_policy(iam.PolicyStatement(actions=["sagemaker:ListTags"], resources=["*"]))
    machine.add_to_role_policy(
        iam.PolicyStatement(actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"], resources=[rule])
    )
app.synth()
