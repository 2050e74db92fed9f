"""S3 URIs: every character of a key is kept."""

from __future__ import annotations

import pytest

from cdk_sagemaker_processing.model.s3_uri import S3Uri, split_s3_uri


@pytest.mark.parametrize("key", ["", "a", "a/b.csv", "/leading", "a//b", "s3://again", "?x#y %20"])
def test_an_s3_uri_is_parsed_and_formatted_without_changes(key: str) -> None:
    uri = S3Uri.parse(f"s3://bucket/{key}")
    assert (uri.bucket, uri.key, str(uri)) == ("bucket", key, f"s3://bucket/{key}")


@pytest.mark.parametrize("uri", ["bucket/key", "s3://", "s3:///key", "https://bucket/key"])
def test_any_other_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="s3_uri must be an S3 URI, got"):
        S3Uri.parse(uri)


def test_a_key_below_an_s3_uri_is_joined_with_one_slash() -> None:
    assert [str(S3Uri("b", key).below("x")) for key in ("", "a", "a/")] == ["s3://b/x", "s3://b/a/x", "s3://b/a/x"]


def test_tokens_are_split_without_a_check() -> None:
    assert split_s3_uri("${Token[TOKEN.1]}/key") == ("${Token[TOKEN.1]}", "key")
