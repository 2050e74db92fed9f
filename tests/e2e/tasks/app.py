"""The task and a processor of each family in plain state machines, in both query languages.

Deployed by the end-to-end tests. Values that are known only at run time use ``sfn.JsonPath`` in one language,
and JSONata in the other; the rest is the same.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    FrameworkProcessor,
    ProcessingInput,
    ProcessingOutput,
    PySparkProcessor,
    SageMakerCreateProcessingJob,
    ScriptProcessor,
    SKLearnProcessor,
    literal_text,
    retry_on_capacity,
    unique_job_name,
)

SOURCE = Path(__file__).parent / "source"
# Linked scripts and directories, as people share them: a job finds them under the links' own names.
LINKS = tempfile.TemporaryDirectory()
LINKED_SCRIPT, LINKED_SOURCE = Path(LINKS.name) / "linked_tell.py", Path(LINKS.name) / "project"
LINKED_SCRIPT.symlink_to(SOURCE / "tell.py")
LINKED_SOURCE.mkdir()
(LINKED_SOURCE / "linked").symlink_to(SOURCE)
SKLEARN: dict[str, Any] = {"framework_version": "1.2-1", "instance_type": "ml.m5.large"}

app = cdk.App()
stack = cdk.Stack(app, "Tasks", env=cdk.Environment(account="000000000000", region="us-east-1"))
bucket = s3.Bucket(stack, "Bucket", removal_policy=cdk.RemovalPolicy.DESTROY)
key = kms.Key(stack, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
cdk.CfnOutput(stack, "KeyArn", value=key.key_arn)
cdk.CfnOutput(stack, "BucketName", value=bucket.bucket_name)


def machine(name: str, language: sfn.QueryLanguage, first: sfn.IChainable) -> sfn.StateMachine:
    created = sfn.StateMachine(
        stack, f"{name}Machine", definition_body=sfn.DefinitionBody.from_chainable(first), query_language=language
    )
    cdk.CfnOutput(stack, f"{name}Arn", value=created.state_machine_arn).override_logical_id(name)
    return created


def value(name: str, language: sfn.QueryLanguage) -> str:
    """Return a reference to a value of the execution's input."""
    return (
        f"{{% $states.input.{name} %}}"
        if language == sfn.QueryLanguage.JSONATA
        else sfn.JsonPath.string_at(f"$.{name}")
    )


def run_arguments(language: sfn.QueryLanguage) -> dict[str, Any]:
    """Return the arguments of every run in this app, with static and run-time values."""
    discard_result = (
        {"state_output": "{% $states.input %}"}
        if language == sfn.QueryLanguage.JSONATA
        else {"result_path": sfn.JsonPath.DISCARD}
    )
    return {
        "arguments": ["--day", value("day", language), f'it\'s {{{value("who", language)}}} \\ "quoted"'],
        "inputs": [
            ProcessingInput(
                source=f"s3://{bucket.bucket_name}/raw/{value('day', language)}/",
                destination="/opt/ml/processing/data",
                input_name="data",
            )
        ],
        "outputs": [ProcessingOutput(output_name="told", source="/opt/ml/processing/told")],
        **discard_result,
    }


for kind, language in (("Path", sfn.QueryLanguage.JSON_PATH), ("Jsonata", sfn.QueryLanguage.JSONATA)):
    environment = {"WHO": f"for {value('who', language)}"}
    common: dict[str, Any] = {"bucket": bucket, "env": environment}
    sklearn = SKLearnProcessor(stack, f"{kind}SKLearn", **SKLEARN, **common)
    script = ScriptProcessor(
        stack,
        f"{kind}Script",
        image_uri=sklearn.image_uri,
        command=["python3"],
        instance_type=sfn.JsonPath.string_at("$.instance"),  # a simple path works in both languages
        **common,
    )
    framework = FrameworkProcessor(stack, f"{kind}Framework", framework="sklearn", **SKLEARN, **common)
    task = SageMakerCreateProcessingJob(  # without a processor: the script is an input like any other
        stack,
        f"{kind}Task",
        state_name=f"{kind} Task",
        image_uri=sklearn.image_uri,
        entrypoint=["python3", "/opt/ml/processing/code/tell.py"],
        **common,
        **(
            run_arguments(language)
            | {
                "inputs": [
                    *run_arguments(language)["inputs"],
                    ProcessingInput(
                        source=f"s3://{bucket.bucket_name}/scripts/tell.py", destination="/opt/ml/processing/code"
                    ),
                ]
            }
        ),
    )
    code = str(SOURCE / "tell.py")
    spark = PySparkProcessor(stack, f"{kind}Spark", framework_version="3.5", instance_type="ml.m5.large", **common)
    machine(
        f"{kind}Spark",
        language,
        spark.run(
            f"{kind} Spark",
            submit_app=str(SOURCE / "spark_tell.py"),
            submit_py_files=[str(SOURCE / "spark_names.py")],
            configuration={"Classification": "spark-defaults", "Properties": {"spark.default.parallelism": "2"}},
            **run_arguments(language),
        ),
    )
    machine(
        f"{kind}Families",
        language,
        task.next(sklearn.run(f"{kind} SKLearn", code=code, **run_arguments(language)))
        .next(script.run(f"{kind} Script", code=LINKED_SCRIPT, **run_arguments(language)))
        .next(
            framework.run(
                f"{kind} Framework", code="linked/tell.py", source_dir=LINKED_SOURCE, **run_arguments(language)
            )
        ),
    )
    machine(f"{kind}Quota", language, sklearn.run(f"{kind} Quota", code=code, kms_key=key, **run_arguments(language)))
    machine(
        f"{kind}Capacity",
        language,
        retry_on_capacity(sklearn.run(f"{kind} Capacity", code=code, **run_arguments(language)), max_attempts=2),
    )
    nested = sklearn.run(
        f"{kind} Nested",
        code=code,
        job_name=unique_job_name("nested", value("day", language)),
        **(
            run_arguments(language)
            | {"arguments": [literal_text("{% raw %}"), f"{value('day', language)} {literal_text('{% end %}')}"]}
        ),
    )
    items: sfn.Map = (
        sfn.Map.jsonata(stack, f"{kind}Items", items=sfn.ProvideItems.jsonata("{% $states.input.items %}"))
        if language == sfn.QueryLanguage.JSONATA
        else sfn.Map(stack, f"{kind}Items", items_path="$.items")
    )
    items.item_processor(sfn.Parallel(stack, f"{kind}Branches").branch(nested))
    machine(f"{kind}Nested", language, items)
app.synth()
LINKS.cleanup()
