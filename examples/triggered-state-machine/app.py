"""Your own state machine, started for each upload: a workflow of two jobs, with a role to which you grant more."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    ProcessingBucket,
    ProcessingOutput,
    ProcessingRole,
    ProcessingWorkflow,
    S3Trigger,
    SKLearnProcessor,
    retry_on_capacity,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parent / "scripts"
app = cdk.App()
stack = cdk.Stack(app, "TriggerExample")
arrivals = ProcessingBucket(stack, "Arrivals")
results = ProcessingBucket(stack, "Results")

role = ProcessingRole(stack, "JobRole")
threshold = ssm.StringParameter(stack, "Threshold", string_value="0.9")
# For the script, which reads it with boto3: no request of a job shows that.
role.add_to_policy(iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[threshold.parameter_arn]))
# Uploads and lists of them are known only at run time, so these permissions do not follow from the requests either.
for bucket, folder in ((arrivals, "incoming"), (results, "manifests")):
    objects, bucket_arn = bucket.arn_for_objects(f"{folder}/*"), bucket.bucket_arn
    only_below = {"StringLike": {"s3:prefix": f"{folder}/*"}}
    role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[objects]))
    role.add_to_policy(iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket_arn], conditions=only_below))
processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", role=role, bucket=results
)
count = processor.run(
    "CountRows",
    code=str(SCRIPTS / "count_rows.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
)
total = processor.run(
    "SumColumns",
    code=str(SCRIPTS / "column_sums.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="sums", source="/opt/ml/processing/output")],
)
workflow = ProcessingWorkflow(stack, "Workflow", steps=[retry_on_capacity(count), total])
done = sfn.Succeed(stack, "Done")  # whatever comes after the jobs
log_group = logs.LogGroup(
    stack,
    "Logs",
    log_group_name=f"/aws/vendedlogs/states/{stack.stack_name}-Machine",
    removal_policy=cdk.RemovalPolicy.DESTROY,  # a retained group would keep the name from the next deployment
)
machine = sfn.StateMachine(
    stack,
    "Machine",
    definition_body=sfn.DefinitionBody.from_chainable(workflow.next(done)),
    logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL),
    tracing_enabled=True,
)
trigger = S3Trigger(
    stack,
    "Trigger",
    bucket=arrivals,
    prefixes=["incoming/"],
    suffixes=[".csv"],
    state_machine=machine,
    manifest_bucket=results,
)
# If you check the stack with cdk-nag: you suppress the findings on your own state machine, log and grants.
for task in (count, total):
    task.suppress_wildcards_by_resource(machine)
any_resource = "sagemaker:ListTags, X-Ray and the delivery of logs support no narrower resource"
cdk.Validations.of(machine).acknowledge(cdk.Acknowledgment(id="AwsSolutions-IAM5[Resource::*]", reason=any_resource))
objects_of_jobs = "the objects that start an execution, and the lists of them, have any names below the folder"
for objects in ("<ArrivalsD4970207.Arn>/incoming/*", "<Results25575328.Arn>/manifests/*"):
    acknowledgment = cdk.Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{objects}]", reason=objects_of_jobs)
    cdk.Validations.of(role).acknowledge(acknowledgment)
inline_policy = "the policy is this role's alone, and goes with it"
service_key = "keys of objects are no data of anybody's here; CloudWatch Logs encrypts them with a key of its own"
for pack in ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321"):
    cdk.Validations.of(machine).acknowledge(cdk.Acknowledgment(id=f"{pack}-IAMNoInlinePolicy", reason=inline_policy))
    cdk.Validations.of(log_group).acknowledge(
        cdk.Acknowledgment(id=f"{pack}-CloudWatchLogGroupEncrypted", reason=service_key)
    )

cdk.CfnOutput(stack, "StateMachine", value=machine.state_machine_arn)
cdk.CfnOutput(stack, "UploadTo", value=arrivals.s3_url_for_object("incoming/"))
app.synth()
