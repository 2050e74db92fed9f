"""The last lines of the log of a failed job, for the notification of its failure.

A notification must not wait for them: a request is not repeated, and after one that is throttled or takes long, no
other is made for a minute. Nothing in a line can act on whoever reads it: what is not printable is escaped.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from s3_trigger.runtime import Runtime

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
LINE_MAX = 500
# As JSON, so that a message remains far below the 256 KiB of SNS and of EventBridge, also inside another JSON text.
LINES_MAX_BYTES = 16 * 1024
# Each host of a job has a stream; the lines of those that have written last say why the job failed.
_STREAMS_MAX = 2
_SLOW_SECONDS = 2
_PAUSE_SECONDS = 60


class JobLogs:
    """The logs of jobs, as long as they can be read without delay.

    Args:
        runtime: the function's runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._paused_until = 0.0

    def last_lines(self, job: str) -> list[str]:
        """Return the last lines of a job's log, the oldest first; none if they cannot be read without delay.

        Args:
            job: the name of the job.
        """
        count, begun = self._runtime.config.log_lines, self._runtime.clock()
        if not count or begun < self._paused_until:
            return []
        try:
            lines = self._read(job, count)
        except (BotoCoreError, ClientError) as error:
            self._runtime.logger.warning("no log lines", extra={"job": job, "error": str(error)})
            lines, must_pause = [], not _is_denied(error)
        else:
            must_pause = False
        if must_pause or self._runtime.clock() - begun > _SLOW_SECONDS:
            self._paused_until = self._runtime.clock() + _PAUSE_SECONDS
        return lines

    def _read(self, job: str, count: int) -> list[str]:
        logs = self._runtime.logs
        # Streams in the order of their last events cannot be limited to a prefix.
        answer = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/")
        streams = sorted(answer["logStreams"], key=lambda stream: stream.get("lastEventTimestamp", 0))[-_STREAMS_MAX:]
        events: list[tuple[int, str]] = []
        for stream in streams:
            name = stream["logStreamName"]
            # <job>/algo-1-<time>
            host = name.rpartition("/")[2].rpartition("-")[0] if len(streams) > 1 else ""
            found = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=name, limit=count, startFromHead=False)[
                "events"
            ]
            events += [(event["timestamp"], _line(event, host)) for event in found]
        events.sort(key=lambda event: event[0])
        return bounded([line for _, line in events[-count:]])


def bounded(lines: list[str]) -> list[str]:
    """Return the last of some lines, as many as a notification may have."""
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += len(json.dumps(line)) + 2
        if size > LINES_MAX_BYTES:
            break
        kept.append(line)
    return kept[::-1]


def printable(text: str) -> str:
    """Return a text with escapes in place of the characters that are not printable, which may control a terminal."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _is_denied(error: BotoCoreError | ClientError) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "AccessDeniedException"


def _line(event: Any, host: str) -> str:  # noqa: ANN401 - an event of CloudWatch Logs
    text = printable(event["message"].rstrip().expandtabs(4))
    text = f"[{host}] {text}" if host else text
    return text if len(text) <= LINE_MAX else f"{text[: LINE_MAX - 3]}..."
