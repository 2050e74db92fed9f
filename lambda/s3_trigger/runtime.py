"""The clients, ledger, logger and metrics that a function works with, created on first use from its configuration."""

from __future__ import annotations

import functools
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import botocore.config
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from s3_trigger.config import Config
from s3_trigger.dynamodb import Table
from s3_trigger.grouping import Grouping

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client
    from types_boto3_sagemaker import SageMakerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

    from s3_trigger.job_logs import JobLogs
    from s3_trigger.listed_uploads import ListedUploads
    from s3_trigger.runs import Runs
    from s3_trigger.scanner import Scanner
    from s3_trigger.units import Units
    from s3_trigger.upgrade import Upgrade

# botocore's own retries, beyond what the protocol repeats: a throttled call does not fail an upload.
# The time-outs are far below the functions': a call that hangs leaves time for others.
_CLIENT_CONFIG = botocore.config.Config(
    retries={"mode": "standard", "total_max_attempts": 6},
    max_pool_connections=32,
    connect_timeout=5,
    read_timeout=10,
)
# What only adds to a notification is not worth waiting for.
_OPTIONAL_CONFIG = botocore.config.Config(
    retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=1, read_timeout=2
)
_OPTIONAL_SERVICES = frozenset({"logs", "sagemaker"})
METRICS_NAMESPACE = "SageMakerProcessing"
# Written together, so that neither is missing where a share of them is computed.
SUCCEEDED_OBJECTS, FAILED_OBJECTS = "ObjectsSucceeded", "ObjectsFailed"


def _new_client(service: str) -> Any:  # noqa: ANN401 - its type depends on the service
    config = _OPTIONAL_CONFIG if service in _OPTIONAL_SERVICES else _CLIENT_CONFIG
    return boto3.client(service, config=config)  # type: ignore[call-overload, unused-ignore]


