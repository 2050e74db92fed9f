"""A script with its modules and requirements, run in SageMaker's PyTorch image.

Deploy it with ``cdk deploy --app "python examples/processors/pytorch_processor.py"``,
then upload a file below ``incoming/``, or run ``smproc run FILE --stack PyTorchExample``, which also follows it.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    PyTorchProcessor,
    uploaded_objects,
)

SOURCE = Path(__file__).parent / "source"
app = cdk.App()
stack = cdk.Stack(app, "PyTorchExample")
processor = PyTorchProcessor(
    stack,
    "PyTorch",
    framework_version="2.3",
    py_version="py311",
    instance_type="ml.m5.xlarge",
)
count = processor.run(
    "CountRows",
    code="count_rows.py",
    source_dir=str(SOURCE),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
    arguments=["--no-header"],
)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["incoming/"])
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
