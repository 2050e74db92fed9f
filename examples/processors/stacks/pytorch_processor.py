"""A script with its modules and requirements, run in SageMaker's PyTorch image."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    PyTorchProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"


class PyTorchExample(cdk.Stack):
    """A script with its modules and requirements, run in SageMaker's PyTorch image."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        processor = PyTorchProcessor(
            self,
            "PyTorch",
            framework_version="2.3",
            py_version="py311",
            instance_type="ml.m5.xlarge",
        )
        count = processor.run(
            "CountRows",
            code="count_rows.py",
            source_dir=str(SCRIPTS),
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
            arguments=["--no-header"],
        )
        pipeline = EventDrivenProcessing(self, "Pipeline", steps=[count], prefixes=["incoming/"])
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
