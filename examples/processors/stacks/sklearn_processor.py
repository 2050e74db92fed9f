"""A script, run in SageMaker's scikit-learn image."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    SKLearnProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"


class SKLearnExample(cdk.Stack):
    """A script, run in SageMaker's scikit-learn image."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        processor = SKLearnProcessor(
            self, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=1
        )
        count = processor.run(
            "CountRows",
            code=str(SCRIPTS / "count_rows.py"),
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
            arguments=["--no-header"],
        )
        pipeline = EventDrivenProcessing(self, "Pipeline", steps=[count], prefixes=["incoming/"])
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
