"""The way of an object, whichever pipeline it was uploaded to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.operations.errors import PipelineNotFoundError
from smproc.operations.pipeline import Pipeline, choose_pipeline, find_pipeline, find_pipelines
from smproc.operations.traces import Trace, trace_in

if TYPE_CHECKING:
    from boto3 import Session


def trace(session: Session, uri: str, *, pipeline: str | None = None, since: datetime | None = None) -> Trace:
    """Return what became of an object.

    Args:
        session: a boto3 session.
        uri: the object's S3 URI.
        pipeline: the pipeline's name. Default: the only one whose uploads arrive in the object's bucket.
        since: uploads before this time are not looked for. Default: the time of the object's oldest version, of 20.

    Raises:
        PipelineNotFoundError: no pipeline takes objects of the bucket, or several do and none is named.
        InvalidValueError: the text is not an S3 URI.
    """
    parsed = S3Uri.parse(uri)
    candidates = find_pipelines(session, bucket=parsed.bucket)
    if not candidates:
        raise PipelineNotFoundError(
            f"no pipeline of this account and region takes objects of the bucket {parsed.bucket!r}; "
            "`smproc pipelines` lists the pipelines and their buckets"
        )

    def with_queues(found: Pipeline) -> Pipeline:
        return find_pipeline(session, found.name)

    if pipeline is None and len(candidates) > 1:
        found = [trace_in(one, parsed.key, since=since, with_queues=with_queues) for one in candidates]
        known = [one for one in found if one.upload is not None or one.dead_letter is not None]
        if len(known) == 1:
            return known[0]
    return trace_in(choose_pipeline(candidates, pipeline), parsed.key, since=since, with_queues=with_queues)
