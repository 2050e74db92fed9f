"""The rendering of a task in Amazon States Language, in the query language of its state machine."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Annotations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk_sagemaker_processing._internal.construct_tree import inherit
from cdk_sagemaker_processing._internal.stack_facts import StackFacts
from cdk_sagemaker_processing.model import InvalidProcessingJobError
from cdk_sagemaker_processing.tasks.creation_retry import CREATION_RETRIERS
from cdk_sagemaker_processing.tasks.execution_input import missing_fields
from cdk_sagemaker_processing.tasks.integration import integration_arn
from cdk_sagemaker_processing.tasks.job_name import check_job_name_at
from cdk_sagemaker_processing.tasks.late_rendering import late
from cdk_sagemaker_processing.tasks.output_destinations import separate_outputs
from cdk_sagemaker_processing.tasks.query_languages import check_language, merge, to_json_path, to_jsonata
from cdk_sagemaker_processing.tasks.run_time_values import discard, uses_execution_input
from cdk_sagemaker_processing.tasks.state_location import StateLocation, location_of, mark_of
from cdk_sagemaker_processing.tasks.step_references import StepReference, references_in, replace_tokens
from cdk_sagemaker_processing.tasks.step_result import INPUT, StepResult

# AthenaQueryString has the largest maximum of the texts in a request.
_LONGEST_TEXT: Final = 4096
_JSON_PATH, _JSONATA = sfn.QueryLanguage.JSON_PATH, sfn.QueryLanguage.JSONATA


class RenderedTask(sfn.TaskStateBase):
    """A task state that renders itself, because aws-cdk renders a task by an internal method.

    Python cannot override that method, so this class assembles the whole state from the same parts; a test compares
    every common field with an official task of aws-cdk. `SageMakerCreateProcessingJob` documents the options.

    Attributes:
        request: the request of the job.
        bucket: the bucket of outputs without a destination.
        integration_pattern: whether the state waits for the job's end.
        step_result: what the task returns as a step of a workflow.
    """

    request: dict[str, Any]
    bucket: s3.IBucket | None
    integration_pattern: sfn.IntegrationPattern
    step_result: StepResult
    _job_name: str | None

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_name: str | None,
        comment: str | None,
        query_language: sfn.QueryLanguage | None,
        input_path: str | None,
        result_selector: Mapping[str, Any] | None,
        result_path: str | None,
        output_path: str | None,
        state_output: Any,  # noqa: ANN401 - any JSON for the next state
        assign: Mapping[str, Any] | None,
        task_timeout: sfn.Timeout | None,
        heartbeat_timeout: sfn.Timeout | None,
        credentials: sfn.Credentials | None,
        retry_at_creation: bool,
        overrides: Mapping[str, Any] | None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            state_name=state_name,
            comment=comment,
            query_language=query_language,
            input_path=input_path,
            result_selector=result_selector,
            result_path=result_path,
            output_path=output_path,
            outputs=state_output,
            assign=assign,
            task_timeout=task_timeout,
            heartbeat_timeout=heartbeat_timeout,
            credentials=credentials,
        )
        inherit(self, scope, construct_id)
        # aws-cdk stores these in properties that Python cannot read.
        self._own_query_language = query_language
        self._paths = {
            "input_path": input_path,
            "result_selector": result_selector,
            "result_path": result_path,
            "output_path": output_path,
        }
        self._state_comment = comment
        self._output = state_output
        self._assignments = assign
        self._timeouts = {"Timeout": task_timeout, "Heartbeat": heartbeat_timeout}
        self._task_credentials = credentials
        self._retries_creation = retry_at_creation
        self._overrides = overrides
        self._returns_step_result: bool | None = None  # None outside of workflows
        self._written: tuple[sfn.QueryLanguage, str] | None = None
        self._in_that_language: dict[str, Any] = {}

    @property
    def replaces_input(self) -> bool:
        """True if the state's result replaces its input."""
        return self._paths["result_path"] is None and self._output is None

    @property
    def uses_execution_input(self) -> bool:
        """True if the request takes a value from the execution's input, as `uploaded_objects` does."""
        values = [self.request, self._overrides]
        return uses_execution_input(replace_tokens(values, dict.fromkeys(self.step_references(), "")))

    @property
    def request_bytes_at_most(self) -> float:
        """A number of bytes that the request of a valid job does not exceed in a definition."""
        try:
            text = json.dumps(self._whole_request())
        except TypeError:  # an object that is known only later
            return math.inf
        # Characters may be escaped there.
        return math.inf if "#{Token[" in text else 2 * len(text) + _LONGEST_TEXT * text.count("${Token[")

    def step_references(self) -> dict[str, StepReference]:
        """Return the results of other steps that the request contains, by their tokens."""
        return references_in(self, [self.request, self._overrides])

    def to_state_json(self, top_level_query_language: sfn.QueryLanguage | None = None) -> Any:  # noqa: ANN401
        """Return a token for the state in Amazon States Language.

        The state is rendered as a whole when aws-cdk resolves the definition, because most of its fields depend on its
        location: one token for all of them, as each is rendered several times in a synth.
        """
        following = self._render_next_end()
        errors = {_JSON_PATH: self._render_retry_catch(_JSON_PATH)}
        # The languages differ in Catch alone, and each call to aws-cdk costs time.
        errors[_JSONATA] = self._render_retry_catch(_JSONATA) if "Catch" in errors[_JSON_PATH] else errors[_JSON_PATH]
        fields = self._render_fields(top_level_query_language)
        return late(functools.partial(self._state, top_level_query_language, following, errors, fields))

    def _state(
        self,
        passed: sfn.QueryLanguage | None,
        following: Mapping[str, Any],
        errors: Mapping[sfn.QueryLanguage, Mapping[str, Any]],
        fields: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return the state, or while definitions are searched for it, the state with a mark in place of its request."""
        if mark := mark_of(self):
            language = self._own_query_language or passed or _JSON_PATH
            request = {"Parameters": mark}
        else:
            location = location_of(self)
            language = self._language(location, passed)
            name = "Arguments" if language == _JSONATA else "Parameters"
            request = {name: self._render_request(language, location)}
        credentials = self._task_credentials
        state: dict[str, Any] = {
            **following,
            **self._render_errors(errors[language]),
            "Type": "Task",
            "Comment": self._state_comment,
            **fields,
            **self._render_result(language),
            **self._render_timeouts(),
            "Credentials": credentials and sfn.FieldUtils.render_object({"RoleArn": credentials.role.role_arn}),
            "Resource": self._integration_arn(),
            **request,
        }
        return {key: value for key, value in state.items() if value is not None}

    def _render_errors(self, rendered: Mapping[str, Any]) -> dict[str, Any]:
        """Return Retry and Catch, with the retry of errors at the job's creation before the user's own."""
        retriers = [*(CREATION_RETRIERS if self._retries_creation else ()), *rendered.get("Retry", ())]
        return ({"Retry": retriers} if retriers else {}) | {
            name: value for name, value in rendered.items() if name != "Retry"
        }

    def _render_fields(self, passed: sfn.QueryLanguage | None) -> dict[str, Any]:
        """Return the fields that aws-cdk renders and that do not depend on the location, if the user gave any."""
        # JSONPath is the default, or the state is refused at synth because its state machine is JSONata.
        fields = self._render_query_language(passed) if self._own_query_language == _JSONATA else {}
        if any(value is not None for value in (self._output, self._paths["input_path"], self._paths["output_path"])):
            fields |= self._render_input_output()
        return fields | (self._render_result_selector() if self._paths["result_selector"] is not None else {})

    def _render_result(self, language: sfn.QueryLanguage) -> dict[str, Any]:
        """Return the fields that say where the result goes, except those that aws-cdk renders."""
        jsonata = language == _JSONATA
        fields = self._assigned(language)
        if self._returns_step_result is None:
            return fields | {"ResultPath": self._paths["result_path"]}
        if self._returns_step_result:
            result = self.step_result.fields(language)
            return fields | ({"Output": result} if jsonata else {"ResultSelector": result})
        fields["Assign"] = {**fields.get("Assign", {}), **self.step_result.assign(language)}
        return fields | ({"Output": INPUT} if jsonata else {"ResultPath": discard()})

    def _assigned(self, language: sfn.QueryLanguage) -> dict[str, Any]:
        return dict(self._render_assign(language)) if self._assignments is not None else {}

    def _render_timeouts(self) -> dict[str, Any]:
        rendered: dict[str, Any] = {}
        for name, limit in self._timeouts.items():
            if limit is not None:
                seconds = limit.seconds if limit.seconds is not None else limit.jsonata_expression
                rendered |= {f"{name}Seconds": seconds, f"{name}SecondsPath": limit.path}
        return rendered

    def problems(self, location: StateLocation) -> list[str]:
        """Return the reasons why AWS would refuse the state, or its jobs fail, at a location; called at synth."""
        if location.in_express and self.integration_pattern == sfn.IntegrationPattern.RUN_JOB:
            problem = (
                "a distributed Map with Express executions cannot wait for a processing job (RUN_JOB); give it "
                "map_execution_type=sfn.StateMachineType.STANDARD, or its tasks "
                "integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE"
            )
            return [problem]
        language = self._language(location)
        try:
            state = self.step_result.state_name
            of_machine = location.language
            fields = self._paths, self._output, self._assignments
            check_language(state, language, *fields, self.request, machine_language=of_machine)
            self._render_request(language, location, strict=True)
            if self._job_name is not None:
                check_job_name_at(self._job_name, location)
        except InvalidProcessingJobError as error:
            return [str(error)]
        for reference in self.step_references().values():
            if reference.variable not in location.variables:
                step = reference.name
                problem = (
                    f"the request takes a result of the step {step!r}, which has none here; pass both steps to one "
                    "ProcessingWorkflow(steps=[...]), or to EventDrivenProcessing(steps=[...])"
                )
                return [problem]
        if self._returns_step_result is False:
            variable = self.step_result.variable
            if variable in self._assigned(language).get("Assign", {}) or variable in location.outer_variables:
                problem = (
                    f"the workflow assigns the result of the step {self.id!r} to ${variable}, which something else "
                    "assigns, too; rename that, or pass another state_name"
                )
                return [problem]
        errors, warnings = missing_fields(self._whole_request(), location)
        for warning in warnings:
            Annotations.of(self).add_warning_v2("cdk-sagemaker-processing:trigger-input", warning)
        return errors

    def _integration_arn(self) -> str:
        return integration_arn(StackFacts.of(self).partition, self.integration_pattern)

    def _language(self, location: StateLocation | None, passed: sfn.QueryLanguage | None = None) -> sfn.QueryLanguage:
        """Return the state's query language: its own, or that of its state machine."""
        of_machine = location.language if location else passed
        return self._own_query_language or of_machine or _JSON_PATH

    def _whole_request(self) -> dict[str, Any]:
        return merge(self.request, self._overrides or {})

    def _render_request(
        self, language: sfn.QueryLanguage, location: StateLocation | None, *, strict: bool = False
    ) -> dict[str, Any]:
        """Return the request in a query language; unless strict, a request with a problem becomes its message.

        aws-cdk resolves templates before it validates the app, and only the validation ends in a readable error.
        """
        request = self._whole_request()
        if location is not None and location.is_reentered and self.bucket is not None:
            request = separate_outputs(request, self.bucket)
        try:
            return self._in_language(request, language)
        except InvalidProcessingJobError as error:
            if strict:
                raise
            return {"Error": str(error)}

    def _in_language(self, request: Mapping[str, Any], language: sfn.QueryLanguage) -> dict[str, Any]:
        """Return a request in a query language; it is the same each time that aws-cdk resolves the state."""
        text = repr(request)
        if (language, text) != self._written:
            self._in_that_language = to_jsonata(request) if language == _JSONATA else to_json_path(request)
            self._written = language, text
        return self._in_that_language
