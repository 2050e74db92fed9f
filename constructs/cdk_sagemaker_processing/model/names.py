"""Names that a deployment, the trigger's function and the ``smproc`` command have to agree on.

The function imports nothing of this package: ``tests/unit/trigger/test_shared_constants.py`` compares its own
constants with these.
"""

from __future__ import annotations

import re
from typing import Final

# CloudWatch names both the log group and the metric namespace of processing jobs like this:
# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
PROCESSING_LOG_GROUP: Final = "/aws/sagemaker/ProcessingJobs"
TRAINING_LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"

# The source of the trigger's own EventBridge events, and of the requests that `smproc retry` sends to its queue.
EVENT_SOURCE: Final = "cdk-sagemaker-processing"
REPLAY_DETAIL_TYPE: Final = "Replay"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
S3_EVENT_SOURCE: Final = "aws.s3"
OBJECT_CREATED: Final = "Object Created"

# The tag of a job that leads back to its execution; PIPELINE_TAG is on jobs too.
EXECUTION_TAG: Final = "processing:execution"

# The tags by which `smproc` finds pipelines and their parts; the dispatcher has them all.
PIPELINE_TAG: Final = "processing:pipeline"
PART_TAG: Final = "processing:part"
STATE_MACHINE_TAG: Final = "processing:state-machine"
STACK_TAG: Final = "processing:stack"
BUCKET_TAG: Final = "processing:bucket"
LEDGER_TAG: Final = "processing:ledger"
# The values of PART_TAG.
INPUT_QUEUE: Final = "queue"
DEAD_LETTER_QUEUE: Final = "dead-letters"
UNDELIVERED_QUEUE: Final = "undelivered"
INTAKE: Final = "intake"
DISPATCHER: Final = "dispatcher"

# The type of the metadata of a cloud assembly in which `smproc` finds the local files behind an upload.
SOURCES_METADATA: Final = "cdk-sagemaker-processing:sources"


def tag_value(text: str) -> str:
    """Return a text with only the characters that a tag may contain; a hyphen replaces any other.

    See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html and
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
    """
    return re.sub(r"[^\w .:/=+@-]", "-", text)
