"""Workflows in state machines of the user: in the items of a Map, with a step that may fail, and with other states.

Deployed by the end-to-end tests in both query languages.
"""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingWorkflow,
    PropertyFile,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    WorkflowStep,
    retry_on_capacity,
)

SCRIPT = str(Path(__file__).parent / "step.py")

app = cdk.App()
stack = cdk.Stack(app, "Workflows", env=cdk.Environment(account="000000000000", region="us-east-1"))
processor = SKLearnProcessor(stack, "P", framework_version="1.2-1", instance_type="ml.m5.large", instance_count=1)
cdk.CfnOutput(stack, "BucketName", value=processor.bucket.bucket_name)


def run(name: str, *sources: str, says: str | None = None) -> SageMakerCreateProcessingJob:
    """Return a job that writes what its inputs contain and what it says, and fails if it should say ``fail``."""
    return processor.run(
        name,
        code=SCRIPT,
        inputs=[
            ProcessingInput(source=source, destination=f"/opt/ml/processing/input/in{index}", input_name=f"in{index}")
            for index, source in enumerate(sources)
        ],
        outputs=[ProcessingOutput(output_name="out", source="/opt/ml/processing/out")],
        arguments=[name.partition(" ")[2], says or "-"],
        property_files=[PropertyFile(name="said", output_name="out", path="said.json")],
    )


def machine(name: str, language: sfn.QueryLanguage, first: sfn.IChainable) -> None:
    created = sfn.StateMachine(
        stack, f"{name}Machine", definition_body=sfn.DefinitionBody.from_chainable(first), query_language=language
    )
    cdk.CfnOutput(stack, f"{name}Arn", value=created.state_machine_arn).override_logical_id(name)


for label, query_language in (("Path", sfn.QueryLanguage.JSON_PATH), ("Jsonata", sfn.QueryLanguage.JSONATA)):
    is_jsonata = query_language == sfn.QueryLanguage.JSONATA
    say = "{% $states.input.say %}" if is_jsonata else sfn.JsonPath.string_at("$.say")

    # In a Map: two forks within each other, and a reference across them.
    split = run(f"{label} Split", says=say)
    left, right = (run(f"{label} {name}", split.outputs["out"]) for name in ("Left", "Right"))
    low, high = (run(f"{label} {name}", left.outputs["out"]) for name in ("Low", "High"))
    joined = run(f"{label} Joined", *(step.outputs["out"] for step in (low, high, right, split)))
    items = ProcessingWorkflow(
        stack, f"{label}Items", steps=[joined, low, high, left, right, split], result_path="$.workflow"
    )
    each = (
        sfn.Map.jsonata(stack, f"{label} Each", items=sfn.ProvideItems.jsonata("{% $states.input.items %}"))
        if is_jsonata
        else sfn.Map(stack, f"{label} Each", items_path="$.items")
    )
    machine(f"{label}Map", query_language, each.item_processor(items))

    # In a distributed Map, whose items are executions of their own.
    alone = run(f"{label} Alone", says=say)
    again = run(f"{label} Again", alone.outputs["out"])
    spread = (
        sfn.DistributedMap.jsonata(
            stack, f"{label} Spread", items=sfn.ProvideItems.jsonata("{% $states.input.items %}")
        )
        if is_jsonata
        else sfn.DistributedMap(stack, f"{label} Spread", items_path="$.items")
    )
    spread.item_processor(
        ProcessingWorkflow(stack, f"{label}Executions", steps=[alone, again], result_path="$.workflow")
    )
    machine(f"{label}Distributed", query_language, spread)

    # A step that fails, with states after its failure, what needs its output, and what does not.
    risky = run(f"{label} Risky", says=say)
    after = run(f"{label} After", risky.outputs["out"])
    handled = run(f"{label} Handled", says=say)
    apart = run(f"{label} Apart")
    told = sfn.Pass.jsonata(
        stack, f"{label} Told", outputs={"error": "{% $states.input.Error %}"}, assign={f"told_{label}": "yes"}
    )
    value = handled.property("said", "words[0]")
    failing = ProcessingWorkflow(
        stack,
        f"{label}Failing",
        steps=[
            WorkflowStep(risky, on_failure="continue"),
            after,
            WorkflowStep(handled, on_failure=told),
            WorkflowStep(retry_on_capacity(apart), depends_on=[risky]),
            WorkflowStep(run(f"{label} Never"), when=value == "never"),
        ],
    )
    machine(f"{label}Failure", query_language, failing)

    # Other states between jobs: a value of theirs, and a location in their input.
    first = run(f"{label} First", says=say)
    between = WorkflowStep(
        sfn.Pass.jsonata(stack, f"{label} Between", outputs={"seen": first.outputs.jsonata("out"), "n": [1, 2]})
    )
    count = between.result("n[1]")
    last = run(f"{label} Last", first.outputs["out"], says=f"{first.property('said', 'words[0]')} and {count}")
    machine(
        f"{label}Between",
        query_language,
        ProcessingWorkflow(
            stack, f"{label}Others", steps=[first, between, WorkflowStep(last, when=(count > 1) & (count < 3))]
        ).to_single_state(),
    )

    # A job that is repeated while AWS lacks capacity, and one whose file lacks a value that another step needs.
    scarce = retry_on_capacity(run(f"{label} Scarce", says=say))
    machine(f"{label}Scarce", query_language, ProcessingWorkflow(stack, f"{label}Capacity", steps=[scarce]))
    bare = run(f"{label} Bare")
    needy = run(f"{label} Needy", says=str(bare.property("said", "nothing")))
    machine(f"{label}Missing", query_language, ProcessingWorkflow(stack, f"{label}Value", steps=[bare, needy]))

app.synth()
