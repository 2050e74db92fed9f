"""Workflows in the definitions of state machines, in both query languages, and what their roles may do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    EventDrivenProcessing,
    FrameworkProcessor,
    InvalidValueError,
    ProcessingInput,
    ProcessingOutput,
    ProcessingWorkflow,
    Processor,
    PropertyFile,
    PySparkProcessor,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
    WorkflowStep,
    retry_on_capacity,
    uploaded_objects,
)
from tests.helpers.definitions import problems_of, states_in
from tests.helpers.stacks import ACCOUNT, REGION, definition, stack, statements

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/count:1"
JSONATA, JSON_PATH = sfn.QueryLanguage.JSONATA, sfn.QueryLanguage.JSON_PATH
LANGUAGES = pytest.mark.parametrize("language", [JSON_PATH, JSONATA], ids=["JSONPath", "JSONata"])
METRICS = PropertyFile(name="metrics", output_name="out", path="metrics.json")


class Jobs:
    """A stack, and a processor whose runs write one output, ``out``, and read what they are given."""

    def __init__(self, **options: Any) -> None:
        self.stack = stack()
        self.processor = Processor(self.stack, "P", **{"image_uri": IMAGE, "instance_type": "ml.m5.large", **options})

    def run(self, name: str, *sources: str, **options: Any) -> SageMakerCreateProcessingJob:
        inputs = [
            ProcessingInput(source=source, destination=f"/opt/ml/processing/in{index}")
            for index, source in enumerate(sources)
        ]
        outputs = [ProcessingOutput(output_name="out", source="/opt/ml/processing/out")]
        return self.processor.run(name, **{"inputs": inputs, "outputs": outputs, **options})

    def after(self, name: str, *steps: Any, **options: Any) -> SageMakerCreateProcessingJob:
        return self.run(name, *(step.outputs["out"] for step in steps), **options)

    def measured(self, name: str = "A", *files: PropertyFile) -> SageMakerCreateProcessingJob:
        return self.run(name, property_files=files or [METRICS])

    def workflow(self, *steps: Any, name: str = "Workflow", **options: Any) -> ProcessingWorkflow:
        return ProcessingWorkflow(self.stack, name, steps=steps, **options)

    def function_task(self, payload: dict[str, str], name: str = "Function") -> tasks.LambdaInvoke:
        """Return the task of a function."""
        function = lambda_.Function(
            self.stack,
            f"{name}Code",
            runtime=lambda_.Runtime.PYTHON_3_12,
            handler="index.handler",
            code=lambda_.Code.from_inline("def handler(event, context): return event"),
        )
        return tasks.LambdaInvoke.jsonata(
            self.stack, name, lambda_function=function, payload=sfn.TaskInput.from_object(payload)
        )

    def machine(self, states: sfn.IChainable, language: sfn.QueryLanguage) -> dict[str, Any]:
        """Return a definition that Step Functions accepts, and whose variables are assigned before they are read."""
        body = sfn.DefinitionBody.from_chainable(states)
        sfn.StateMachine(self.stack, "Machine", definition_body=body, query_language=language)
        found = definition(self.stack)
        assert problems_of(found) == []
        return found


def sequence(jobs: Jobs) -> sfn.IChainable:
    first = jobs.run("A")
    second = jobs.after("B", first)
    return jobs.workflow(jobs.after("C", second, first), second, first)


def diamond(jobs: Jobs) -> sfn.IChainable:
    first = jobs.run("A")
    left, right = jobs.after("B", first), jobs.after("C", first)
    return jobs.workflow(first, left, right, jobs.after("D", left, right, first))


def chains(jobs: Jobs) -> sfn.IChainable:
    first, other = jobs.run("A"), jobs.run("X")
    return jobs.workflow(first, jobs.after("B", first), other, jobs.after("Y", other))


def nested_forks(jobs: Jobs) -> sfn.IChainable:
    a = jobs.run("A")
    b, f = jobs.after("B", a), jobs.after("F", a)
    c, d = jobs.after("C", b), jobs.after("D", b)
    e = jobs.after("E", c, d, a)
    return jobs.workflow(a, b, c, d, e, f, jobs.after("G", c, f, e, a))


def neither(jobs: Jobs) -> sfn.IChainable:
    a, b = jobs.run("A"), jobs.run("B")
    return jobs.workflow(a, b, jobs.after("C", a), jobs.after("D", a, b))


def optional(jobs: Jobs) -> sfn.IChainable:
    a = jobs.measured()
    b = jobs.after("B", a)
    c = jobs.after("C", b)
    return jobs.workflow(a, WorkflowStep(b, when=a.property("metrics", "auc") > 0.8), c, jobs.after("D", c))


def optional_in_forks(jobs: Jobs) -> sfn.IChainable:
    a = jobs.measured()
    b, d = jobs.after("B", a), jobs.after("D", a)
    c = jobs.after("C", b)
    steps = [WorkflowStep(b, when=a.property("metrics", "auc") > 0.8), c, WorkflowStep(d, on_failure="continue")]
    return jobs.workflow(a, *steps, jobs.after("E", c, d))


def optional_by_input(jobs: Jobs) -> sfn.IChainable:
    condition = sfn.Condition.jsonata("{% $states.input.full %}")
    return jobs.workflow(jobs.run("A"), WorkflowStep(jobs.run("B"), when=condition))


def property_files(jobs: Jobs) -> sfn.IChainable:
    other = PropertyFile(name="of-scores", output_name="out", path="deep/scores.json")
    a = jobs.measured("A", METRICS, other)
    values = [
        a.property("metrics", "models[0].name"),
        a.property("of-scores", "['f1 score'].mean-value"),
        a.property("of-scores", "a.and.b"),
    ]
    good = (values[1] > 0.5) & ~(values[0] == 'it\'s "so"') | (values[2] != True)  # noqa: E712 - a condition
    b = jobs.after("B", a, arguments=[f"--name={values[0]};", str(values[1]), "$step_Z costs {1}"])
    return jobs.workflow(a, WorkflowStep(b, when=good))


def failures(jobs: Jobs) -> sfn.IChainable:
    a = jobs.run("A")
    b = jobs.after("B", a)
    told = jobs.function_task({"why": "{% $states.input.Cause %}"})
    return jobs.workflow(
        WorkflowStep(a, on_failure="continue"), WorkflowStep(b, on_failure=told), jobs.after("C", b), jobs.run("D")
    )


def failure_handled_by_jobs(jobs: Jobs) -> sfn.IChainable:
    """Return a workflow whose states after a failure take a result that the failed step does not."""
    z, y = jobs.run("Z"), jobs.run("Y")
    repaired = sfn.Chain.start(jobs.after("Repair", z)).next(sfn.Pass.jsonata(jobs.stack, "Repaired"))
    failing = WorkflowStep(jobs.run("A"), on_failure=repaired)
    return jobs.workflow(z, y, failing, jobs.run("B"))


def failure_handled_by_a_workflow(jobs: Jobs) -> sfn.IChainable:
    handler = jobs.workflow(jobs.run("H"), jobs.run("I"), name="Handler")
    return jobs.workflow(WorkflowStep(jobs.run("A"), on_failure=handler), jobs.run("B"))


def function(jobs: Jobs) -> sfn.IChainable:
    a = jobs.run("A")
    count = WorkflowStep(jobs.function_task({"from": a.outputs.jsonata("out")}))
    enough = count.result("Payload.rows") >= 10
    last = jobs.run("B", arguments=[str(count.result("Payload.rows"))])
    return jobs.workflow(a, count, WorkflowStep(last, when=enough))


def function_after_a_fork(jobs: Jobs) -> sfn.IChainable:
    a, b = jobs.run("A"), jobs.run("B")
    return jobs.workflow(a, b, jobs.function_task({"a": a.outputs.jsonata("out"), "b": b.outputs.jsonata("out")}))


def chain(jobs: Jobs) -> sfn.IChainable:
    a, b = jobs.run("A"), jobs.run("B")
    shown = sfn.Pass.jsonata(jobs.stack, "Show", outputs={"from": a.outputs.jsonata("out")})
    return jobs.workflow(a, b, sfn.Chain.start(sfn.Pass.jsonata(jobs.stack, "First")).next(shown))


def jobs_in_a_map(jobs: Jobs) -> sfn.IChainable:
    a, b = jobs.run("A"), jobs.run("B")
    items = sfn.ProvideItems.jsonata("{% $states.input.items %}")
    each = sfn.Map.jsonata(jobs.stack, "Each", items=items).item_processor(jobs.after("Item", a))
    return jobs.workflow(a, b, WorkflowStep(each, depends_on=[a]), WorkflowStep(jobs.run("C"), depends_on=[each]))


def parallel(jobs: Jobs) -> sfn.IChainable:
    a, b = jobs.run("A"), jobs.run("B")
    inner = sfn.Pass.jsonata(jobs.stack, "Inner", outputs=a.outputs.jsonata("out"))
    state = sfn.Parallel.jsonata(jobs.stack, "Both").branch(inner).branch(sfn.Pass.jsonata(jobs.stack, "Other"))
    return jobs.workflow(a, b, WorkflowStep(state, depends_on=[a, WorkflowStep(b)]))


def ends(jobs: Jobs) -> sfn.IChainable:
    bad = sfn.Fail(jobs.stack, "Bad")
    choice = sfn.Choice.jsonata(jobs.stack, "Bad?").when(sfn.Condition.jsonata("{% $states.input.bad %}"), bad)
    return jobs.workflow(jobs.run("A"), choice.otherwise(sfn.Succeed(jobs.stack, "Good")), WorkflowStep(jobs.run("B")))


def workflow_in_a_workflow(jobs: Jobs) -> sfn.IChainable:
    a = jobs.run("A")
    inner = jobs.workflow(a, jobs.after("B", a), name="Inner")
    return jobs.workflow(inner, WorkflowStep(jobs.run("C"), depends_on=[inner]))


def capacity(jobs: Jobs) -> sfn.IChainable:
    a = retry_on_capacity(jobs.measured())
    b, c = retry_on_capacity(jobs.after("B", a)), jobs.after("C", a)
    return jobs.workflow(a, WorkflowStep(b, when=a.property("metrics", "auc") > 1), c, jobs.after("D", b, c))


def in_a_map(jobs: Jobs) -> sfn.IChainable:
    items = sfn.ProvideItems.jsonata("{% $states.input.items %}")
    return sfn.Map.jsonata(jobs.stack, "Each", items=items).item_processor(diamond(jobs))


def in_a_distributed_map(jobs: Jobs) -> sfn.IChainable:
    items = sfn.ProvideItems.jsonata("{% $states.input.items %}")
    return sfn.DistributedMap.jsonata(jobs.stack, "Each", items=items).item_processor(diamond(jobs))


def in_a_parallel(jobs: Jobs) -> sfn.IChainable:
    other = jobs.run("E")
    branches = sfn.Parallel.jsonata(jobs.stack, "Both").branch(diamond(jobs))
    return branches.branch(jobs.workflow(other, jobs.after("F", other), name="Other"))


def single_state(jobs: Jobs) -> sfn.IChainable:
    fragment = diamond(jobs)
    assert isinstance(fragment, ProcessingWorkflow)
    return fragment.to_single_state().add_catch(sfn.Pass(jobs.stack, "Caught"))


def prefixed(jobs: Jobs) -> sfn.IChainable:
    fragment = diamond(jobs)
    assert isinstance(fragment, ProcessingWorkflow)
    return fragment.prefix_states("Daily: ")


def two_workflows(jobs: Jobs) -> sfn.IChainable:
    other = jobs.run("E")
    second = jobs.workflow(other, jobs.after("F", other), name="Second")
    return sfn.Chain.start(diamond(jobs)).next(second)


def a_job_after_the_workflow(jobs: Jobs) -> sfn.IChainable:
    a = jobs.run("A")
    return sfn.Chain.start(jobs.workflow(a)).next(jobs.after("B", a))


def references_everywhere(jobs: Jobs) -> sfn.IChainable:
    a = jobs.measured()
    value, location = a.property("metrics", "auc"), a.outputs["out"]
    other = Processor(
        jobs.stack,
        "Other",
        image_uri=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/count:{value}",
        instance_type="ml.m5.large",
        env={"FROM": location, "AUC": f"auc={value}"},
        tags={"auc": str(value)},
    )
    last = other.run(
        "B",
        inputs=[ProcessingInput(source=f"{location}/part/", destination="/opt/ml/processing/in")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/o", destination=f"{location}/b", output_name="o")],
        arguments=["--all", f"{{before}} {location} 'between' {value} {location}"],
        job_name=f"job-{value}",
        overrides={"ExperimentConfig": {"TrialName": location}},
    )
    return jobs.workflow(a, last)


def names(jobs: Jobs) -> sfn.IChainable:
    a = jobs.run("A", state_name='Ä "step" it\'s {x} 😀')
    b, c = jobs.after("B", a, state_name="`b` " * 20), jobs.after("C", a, state_name="{% c %} \\d $e")
    last = WorkflowStep(jobs.after("D", b, c), on_failure="continue")
    return jobs.workflow(a, b, c, last, result_path="$.workflow")


def names_like_variables(jobs: Jobs) -> sfn.IChainable:
    """Return a workflow with names that differ little, and one of a step."""
    a, b = jobs.run("A"), jobs.run("分割")
    c = jobs.after("A  1", a, b)
    return jobs.workflow(a, b, c, jobs.after("評価", a, c), jobs.run("step_A__1"), name="A")


def output_names(jobs: Jobs) -> sfn.IChainable:
    found = ["a-b", "a.b", "a b", "ä", "1", "and", "x" * 64]
    outputs = [ProcessingOutput(output_name=name, source=f"/opt/ml/processing/o{n}") for n, name in enumerate(found)]
    a = jobs.run("A", outputs=outputs)
    assert list(a.outputs) == found
    return jobs.workflow(a, jobs.run("B", *a.outputs.values()))


def creation_only(jobs: Jobs) -> sfn.IChainable:
    pattern = sfn.IntegrationPattern.REQUEST_RESPONSE
    a, b = (jobs.run(name, integration_pattern=pattern) for name in ("A", "B"))
    return jobs.workflow(a, WorkflowStep(b, on_failure="continue", depends_on=[a]))


def many(jobs: Jobs) -> sfn.IChainable:
    steps = [jobs.run("S0")]
    for number in range(1, 100):
        steps.append(jobs.after(f"S{number}", steps[(number - 1) // 2]))
    return jobs.workflow(*steps)


SHAPES = [
    sequence, diamond, chains, nested_forks, neither, optional, optional_in_forks, optional_by_input, property_files,
    failures, failure_handled_by_jobs, failure_handled_by_a_workflow, function, function_after_a_fork, chain,
    jobs_in_a_map, parallel, ends, workflow_in_a_workflow, capacity, in_a_map, in_a_distributed_map, in_a_parallel,
    single_state, prefixed, two_workflows, a_job_after_the_workflow, references_everywhere, names,
    names_like_variables, output_names,
    creation_only, many,
]  # fmt: skip


@LANGUAGES
@pytest.mark.parametrize("shape", SHAPES, ids=[shape.__name__ for shape in SHAPES])
def test_step_functions_accepts_the_definition(
    shape: Callable[[Jobs], sfn.IChainable], language: sfn.QueryLanguage
) -> None:
    jobs = Jobs()
    found = jobs.machine(shape(jobs), language)

    tasks_found = [state for state in states_in(found).values() if state["Type"] == "Task"]
    assert tasks_found != []


def test_the_checker_finds_what_it_looks_for() -> None:
    end = {"Type": "Pass", "End": True}
    inner = {"StartAt": "In", "States": {"In": {**end, "Assign": {"step_A": 1}}}}
    broken = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "B"}], "Default": "C"},
            "B": {"Type": "Pass", "Assign": {"step_A": 1}, "Next": "C"},
            "C": {"Type": "Pass", "Parameters": {"x.$": "$step_A.x"}, "Next": "D"},
            "D": {
                "Type": "Parallel",
                "Branches": [inner, {"StartAt": "n" * 81, "States": {"n" * 81: end}}],
                "End": True,
            },
        },
    }

    problems = "\n".join(problems_of(broken))
    assert "the state 'C' reads step_A before it is assigned" in problems
    assert "the variable step_A is one of an outer scope" in problems
    assert f"the name '{'n' * 81}' is too long" in problems


@dataclass(frozen=True)
class _Order:
    """The order of jobs in a definition: their names, and lists of branches."""

    definition: dict[str, Any]

    def of(self, graph: dict[str, Any] | None = None) -> list[Any]:
        found = graph or self.definition
        order: list[Any] = []
        name: str | None = found["StartAt"]
        while name is not None:
            state = found["States"][name]
            if state["Type"] == "Task":
                order.append(name)
            elif state["Type"] == "Parallel":
                order.append([self.of(branch) for branch in state["Branches"]])
            name = state.get("Next")
        return order


@LANGUAGES
def test_what_does_not_depend_on_each_other_runs_in_parallel(language: sfn.QueryLanguage) -> None:
    expected: list[tuple[Callable[[Jobs], sfn.IChainable], list[Any]]] = [
        (sequence, ["A", "B", "C"]),
        (diamond, ["A", [["B"], ["C"]], "D"]),
        (chains, [[["A", "B"], ["X", "Y"]]]),
        (nested_forks, ["A", [["B", [["C"], ["D"]], "E"], ["F"]], "G"]),
        (neither, ["A", [["B", "D"], ["C"]]]),
    ]
    for shape, order in expected:
        jobs = Jobs()
        assert _Order(jobs.machine(shape(jobs), language)).of() == order


def sources(state: dict[str, Any]) -> list[str]:
    """Return the locations of a job's inputs, as expressions of JSONPath or JSONata."""
    request = state.get("Parameters") or state["Arguments"]
    return [entry["S3Input"].get("S3Uri.$") or entry["S3Input"]["S3Uri"] for entry in request["ProcessingInputs"]]


