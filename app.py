"""The demo: data sets that arrive in S3 are scaled and split into train and test.

Deploy it to the local AWS with ``make demo``, or to your own account with ``cdk deploy``.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    ProcessingRepository,
    SKLearnProcessor,
    uploaded_objects,
)

HERE = Path(__file__).parent


class ProcessingDemo(cdk.Stack):
    """A stack that runs a scikit-learn job for each CSV file that arrives below ``incoming/``."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id, description="SageMaker Processing on every file that arrives in S3")
        processor = SKLearnProcessor(
            self, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=1
        )
        split = processor.run(
            "Split",
            code=str(HERE / "examples" / "demo" / "preprocess.py"),
            inputs=[uploaded_objects("/opt/ml/processing/input")],
            outputs=[
                ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
                ProcessingOutput(output_name="test", source="/opt/ml/processing/test"),
            ],
            arguments=["--train-test-split-ratio", "0.2"],
        )
        pipeline = EventDrivenProcessing(
            self, "Pipeline", steps=[split], prefixes=["incoming/"], suffixes=[".csv"], max_runtime_in_seconds=3600
        )
        # For custom images, once a script needs more than SageMaker's image contains.
        images = ProcessingRepository(self, "Images")

        # For people: `smproc` finds the pipeline by its tags.
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri, description="Put a CSV file here")
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
        cdk.CfnOutput(self, "OutputBucket", value=pipeline.output_bucket.bucket_name)
        cdk.CfnOutput(self, "ImageRepository", value=images.repository_uri)


if __name__ == "__main__":
    app = cdk.App()
    ProcessingDemo(app, "ProcessingDemo")
    app.synth()
