"""Ten different processors, one state machine, one bucket."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    FrameworkProcessor,
    HuggingFaceProcessor,
    MXNetProcessor,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    PySparkProcessor,
    PyTorchProcessor,
    ScriptProcessor,
    SKLearnProcessor,
    TensorFlowProcessor,
    XGBoostProcessor,
)

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine:1"
CODE = "s3://code-bucket/run.sh"
CPU, GPU = "ml.m5.xlarge", "ml.g5.xlarge"

app = cdk.App()
stack = cdk.Stack(app, "Ten", env=cdk.Environment(account="111122223333", region="eu-west-1"))
bucket = s3.Bucket(stack, "Bucket")
of = {"bucket": bucket}
runs = [
    (Processor(stack, "Own", image_uri=IMAGE, instance_type=CPU, **of), {}),
    (ScriptProcessor(stack, "Script", image_uri=IMAGE, command=["python3"], instance_type=CPU, **of), {"code": CODE}),
    (SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type=CPU, **of), {"code": CODE}),
    (
        FrameworkProcessor(stack, "Framework", framework="sklearn", framework_version="1.2-1", instance_type=CPU, **of),
        {"code": CODE},
    ),
    (
        PyTorchProcessor(stack, "PyTorch", framework_version="2.3", py_version="py311", instance_type=GPU, **of),
        {"code": CODE},
    ),
    (
        TensorFlowProcessor(stack, "TensorFlow", framework_version="2.16", py_version="py310", instance_type=CPU, **of),
        {"code": CODE},
    ),
    (XGBoostProcessor(stack, "XGBoost", framework_version="1.7-1", instance_type=CPU, **of), {"code": CODE}),
    (
        MXNetProcessor(stack, "MXNet", framework_version="1.9", py_version="py38", instance_type=CPU, **of),
        {"code": CODE},
    ),
    (
        HuggingFaceProcessor(
            stack,
            "HuggingFace",
            transformers_version="4.28.1",
            pytorch_version="2.0.0",
            py_version="py310",
            instance_type=GPU,
            **of,
        ),
        {"code": CODE},
    ),
    (PySparkProcessor(stack, "Spark", framework_version="3.3", instance_type=CPU, **of), {"submit_app": CODE}),
]
chain = sfn.Chain.start(sfn.Pass(stack, "Start"))
for number, (processor, script) in enumerate(runs):
    chain = chain.next(
        processor.run(
            f"Run{number}",
            inputs=[ProcessingInput(source="s3://data-bucket/raw/", destination="/opt/ml/processing/data")],
            outputs=[ProcessingOutput(output_name="out", source="/opt/ml/processing/out")],
            result_path=sfn.JsonPath.DISCARD,
            **script,
        )
    )
sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
app.synth()
