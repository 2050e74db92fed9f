"""A workflow of four steps: validate, then features and statistics in parallel, then evaluate."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import ProcessingInput, ProcessingOutput, ProcessingWorkflow, Processor

app = cdk.App()
stack = cdk.Stack(app, "Four", env=cdk.Environment(account="111122223333", region="eu-west-1"))
processor = Processor(
    stack,
    "Own",
    image_uri="111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine:1",
    instance_type="ml.m5.xlarge",
    bucket=s3.Bucket(stack, "Bucket"),
)


def output(name: str) -> list[ProcessingOutput]:
    """Return an output with the name of its directory."""
    return [ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")]


def inputs(**sources: str) -> list[ProcessingInput]:
    """Return inputs with the names of their directories."""
    return [
        ProcessingInput(input_name=name, source=source, destination=f"/opt/ml/processing/input/{name}")
        for name, source in sources.items()
    ]


validate = processor.run("Validate", inputs=inputs(raw="s3://data-bucket/raw/"), outputs=output("valid"))
features = processor.run("Features", inputs=inputs(valid=validate.outputs["valid"]), outputs=output("train"))
statistics = processor.run("Statistics", inputs=inputs(valid=validate.outputs["valid"]), outputs=output("statistics"))
evaluate = processor.run(
    "Evaluate",
    inputs=inputs(train=features.outputs["train"], statistics=statistics.outputs["statistics"]),
    outputs=output("evaluation"),
)
workflow = ProcessingWorkflow(stack, "Workflow", steps=[validate, features, statistics, evaluate])
sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(workflow))
app.synth()
