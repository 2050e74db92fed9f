"""The retry of jobs that fail for lack of capacity after their creation."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing._internal.digests import short_digest
from cdk_sagemaker_processing.model import ConflictingValuesError, check_type
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks.create_processing_job import SageMakerCreateProcessingJob
from cdk_sagemaker_processing.tasks.state_limits import check_retry
from cdk_sagemaker_processing.tasks.step_conditions import StepValue
from cdk_sagemaker_processing.tasks.step_outputs import StepOutputs

_LOST_CAPACITY = "Processing.CapacityError"
# The Cause is the job's description as compact JSON. Quotation marks inside its values are escaped, so that the text of
# a user's argument never matches as the reason.
_LACKED_CAPACITY = r"""{% $contains($states.input.Cause, /"FailureReason"\s*:\s*"CapacityError/) %}"""

_ID = "WhileNoCapacity"


@public
class CapacityRetry(sfn.Parallel):
    """A task that is repeated while its job fails for lack of capacity after creation; see `retry_on_capacity`.

    Args:
        task: the task state that creates the job.
        construct_id: unique in the task.
        max_attempts: the maximum number of runs after the first.
        interval: the wait before the second run.
        backoff_rate: the factor by which the wait grows.
        max_delay: the maximum wait.

    Attributes:
        task: the task state that creates the job.
    """

    def __init__(
        self,
        task: SageMakerCreateProcessingJob,
        construct_id: str,
        *,
        max_attempts: int,
        interval: Duration,
        backoff_rate: float,
        max_delay: Duration,
    ) -> None:
        jsonata = sfn.QueryLanguage.JSONATA  # a state may use JSONata in any state machine, but not JSONPath
        super().__init__(
            task,
            construct_id,
            state_name=_name("Retry {}", task),
            comment="Runs the job again, under a new name and into another place, when AWS had no machine for it",
            query_language=jsonata,
            outputs="{% $states.result[0] %}",
        )
        self.task = task
        lost = sfn.Fail.jsonata(
            self,
            "Lost",
            state_name=_name("{} lost its capacity", task),
            error=_LOST_CAPACITY,
            cause="{% $states.input.Cause %}",
        )
        failed = sfn.Fail.jsonata(
            self,
            "Failed",
            state_name=_name("{} failed", task),
            error="{% $states.input.Error %}",
            cause="{% $states.input.Cause %}",
        )
        reason = sfn.Choice.jsonata(self, "Which", state_name=_name("Why {} failed", task))
        reason.when(sfn.Condition.jsonata(_LACKED_CAPACITY), lost).otherwise(failed)
        task.add_catch(reason, errors=["States.TaskFailed"])
        self.branch(task)
        self.add_retry(
            errors=[_LOST_CAPACITY],
            interval=interval,
            backoff_rate=backoff_rate,
            max_delay=max_delay,
            max_attempts=max_attempts,
            jitter_strategy=sfn.JitterType.FULL,
        )

    @property
    def outputs(self) -> StepOutputs:
        """The locations that the job of the last run writes to; see `SageMakerCreateProcessingJob.outputs`."""
        return self.task.outputs

    def property(self, property_file: str, path: str) -> StepValue:
        """Return a value of a property file; see `SageMakerCreateProcessingJob.property`.

        Args:
            property_file: the name of one of the task's property files.
            path: the names and indexes of the value in the JSON file.
        """
        return self.task.property(property_file, path)


def _name(template: str, task: SageMakerCreateProcessingJob) -> str:
    """Return a state name that contains the task's; one that is too long ends in a digest instead."""
    room, name = maximum("StateNameCharacters") - len(template.format("")), task.state_id
    if len(name) > room:
        digest = short_digest(name)
        name = f"{name[: room - len(digest) - 1]}-{digest}"
    return template.format(name)


@public
def retry_on_capacity(
    task: SageMakerCreateProcessingJob,
    *,
    max_attempts: int = 5,
    interval: Duration | None = None,
    backoff_rate: float = 2,
    max_delay: Duration | None = None,
) -> CapacityRetry:
    """Return a state that runs a job again if AWS created it but then lacked the capacity to run it.

    Such a job ends as Failed with a ``CapacityError`` as its reason. Step Functions reports it as
    ``States.TaskFailed``, like a failed script; only the Cause contains the reason, and a Retry in Amazon States
    Language cannot read the Cause. So the task becomes the one branch of a ``Parallel`` state, which distinguishes the
    two and is retried for lack of capacity. Every run has its own job name, and its own destination for the outputs
    that name none. A failed script does not run again; the state fails with the error and the cause of the job.

    AWS documents only indirectly that Step Functions evaluates a state's parameters for each attempt: by
    ``$$.State.RetryCount``, which changes with each of them.

    Args:
        task: the state that `Processor.run` returned, or a task of your own, with the pattern ``RUN_JOB``.
        max_attempts: the maximum number of runs after the first, 0 to 99,999,999. Default: 5.
        interval: the wait before the second run, whole seconds, at least one. Default: 2 minutes.
        backoff_rate: the factor by which the wait grows, at least 1. Default: 2.
        max_delay: the maximum wait, longer than ``interval`` and less than 366 days. Default: 30 minutes.

    Returns:
        A state to use in place of the task: chain it, add retries and catches to it. Its output is the task's.

    Raises:
        InvalidValueError: a number or a duration that Step Functions refuses.
        ConflictingValuesError: the task does not wait for its job, or ``max_delay`` is not longer than ``interval``.

    See: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html

    Example:
        >>> run = retry_on_capacity(processor.run("Split", code="preprocess.py"), max_attempts=3)
    """
    check_type("task", task, SageMakerCreateProcessingJob, "pass what run(...) of a processor returned")
    if task.integration_pattern != sfn.IntegrationPattern.RUN_JOB:
        raise ConflictingValuesError(
            f"retry_on_capacity needs a task that waits for its job, got {task.node.id!r} with REQUEST_RESPONSE, which "
            "never learns how its job ended; give it RUN_JOB"
        )
    if task.node.try_find_child(_ID) is not None:
        raise ConflictingValuesError(
            f"retry_on_capacity takes a task once, got {task.node.id!r} again; use the state that the first call "
            "returned"
        )
    interval, max_delay = interval or Duration.minutes(2), max_delay or Duration.minutes(30)
    check_retry(max_attempts=max_attempts, interval=interval, backoff_rate=backoff_rate, max_delay=max_delay)
    return CapacityRetry(
        task, _ID, max_attempts=max_attempts, interval=interval, backoff_rate=backoff_rate, max_delay=max_delay
    )
