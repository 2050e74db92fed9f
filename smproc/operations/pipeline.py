"""A deployed pipeline, found by the tags that its deployment gives to its parts."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdk_sagemaker_processing.model import names
from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.errors import PipelineNotFoundError
from smproc.operations.pipeline_search import choose_named, tagged_pipelines

if TYPE_CHECKING:
    from boto3 import Session

    from smproc.operations.costs import Cost
    from smproc.operations.execution_lists import Execution
    from smproc.operations.outputs import OutputFile
    from smproc.operations.pipeline_executions import ExecutionDetails
    from smproc.operations.pipeline_jobs import JobRecord
    from smproc.operations.pipeline_logs import PipelineLine
    from smproc.operations.status import PipelineStatus
    from smproc.operations.traces import Trace
    from smproc.operations.uploads import State, UploadRecord

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An object that was uploaded to a pipeline.

    Attributes:
        bucket: the bucket's name.
        key: the object's key.
        size: bytes.
        at: the time at which S3 stored it, in seconds since 1970, by S3's clock: a whole second, rounded down.
        returned: the time at which the upload returned, in seconds since 1970, by this machine's clock.
        monotonic: the same time by `time.monotonic`.
    """

    bucket: str
    key: str
    size: int
    at: float
    returned: float
    monotonic: float

    @property
    def uri(self) -> str:
        """The object's S3 URI."""
        return str(S3Uri(self.bucket, self.key))


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A deployed pipeline: an `EventDrivenProcessing`, or an `S3Trigger` alone.

    Its parts are found by their tags, so nothing has to be configured.

    Attributes:
        session: the boto3 session of its account and region.
        name: its name, the path of its construct, e.g. ``ProcessingDemo/Pipeline``.
        stack: the CloudFormation stack; empty if an earlier version deployed it.
        state_machine_arn: the state machine that runs its jobs.
        bucket: the bucket that objects arrive in; empty if an earlier version deployed it.
        table: the name of its ledger, a DynamoDB table; empty if an earlier version deployed it.
        dispatcher: the name of the function that starts executions; empty if an earlier version deployed it.
        intake: the name of the function that takes uploads; empty if an earlier version deployed it.
        queue_arn: the queue of its uploads.
        dead_letter_queue_arn: the queue of what could not be processed.
        undelivered_queue_arn: the queue of events that EventBridge could not deliver.

    Example:
        >>> pipeline = Pipeline.find("Pipeline")
        >>> pipeline.name
        'ProcessingDemo/Pipeline'
    """

    session: Session = field(repr=False, compare=False)
    name: str
    stack: str = ""
    state_machine_arn: str
    bucket: str = ""
    table: str = ""
    dispatcher: str = ""
    intake: str = ""
    queue_arn: str = ""
    dead_letter_queue_arn: str = ""
    undelivered_queue_arn: str = ""

    @cached_property
    def queue_url(self) -> str:
        """The URL of the queue of its uploads."""
        return self._url_of(self.queue_arn)

    @cached_property
    def dead_letter_queue_url(self) -> str:
        """The URL of the queue of what could not be processed."""
        return self._url_of(self.dead_letter_queue_arn)

    @cached_property
    def undelivered_queue_url(self) -> str:
        """The URL of the queue of events that EventBridge could not deliver."""
        return self._url_of(self.undelivered_queue_arn)

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The settings of its dispatcher: ``prefixes``, ``batch_size``, ``max_concurrent_jobs`` and others.

        Raises:
            PipelineNotFoundError: an earlier version deployed it.
        """
        configuration = self.session.client("lambda").get_function_configuration(FunctionName=self.needs_dispatcher())
        found: dict[str, Any] = json.loads(configuration.get("Environment", {}).get("Variables", {})["SETTINGS"])
        return found

    @property
    def upload_uri(self) -> str:
        """The S3 URI to upload objects to so that they start the pipeline."""
        prefixes = self.settings.get("prefixes") or [""]
        return str(S3Uri(self.bucket, prefixes[0]))

    def needs_dispatcher(self) -> str:
        """Return the name of the dispatcher.

        Raises:
            PipelineNotFoundError: an earlier version deployed the pipeline, whose parts have fewer tags.
        """
        if not self.dispatcher:
            raise PipelineNotFoundError(
                f"the pipeline {self.name!r} was deployed by an earlier version, whose functions have no tag "
                f"{names.PART_TAG}; deploy its stack again with this version"
            )
        return self.dispatcher

    def key_of(self, path: Path, *, name: str | None = None) -> str:
        """Return the key under which `upload` stores a file.

        Args:
            path: the file.
            name: the object's name below the pipeline's first prefix. Default: the file's own.
        """
        return f"{S3Uri.parse(self.upload_uri).key}{name or path.name}"

    @property
    def takes_batches(self) -> bool:
        """True if its executions wait for batches to fill."""
        return bool(self.settings.get("batch_size", 1) != 1)

    def upload(self, path: Path, *, name: str | None = None) -> Upload:
        """Upload a file to the pipeline.

        Args:
            path: the file.
            name: the object's name below the pipeline's first prefix. Default: the file's own.
        """
        key = self.key_of(path, name=name)
        with path.open("rb") as body:
            response = self.session.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        returned, monotonic = time.time(), time.monotonic()
        date = response["ResponseMetadata"]["HTTPHeaders"].get("date")
        at = email.utils.parsedate_to_datetime(date).timestamp() if date else returned
        return Upload(
            bucket=self.bucket,
            key=key,
            size=path.stat().st_size,
            at=int(at),
            returned=returned,
            monotonic=monotonic,
        )

    @classmethod
    def find(cls, name: str | None = None, *, stack: str | None = None, session: Session | None = None) -> Pipeline:
        """Return the pipeline of a name.

        Args:
            name: its name, or the end of it after a slash. Default: the only one.
            stack: the CloudFormation stack. Default: any.
            session: a boto3 session. Default: that of the default profile and region.

        Raises:
            PipelineNotFoundError: there is none, or there are several.
        """
        import boto3  # noqa: PLC0415 - a caller without a session alone needs it

        return find_pipeline(session or boto3.Session(), name, stack=stack)

    def status(self) -> PipelineStatus:
        """Return what runs, waits and failed, and what is wrong, as its ledger and queues are now.

        Raises:
            PipelineNotFoundError: an earlier version deployed it.
        """
        from smproc.operations.status import details_of  # noqa: PLC0415 - slow to load

        return details_of(self).status

    def uploads(
        self, *, since: timedelta | datetime = _DAY, states: Collection[State] = (), limit: int = 50
    ) -> list[UploadRecord]:
        """Return its newest uploads, and what became of them.

        Args:
            since: how far to look back, or from when on. Default: 24 hours.
            states: the states that are wanted, keys of `smproc.STATES`. Default: all.
            limit: the maximum number.

        Raises:
            PipelineNotFoundError: an earlier version deployed it.
        """
        from smproc.operations.uploads import UploadReader  # noqa: PLC0415 - slow to load

        reader = UploadReader(self)
        return reader.newest(_from(since), limit=limit, keep=lambda record: not states or record.state in states)

    def trace(self, key: str) -> Trace:
        """Return what became of an object: its upload, execution, jobs, log and outputs.

        Args:
            key: the object's key, or its S3 URI.

        Raises:
            PipelineNotFoundError: the S3 URI is of another bucket, or an earlier version deployed the pipeline.
        """
        from smproc.operations.traces import trace_in  # noqa: PLC0415 - slow to load

        return trace_in(self, self._key_of(key))

    def executions(
        self, *, since: timedelta | datetime | None = None, status: str | None = None, limit: int | None = None
    ) -> Iterator[Execution]:
        """Yield its executions, the newest first.

        Args:
            since: how far to look back, or from when on. Default: to the first one that Step Functions remembers.
            status: ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ``TIMED_OUT`` or ``ABORTED``. Default: any.
            limit: the maximum number. Default: all.
        """
        from smproc.operations.pipeline_executions import executions_of  # noqa: PLC0415 - slow to load

        return executions_of(self, since=None if since is None else _from(since), status=status, limit=limit)

    def execution(self, name: str) -> ExecutionDetails:
        """Return an execution and what it has done: its states, jobs and objects.

        Args:
            name: its ARN, its name, or a beginning of it that no other execution has.

        Raises:
            ExecutionNotFoundError: there is none, or there are several.
        """
        from smproc.operations.pipeline_executions import execution_details, find_execution  # noqa: PLC0415 - the same

        return execution_details(self.session, find_execution(self, name))

    def jobs(self, *, since: timedelta | datetime | None = None, limit: int | None = None) -> Iterator[JobRecord]:
        """Yield its jobs, those of its newest executions first; each execution takes a request.

        Args:
            since: executions that started before are left out. Default: none.
            limit: the maximum number. Default: all.
        """
        from smproc.operations.pipeline_jobs import jobs_of  # noqa: PLC0415 - slow to load

        return jobs_of(self, since=None if since is None else _from(since), limit=limit)

    def logs(self, *, since: timedelta | datetime = _DAY, follow: bool = False) -> Iterator[PipelineLine]:
        """Yield what its jobs have printed, the lines of all hosts by their times.

        Args:
            since: how far to look back, or from when on. Default: 24 hours.
            follow: whether to go on, with the jobs that start meanwhile, until the caller stops.
        """
        from smproc.operations.pipeline_logs import PipelineLog  # noqa: PLC0415 - slow to load

        return PipelineLog(self, since=_from(since)).lines(follow=follow)

    def outputs(self, execution: str | None = None) -> list[OutputFile]:
        """Return the files that the jobs of an execution wrote.

        Args:
            execution: its ARN, its name, or a beginning of it. Default: the newest one that succeeded.

        Raises:
            ExecutionNotFoundError: there is no such execution.
            OutputNotFoundError: no execution has succeeded yet.
        """
        from smproc.operations.outputs import outputs_of_jobs  # noqa: PLC0415 - slow to load
        from smproc.operations.pipeline_executions import find_execution, last_success  # noqa: PLC0415 - the same
        from smproc.operations.pipeline_jobs import jobs_of  # noqa: PLC0415 - the same

        found = last_success(self) if execution is None else find_execution(self, execution)
        jobs = list(jobs_of(self, executions=[found]))
        return list(outputs_of_jobs(self.session, reversed(jobs)))

    def cost(self, *, since: timedelta | datetime = _WEEK) -> Cost:
        """Return what its jobs cost by list prices; each execution takes a request.

        Args:
            since: how far to look back, or from when on. Default: 7 days.
        """
        from smproc.operations.costs import cost_of_jobs  # noqa: PLC0415 - slow to load

        return cost_of_jobs(self.jobs(since=since))

    def retry(self, execution: str) -> str:
        """Run the objects of a failed execution again, in a new execution; return a description of them.

        Args:
            execution: the ARN of the failed execution, its name, or a beginning of it.

        Raises:
            ExecutionNotFoundError: there is no such execution.
            NothingToRetryError: it has not failed, or was not started by an upload.
        """
        from smproc.operations.pipeline_executions import find_execution  # noqa: PLC0415 - the same
        from smproc.operations.retries import retry  # noqa: PLC0415 - slow to load

        return retry(self, find_execution(self, execution).arn)

    def _key_of(self, key: str) -> str:
        if not key.startswith("s3://"):
            return key
        uri = S3Uri.parse(key)
        if uri.bucket != self.bucket:
            raise PipelineNotFoundError(
                f"the objects of the pipeline {self.name} arrive in the bucket {self.bucket!r}, got {key!r}"
            )
        return uri.key

    def _url_of(self, queue_arn: str) -> str:
        *_, account, name = queue_arn.split(":")
        answer = self.session.client("sqs").get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
        return answer["QueueUrl"]


