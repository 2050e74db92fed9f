"""A script with its modules and requirements, run in SageMaker's Hugging Face image.

Deploy it with ``cdk deploy --app "python examples/processors/huggingface_processor.py"``,
then upload a file below ``incoming/``, or run ``smproc run FILE --stack HuggingFaceExample``, which also follows it.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    HuggingFaceProcessor,
    ProcessingOutput,
    uploaded_objects,
)

SOURCE = Path(__file__).parent / "source"
app = cdk.App()
stack = cdk.Stack(app, "HuggingFaceExample")
processor = HuggingFaceProcessor(
    stack,
    "HuggingFace",
    transformers_version="4.28.1",
    pytorch_version="2.0.0",
    py_version="py310",
    instance_type="ml.g5.xlarge",
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
