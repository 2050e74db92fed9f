"""The events of jobs, and the rhythm of continuous uploads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tools.verify_aws.laboratory import Lab
from tools.verify_aws.question import Evidence, Question, includes
from tools.verify_aws.questions.reading import or_failure

_EVENTS: Final = "https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html"
# The members of DescribeProcessingJob that whoever handles the event needs.
_MEMBERS: Final = ("ProcessingJobArn", "ProcessingJobName", "ProcessingJobStatus")
_FINAL: Final = frozenset({"Completed", "Failed", "Stopped"})


def _job_events(lab: Lab) -> Evidence:
    """Collect the events of the account's jobs until one of this stack has ended."""

    def has_ended(events: list[Any]) -> bool:
        return any(_is_ours(event) and event["detail"].get("ProcessingJobStatus") in _FINAL for event in events)

    return {"events": [event for event in lab.messages("JobEventsQueue", has_ended) if _is_ours(event)]}


def _is_ours(event: Mapping[str, Any]) -> bool:
    return "verify-" in str(event.get("resources")).lower()


def _detail(evidence: Mapping[str, Any]) -> dict[str, Any]:
    ended = next(each for each in evidence["events"] if each["detail"].get("ProcessingJobStatus") in _FINAL)
    detail = ended["detail"]
    times = detail.get("CreationTime")
    tags = detail.get("Tags")
    return {
        "members": [name for name in _MEMBERS if name in detail],
        "times": "milliseconds" if isinstance(times, int) and times > 10**12 else type(times).__name__,
        "tags": "a map" if isinstance(tags, dict) else type(tags).__name__,
    }


def _continuous(lab: Lab) -> Evidence:
    return lab.with_outputs(lab.run("Continuous", seconds=str(int(lab.seconds(180, 20)))))


def _rhythm(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return when the files came to S3, in seconds after they were written."""
    ended = _seconds(evidence["jobs"][0]["ProcessingEndTime"])
    contents = [float(text) for text in evidence["outputs"]["contents"]]
    uploaded = [_seconds(each["LastModified"]) for each in evidence["outputs"]["objects"]]
    delays = sorted(when - written for when, written in zip(uploaded, contents, strict=True))
    # The last second of a job is that of its end.
    return {
        "uploaded while the job runs": any(when < ended - 1 for when in uploaded),
        "median delay in seconds": round(delays[len(delays) // 2], 1),
    }


def _seconds(time: datetime | str) -> float:
    return (datetime.fromisoformat(time) if isinstance(time, str) else time).timestamp()


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="event-of-a-job",
        asks="Which members does the event of a job have, and in which form?",
        claims=("job-event",),
        relied_on=("smproc/local/server/sagemaker/state_change_events.py",),
        expected={"members": list(_MEMBERS), "times": "milliseconds", "tags": "a map"},
        because=f"assumed, as in the samples of other jobs: {_EVENTS}",
        ask=_job_events,
        read=_detail,
    ),
    Question(
        id="continuous-upload",
        asks="Are the files of a continuous output in S3 while the job runs, and how soon?",
        claims=("continuous-upload",),
        relied_on=("constructs/cdk_sagemaker_processing/model/outputs.py: s3_upload_mode",),
        expected={"uploaded while the job runs": True},
        because="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Output.html",
        ask=_continuous,
        read=or_failure(_rhythm),
        agrees=includes,
    ),
)
