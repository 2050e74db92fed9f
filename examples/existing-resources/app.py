"""A pipeline in a bucket, a VPC and under a key that exist already, and that no stack of this app changes."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    NetworkConfig,
    ProcessingOutput,
    Safeguards,
    SKLearnProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parent / "scripts"
app = cdk.App()
stack = cdk.Stack(app, "ExistingResourcesExample")
# From cdk.json, or from `cdk deploy --context bucket=...`.
key_arn, bucket_name, vpc_id, zones, subnets = (
    stack.node.get_context(name) for name in ("key", "bucket", "vpc", "zones", "subnets")
)

key = kms.Key.from_key_arn(stack, "Key", key_arn)
bucket = s3.Bucket.from_bucket_attributes(stack, "Bucket", bucket_name=bucket_name, encryption_key=key)
hosts = ec2.SecurityGroup(
    stack,
    "Hosts",
    vpc=ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id=vpc_id, availability_zones=zones.split(",")),
    description="The hosts of jobs",
)

Safeguards(encryption_key=key).apply_to(stack)  # queues, tables and logs
processor = SKLearnProcessor(
    stack,
    "SKLearn",
    framework_version="1.2-1",
    instance_type="ml.m5.xlarge",
    instance_count=1,
    bucket=bucket,  # code and outputs
    volume_kms_key=key,
    network_config=NetworkConfig(subnets=subnets.split(","), security_group_ids=[hosts]),
)
count = processor.run(
    "CountRows",
    code=str(SCRIPTS / "count_rows.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
)
pipeline = EventDrivenProcessing(
    stack, "Pipeline", steps=[count], input_bucket=bucket, prefixes=["incoming/"], suffixes=[".csv"]
)
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
