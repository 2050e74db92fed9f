"""A pipeline with the three kinds of tests that it can have: of its script, of its template, and of itself."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, SKLearnProcessor, uploaded_objects

SCRIPTS = Path(__file__).parent / "scripts"


class OrdersStack(cdk.Stack):
    """A pipeline that drops invalid orders and adds up the others by country."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        processor = SKLearnProcessor(
            self, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=1
        )
        add_up = processor.run(
            "AddUp",
            code=str(SCRIPTS / "add_up.py"),
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[
                ProcessingOutput(output_name="totals", source="/opt/ml/processing/totals"),
                ProcessingOutput(output_name="rejected", source="/opt/ml/processing/rejected"),
            ],
            arguments=["--minimum-amount", "0.01"],
        )
        pipeline = EventDrivenProcessing(
            self, "Pipeline", steps=[add_up], prefixes=["incoming/"], suffixes=[".csv"], max_runtime_in_seconds=3600
        )
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)


if __name__ == "__main__":
    app = cdk.App()
    OrdersStack(app, "TestedPipelineExample")
    app.synth()
