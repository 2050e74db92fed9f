"""Two pipelines on one bucket: orders are counted one by one, readings are described in batches."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingBucket,
    ProcessingOutput,
    SKLearnProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parent / "scripts"
DATA = "/opt/ml/processing/input/data"
RESULTS = "/opt/ml/processing/output"

app = cdk.App()
stack = cdk.Stack(app, "TwoPipelinesExample")
incoming = ProcessingBucket(stack, "Incoming")
processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge", instance_count=1
)

orders = EventDrivenProcessing(
    stack,
    "Orders",
    steps=[
        processor.run(
            "CountOrders",
            code=str(SCRIPTS / "count_rows.py"),
            inputs=[uploaded_objects(DATA)],
            outputs=[ProcessingOutput(output_name="counts", source=RESULTS)],
        )
    ],
    input_bucket=incoming,
    prefixes=["orders/"],
    suffixes=[".csv"],
)
readings = EventDrivenProcessing(
    stack,
    "Readings",
    steps=[
        processor.run(
            "DescribeReadings",
            code=str(SCRIPTS / "describe.py"),
            inputs=[uploaded_objects(DATA)],
            outputs=[ProcessingOutput(output_name="description", source=RESULTS)],
        )
    ],
    input_bucket=incoming,
    prefixes=["readings/"],
    batch_size=100,
    batch_window=cdk.Duration.minutes(1),
)
cdk.CfnOutput(stack, "OrdersTo", value=orders.upload_uri)
cdk.CfnOutput(stack, "ReadingsTo", value=readings.upload_uri)
app.synth()
