from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cdk_sagemaker_processing.model import (
    ConflictingValuesError,
    InvalidProcessingJobError,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    base_job_name,
)

INPUT: dict[str, Any] = {"source": "s3://bucket/raw/", "destination": "/opt/ml/processing/input"}


def test_an_input_matches_the_request_of_the_sdk() -> None:
    assert ProcessingInput(**INPUT).to_request(3) == {
        "InputName": "input-3",
        "AppManaged": False,
        "S3Input": {
            "S3Uri": "s3://bucket/raw/",
            "LocalPath": "/opt/ml/processing/input",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def test_an_output_matches_the_request_of_the_sdk() -> None:
    output = ProcessingOutput(source="/opt/ml/processing/train", output_name="train", s3_upload_mode="Continuous")

    assert output.to_request(1, "s3://bucket/default") == {
        "OutputName": "train",
        "AppManaged": False,
        "S3Output": {
            "S3Uri": "s3://bucket/default",
            "LocalPath": "/opt/ml/processing/train",
            "S3UploadMode": "Continuous",
        },
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"destination": "/data"},
            (
                "destination must be a directory below /opt/ml/processing/, without '.' or '..', got '/data'; "
                "for example /opt/ml/processing/data"
            ),
        ),
        (
            {"destination": "/opt/ml/processing/../model"},
            (
                "destination must be a directory below /opt/ml/processing/, without '.' or '..', "
                "got '/opt/ml/processing/../model'; for example /opt/ml/processing/model"
            ),
        ),
        (
            {"destination": "/opt/ml/processing-data"},
            (
                "destination must be a directory below /opt/ml/processing/, without '.' or '..', "
                "got '/opt/ml/processing-data'; for example /opt/ml/processing/processing-data"
            ),
        ),
        (
            {"destination": "/opt/ml/processing/" + "x" * 300},
            "destination must have at most 256 characters, got '/opt/ml/processing/",
        ),
        (
            {"s3_data_type": "Prefix"},
            "s3_data_type must be one of ManifestFile, S3Prefix, got 'Prefix'",
        ),
        (
            {"s3_input_mode": "FastFile"},
            "s3_input_mode must be one of Pipe, File, got 'FastFile'",
        ),
        (
            {"source": "https://example.com/data.csv"},
            "source must be an S3 URI or a local path, got 'https://example.com/data.csv'; copy the data to S3 first",
        ),
        ({"source": "s3://bad bucket/x"}, "source must be an S3 URI, got 's3://bad bucket/x'; for example "),
    ],
)
def test_an_input_that_the_service_would_refuse_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        ProcessingInput(**(INPUT | change))

    assert str(caught.value).startswith(message)


def test_gzip_is_accepted_only_with_pipe() -> None:
    ProcessingInput(**INPUT, s3_compression_type="Gzip", s3_input_mode="Pipe")
    with pytest.raises(ConflictingValuesError, match="goes only with s3_input_mode='Pipe'"):
        ProcessingInput(**INPUT, s3_compression_type="Gzip")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "train"}, "source must be a directory below /opt/ml/processing/"),
        ({"destination": "bucket/prefix"}, "destination must be an S3 URI, got 'bucket/prefix'"),
        ({"destination": "s3://"}, "destination must be an S3 URI, got 's3://'"),
        ({"output_name": "a/b"}, "output_name must be a name without '/', got 'a/b'"),
        ({"s3_upload_mode": "AtEnd"}, "s3_upload_mode must be one of Continuous, EndOfJob, got 'AtEnd'"),
    ],
)
def test_an_output_that_the_service_would_refuse_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        ProcessingOutput(**({"source": "/opt/ml/processing/train"} | change))

    assert str(caught.value).startswith(message)


def test_a_network_accepts_ids_and_constructs() -> None:
    subnet, group = SimpleNamespace(subnet_id="subnet-2"), SimpleNamespace(security_group_id="sg-1")
    network = NetworkConfig(
        enable_network_isolation=True,
        subnets=["subnet-1", subnet],
        security_group_ids=[group],
        encrypt_inter_container_traffic=False,
    )

    assert network.to_request() == {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": False,
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
    }


def test_an_empty_network_matches_the_request_of_the_sdk() -> None:
    assert NetworkConfig().to_request() == {"EnableNetworkIsolation": False}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subnets": ["subnet-1"]}, "subnets and security_group_ids go only together, got subnets alone"),
        ({"security_group_ids": ["sg-1"]}, "security_group_ids and subnets go only together"),
        (
            {"subnets": ["s"], "security_group_ids": [f"sg-{n}" for n in range(6)]},
            "security_group_ids must have at most 5 entries",
        ),
        ({"subnets": [], "security_group_ids": ["sg-1"]}, "subnets must have at least 1 entries, got []"),
        ({"subnets": ["a b"], "security_group_ids": ["sg-1"]}, "subnets[0] must match [-0-9a-zA-Z]+, got 'a b'"),
    ],
)
def test_a_network_that_the_service_would_refuse_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidProcessingJobError) as caught:
        NetworkConfig(**arguments)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("base_name", "name"),
    [
        ("sagemaker-scikit-learn", "sagemaker-scikit-learn"),
        ("my_image", "my-image"),
        ("--x--y--", "x-y"),
        ("très long, much longer than a name may be", "tr-s-long-much-longer-than"),
        ("ÄÖÜ", "job"),
        ("", "job"),
    ],
)
def test_a_base_name_is_valid_and_leaves_room_for_a_uuid(base_name: str, name: str) -> None:
    assert base_job_name(base_name) == name
    assert len(f"{name}-{'0' * 36}") <= 63
