"""A script, run in SageMaker's scikit-learn image.

Deploy it with ``cdk deploy --app "python examples/processors/sklearn_processor.py"``,
then upload a file below ``incoming/``, or run ``smproc run FILE --stack SKLearnExample``, which also follows it.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    SKLearnProcessor,
    uploaded_objects,
)

SOURCE = Path(__file__).parent / "source"
app = cdk.App()
stack = cdk.Stack(app, "SKLearnExample")
processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=1
)
count = processor.run(
    "CountRows",
    code=str(SOURCE / "count_rows.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
    arguments=["--no-header"],
)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["incoming/"])
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
