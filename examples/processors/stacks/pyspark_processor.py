"""A PySpark application with a module, run in SageMaker's Spark image."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    PySparkProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"


class PySparkExample(cdk.Stack):
    """A PySpark application with a module, run in SageMaker's Spark image."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        processor = PySparkProcessor(
            self, "Spark", framework_version="3.5", instance_type="ml.m5.xlarge", max_runtime_in_seconds=3600
        )
        count = processor.run(
            "CountWords",
            submit_app=str(SCRIPTS / "count_words.py"),
            submit_py_files=[str(SCRIPTS / "words.py")],
            configuration=[{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "8"}}],
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
            arguments=["file:///opt/ml/processing/input/data", "file:///opt/ml/processing/output/counts"],
        )
        pipeline = EventDrivenProcessing(self, "Pipeline", steps=[count], prefixes=["incoming/"])
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
