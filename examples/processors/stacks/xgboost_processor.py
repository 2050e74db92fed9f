"""A script with its modules and requirements, run in SageMaker's XGBoost image."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    XGBoostProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"


class XGBoostExample(cdk.Stack):
    """A script with its modules and requirements, run in SageMaker's XGBoost image."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        processor = XGBoostProcessor(
            self,
            "XGBoost",
            framework_version="1.7-1",
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
