"""The advice of messages about workflows: a call that follows it synthesizes, and the message is gone.

The table has an entry for each message with advice in the package, and in the modules of steps in others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Aws, Duration, Stack, TimeZone
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingSchedule,
    ProcessingWorkflow,
    Processor,
    PropertyFile,
    SageMakerCreateProcessingJob,
    WorkflowStep,
)
from tests.unit.constructs.test_advice import IMAGE, Call
from tests.unit.constructs.test_advice_of_jobs import OF_WORKFLOWS, Advice, advice_in_the_source, reported

OF_JOBS = {
    "tasks/create_processing_job": ("from step.outputs",),
    "tasks/rendered_task": ("pass both steps to one", "or pass another state_name"),
}
INNER = "{% $step_A.outputs.out %}"


class Steps:
    """The parts of the calls: a step ``A`` with a property file, and another, ``B``."""

    def __init__(self, scope: Stack) -> None:
        self.scope = scope
        self.a = self.run("A")
        self.b = self.run("B")
        # Without a type, as type checkers refuse some of the comparisons, too.
        self.value: Any = self.a.property("metrics", "auc")

    def run(self, name: str, **options: Any) -> SageMakerCreateProcessingJob:
        processor = self.scope.node.try_find_child("P") or Processor(
            self.scope, "P", image_uri=IMAGE, instance_type="ml.m5.large"
        )
        assert isinstance(processor, Processor)
        outputs = [ProcessingOutput(output_name="out", source="/opt/ml/processing/out")]
        files = [PropertyFile(name="metrics", output_name="out", path="metrics.json")]
        return processor.run(name, **{"outputs": outputs, "property_files": files, **options})

    def reading(self, name: str, source: str, **options: Any) -> SageMakerCreateProcessingJob:
        return self.run(name, inputs=[ProcessingInput(source=source, destination="/opt/ml/processing/in")], **options)

    def value_at(self, path: str) -> object:
        return self.a.property("metrics", path)

    def workflow(self, *steps: Any, **options: Any) -> ProcessingWorkflow:
        number = sum(isinstance(child, ProcessingWorkflow) for child in self.scope.node.children)
        return ProcessingWorkflow(self.scope, f"Workflow{number}", steps=list(steps), **options)

    def machine(self, states: sfn.IChainable, **options: Any) -> sfn.StateMachine:
        body = sfn.DefinitionBody.from_chainable(states)
        return sfn.StateMachine(self.scope, "Machine", definition_body=body, **options)

    def shows(self, name: str, value: object = INNER, **options: Any) -> sfn.Pass:
        return sfn.Pass.jsonata(self.scope, name, outputs=value, **options)

    def inner(self, **options: Any) -> sfn.Parallel:
        """Return a state with another in it that takes A's output."""
        return sfn.Parallel.jsonata(self.scope, "Both").branch(self.shows("Inner", **options))


def call(do: Callable[[Steps], object]) -> Call:
    """Return a call that does something with the steps, and puts the workflow that it may return into a machine."""

    def on(scope: Stack) -> None:
        steps = Steps(scope)
        if isinstance(made := do(steps), ProcessingWorkflow):
            steps.machine(made)

    return on


def scheduled(machine: dict[str, Any] | None = None, machine_arn: str = "", **options: Any) -> Call:
    """Return a call that runs a state machine on a schedule."""

    def on(scope: Stack) -> None:
        body = sfn.DefinitionBody.from_chainable(sfn.Pass(scope, "Pass"))
        started: sfn.IStateMachine = sfn.StateMachine(scope, "Machine", definition_body=body, **(machine or {}))
        if machine_arn:
            started = sfn.StateMachine.from_state_machine_arn(scope, "Imported", machine_arn)
        ProcessingSchedule(
            scope,
            "Nightly",
            state_machine=started,
            **{
                "schedule": scheduler.ScheduleExpression.cron(hour="2"),
                "bucket": s3.Bucket(scope, "Bucket"),
                **options,
            },
        )

    return on


def file(**options: Any) -> Call:
    defaults = {"name": "metrics", "output_name": "out", "path": "metrics.json"}
    return call(lambda _: PropertyFile(**{**defaults, **options}))


