"""The state machine behind a schedule: it computes the window of time and starts the run, one after the other.

EventBridge Scheduler tells only the time that it was due. Where the window starts, and whether the run before still
runs, is in a parameter of Systems Manager, which has the end of the last window and its execution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CHECK_EVERY_SECONDS = 30
_RETRY = [
    {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": 6,
        "JitterStrategy": "FULL",
    }
]
# The expression for the name of an execution: letters, digits and hyphens of the time that was due.
_NAME_OF_TIME = "$replace($end, /[^0-9TZ]/, '')"


def schedule_definition(
    *,
    state_machine_arn: str,
    parameter_name: str,
    execution_name: str,
    window_in_seconds: int | None,
    first_window_in_seconds: int,
    run_input: Mapping[str, Any],
    listed: tuple[str, str] | None,
    partition: str,
) -> dict[str, Any]:
    """Return the definition, in JSONata.

    Args:
        state_machine_arn: the state machine to start.
        parameter_name: the parameter with the last run.
        execution_name: the start of the names of the executions; the time that was due follows.
        window_in_seconds: how far each window looks back; None for the end of the last one.
        first_window_in_seconds: how far the first window looks back.
        run_input: the input of the executions, with the variables ``$start`` and ``$end``.
        listed: the bucket, and the expression for the prefix, without whose objects no run is started; None to start it
            anyway.
        partition: the partition of the region.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    """
    sdk = f"arn:{partition}:states:::aws-sdk"
    since = first_window_in_seconds if window_in_seconds is None else window_in_seconds
    looked_back = f"$fromMillis($toMillis($end) - {since * 1000}, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z')"
    start = looked_back if window_in_seconds is not None else f"$last.end ? $last.end : {looked_back}"
    return {
        "QueryLanguage": "JSONata",
        "Comment": "Starts a run over the window of time since the run before",
        "StartAt": "Find other runs",
        "States": {
            "Find other runs": {
                "Type": "Task",
                "Resource": f"{sdk}:sfn:listExecutions",
                "Arguments": {"StateMachineArn": "{% $states.context.StateMachine.Id %}", "StatusFilter": "RUNNING"},
                "Assign": {
                    "end": "{% $states.input.scheduled_time %}",
                    "earlier": "{% $count($states.result.Executions[ExecutionArn != $states.context.Execution.Id and "
                    "$toMillis(StartDate) <= $toMillis($states.context.Execution.StartTime)]) %}",
                },
                "Retry": _RETRY,
                "Next": "Is another waiting?",
            },
            "Is another waiting?": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $earlier > 0 %}", "Next": "Left to the next run"}],
                "Default": "Read the last run",
            },
            "Left to the next run": {
                "Type": "Succeed",
                "Comment": "A run waits for the one before it, and the next window covers this time",
            },
            "Read the last run": {
                "Type": "Task",
                "Resource": f"{sdk}:ssm:getParameter",
                "Arguments": {"Name": parameter_name},
                "Assign": {"last": "{% $parse($states.result.Parameter.Value) %}"},
                "Retry": _RETRY,
                "Next": "Has one run?",
            },
            "Has one run?": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $exists($last.end) and $toMillis($last.end) >= $toMillis($end) %}",
                        "Next": "Covered already",
                    },
                    {
                        "Condition": "{% $exists($last.execution) and $last.execution != 'none' %}",
                        "Next": "Look at the last run",
                    },
                ],
                "Default": "Compute the window",
            },
            "Covered already": {
                "Type": "Succeed",
                "Comment": "EventBridge Scheduler delivers at least once, and this time came a second time",
            },
            "Look at the last run": {
                "Type": "Task",
                "Resource": f"{sdk}:sfn:describeExecution",
                "Arguments": {"ExecutionArn": "{% $last.execution %}"},
                "Assign": {"running": "{% $states.result.Status = 'RUNNING' %}"},
                "Retry": [{**_RETRY[0], "ErrorEquals": ["Sfn.SfnException", "Sfn.SdkClientException"]}],
                # Step Functions forgets an execution 90 days after its end.
                "Catch": [
                    {"ErrorEquals": ["Sfn.ExecutionDoesNotExistException"], "Next": "Compute the window"},
                ],
                "Next": "Is it over?",
            },
            "Is it over?": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $running %}", "Next": "Wait for its end"}],
                "Default": "Compute the window",
            },
            "Wait for its end": {"Type": "Wait", "Seconds": _CHECK_EVERY_SECONDS, "Next": "Look at the last run"},
            "Compute the window": {
                "Type": "Pass",
                "Assign": {"start": f"{{% {start} %}}"},
                "Next": "Start the run" if listed is None else "Look for objects",
            },
            **(_look_for_objects(sdk, *listed) if listed is not None else {}),
            "Start the run": {
                "Type": "Task",
                "Resource": f"arn:{partition}:states:::states:startExecution",
                "Arguments": {
                    "StateMachineArn": state_machine_arn,
                    "Name": f"{{% '{execution_name}-' & {_NAME_OF_TIME} %}}",
                    "Input": run_input,
                },
                "Assign": {"execution": "{% $states.result.ExecutionArn %}"},
                "Retry": _RETRY,
                "Next": "Remember the run",
            },
            "Remember the run": {
                "Type": "Task",
                "Resource": f"{sdk}:ssm:putParameter",
                "Arguments": {
                    "Name": parameter_name,
                    "Overwrite": True,
                    "Value": "{% $string({'end': $end, 'execution': $execution}) %}",
                },
                "Output": {"start": "{% $start %}", "end": "{% $end %}", "execution": "{% $execution %}"},
                "Retry": _RETRY,
                "End": True,
            },
        },
    }


def _look_for_objects(sdk: str, bucket: str, prefix: str) -> dict[str, Any]:
    """Return the states that look for an object of a window, and start no run without one."""
    return {
        "Look for objects": {
            "Type": "Task",
            "Resource": f"{sdk}:s3:listObjectsV2",
            "Arguments": {"Bucket": bucket, "Prefix": f"{{% {prefix} %}}", "MaxKeys": 1},
            "Assign": {"objects": "{% $states.result.KeyCount %}"},
            "Retry": _RETRY,
            "Next": "Are there any?",
        },
        "Are there any?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $objects > 0 %}", "Next": "Start the run"}],
            "Default": "No objects",
        },
        "No objects": {
            "Type": "Pass",
            "Comment": "The window is over without a run",
            "Assign": {"execution": "none"},
            "Next": "Remember the run",
        },
    }