def test_a_location_is_what_the_description_of_the_job_names() -> None:
    jobs = Jobs()
    found = states_in(jobs.machine(nested_forks(jobs), JSON_PATH))

    location = "States.ArrayGetItem($.ProcessingOutputConfig.Outputs[?(@.OutputName == 'out')].S3Output.S3Uri, 0)"
    assert found["A"]["Assign"] == {"step_A": {"status": "Completed", "outputs": {"out.$": location}}}
    assert found["A"]["ResultPath"] is None
    assert sources(found["E"]) == ["$step_C__1.outputs.out", "$step_D__1.outputs.out", "$step_A.outputs.out"]
    assert sources(found["G"]) == [
        "$step_C__2.outputs.out",
        "$step_F__1.outputs.out",
        "$step_E__1.outputs.out",
        "$step_A.outputs.out",
    ]


def test_a_location_in_jsonata() -> None:
    jobs = Jobs()
    found = states_in(jobs.machine(diamond(jobs), JSONATA))

    location = "{% $states.result.ProcessingOutputConfig.Outputs[OutputName = 'out'].S3Output.S3Uri %}"
    assert found["A"]["Assign"] == {"step_A": {"status": "Completed", "outputs": {"out": location}}}
    assert found["A"]["Output"] == "{% $states.input %}"
    assert sources(found["D"]) == [
        "{% $step_B__1.outputs.out %}",
        "{% $step_C__1.outputs.out %}",
        "{% $step_A.outputs.out %}",
    ]