def when(condition: Callable[[Steps], Any]) -> Call:
    return call(lambda steps: steps.workflow(steps.a, WorkflowStep(steps.b, when=condition(steps))))


def as_step(**options: Any) -> Call:
    """Return a call whose first step has options."""
    return call(lambda steps: steps.workflow(steps.run("C", **options), steps.b))


def prepared(steps: Steps, change: Callable[[Steps], object]) -> Steps:
    change(steps)
    return steps


UNCHANGED = as_step()
GOOD = when(lambda steps: steps.value > 0.8)
REQUEST_RESPONSE = {"integration_pattern": sfn.IntegrationPattern.REQUEST_RESPONSE}

ADVISED = [
    Advice("model/property_files", "conditions refer to it by this text", file(name="{% $x %}"), file()),
    Advice("model/property_files", "for example evaluation", file(name="my file"), file(name="evaluation")),
    Advice("model/property_files", "below the output's directory", file(path="/a.json"), file(path="evaluation.json")),
    *(
        Advice(
            "model/property_files",
            "for example metrics.auc",
            call(lambda steps: steps.a.property("metrics", "a..b")),
            call(functools.partial(Steps.value_at, path=path)),
        )
        for path in ("metrics.auc", "models[0].name", "['f1-score'].mean")
    ),
    Advice("tasks/create_processing_job", "got •; leave it out", as_step(result_path="$.x"), UNCHANGED),
    Advice(
        "tasks/create_processing_job",
        "got state_output; leave it out",
        as_step(state_output="{% 1 %}", query_language=sfn.QueryLanguage.JSONATA),
        as_step(query_language=sfn.QueryLanguage.JSONATA),
    ),
    Advice(
        "tasks/rendered_task",
        "pass both steps to one",
        call(lambda s: s.machine(sfn.Chain.start(s.a).next(s.reading("C", s.a.outputs["out"])))),
        call(lambda s: s.workflow(s.a, s.reading("C", s.a.outputs["out"]))),
    ),
    *(
        Advice(
            "tasks/rendered_task",
            "rename that, or pass another state_name",
            as_step(assign={"step_C": "x"}),
            as_step(**options),
        )
        for options in ({"assign": {"mine": "x"}}, {"assign": {"step_C": "x"}, "state_name": "D"})
    ),
    Advice("tasks/step_conditions", "compare it with text or a number", call(lambda s: float(s.value)), GOOD),
    Advice(
        "tasks/step_conditions",
        "or insert it into text by str(...)",
        call(lambda s: 5 if s.value else 6),
        call(lambda s: s.workflow(s.a, s.run("C", arguments=[str(s.value)]))),
    ),
    Advice(
        "tasks/step_conditions",
        "combine conditions with &, | and ~",
        when(lambda s: 0.1 < s.value < 0.9),
        when(lambda s: (s.value > 0.1) & ~(s.value >= 0.9) | (s.value == 1)),
    ),
    Advice(
        "tasks/step_conditions",
        "write each comparison in parentheses",
        when(lambda s: (s.value > 1) & 5),
        when(lambda s: (s.value > 1) & (s.value < 5)),
    ),
    Advice(
        "tasks/step_conditions",
        "and a condition on the input as sfn.Condition.jsonata(...)",
        when(lambda s: (s.value > 1) | sfn.Condition.is_present("$.x")),
        when(lambda s: (s.value > 1) | sfn.Condition.jsonata("{% $states.input.x %}")),
    ),
    Advice(
        "tasks/step_conditions",
        "or of a Choice; combine conditions with &, | and ~",
        when(lambda s: sfn.Condition.not_(s.value > 1)),
        when(lambda s: ~(s.value > 1)),
    ),
    Advice(
        "tasks/step_conditions",
        "compare step.property(...) or step.result(...)",
        when(lambda _: sfn.Condition.jsonata("{% $step_A.properties.metrics.auc > 1 %}")),
        GOOD,
    ),
    Advice(
        "tasks/state_paths",
        "'(' at character 11 is not closed",
        when(lambda _: sfn.Condition.jsonata("{% $exists($states.input.x %}")),
        when(lambda _: sfn.Condition.jsonata("{% $exists($states.input.x) %}")),
    ),
    Advice(
        "tasks/step_conditions",
        "the value is known at run time only",
        call(lambda s: s.workflow(s.a, s.run("C", arguments=[f"{s.value:.2f}"]))),
        call(lambda s: s.workflow(s.a, s.run("C", arguments=[f"{s.value}"]))),
    ),
    Advice("tasks/step_conditions", "for example evaluate.property", when(lambda s: s.value > [1]), GOOD),
    Advice(
        "tasks/step_conditions",
        "compare a boolean with == or !=",
        when(lambda s: s.value > True),
        when(lambda s: (s.value == True) | (s.value != False)),  # noqa: E712 - conditions
    ),
    Advice(
        "tasks/step_outputs",
        "a name with quotation marks",
        call(lambda s: s.a.outputs["it's"]),
        call(lambda s: s.a.outputs["out"]),
    ),
    Advice(
        "tasks/step_result",
        "pass property_files=[PropertyFile(...)] to run(...)",
        call(lambda s: s.run("C", property_files=None).property("metrics", "auc")),
        call(lambda s: s.run("C").property("metrics", "auc")),
    ),
    Advice(
        "tasks/step_result",
        "call property(...) before you create the workflow",
        call(lambda s: prepared(s, lambda s: s.workflow(s.b)).b.property("metrics", "auc")),
        call(lambda s: (s.b.property("metrics", "auc"), s.machine(s.workflow(s.b)))),
    ),
    Advice(
        "tasks/step_result",
        "give it RUN_JOB",
        call(lambda s: s.run("C", **REQUEST_RESPONSE).outputs),
        call(lambda s: s.run("C", integration_pattern=sfn.IntegrationPattern.RUN_JOB).outputs),
    ),
    Advice(
        "tasks/step_result",
        "rename one of the two",
        as_step(property_files=[PropertyFile(name="m", output_name="out", path=path) for path in ("a", "b")]),
        as_step(property_files=[PropertyFile(name=path, output_name="out", path=path) for path in ("a", "b")]),
    ),
    Advice(
        "tasks/step_result",
        "it has •",
        as_step(property_files=[PropertyFile(name="m", output_name="other", path="a")]),
        as_step(property_files=[PropertyFile(name="m", output_name="out", path="a")]),
    ),
    Advice(
        "workflow/claims",
        "call run(...) again, with another id",
        call(lambda s: (s.workflow(s.a), s.workflow(s.a))),
        call(lambda s: s.machine(sfn.Chain.start(s.workflow(s.a)).next(s.workflow(s.run("C"))))),
    ),
    Advice(
        "workflow/claims",
        "leave out next(...) and add_catch(...)",
        call(lambda s: prepared(s, lambda s: s.a.add_catch(s.shows("Bad", 1))).workflow(s.a)),
        call(lambda s: s.workflow(WorkflowStep(s.a, on_failure=s.shows("Bad", 1)), s.shows("Next", 1))),
    ),
    Advice(
        "workflow/needs",
        "call run(...) again, with another id",
        call(lambda s: s.workflow(s.a, s.a)),
        call(lambda s: s.workflow(s.a, s.run("C"))),
    ),
    Advice(
        "workflow/needs",
        "pass another state_name",
        call(lambda s: s.workflow(s.a, s.run("C", state_name="A"))),
        call(lambda s: s.workflow(s.a, s.run("C", state_name="Another"))),
    ),
    Advice(
        "workflow/needs",
        "pass a state_name without tokens",
        call(lambda s: s.workflow(s.run("C", state_name=Aws.STACK_NAME))),
        call(lambda s: s.workflow(s.run("C", state_name="Named"))),
    ),
    Advice(
        "workflow/needs",
        "which is not a step of the workflow; add it to steps",
        call(lambda s: s.workflow(s.reading("C", s.a.outputs["out"]))),
        call(lambda s: s.workflow(s.reading("C", s.a.outputs["out"]), s.a)),
    ),
    Advice(
        "workflow/needs",
        "which is not a step of the workflow; add it to steps",
        call(lambda s: s.workflow(WorkflowStep(s.b, depends_on=[s.a]))),
        call(lambda s: s.workflow(WorkflowStep(s.b, depends_on=[s.a]), s.a)),
    ),
    Advice(
        "workflow/needs",
        "of a step that is not in the workflow; add it to steps",
        call(lambda s: s.workflow(s.shows("C"))),
        call(lambda s: s.workflow(s.shows("C"), s.a)),
    ),
    Advice(
        "workflow/needs",
        "remove one of these outputs or depends_on",
        call(lambda s: s.workflow(WorkflowStep(s.a, depends_on=[c := s.reading("C", s.a.outputs["out"])]), c)),
        call(lambda s: s.workflow(s.a, s.reading("C", s.a.outputs["out"]))),
    ),
    Advice(
        "workflow/processing_workflow",
        "pass what processor.run(...) returned",
        call(lambda s: s.workflow()),
        UNCHANGED,
    ),
    Advice(
        "workflow/processing_workflow",
        "use sfn.Condition.jsonata",
        call(
            lambda s: s.machine(
                s.workflow(WorkflowStep(s.a, when=sfn.Condition.is_present("$.x"))),
                query_language=sfn.QueryLanguage.JSONATA,
            )
        ),
        call(
            lambda s: s.machine(
                s.workflow(WorkflowStep(s.a, when=sfn.Condition.jsonata("{% $exists($states.input.x) %}"))),
                query_language=sfn.QueryLanguage.JSONATA,
            )
        ),
    ),
    Advice(
        "workflow/processing_workflow",
        "rename the step •, or the variable",
        call(lambda s: s.workflow(s.a, WorkflowStep(s.inner(value=1, assign={"step_A": 1}), depends_on=[s.a]))),
        call(lambda s: s.workflow(s.a, WorkflowStep(s.inner(value=1, assign={"mine": 1}), depends_on=[s.a]))),
    ),
    Advice(
        "workflow/processing_workflow",
        "to its depends_on",
        call(lambda s: s.workflow(s.a, s.inner())),
        call(lambda s: s.workflow(s.a, WorkflowStep(s.inner(), depends_on=[s.a]))),
    ),
    Advice(
        "workflow/processing_workflow",
        "for example $.workflow",
        call(lambda s: s.workflow(s.a, result_path="$.a.b")),
        call(lambda s: s.workflow(s.a, result_path="$.workflow")),
    ),
    Advice(
        "workflow/step",
        "pass what run(...) of a processor returned, or a state or chain of aws-cdk",
        call(lambda s: WorkflowStep(WorkflowStep(s.a))),  # type: ignore[arg-type]  # what the message is about
        call(lambda s: s.workflow(WorkflowStep(s.a), WorkflowStep(sfn.Chain.start(s.shows("C", 1))))),
    ),
    Advice(
        "workflow/step",
        "compare evaluate.property('evaluation', 'metrics.auc') with a number, or pass an sfn.Condition",
        when(lambda _: "auc > 1"),
        GOOD,
    ),
    Advice(
        "workflow/step",
        "put a single one into a list, too",
        call(lambda s: s.workflow(s.a, WorkflowStep(s.b, depends_on=s.a))),  # type: ignore[arg-type]  # the wrong form
        call(lambda s: s.workflow(s.a, WorkflowStep(s.b, depends_on=[s.a]))),
    ),
    Advice(
        "workflow/step",
        "use its outputs, or a value of a property file by property(...)",
        call(lambda s: WorkflowStep(s.a).result("x")),
        call(lambda s: (WorkflowStep(s.a).outputs["out"], WorkflowStep(s.a).property("metrics", "x"))),
    ),
    Advice(
        "workflow/step",
        "take a value of its output by result(...)",
        call(lambda s: WorkflowStep(s.shows("C", 1)).outputs),
        call(lambda s: WorkflowStep(s.shows("C", 1)).result("x")),
    ),
    Advice(
        "workflow/step",
        "pass what run(...) of a processor returned, a WorkflowStep, or states",
        call(lambda s: s.workflow("A")),
        call(lambda s: s.workflow(s.a, WorkflowStep(s.b), s.shows("C", 1))),
    ),
    Advice(
        "workflow/time_templates",
        "its names in braces are replaced at run time",
        scheduled(prefix=sfn.JsonPath.string_at("$.prefix")),
        scheduled(prefix="in/{start}/"),
    ),
    Advice(
        "workflow/time_templates",
        "use {start}, {end} or a format such as {start:%Y/%m/%d}; write {{ and }} for braces",
        scheduled(prefix="in/{day}/"),
        scheduled(prefix="in/{start:%Y/%m/%d}/{{day}}/"),
    ),
    Advice(
        "workflow/time_templates",
        "• is none of them",
        scheduled(prefix="in/{start:%A}/"),
        scheduled(prefix="in/{start:%Y%m%d%H%M%S%j}/"),
    ),
    Advice(
        "workflow/time_templates",
        "use {start:%Y/%m/%d}",
        scheduled(prefix="in/{start:{end}}/"),
        scheduled(prefix="in/{start:%Y/%m/%d}/"),
    ),
    *(
        Advice(
            "model/schedule_expressions",
            fragment,
            scheduled(schedule=scheduler.ScheduleExpression.expression("cron(0 2 * * ? *)", TimeZone.of(wrong)))
            if wrong
            else scheduled(schedule=scheduler.ScheduleExpression.expression("cron(0 2 * * *)")),
            scheduled(schedule=scheduler.ScheduleExpression.cron(hour="2", time_zone=TimeZone.EUROPE_BERLIN)),
        )
        for fragment, wrong in (("see ", ""), ("for example TimeZone.EUROPE_BERLIN", "Berlin"))
    ),
    Advice(
        "workflow/processing_schedule",
        "leave it out for windows that neither overlap nor leave a gap",
        scheduled(window=Duration.seconds(0)),
        scheduled(window=Duration.seconds(1)),
    ),
    Advice(
        "workflow/processing_schedule",
        "prefix goes only with bucket, got • alone; pass the bucket whose objects the jobs read",
        scheduled(bucket=None, prefix="in/"),
        scheduled(prefix="in/"),
    ),
    Advice(
        "workflow/processing_schedule",
        "write a number as text, too",
        scheduled(fields={"rows": 5}),
        scheduled(fields={"rows": "5"}),
    ),
    Advice(
        "workflow/processing_schedule",
        "create the schedule in a stack of the state machine's region",
        scheduled(machine_arn="arn:aws:states:eu-west-3:111122223333:stateMachine:M"),
        scheduled(),
    ),
    Advice(
        "workflow/processing_schedule",
        "the input has these anyway",
        scheduled(fields={"start": "{start}"}),
        scheduled(fields={"day": "{start:%Y-%m-%d}"}),
    ),
    Advice(
        "workflow/processing_schedule",
        "nothing tells whether an execution of an Express one has ended; leave out state_machine_type",
        scheduled(machine={"state_machine_type": sfn.StateMachineType.EXPRESS}),
        scheduled(),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    "advice", ADVISED, ids=[f"{number}-{each.module.split('/')[1]}" for number, each in enumerate(ADVISED)]
)
def test_a_call_that_follows_the_advice_synthesizes_without_the_message(advice: Advice) -> None:
    shown = [part for part in advice.fragment.split("•") if part.strip()]
    found = "\n".join(reported(advice.wrong))
    assert all(part in found for part in shown), found
    error, warnings = reported(advice.advised)
    assert error == ""
    assert advice.fragment not in warnings


def test_every_message_with_advice_has_an_entry() -> None:
    texts = [
        each
        for each in advice_in_the_source(["model", "tasks", "workflow"])
        if each.module.startswith(("workflow/", *OF_WORKFLOWS))
        or any(fragment in each.text for fragment in OF_JOBS.get(each.module, ()))
    ]
    missing = {
        (each.module, each.text)
        for each in texts
        if not any(each.module == entry.module and entry.fragment in each.text for entry in ADVISED)
    }
    assert missing == set()
    assert len(texts) > 30
