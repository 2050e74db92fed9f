"""The assembly of four_steps.py, written with aws-cdk-lib only.

It has the same role, statements, acknowledgments of cdk-nag's findings, states and state machine; a test compares the
templates.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

app = cdk.App()
stack = cdk.Stack(app, "Four", env=cdk.Environment(account="111122223333", region="eu-west-1"))
bucket = s3.Bucket(stack, "Bucket")
JSONATA = {"QueryLanguage": "JSONata"}


def arn(service: str, resource: str) -> str:
    """Return an ARN of the stack's account and region."""
    return f"arn:{cdk.Aws.PARTITION}:{service}:eu-west-1:111122223333:{resource}"


def allow(actions: list[str], resources: list[str], **conditions: Any) -> None:
    """Add a statement to the role of the jobs."""
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions or None))


role = iam.Role(
    stack,
    "Role",
    description="What a SageMaker processing job may do",
    assumed_by=iam.ServicePrincipal(
        "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
    ),
)
group = arn("logs", "log-group:/aws/sagemaker/ProcessingJobs")
allow(
    ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    [group, f"{group}:*"],
)
allow(["cloudwatch:PutMetricData"], ["*"], StringEquals={"cloudwatch:namespace": "/aws/sagemaker/ProcessingJobs"})
allow(["s3:GetObject"], [f"arn:{cdk.Aws.PARTITION}:s3:::data-bucket/raw/*"])
allow(["s3:ListBucket"], [f"arn:{cdk.Aws.PARTITION}:s3:::data-bucket"], StringLike={"s3:prefix": "raw/*"})
allow(["s3:PutObject"], [bucket.arn_for_objects("outputs/*")])
allow(["ecr:GetAuthorizationToken"], ["*"])
allow(
    ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    [arn("ecr", "repository/mine")],
)
allow(["s3:GetObject"], [bucket.arn_for_objects("outputs/*")])
allow(["s3:ListBucket"], [bucket.bucket_arn], StringLike={"s3:prefix": "outputs/*"})
INLINE = "the policy is one role's alone, made of the grants for its resources, and goes with it"
FINDINGS = {
    **{f"{pack}-IAMNoInlinePolicy": INLINE for pack in ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")},
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:eu-west-1:111122223333:log-group:/aws/sagemaker/"
    "ProcessingJobs:*]": "a job's log streams are named after the job",
    "AwsSolutions-IAM5[Resource::*]": "the actions support no resource-level permissions",
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::data-bucket/raw/*]": "an input is every key that starts so",
    "AwsSolutions-IAM5[Resource::<Bucket83908E77.Arn>/outputs/*]": "outputs land below the prefix",
}
cdk.Validations.of(role).acknowledge(*(cdk.Acknowledgment(id=id_, reason=why) for id_, why in FINDINGS.items()))


def task(name: str, output: str, **inputs: dict[str, str]) -> sfn.CustomState:
    """Return the state that runs a job, and assigns the location of its output to a variable."""
    destination = f"s3://{bucket.bucket_name}/outputs/{{}}/{{}}/try-{{}}/{output}"
    return sfn.CustomState(
        stack,
        name,
        state_json={
            "Type": "Task",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::sagemaker:createProcessingJob.sync",
            "ResultPath": sfn.JsonPath.DISCARD,
            "Assign": {
                f"step_{name}": {
                    "status": "Completed",
                    "outputs": {
                        f"{output}.$": "States.ArrayGetItem($.ProcessingOutputConfig.Outputs"
                        f"[?(@.OutputName == '{output}')].S3Output.S3Uri, 0)"
                    },
                }
            },
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
                "ProcessingJobName.$": f"States.Format('{name}-{{}}', States.UUID())",
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
                },
                "AppSpecification": {"ImageUri": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine:1"},
                "RoleArn": role.role_arn,
                "ProcessingInputs": [
                    {
                        "InputName": each,
                        "AppManaged": False,
                        "S3Input": {
                            **source,
                            "LocalPath": f"/opt/ml/processing/input/{each}",
                            "S3DataType": "S3Prefix",
                            "S3InputMode": "File",
                            "S3DataDistributionType": "FullyReplicated",
                            "S3CompressionType": "None",
                        },
                    }
                    for each, source in inputs.items()
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {
                            "OutputName": output,
                            "AppManaged": False,
                            "S3Output": {
                                "S3Uri.$": f"States.Format('{destination}', $$.Execution.Name, $$.State.Name, "
                                "$$.State.RetryCount)",
                                "LocalPath": f"/opt/ml/processing/{output}",
                                "S3UploadMode": "EndOfJob",
                            },
                        }
                    ]
                },
            },
        },
    )


def results(name: str, **variables: str) -> sfn.CustomState:
    """Return the state that ends a branch, or the workflow, with the results of steps."""
    output = {each: f"{{% ${variable} %}}" for each, variable in variables.items()}
    return sfn.CustomState(stack, name, state_json={"Type": "Pass", **JSONATA, "Output": output})


valid = {"S3Uri.$": "$step_Validate.outputs.valid"}
fork = sfn.Parallel.jsonata(
    stack,
    "In parallel: Features, Statistics",
    outputs="{% $states.input %}",
    assign={
        "step_Features__1": "{% $states.result[0].step_Features %}",
        "step_Statistics__1": "{% $states.result[1].step_Statistics %}",
    },
)
fork.branch(task("Features", "train", valid=valid).next(results("Results of Features", step_Features="step_Features")))
fork.branch(
    task("Statistics", "statistics", valid=valid).next(
        results("Results of Statistics", step_Statistics="step_Statistics")
    )
)
chain = (
    task("Validate", "valid", raw={"S3Uri": "s3://data-bucket/raw/"})
    .next(fork)
    .next(
        task(
            "Evaluate",
            "evaluation",
            train={"S3Uri.$": "$step_Features__1.outputs.train"},
            statistics={"S3Uri.$": "$step_Statistics__1.outputs.statistics"},
        )
    )
    .next(
        results(
            "Results of workflow Workflow",
            Validate="step_Validate",
            Features="step_Features__1",
            Statistics="step_Statistics__1",
            Evaluate="step_Evaluate",
        )
    )
)
machine = sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
rule = arn("events", "rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule")
machine.add_to_role_policy(iam.PolicyStatement(actions=["sagemaker:ListTags"], resources=["*"]))
machine.add_to_role_policy(
    iam.PolicyStatement(actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"], resources=[rule])
)
machine.add_to_role_policy(
    iam.PolicyStatement(
        actions=["iam:PassRole"],
        resources=[role.role_arn],
        conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )
)
for each in ("Validate", "Features", "Statistics", "Evaluate"):
    actions = ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", "AddTags")
    machine.add_to_role_policy(
        iam.PolicyStatement(
            actions=[f"sagemaker:{action}" for action in actions],
            resources=[arn("sagemaker", f"processing-job/{each}-*")],
        )
    )
app.synth()