def find_pipelines(session: Session, *, stack: str | None = None, bucket: str | None = None) -> list[Pipeline]:
    """Return the pipelines of an account and region, by their names.

    Args:
        session: a boto3 session.
        stack: the CloudFormation stack. Default: any.
        bucket: the bucket that objects arrive in; the queues of the pipelines are not looked for. Default: any.
    """
    found = (Pipeline(session=session, **attributes) for attributes in tagged_pipelines(session, bucket=bucket))
    return [one for one in found if stack in (None, one.stack)]


def find_pipeline(session: Session, name: str | None = None, *, stack: str | None = None) -> Pipeline:
    """Return the pipeline that a user means.

    Args:
        session: a boto3 session.
        name: its name, or the end of it after a slash. Default: the only one.
        stack: the CloudFormation stack. Default: any.

    Raises:
        PipelineNotFoundError: there is none, or there are several.
    """
    return choose_pipeline(find_pipelines(session, stack=stack), name, stack=stack)


def choose_pipeline(pipelines: Iterable[Pipeline], name: str | None, *, stack: str | None = None) -> Pipeline:
    """Return the one of some pipelines that a user means; see `find_pipeline`."""
    return choose_named(pipelines, name, stack=stack)


def _from(since: timedelta | datetime) -> datetime:
    return datetime.now(UTC) - since if isinstance(since, timedelta) else since
