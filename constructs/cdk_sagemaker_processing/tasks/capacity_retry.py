"""Run a job again when AWS had no machine for it after all."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import ConflictingValuesError, check_type
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks.create_processing_job import SageMakerCreateProcessingJob

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_STATE_NAME_MAX = 80
_LOST_CAPACITY = "Processing.CapacityError"
# A job's description, the Cause, is compact JSON; a quotation mark inside one of its values is escaped, so that what a
# user wrote into an argument is never taken for the reason.
_REASON = r"""{% $contains($states.input.Cause, /"FailureReason"\s*:\s*"CapacityError/) %}"""


@public
class CapacityRetry(sfn.Parallel):
    """A run of a job, and more runs for as long as capacity is lost after the job's creation; see `retry_on_capacity`.

    Args:
        task: the task state that creates the job.
        construct_id: unique in the task.
        max_attempts: runs after the first.
        interval: how long to wait before the second run.
        backoff_rate: by how much the wait grows.
        max_delay: how long it may grow.

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
        jsonata = sfn.QueryLanguage.JSONATA  # allowed in a state of either kind of machine, as JSONPath is not
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
        which = sfn.Choice.jsonata(self, "Which", state_name=_name("Why {} failed", task))
        which.when(sfn.Condition.jsonata(_REASON), lost).otherwise(failed)
        task.add_catch(which, errors=["States.TaskFailed"])
        task._separate_outputs_per_entry()  # noqa: SLF001 - a hook between the two
        self.branch(task)
        self.add_retry(
            errors=[_LOST_CAPACITY],
            interval=interval,
            backoff_rate=backoff_rate,
            max_delay=max_delay,
            max_attempts=max_attempts,
            jitter_strategy=sfn.JitterType.FULL,
        )

    def to_state_json(self, top_level_query_language: sfn.QueryLanguage | None = None) -> dict[str, Any]:
        """The state in Amazon States Language; it hands the state machine's language on, which aws-cdk does not."""
        self.task.use_language_of_machine(top_level_query_language)
        return dict(super().to_state_json(top_level_query_language))


def _name(template: str, task: SageMakerCreateProcessingJob) -> str:
    """A state's name with the task's in it, cut to what a name may have."""
    room = _STATE_NAME_MAX - len(template.format(""))
    return template.format(task.state_id[:room])


@public
def retry_on_capacity(
    task: SageMakerCreateProcessingJob,
    *,
    max_attempts: int = 5,
    interval: Duration | None = None,
    backoff_rate: float = 2,
    max_delay: Duration | None = None,
) -> CapacityRetry:
    """Run a job again when AWS created it and then had no machine for it.

    Such a job ends as Failed with a ``CapacityError`` as its reason, which Step Functions reports as
    ``States.TaskFailed``, like a script that failed; the reason is in the Cause alone, which no Retry of Amazon States
    Language can tell apart. So the task goes into a ``Parallel`` of one branch that tells the two apart and is retried
    for the one. Every run has a job name of its own, and a place of its own for the outputs that name no destination.
    A script that failed is not run again; its error and its cause are the ones of the job.

    That Step Functions evaluates a state's parameters anew for each try is documented only by ``$$.State.RetryCount``,
    which changes with each: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html

    Args:
        task: what `Processor.run` returned, or the task itself, with the pattern ``RUN_JOB``.
        max_attempts: runs after the first. Default: 5.
        interval: how long to wait before the second run. Default: 2 minutes.
        backoff_rate: by how much the wait grows. Default: 2.
        max_delay: how long it may grow. Default: 30 minutes.

    Returns:
        A state to use in place of the task: chain it, add retries and catches of your own. Its output is the task's.

    Raises:
        ConflictingValuesError: the task does not wait for its job.

    Example:
        >>> run = retry_on_capacity(processor.run("Split", code="preprocess.py"), max_attempts=3)
    """
    check_type("task", task, SageMakerCreateProcessingJob, "what run(...) of a processor returned")
    if task.integration_pattern != sfn.IntegrationPattern.RUN_JOB:
        raise ConflictingValuesError(
            f"retry_on_capacity needs a task that waits for its job, got {task.node.id!r} with REQUEST_RESPONSE, which "
            "never learns how its job ended; give it RUN_JOB"
        )
    return CapacityRetry(
        task,
        "WhileNoCapacity",
        max_attempts=max_attempts,
        interval=interval or Duration.minutes(2),
        backoff_rate=backoff_rate,
        max_delay=max_delay or Duration.minutes(30),
    )