@LANGUAGES
@pytest.mark.parametrize(
    ("result_path", "output"),
    [
        (None, {"A": "{% $step_A %}"}),
        (sfn.JsonPath.DISCARD, None),
        ("$.done", '{% $merge([$states.input, {"done": {"A": $step_A}}]) %}'),
    ],
    ids=["instead", "discarded", "in-a-field"],
)
def test_the_result(language: sfn.QueryLanguage, result_path: str | None, output: Any) -> None:  # noqa: ANN401
    jobs = Jobs()
    found = jobs.machine(jobs.workflow(jobs.run("A"), result_path=result_path), language)

    assert found["States"].get("Results of workflow Workflow", {}).get("Output") == output


@LANGUAGES
def test_a_condition_reads_the_property_file(language: sfn.QueryLanguage) -> None:
    jobs = Jobs()
    found = states_in(jobs.machine(property_files(jobs), language))

    read = found["Read of-scores of A"]
    uri = r"$replace($states.input.outputs.out, /\/$/, '') & \"/deep/scores.json\"".replace('\\"', '"')
    assert read["Resource"].endswith(":states:::aws-sdk:s3:getObject")
    assert read["Arguments"]["Key"] == f"{{% $substringAfter($substringAfter({uri}, 's3://'), '/') %}}"
    assert read["Output"]["properties"] == {
        "metrics": "{% $states.input.properties.metrics %}",
        "of-scores": {
            "[f1 score].mean-value": "{% $parse($states.result.Body).`f1 score`.`mean-value` %}",
            "a.and.b": "{% $parse($states.result.Body).a.`and`.b %}",
        },
    }
    (rule,) = found["Run B?"]["Choices"]
    assert rule["Condition"] == (
        "{% ((($step_A.properties.`of-scores`.`[f1 score].mean-value` > 0.5) and "
        '$not(($step_A.properties.metrics.`models[0].name` = "it\'s \\"so\\""))) or '
        "($step_A.properties.`of-scores`.`a.and.b` != true)) %}"
    )


