"""A Spark application in a JAR, run in SageMaker's Spark image.

Upload the JAR to ``jars/count-words.jar`` in the bucket of the stack's output ``Jars`` before the first file.
"""

from __future__ import annotations

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingBucket,
    ProcessingOutput,
    SparkJarProcessor,
    uploaded_objects,
)


class SparkJarExample(cdk.Stack):
    """A Spark application in a JAR, run in SageMaker's Spark image."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        jars = ProcessingBucket(self, "JarBucket")
        processor = SparkJarProcessor(
            self, "Spark", framework_version="3.5", instance_type="ml.m5.xlarge", max_runtime_in_seconds=3600
        )
        count = processor.run(
            "CountWords",
            submit_app=f"s3://{jars.bucket_name}/jars/count-words.jar",
            submit_class="com.example.CountWords",
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
            arguments=["file:///opt/ml/processing/input/data", "file:///opt/ml/processing/output/counts"],
        )
        cdk.CfnOutput(self, "Jars", value=jars.bucket_name)
        pipeline = EventDrivenProcessing(self, "Pipeline", steps=[count], prefixes=["incoming/"])
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
