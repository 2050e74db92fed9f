"""Names of jobs that are composed at run time, and the checks that they can be right where their state is.

SageMaker accepts a name of 1 to 63 letters, digits and hyphens, and each name once in an account and a region.

See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
"""

from __future__ import annotations

import re
from typing import Final

from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, check_type, is_unresolved
from cdk_sagemaker_processing.model.job_names import JOB_NAME_MAX, UUID_LENGTH
from cdk_sagemaker_processing.model.limits import check
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks.execution_input import is_triggered
from cdk_sagemaker_processing.tasks.run_time_values import (
    context_object_values,
    run_time_expressions,
    static_prefix,
    static_text,
)
from cdk_sagemaker_processing.tasks.state_location import StateLocation

_ADVICE = "leave job_name out, or pass unique_job_name(...), whose names end in a UUID for each attempt"
_ROOT = r"(?:\$\$|\$states\.context)"
# ARNs and times: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
_WITH_COLONS: Final = (
    rf"{_ROOT}\.(?:Execution\.(?:Id|RoleArn|StartTime|RedriveTime)|StateMachine\.Id|State\.EnteredTime)"
)
_EXECUTION_NAME: Final = rf"{_ROOT}\.Execution\.Name\b"
_UNIQUE: Final = r"States\.UUID\(\)|\$uuid\(\)|States\.MathRandom\(|\$random\(|\$millis\("
_CONTEXT_OR_FUNCTION: Final = rf"{_ROOT}(?:\.\w+)+|\$\w+\("
_RETRY_COUNT: Final = rf"{_ROOT}\.State\.RetryCount\b"
# Fields of the trigger's executions that contain characters which a name may not.
_TRIGGER_PATH: Final = r"(?:\$|\$states\.input)\.(?:key|manifest_uri|s3_uri|objects)\b"
_SHORTENS: Final = r"\$(?:substring|split|match|hash|replace)\b|States\.(?:Hash|StringSplit|ArrayGetItem)"
# `s3_trigger` names an execution by the SHA-256 of the upload.
_TRIGGER_EXECUTION_NAME_LENGTH = 64


@public
def unique_job_name(base: str, *values: str) -> str:
    """Return a name for jobs that contains values of the execution and that no other attempt has.

    It consists of ``base``, the values and a UUID, with hyphens between them, and is right wherever the state is: in a
    ``Map``, in ``retry_on_capacity``, behind `S3Trigger`. Of the 63 characters that a name may have, the UUID and its
    hyphen take 37.

    JSONata values are made to fit at run time: characters that a name may not contain become hyphens, and the rest is
    cut off. JSONPath can do neither, so such a value must consist of letters, digits and hyphens and be short enough,
    or the job is refused at run time.

    Args:
        base: the start of the names: letters, digits and single hyphens.
        *values: values of the execution, such as ``sfn.JsonPath.string_at("$.day")`` or
            ``"{% $states.input.day %}"``. Default: none.

    Raises:
        InvalidValueError: a base that is too long or contains other characters, or a value that never fits.

    Example:
        >>> name = unique_job_name("nightly", sfn.JsonPath.string_at("$.day"))

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """
    check_type("base", base, str)
    if not is_unresolved(base):
        check("ProcessingJobName", "base", base)
    room = JOB_NAME_MAX - UUID_LENGTH - len(base) - 1
    room_of_each = room // max(len(values), 1) - 1
    if room < 0 or (values and room_of_each < 1):
        longest = JOB_NAME_MAX - UUID_LENGTH - 1 - 2 * len(values)
        raise InvalidValueError(
            "base", base, f"have at most {longest} characters", "a UUID, the values and hyphens take the rest of a name"
        )
    return "-".join([base, *(_fitted(value, room_of_each) for value in values), context_object_values().uuid])


