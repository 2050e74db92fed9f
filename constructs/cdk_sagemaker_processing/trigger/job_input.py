"""The input of a job that consists of the objects that started its execution."""

from __future__ import annotations

import functools
from typing import Final

from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing.model import ProcessingInput
from cdk_sagemaker_processing.public_api import public

_SOURCE_FIELDS = ("s3_data_type", "s3_uri")
# The fields of the input of an execution, of a batch and of a single object. The functions write them, and
# `tests/unit/trigger/test_shared_constants.py` compares the two.
BATCH_FIELDS: Final = ("batch", "bucket", "group", "objects", *_SOURCE_FIELDS, "trigger")
OBJECT_FIELDS: Final = ("bucket", "key", "run", *_SOURCE_FIELDS, "sequencer", "trigger")


@public
def uploaded_objects(
    destination: str = "/opt/ml/processing/input",
    *,
    input_name: str | None = None,
    s3_data_distribution_type: str = "FullyReplicated",
) -> ProcessingInput:
    """Return an input that consists of the objects that started the execution.

    Args:
        destination: the directory in the container. Without batches, the object ``incoming/blue/a.csv`` becomes
            ``a.csv`` in it, unless other keys start with the object's key, such as ``incoming/blue/a.csv.bak``. The
            objects of a batch, and an object with such a sibling, reach the job by a manifest, and AWS does not
            document the paths of a manifest's objects below the directory: ``a.csv``, ``blue/a.csv`` and
            ``incoming/blue/a.csv`` are all possible. So search the directory recursively, for example with
            ``Path(destination).rglob("*.csv")``, and choose one that contains nothing else: in
            ``/opt/ml/processing/input`` is also ``code``, the directory of the script. Default:
            ``/opt/ml/processing/input``.
        input_name: unique in the job. Default: ``input-<position>``.
        s3_data_distribution_type: as for `ProcessingInput`: ``ShardedByS3Key`` distributes the objects of a batch over
            the job's instances, each object to one of them. Default: ``FullyReplicated``, all objects on every
            instance.

    Returns:
        The input. It takes ``S3Uri`` and ``S3DataType`` from the execution's input, so its state must receive that
        input unchanged.

    See: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    """
    return ProcessingInput(
        source=_string_at("$.s3_uri"),
        destination=destination,
        input_name=input_name,
        s3_data_type=_string_at("$.s3_data_type"),
        s3_data_distribution_type=s3_data_distribution_type,  # type: ignore[arg-type]  # checked by ProcessingInput
    )


@functools.cache
def _string_at(path: str) -> str:
    token: str = sfn.JsonPath.string_at(path)
    return token
