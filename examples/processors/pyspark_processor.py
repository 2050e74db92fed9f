"""A PySpark application with a module, run in SageMaker's Spark image.

Deploy it with ``cdk deploy --app "python examples/processors/pyspark_processor.py"``,
then upload a file below ``incoming/``, or run ``smproc run FILE --stack PySparkExample``, which also follows it.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    PySparkProcessor,
    uploaded_objects,
)

SOURCE = Path(__file__).parent / "source"
app = cdk.App()
stack = cdk.Stack(app, "PySparkExample")
processor = PySparkProcessor(
    stack, "Spark", framework_version="3.5", instance_type="ml.m5.xlarge", max_runtime_in_seconds=3600
)
count = processor.run(
    "CountWords",
    submit_app=str(SOURCE / "count_words.py"),
    submit_py_files=[str(SOURCE / "words.py")],
    configuration=[{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "8"}}],
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
    arguments=["file:///opt/ml/processing/input/data", "file:///opt/ml/processing/output/counts"],
)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["incoming/"])
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