@LANGUAGES
@pytest.mark.parametrize("first", ["step", "input"])
def test_a_condition_on_the_input_is_combined_with_one_on_a_step(language: sfn.QueryLanguage, first: str) -> None:
    jobs = Jobs()
    a = jobs.measured()
    on_step, on_input = a.property("metrics", "auc") > 0.5, sfn.Condition.jsonata("{% $states.input.x or false %}")
    either: Any = (on_step, on_input) if first == "step" else (on_input, on_step)
    b = WorkflowStep(jobs.run("B"), when=(either[0] | either[1]) & ~on_step)
    (rule,) = states_in(jobs.machine(jobs.workflow(a, b), language))["Run B?"]["Choices"]
    value = "($step_A.properties.metrics.auc > 0.5)"
    assert rule["Condition"] == f"{{% (({value} or ($states.input.x or false)) and $not({value})) %}}"


REFUSED = (
    "a condition on a step's value must be the when of a WorkflowStep, not a part of sfn.Condition.and_, or_ or not_"
)


def test_conditions_and_choices_of_aws_cdk_refuse_one_on_a_step() -> None:
    jobs = Jobs()
    condition = jobs.measured().property("metrics", "auc") > 0.5
    combined = sfn.Condition.and_(sfn.Condition.is_present("$.x"), sfn.Condition.not_(condition))
    with pytest.raises(ConflictingValuesError, match=f"^{re.escape(REFUSED)}"):
        WorkflowStep(jobs.run("B"), when=combined)
    with pytest.raises(InvalidValueError, match=r"^the other side of & must be a comparison of a step's value, or"):
        condition & sfn.Condition.is_present("$.x")
    choice = sfn.Choice(jobs.stack, "Good?").when(condition, sfn.Pass(jobs.stack, "Good"))
    with pytest.raises(RuntimeError, match=f"^{re.escape(REFUSED)}"):
        jobs.machine(choice, JSON_PATH)