def _fitted(value: str, length: int) -> str:
    """Return a value cut to a length, if its language can do that."""
    check_type("a value of a job's name", value, str)
    expressions = run_time_expressions(value)
    if not expressions:
        check("ProcessingJobName", "a value of a job's name", value)
        return value[:length]
    if value.startswith("{%"):
        inside = expressions[0]
        return f'{{% $substring($replace($string({inside}), /[^a-zA-Z0-9]+/, "-"), 0, {length}) %}}'
    for expression in expressions:
        if re.fullmatch(_EXECUTION_NAME, expression) or re.fullmatch(_WITH_COLONS, expression):
            raise InvalidValueError(
                "a value of a job's name",
                expression,
                f"have at most {length} letters, digits and hyphens at run time, and JSONPath cannot shorten it",
                "write it in JSONata and give the state query_language=sfn.QueryLanguage.JSONATA, or tag the job: "
                'tags={"execution": sfn.JsonPath.execution_id}',
            )
    return value


def check_base_job_name(base_job_name: str | None) -> None:
    """Check that the start of job names is known at synth, as it is shortened, and part of permissions.

    Raises:
        InvalidValueError: it is not.
    """
    if base_job_name is not None and is_unresolved(base_job_name):
        raise InvalidValueError(
            "base_job_name",
            base_job_name,
            "be known at synth",
            "write it as text; run(job_name=unique_job_name(...)) takes values of the execution",
        )


def check_job_name(job_name: str) -> None:
    """Check what is known of a name independently of its location.

    Raises:
        InvalidValueError: a name that SageMaker would refuse, or accept only once.
    """
    known = static_prefix(job_name)
    if known == job_name:
        raise InvalidValueError(
            "job_name",
            job_name,
            "have a part that is known only at run time",
            f"SageMaker accepts a name only once, so a second execution would fail; {_ADVICE}",
        )
    check("ProcessingJobName", "job_name", f"{known}x")
    expressions = run_time_expressions(job_name)
    for expression in expressions:
        if re.fullmatch(_WITH_COLONS, expression):
            raise InvalidValueError(
                "job_name", expression, "consist of letters, digits and hyphens", f"this is an ARN or a time; {_ADVICE}"
            )
    uuids = sum(re.fullmatch(_UNIQUE, expression) is not None for expression in expressions)
    shortest = len(static_text(job_name)) + uuids * UUID_LENGTH + len(expressions) - uuids
    if shortest > JOB_NAME_MAX:
        raise InvalidValueError(
            "job_name",
            job_name,
            f"have at most {JOB_NAME_MAX} characters at run time",
            f"its fixed text and its UUID alone leave no room; {_ADVICE}",
        )


def check_job_name_at(job_name: str, location: StateLocation) -> None:
    """Check that a name can be right at the location of its state.

    Raises:
        ConflictingValuesError: jobs of one execution would have the same name, or a name would be too long or contain
            other characters.
    """
    expressions = run_time_expressions(job_name)
    if is_triggered(location.machine):
        _check_behind_trigger(expressions)
    if any(re.search(_UNIQUE, expression) for expression in expressions):
        return
    of_execution_alone = all("$" not in re.sub(_CONTEXT_OR_FUNCTION, "", each) for each in expressions)
    retry_count = any(re.search(_RETRY_COUNT, expression) for expression in expressions)
    reason = (
        "every item of the Map around it would give its job the same name"
        if location.in_map and of_execution_alone
        else "a loop enters the state again, with the same name"
        if location.in_loop and of_execution_alone
        else "the Retry of a state around it would create a job with the same name"
        if location.in_retried_state
        else "its Retry would create a job with the same name after the first one ran"
        if location.retried_after_creation and not retry_count
        else None
    )
    if reason is not None:
        raise ConflictingValuesError(
            f"job_name must differ for every job, got {', '.join(expressions)} as its only run-time part: {reason}, "
            f"and SageMaker accepts a name only once; {_ADVICE}"
        )


def _check_behind_trigger(expressions: list[str]) -> None:
    for expression in expressions:
        if re.search(_SHORTENS, expression):
            continue
        if re.search(_EXECUTION_NAME, expression):
            raise ConflictingValuesError(
                f"job_name must have at most {JOB_NAME_MAX} characters, got {expression}, and the trigger's executions "
                f"have names of {_TRIGGER_EXECUTION_NAME_LENGTH}; {_ADVICE}. The job's tags can carry the execution: "
                'tags={"execution": sfn.JsonPath.execution_id}'
            )
        if re.search(_TRIGGER_PATH, expression):
            raise ConflictingValuesError(
                f"job_name must consist of letters, digits and hyphens, got {expression}, which contains others in the "
                f"trigger's executions; {_ADVICE}"
            )
