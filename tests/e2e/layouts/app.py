"""A pipeline of single objects and one of batches, below a prefix that is a parameter of the stack."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, SKLearnProcessor, uploaded_objects

E2E = Path(__file__).parents[1]
app = cdk.App()
stack = cdk.Stack(app, "Layouts")
prefix = cdk.CfnParameter(stack, "Prefix", default="drop/").value_as_string
for name, batch_size in (("Single", 1), ("Batch", 2)):
    processor = SKLearnProcessor(stack, f"{name}SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
    step = processor.run(
        f"{name}Copy",
        code=str(E2E / "batches" / "copy_all.py"),
        inputs=[uploaded_objects("/opt/ml/processing/input/data")],
        outputs=[ProcessingOutput(output_name="copies", source="/opt/ml/processing/copies")],
    )
    pipeline = EventDrivenProcessing(
        stack, name, steps=[step], prefixes=[prefix], suffixes=[".csv"], batch_size=batch_size
    )
    cdk.CfnOutput(stack, f"{name}UploadTo", value=pipeline.upload_uri)
    cdk.CfnOutput(stack, f"{name}StateMachine", value=pipeline.state_machine.state_machine_arn)
    cdk.CfnOutput(stack, f"{name}OutputBucket", value=pipeline.output_bucket.bucket_name)
app.synth()