@LANGUAGES
def test_a_step_without_its_inputs_is_skipped(language: sfn.QueryLanguage) -> None:
    jobs = Jobs()
    found = states_in(jobs.machine(optional(jobs), language))

    (rule,) = found["Has C its inputs?"]["Choices"]
    assert rule == {"Condition": '{% $step_B.status = "Completed" %}', "Next": "C"}
    assert found["Has C its inputs?"]["Default"] == "Skip C"
    assert found["Skip C"]["Assign"] == {"step_C": {"status": "Skipped"}}
    assert found["Skip B"]["Next"] == "Has C its inputs?"


@LANGUAGES
def test_a_failure_reaches_its_states(language: sfn.QueryLanguage) -> None:
    jobs = Jobs()
    found = states_in(jobs.machine(failures(jobs), language))

    (catcher,) = found["Step B"]["Catch"]
    assert catcher["ErrorEquals"] == ["States.ALL"]
    assert catcher["Assign"]["step_B"]["status"] == "Failed"
    assert found[catcher["Next"]]["Arguments"] == {"Error": "{% $step_B.error %}", "Cause": "{% $step_B.cause %}"}


@pytest.mark.parametrize(
    ("options", "start"),
    [({}, "Daily-split-"), ({"base_job_name": "mine"}, "mine-")],
    ids=["named-after-the-step", "named-by-the-user"],
)
def test_the_names_of_jobs(options: dict[str, str], start: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.touch()
    jobs = Jobs()
    sklearn = {"framework_version": "1.2-1", "instance_type": "ml.m5.large", **options}
    processors: Sequence[Any] = [
        SKLearnProcessor(jobs.stack, "SKLearn", **sklearn),  # type: ignore[arg-type]  # texts
        FrameworkProcessor(jobs.stack, "Framework", framework="sklearn", **sklearn),  # type: ignore[arg-type]
    ]
    spark = PySparkProcessor(jobs.stack, "Spark", framework_version="3.3", instance_type="ml.m5.large", **options)  # type: ignore[arg-type]
    steps = [each.run(f"Daily split {n}", code=str(script)) for n, each in enumerate(processors)]
    found = jobs.machine(jobs.workflow(*steps, spark.run("Daily split 2", submit_app=str(script))), JSON_PATH)

    names_found = [
        state["Parameters"]["ProcessingJobName.$"] for state in states_in(found).values() if state["Type"] == "Task"
    ]
    assert len(names_found) == 3
    assert all(name.startswith(f"States.Format('{start}") for name in names_found)


def test_the_roles_may_read_what_the_request_takes() -> None:
    jobs = Jobs()
    key = kms.Key(jobs.stack, "Key")
    bucket = s3.Bucket(jobs.stack, "Data", encryption_key=key)
    producer = Processor(jobs.stack, "Producer", image_uri=IMAGE, instance_type="ml.m5.large", bucket=bucket)
    fixed = ProcessingOutput(
        output_name="fixed", source="/opt/ml/processing/f", destination=f"s3://{bucket.bucket_name}/fixed/x"
    )
    other = ProcessingOutput(output_name="other", source="/opt/ml/processing/o")
    a = producer.run(
        "A",
        outputs=[fixed, other],
        property_files=[PropertyFile(name="m", output_name="fixed", path="deep/m.json")],
    )
    below = ProcessingOutput(source="/opt/ml/processing/b", destination=f"{a.outputs['fixed']}/b", output_name="b")
    b = jobs.run("B", a.outputs["fixed"], outputs=[below])
    jobs.machine(jobs.workflow(a, WorkflowStep(b, when=a.property("m", "x") > 1)), JSON_PATH)

    data = next(
        statement["Resource"].removesuffix("/fixed/x*")
        for statement in statements(jobs.stack, "PRole")
        if statement["Action"] == "s3:GetObject"
    )
    of_job = [(each["Action"], each["Resource"]) for each in statements(jobs.stack, "PRole")]
    assert [resource for action, resource in of_job if action == "s3:GetObject"] == [f"{data}/fixed/x*"]
    assert [resource for action, resource in of_job if action == "s3:PutObject"] == [f"{data}/fixed/x/b*"]
    (decrypted,) = [resource for action, resource in of_job if action == "kms:Decrypt"]
    of_machine = [(each["Action"], each["Resource"]) for each in statements(jobs.stack, "MachineRole")]
    assert ("s3:getObject", f"{data}/fixed/x/deep/m.json") in of_machine
    assert ("kms:Decrypt", decrypted) in of_machine


def test_a_job_in_a_map_may_read_what_it_takes() -> None:
    jobs = Jobs()
    source = s3.Bucket(jobs.stack, "Data")
    producer = Processor(jobs.stack, "Producer", image_uri=IMAGE, instance_type="ml.m5.large", bucket=source)
    a = producer.run("A", outputs=[ProcessingOutput(output_name="out", source="/opt/ml/processing/out")])
    items = sfn.ProvideItems.jsonata("{% $states.input.items %}")
    each = sfn.Map.jsonata(jobs.stack, "Each", items=items).item_processor(jobs.after("Item", a))
    jobs.machine(jobs.workflow(a, WorkflowStep(each, depends_on=[a])), JSON_PATH)

    read = [each["Resource"] for each in statements(jobs.stack, "PRole") if each["Action"] == "s3:GetObject"]
    assert len(read) == 1
    assert read[0].endswith("/outputs/*")


def test_the_processors_of_a_workflow_are_in_several_stacks() -> None:
    app = cdk.App()
    env = cdk.Environment(account=ACCOUNT, region=REGION)
    stacks = [cdk.Stack(app, name, env=env) for name in ("First", "Second")]
    options = {"image_uri": IMAGE, "instance_type": "ml.m5.large"}
    first, second = (Processor(each, "P", **options) for each in stacks)  # type: ignore[arg-type]  # texts
    out = ProcessingOutput(output_name="out", source="/opt/ml/processing/out")
    a = first.run("A", outputs=[out])
    b = second.run("B", inputs=[ProcessingInput(source=a.outputs["out"], destination="/opt/ml/processing/in")])
    workflow = ProcessingWorkflow(stacks[1], "Workflow", steps=[a, b])
    sfn.StateMachine(stacks[1], "Machine", definition_body=sfn.DefinitionBody.from_chainable(workflow))

    assert problems_of(definition(stacks[1])) == []
    read = [each["Resource"] for each in statements(stacks[1], "PRole") if each["Action"] == "s3:GetObject"]
    assert [resource.endswith("/outputs/*") and "First" in resource for resource in read] == [True]


@LANGUAGES
def test_a_pipeline_takes_the_same_steps(language: sfn.QueryLanguage) -> None:
    jobs = Jobs()
    a = retry_on_capacity(jobs.run("A", inputs=[uploaded_objects("/opt/ml/processing/in")]))
    b, c = jobs.after("B", a), jobs.after("C", a)
    pipeline = EventDrivenProcessing(
        jobs.stack, "Pipeline", steps=[c, a, b], prefixes=["in/"], query_language=language, max_runtime_in_seconds=60
    )
    found = definition(jobs.stack)

    assert problems_of(found) == []
    assert list(found["States"]) == ["Step A", "In parallel: C, B", "Results of workflow Pipeline/Workflow"]
    assert pipeline.workflow is not None
    for name in ("A", "B", "C"):
        request = states_in(found)[name].get("Parameters") or states_in(found)[name]["Arguments"]
        assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}


