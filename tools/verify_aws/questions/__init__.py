"""The questions of stage 1, one module for each family.

reading.py         the answers of executions that failed
layouts.py         where the objects of inputs land
encryption.py      the keys of outputs
failures.py        the errors of refused and failed jobs
stops.py           stops and time limits, and SIGTERM
requests.py        names, permissions and members of requests
uploads.py         events of S3, encrypted queues, a closed network
job_events.py      the events of jobs, and continuous uploads
updates.py         deployments in a row
denials.py         what IAM denied meanwhile
"""

from __future__ import annotations

from typing import Final

from tools.verify_aws.laboratory import Lab
from tools.verify_aws.question import Question
from tools.verify_aws.questions import (
    denials,
    encryption,
    failures,
    job_events,
    layouts,
    requests,
    stops,
    updates,
    uploads,
)

# Those that wait longest come first.
QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    *uploads.QUESTIONS,
    *updates.QUESTIONS,
    *stops.QUESTIONS,
    *failures.QUESTIONS,
    *layouts.QUESTIONS,
    *encryption.QUESTIONS,
    *requests.QUESTIONS,
    *job_events.QUESTIONS,
)
# They are about all others, so they come last, after the end of these.
CLOSING: Final[tuple[Question[Lab], ...]] = denials.QUESTIONS
