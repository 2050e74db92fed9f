"""Facts of resources that are kept: which tokens refer to a resource, and which to none."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

from cdk_sagemaker_processing._internal.resource_facts import (
    account_of_resource,
    bucket_name_of,
    owner_of_token,
    region_of_resource,
    role_name_of,
)
from cdk_sagemaker_processing.resources import ProcessingRole


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


def test_a_name_is_of_its_resource(stack: cdk.Stack) -> None:
    bucket, role = s3.Bucket(stack, "Bucket"), ProcessingRole(stack, "Role")
    assert owner_of_token(bucket_name_of(bucket)) is bucket
    assert owner_of_token(role_name_of(role)) is role


def test_the_region_and_the_account_are_of_no_resource(stack: cdk.Stack) -> None:
    bucket = s3.Bucket(stack, "Bucket")
    # Stacks without an environment share these tokens: an owner would put statements into the policy of its stack.
    assert owner_of_token(region_of_resource(bucket)) is None
    assert owner_of_token(account_of_resource(bucket)) is None


def test_the_name_of_an_imported_resource_is_whatever_it_was_imported_by(stack: cdk.Stack) -> None:
    name = cdk.CfnParameter(stack, "Name").value_as_string
    assert owner_of_token(bucket_name_of(s3.Bucket.from_bucket_name(stack, "Imported", name))) is None
