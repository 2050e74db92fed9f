"""A pipeline whose script follows the instruction in the uploaded file, deployed by the end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, SKLearnProcessor, uploaded_objects

app = cdk.App()
stack = cdk.Stack(app, "Obedient")
processor = SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.large")
step = processor.run(
    "Obey",
    code=str(Path(__file__).parent / "obey.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="done", source="/opt/ml/processing/done")],
)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[step])
cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
cdk.CfnOutput(stack, "Queue", value=pipeline.trigger.queue.queue_url)
cdk.CfnOutput(stack, "DeadLetterQueue", value=pipeline.trigger.dead_letter_queue.queue_url)
cdk.CfnOutput(stack, "Table", value=pipeline.trigger.ledger.table.table_name)
cdk.CfnOutput(stack, "Function", value=pipeline.trigger.function.function_name)
app.synth()
