"""A graph of steps as states: what does not depend on each other runs in parallel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import jsii
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IConstruct, IValidation

from cdk_sagemaker_processing._internal.construct_tree import inherit, node_of, path_of, stack_of
from cdk_sagemaker_processing._internal.nag import suppress_wildcards
from cdk_sagemaker_processing.model import InvalidValueError
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks import SageMakerCreateProcessingJob, StepCondition
from cdk_sagemaker_processing.tasks.query_languages import jsonata_string
from cdk_sagemaker_processing.tasks.run_time_values import discard
from cdk_sagemaker_processing.tasks.state_location import location_of
from cdk_sagemaker_processing.tasks.step_references import variables_assigned_in, variables_in
from cdk_sagemaker_processing.tasks.step_result import COMPLETED, INPUT
from cdk_sagemaker_processing.workflow import states
from cdk_sagemaker_processing.workflow.claims import claim
from cdk_sagemaker_processing.workflow.needs import cycle_error, needs_of, uncertain_steps
from cdk_sagemaker_processing.workflow.order import Fork, StepCycleError, order_of, steps_in
from cdk_sagemaker_processing.workflow.scopes import Scope
from cdk_sagemaker_processing.workflow.states import Part
from cdk_sagemaker_processing.workflow.step import CONTINUE, FAIL, WorkflowStep, step_of

_FIELD: Final = r"\$\.([A-Za-z_]\w*)"


@public
class ProcessingWorkflow(sfn.StateMachineFragment):
    """A graph of processing jobs and other steps, as states for any Standard state machine.

    A step that takes a result of another, such as ``split.outputs["train"]``, runs after it. Steps that do not depend
    on each other run in parallel. Every step receives the input of the workflow.

    Use the fragment in a chain, in a branch of a ``Parallel``, as the processor of a ``Map``, or call
    ``to_single_state()`` for one state with its own Retry and Catch; in JSONPath and in JSONata.

    Args:
        scope: the parent construct.
        construct_id: unique in the scope.
        steps: what `Processor.run` or `retry_on_capacity` returned, `WorkflowStep`, or any states of aws-cdk; in any
            order, each once.
        result_path: what becomes of the workflow's result, an object with the ``status`` of each step by its name
            (``Completed``, ``Skipped`` or ``Failed``), and its ``outputs``, ``properties`` or ``result``: None for the
            result instead of the input, ``sfn.JsonPath.DISCARD`` for the input alone, and ``$.name`` for the input with
            the result in a field. Default: the result instead of the input.

    Raises:
        InvalidValueError: no steps, a step twice, or another ``result_path``.
        ConflictingValuesError: steps that need each other, a step that needs one outside of the workflow, or options of
            a step that would change what the next one receives.

    Example:
        Context::

            split = processor.run("Split", ...)
            features = processor.run("Features", inputs=[ProcessingInput(source=split.outputs["train"], ...)])
            statistics = processor.run("Statistics", inputs=[ProcessingInput(source=split.outputs["train"], ...)])
            workflow = ProcessingWorkflow(self, "Workflow", steps=[split, features, statistics])

        Definition: ``Split``, then ``Features`` and ``Statistics`` in parallel.

        Result::

            {"Split": {"status": "Completed", "outputs": {"train": "s3://..."}}, "Features": {...}, ...}

    See: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html and
    https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-steps.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        steps: Sequence[sfn.IChainable | WorkflowStep],
        result_path: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        inherit(self, scope, construct_id)
        if isinstance(steps, sfn.State) or not isinstance(steps, list | tuple) or not steps:
            raise InvalidValueError(
                "steps", steps, "be a list of at least one step", "pass what processor.run(...) returned"
            )
        self.steps = [step_of(item, f"steps[{index}]") for index, item in enumerate(steps)]
        self._needs = needs_of(self.steps)
        for step in self.steps:
            claim(self, step)
        self._by_path = {step.path: step for step in self.steps}
        self._uncertain = uncertain_steps(self.steps, self._needs)
        self._wrapped: list[_Wrapped] = []
        self._read_resources: list[str] = []
        try:
            order = order_of({path: needs.all for path, needs in self._needs.items()})
        except StepCycleError as error:
            raise cycle_error(error, self.steps) from None
        top = Scope()
        part = self._sequence(order, top)
        if result_path != discard():
            part = part.then(self._result(top, result_path))
        self._part = part
        node_of(self).add_validation(_WorkflowCheck(self))

    @property
    def start_state(self) -> sfn.State:
        """The first state."""
        return self._part.start

    @property
    def end_states(self) -> list[sfn.INextable]:
        """The states after which the workflow has ended."""
        return list(self._part.ends)

    @property
    def tasks(self) -> list[SageMakerCreateProcessingJob]:
        """The tasks of the steps that are processing jobs."""
        return [step.task for step in self.steps if step.task is not None]

    def suppress_wildcards_by_resource(self, state_machine: IConstruct) -> None:
        """Suppress cdk-nag's findings on the wildcards that the reads of property files add to a machine's role."""
        for resource in self._read_resources:
            suppress_wildcards(state_machine, [resource], "the prefix of the outputs is known only at run time")

    def problems(self) -> list[str]:
        """Return the reasons why the workflow would fail in its state machine; called at synth."""
        found = [problem for wrapped in self._wrapped for problem in self._problems_of(wrapped)]
        location = location_of(self.tasks[0]) if self.tasks else None
        if location is not None and location.language == sfn.QueryLanguage.JSONATA:
            found += [
                f"when of the step {step.name!r} is JSONPath, and the state machine JSONata; use sfn.Condition.jsonata"
                for step in self.steps
                if step.when is not None
                and not isinstance(step.when, StepCondition)
                and "Condition" not in step.when.render_condition()
            ]
        return found

    def _problems_of(self, wrapped: _Wrapped) -> Iterator[str]:
        """Yield the problems of the variables in the states around a step, or around the states after its failure."""
        rendered = stack_of(self).resolve(wrapped.state.to_state_json())
        inner = variables_assigned_in(rendered.get("Branches", ()))
        names = {step.variable: step.name for step in self.steps}
        if conflicts := sorted(inner & wrapped.scope.all_variables()):
            yield (
                f"the states of the step {wrapped.step.name!r} assign ${conflicts[0]}, which AWS refuses, because the "
                f"workflow assigns a variable of this name outside of them; rename the step "
                f"{names.get(conflicts[0], conflicts[0])!r}, or the variable"
            )
        for unknown in sorted(variables_in(rendered) - wrapped.known - inner):
            yield (
                f"the step {wrapped.step.name!r} takes ${unknown} in an inner state; add "
                f"{names.get(unknown, unknown)!r} to its depends_on"
            )

    def _sequence(self, order: Sequence[str | Fork], scope: Scope) -> Part:
        parts = [
            self._fork(item, scope) if isinstance(item, Fork) else self._step(self._by_path[item], scope)
            for item in order
        ]
        joined = parts[0]
        for part in parts[1:]:
            joined = joined.then(part)
        return joined

    def _fork(self, fork: Fork, scope: Scope) -> Part:
        branches = []
        variables: dict[str, str] = {}
        for index, branch in enumerate(fork.branches):
            inner = Scope(scope)
            part = self._sequence(branch, inner)
            names = ", ".join(self._by_path[path].name for path in steps_in(branch))
            results = {variable: f"{{% ${variable} %}}" for variable in inner.variables.values()}
            branches.append(part.then(states.output(self, states.state_name("Results of {}", names), results)))
            variables |= {
                outer: f"{{% $states.result[{index}].{variable} %}}"
                for outer, variable in scope.join(inner, self._by_path).items()
            }
        names = ", ".join(self._by_path[path].name for path in steps_in([fork]))
        state = states.parallel(self, states.state_name("In parallel: {}", names), branches, variables=variables)
        return Part(state, [state])

    def _step(self, step: WorkflowStep, scope: Scope) -> Part:
        visible = {path: scope.variable(path) or "" for path in self._needs[step.path].all}
        is_plain = step.run is step.task and step.on_failure == FAIL and not step.reads_property_files
        part = self._plain(step, scope, visible) if is_plain else self._wrap(step, scope, visible)
        missing = [visible[path] for path in sorted(self._needs[step.path].results & self._uncertain)]
        if step.when is None and not missing:
            return part
        skip = states.assign(self, states.state_name("Skip {}", step.name), {step.variable: {"status": states.SKIPPED}})
        if step.when is not None:
            part = states.choice(
                self, states.state_name("Run {}?", step.name), _condition(step, visible), run=part, otherwise=skip
            )
        if missing:
            have_results = " and ".join(f'${variable}.status = "{COMPLETED}"' for variable in missing)
            without = Part(skip.start, [] if step.when is not None else skip.ends)
            part = states.choice(
                self,
                states.state_name("Has {} its inputs?", step.name),
                sfn.Condition.jsonata(f"{{% {have_results} %}}"),
                run=part,
                otherwise=without,
            )
        return part

    def _plain(self, step: WorkflowStep, scope: Scope, visible: Mapping[str, str]) -> Part:
        task = self._join(step, visible, result_as_output=False)
        scope.add(step)
        return Part(task, [task])

    def _wrap(self, step: WorkflowStep, scope: Scope, visible: Mapping[str, str]) -> Part:
        """Return a state with the states of a step in it, so that a failure of any of them is the step's."""
        result: Any = "{% $states.result[0] %}"
        if step.task is not None:
            self._join(step, visible, result_as_output=True)
            inner = Part(step.state, [step.run])  # type: ignore[list-item]  # a task or a CapacityRetry
            for read in states.property_reads(self, step.task):
                inner = inner.then(read)
            self._read_resources += states.property_file_arns(step.task)
        else:
            result = {"status": COMPLETED, "result": result}
            inner = self._with_own_names("Inputs of {}", step, step.run, visible)
        variable = scope.add(step)
        state = states.parallel(self, states.state_name("Step {}", step.name), [inner], variables={variable: result})
        known = frozenset([*visible.values(), variable])
        self._wrapped.append(_Wrapped(step, state, scope, known))
        if step.on_failure == FAIL:
            return Part(state, [state])
        return Part(state, [state, *self._after_failure(self._wrapped[-1], visible)])

    def _with_own_names(
        self, template: str, step: WorkflowStep, run: sfn.IChainable, visible: Mapping[str, str]
    ) -> Part:
        """Return states of the user in which each step's result is in the variable of the step's own name."""
        part = Part(run.start_state, run.end_states)
        others = {
            self._by_path[path].variable: f"{{% ${variable} %}}"
            for path, variable in visible.items()
            if variable != self._by_path[path].variable
        }
        return states.assign(self, states.state_name(template, step.name), others).then(part) if others else part

    def _after_failure(self, wrapped: _Wrapped, visible: Mapping[str, str]) -> Sequence[sfn.INextable]:
        """Catch the failure of a step, and return the states after which the other steps run."""
        step = wrapped.step
        name = states.state_name("After failure of {}", step.name)
        if step.on_failure == CONTINUE:
            after: sfn.State = sfn.Pass.jsonata(self, name, state_name=name)
        else:
            error = {"Error": f"{{% ${step.variable}.error %}}", "Cause": f"{{% ${step.variable}.cause %}}"}
            run: sfn.IChainable = step.on_failure  # type: ignore[assignment]  # not a word
            handler = self._with_own_names("Inputs after failure of {}", step, run, visible)
            after = states.parallel(self, name, [handler], variables={}, arguments=error)
            self._wrapped.append(wrapped._replace(state=after))
        failure = {
            "status": states.FAILED,
            "error": "{% $states.errorOutput.Error %}",
            "cause": "{% $states.errorOutput.Cause %}",
        }
        wrapped.state.add_catch(after, errors=["States.ALL"], outputs=INPUT, assign={step.variable: failure})
        return [after]  # type: ignore[list-item]  # both are INextable

    def _join(
        self, step: WorkflowStep, visible: Mapping[str, str], *, result_as_output: bool
    ) -> SageMakerCreateProcessingJob:
        """Make a step's task part of the workflow, with the variables that contain the results here."""
        task = step.task
        assert task is not None  # noqa: S101 - the caller has checked it
        tokens = {
            token: reference.token(visible[path_of(reference.step)])
            for token, reference in task.step_references().items()
        }
        task.join_workflow(tokens, result_as_output=result_as_output)
        return task

    def _result(self, top: Scope, result_path: str | None) -> Part:
        result = {self._by_path[path].name: f"{{% ${name} %}}" for path, name in top.variables.items()}
        # A workflow may be a step of another one with the same id, as of the one in EventDrivenProcessing.
        path = path_of(self).removeprefix(f"{path_of(stack_of(self))}/")
        name = states.state_name("Results of workflow {}", path)
        if result_path is None:
            return states.output(self, name, result)
        field = re.fullmatch(_FIELD, result_path) if isinstance(result_path, str) else None
        if field is None:
            raise InvalidValueError(
                "result_path",
                result_path,
                "be None, sfn.JsonPath.DISCARD or '$.' and the name of a field",
                "for example $.workflow",
            )
        entries = ", ".join(f"{jsonata_string(key)}: {value[3:-3]}" for key, value in result.items())
        return states.output(self, name, f'{{% $merge([$states.input, {{"{field[1]}": {{{entries}}}}}]) %}}')


@jsii.implements(IValidation)
class _WorkflowCheck:
    """The check of a workflow when its state machine is known."""

    def __init__(self, workflow: ProcessingWorkflow) -> None:
        self._workflow = workflow

    def validate(self) -> list[str]:
        """Return the errors; aws-cdk calls this when the app is synthesized."""
        return self._workflow.problems()


class _Wrapped(NamedTuple):
    """A state around the states of a step, or around those after its failure.

    Attributes:
        step: the step.
        state: the state.
        scope: the scope that it is in.
        known: the variables of steps that its states may read.
    """

    step: WorkflowStep
    state: sfn.Parallel
    scope: Scope
    known: frozenset[str]


def _condition(step: WorkflowStep, visible: Mapping[str, str]) -> sfn.Condition:
    """Return the condition of a step, with the variables that contain the results here."""
    when = step.when
    assert when is not None  # noqa: S101 - the caller has checked it
    if not isinstance(when, StepCondition):
        return when
    expression = when.render(lambda reference: reference.jsonata(visible[path_of(reference.step)]))
    return sfn.Condition.jsonata(f"{{% {expression} %}}")