class Runtime:
    """The objects that a function works with. A cold start pays for those alone that it uses.

    Args:
        config: the configuration.
        new_client: a function that returns the boto3 client of a service. Default: one that retries throttled calls.
        clock: a function that returns the seconds since 1970. Default: `time.time`.
        new_id: a function that returns a text that nobody else has. Default: a random one.
        pool: a function that returns an executor with so many threads. Default: `ThreadPoolExecutor`.
    """

    def __init__(
        self,
        config: Config,
        *,
        new_client: Callable[[str], Any] = _new_client,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex[:16],
        pool: Callable[[int], Executor] = ThreadPoolExecutor,
    ) -> None:
        self.config = config
        self.clock = clock
        self.new_id = new_id
        self._milliseconds = 0
        self.pool = pool
        self._new_client = new_client
        self._counts: Counter[str] = Counter()
        self._gauges: dict[str, tuple[MetricUnit, float]] = {}
        self._counting = threading.Lock()

    @functools.cached_property
    def grouping(self) -> Grouping:
        """The rule that assigns keys to groups."""
        return self.config.grouping

    @functools.cached_property
    def logger(self) -> Logger:
        """The structured log."""
        return Logger(service=self.config.pipeline)

    @functools.cached_property
    def metrics(self) -> Metrics:
        """The metrics, which are written to the log in CloudWatch's embedded format."""
        return Metrics(namespace=METRICS_NAMESPACE, service=dimension_of(self.config.pipeline))

    @functools.cached_property
    def table(self) -> Table:
        """The ledger's table."""
        return Table(self._new_client("dynamodb"), self.config.table)

    @functools.cached_property
    def units(self) -> Units:
        """The units in the ledger's table."""
        from s3_trigger.units import Units  # noqa: PLC0415 - the start of the intake does without

        return Units(self.table, lambda: f"{self.milliseconds():013}#{self.new_id()}")

    @functools.cached_property
    def runs(self) -> Runs:
        """The runs in the ledger's table."""
        from s3_trigger.runs import Runs  # noqa: PLC0415 - the start of the intake does without

        return Runs(self)

    @functools.cached_property
    def upgrade(self) -> Upgrade:
        """The upgrade of what an earlier version has written."""
        from s3_trigger.upgrade import Upgrade  # noqa: PLC0415 - the start of the intake does without

        return Upgrade(self)

    @functools.cached_property
    def listed_uploads(self) -> ListedUploads:
        """The uploads that were taken from listings."""
        from s3_trigger.listed_uploads import ListedUploads  # noqa: PLC0415 - the start of the intake does without

        return ListedUploads(self)

    @functools.cached_property
    def scanner(self) -> Scanner:
        """The scanner, which remembers what it has read of the ledger for as long as the function lives."""
        from s3_trigger.scanner import Scanner  # noqa: PLC0415 - only listings need it

        return Scanner(self)

    def seconds(self) -> int:
        """Return the time in seconds since 1970."""
        return int(self.clock())

    def milliseconds(self) -> int:
        """Return the time in milliseconds since 1970, each time a later one, so that what it sorts keeps its order."""
        self._milliseconds = max(int(self.clock() * 1000), self._milliseconds + 1)
        return self._milliseconds

    def go_on_after(self, milliseconds: int) -> None:
        """Make all times that `milliseconds` returns later than some other one."""
        self._milliseconds = max(self._milliseconds, milliseconds)

    @functools.cached_property
    def events(self) -> EventBridgeClient:
        """The client of EventBridge."""
        return self._new_client("events")  # type: ignore[no-any-return]

    @functools.cached_property
    def job_logs(self) -> JobLogs:
        """The logs of jobs."""
        from s3_trigger.job_logs import JobLogs  # noqa: PLC0415 - only failures need it

        return JobLogs(self)

    @functools.cached_property
    def lambda_(self) -> LambdaClient:
        """The client of Lambda."""
        return self._new_client("lambda")  # type: ignore[no-any-return]

    @functools.cached_property
    def logs(self) -> CloudWatchLogsClient:
        """The client of CloudWatch Logs, which does not wait."""
        return self._new_client("logs")  # type: ignore[no-any-return]

    @functools.cached_property
    def sagemaker(self) -> SageMakerClient:
        """The client of SageMaker, which does not wait."""
        return self._new_client("sagemaker")  # type: ignore[no-any-return]

    @functools.cached_property
    def s3(self) -> S3Client:
        """The client of S3."""
        return self._new_client("s3")  # type: ignore[no-any-return]

    @functools.cached_property
    def sns(self) -> SNSClient:
        """The client of SNS."""
        return self._new_client("sns")  # type: ignore[no-any-return]

    @functools.cached_property
    def sqs(self) -> SQSClient:
        """The client of SQS."""
        return self._new_client("sqs")  # type: ignore[no-any-return]

    @functools.cached_property
    def step_functions(self) -> SFNClient:
        """The client of Step Functions."""
        return self._new_client("stepfunctions")  # type: ignore[no-any-return]

    def count(self, metric: str, value: int = 1) -> None:
        """Add to a metric that counts, from any thread."""
        with self._counting:
            self._counts[metric] += value

    def gauge(self, metric: str, unit: MetricUnit, value: float) -> None:
        """Set a metric that is measured."""
        with self._counting:
            self._gauges[metric] = unit, value

    def flush_metrics(self) -> None:
        """Write the metrics if the pipeline is monitored, for each one costs money.

        Each has one value: the writer flushes too early where a metric has 100 values.
        """
        with self._counting:
            counts = {SUCCEEDED_OBJECTS: 0, FAILED_OBJECTS: 0} | self._counts if self._counts.total() else {}
            values = self._gauges | {metric: (MetricUnit.Count, value) for metric, value in counts.items()}
            self._counts.clear()
            self._gauges.clear()
        if values and self.config.monitored:
            for metric, (unit, value) in values.items():
                self.metrics.add_metric(name=metric, unit=unit, value=value)
            self.metrics.flush_metrics()


def dimension_of(pipeline: str) -> str:
    """Return the value of the metrics' dimension ``service``, which CloudWatch takes in ASCII alone.

    See: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    """
    return pipeline.encode("ascii", "backslashreplace").decode("ascii")


@functools.cache
def lambda_runtime() -> Runtime:
    """Return the runtime of this Lambda function, which its environment configures."""
    return Runtime(Config.from_environment(os.environ))
