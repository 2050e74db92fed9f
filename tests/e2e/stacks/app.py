"""A base stack with a key, a role and a processor, and a pipeline's stack; both bound to an account and a region."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_kms as kms

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    Safeguards,
    SKLearnProcessor,
    uploaded_objects,
)

app = cdk.App()
here = cdk.Environment(account="111122223333", region="eu-west-1")
base = cdk.Stack(app, "SharedBase", env=here)
key = kms.Key(base, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
Safeguards(encryption_key=key).apply_to(base)
processor = SKLearnProcessor(base, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge")

own = cdk.Stack(app, "OwnPipeline", env=here)
Safeguards(encryption_key=key).apply_to(own)
run = processor.run(
    "Copy",
    code=str(Path(__file__).with_name("copy_input.py")),
    inputs=[uploaded_objects()],
    outputs=[ProcessingOutput(output_name="copies", source="/opt/ml/processing/copies")],
)
pipeline = EventDrivenProcessing(own, "Pipeline", steps=[run], prefixes=["incoming/"])
cdk.CfnOutput(own, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(own, "StateMachine", value=pipeline.state_machine.state_machine_arn)
cdk.CfnOutput(own, "LogGroup", value=pipeline.log_group.log_group_name)
cdk.CfnOutput(own, "OutputBucket", value=pipeline.output_bucket.bucket_name)
cdk.CfnOutput(own, "KeyArn", value=key.key_arn)
app.synth()
