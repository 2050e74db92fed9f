"""The app of which each release candidate keeps the assembly: an upgrade of its stacks is what a user's upgrade is.

`Upgraded` is deployed by the test, with work pending. `Compared` is only compared: it has what takes long to deploy, or
what no job on the local AWS needs. An edit of this file is a new app, and no upgrade: see `tools/release_candidate.py`.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    GroupBy,
    ProcessingInput,
    ProcessingOutput,
    ProcessingRepository,
    ProcessingVpcEndpoints,
    PySparkProcessor,
    S3Trigger,
    Safeguards,
    SageMakerCreateProcessingJob,
    ScriptProcessor,
    SKLearnProcessor,
    retry_on_capacity,
    uploaded_objects,
)

SCRIPT = str(Path(__file__).parent / "copy_after_a_while.py")
DATA = "/opt/ml/processing/input/data"
COPIES = "/opt/ml/processing/copies"


def copies() -> list[ProcessingOutput]:
    """Return the output of the script."""
    return [ProcessingOutput(output_name="copies", source=COPIES)]


def upgraded(app: cdk.App) -> None:
    """Create the stack that is deployed: pipelines with a limit and with batches, and all that holds data."""
    stack = cdk.Stack(app, "Upgraded")
    Safeguards(encryption_key=kms.Key(stack, "Key", enable_key_rotation=True)).apply_to(stack)
    topic = sns.Topic(stack, "Operators")
    processor = SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
    single = EventDrivenProcessing(
        stack,
        "Single",
        steps=[processor.run("Copy", code=SCRIPT, inputs=[uploaded_objects(DATA)], outputs=copies())],
        prefixes=["single/"],
        max_concurrent_jobs=1,
        failure_topic=topic,
    )
    batch = EventDrivenProcessing(
        stack,
        "Batch",
        steps=[processor.run("CopyAll", code=SCRIPT, inputs=[uploaded_objects(DATA)], outputs=copies())],
        input_bucket=single.input_bucket,
        prefixes=["batch/"],
        batch_size=4,
        batch_window=cdk.Duration.days(1),
        group_by=GroupBy(folders=1),
    )
    batch.on_schedule("Nightly", schedule=scheduler.ScheduleExpression.cron(hour="2", minute="0"))
    batch.monitor("Monitoring", topic=topic, oldest_waiting=cdk.Duration.hours(26))
    ProcessingRepository(stack, "Images")
    for name, pipeline in {"Single": single, "Batch": batch}.items():
        cdk.CfnOutput(stack, f"{name}StateMachine", value=pipeline.state_machine.state_machine_arn)
        cdk.CfnOutput(stack, f"{name}DeadLetters", value=pipeline.trigger.dead_letter_queue.queue_url)
    cdk.CfnOutput(stack, "InputBucket", value=single.input_bucket.bucket_name)
    cdk.CfnOutput(stack, "OutputBucket", value=single.output_bucket.bucket_name)


def compared(app: cdk.App) -> None:
    """Create the stack that is only compared: a closed network, a workflow, and the task in a user's state machine."""
    stack = cdk.Stack(app, "Compared", env=cdk.Environment(account="111122223333", region="us-west-2"))
    vpc = ec2.Vpc(
        stack,
        "Vpc",
        max_azs=2,
        nat_gateways=0,
        subnet_configuration=[ec2.SubnetConfiguration(name="Closed", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)],
    )
    Safeguards(vpc=vpc, subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)).apply_to(stack)
    spark = PySparkProcessor(stack, "Spark", framework_version="3.3", instance_type="ml.m5.xlarge", instance_count=2)
    script = ScriptProcessor(
        stack,
        "Script",
        image_uri="111122223333.dkr.ecr.us-west-2.amazonaws.com/own:1",
        command=["python3"],
        instance_type="ml.m5.large",
    )
    clean = spark.run("Clean", submit_app=SCRIPT, inputs=[uploaded_objects(DATA)], outputs=copies())
    count = script.run(
        "Count",
        code=SCRIPT,
        inputs=[ProcessingInput(source=clean.outputs["copies"], destination=DATA)],
        outputs=copies(),
    )
    EventDrivenProcessing(stack, "Workflow", steps=[clean, count], suffixes=[".csv"], reconcile=cdk.Duration.hours(6))
    task = SageMakerCreateProcessingJob(
        stack, "Task", image_uri="111122223333.dkr.ecr.us-west-2.amazonaws.com/own:1", instance_type="ml.m5.large"
    )
    machine = sfn.StateMachine(
        stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(retry_on_capacity(task))
    )
    S3Trigger(
        stack,
        "Trigger",
        bucket=s3.Bucket.from_bucket_name(stack, "Imported", "data"),
        manifest_bucket=s3.Bucket(stack, "Manifests"),
        state_machine=machine,
        prefixes=["in/"],
    )
    ProcessingVpcEndpoints(stack, "Endpoints", vpc=vpc)


if __name__ == "__main__":
    app = cdk.App()
    upgraded(app)
    compared(app)
    app.synth()