def test_a_workflow_is_the_step_of_a_pipeline() -> None:
    jobs = Jobs()
    a = jobs.run("A", inputs=[uploaded_objects("/opt/ml/processing/in")])
    workflow = jobs.workflow(a, jobs.after("B", a))
    EventDrivenProcessing(jobs.stack, "Pipeline", steps=[workflow], prefixes=["in/"])

    assert problems_of(definition(jobs.stack)) == []


def test_a_step_outside_of_a_workflow_has_no_result() -> None:
    jobs = Jobs()
    a = jobs.run("A")
    chained = sfn.Chain.start(a).next(jobs.after("B", a))
    body = sfn.DefinitionBody.from_chainable(chained)
    sfn.StateMachine(jobs.stack, "Machine", definition_body=body)

    with pytest.raises(
        RuntimeError, match="takes a result of the step 'A', which has none here; pass both steps to one"
    ):
        definition(jobs.stack)


def test_an_express_machine_is_refused() -> None:
    jobs = Jobs()
    body = sfn.DefinitionBody.from_chainable(diamond(jobs))
    kind = sfn.StateMachineType.EXPRESS
    sfn.StateMachine(jobs.stack, "Machine", definition_body=body, state_machine_type=kind)

    with pytest.raises(RuntimeError, match="is an Express state machine, which cannot wait for a processing job"):
        definition(jobs.stack)
