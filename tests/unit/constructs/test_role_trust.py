"""The roles of jobs: SageMaker must be allowed to assume them."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from cdk_sagemaker_processing import Processor, SageMakerCreateProcessingJob
from tests.helpers.stacks import in_machine, stack

IMAGE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/a:1"
SAGEMAKER = iam.ServicePrincipal("sagemaker.amazonaws.com")
LAMBDA = iam.ServicePrincipal("lambda.amazonaws.com")


def later(scope: cdk.Stack) -> iam.Role:
    role = iam.Role(scope, "Mine", assumed_by=LAMBDA)
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, role=role)
    assert role.assume_role_policy is not None
    role.assume_role_policy.add_statements(iam.PolicyStatement(actions=["sts:AssumeRole"], principals=[SAGEMAKER]))
    assert task.role is role
    return role


TRUSTED: dict[str, Callable[[cdk.Stack], iam.IRole]] = {
    "SageMaker": lambda scope: iam.Role(scope, "Mine", assumed_by=SAGEMAKER),
    "SageMaker with a condition": lambda scope: iam.Role(
        scope,
        "Mine",
        assumed_by=iam.ServicePrincipal(
            "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": "111122223333"}}
        ),
    ),
    "both": lambda scope: iam.Role(scope, "Mine", assumed_by=iam.CompositePrincipal(LAMBDA, SAGEMAKER)),
    "a token": lambda scope: iam.Role(
        scope, "Mine", assumed_by=iam.ServicePrincipal(cdk.Token.as_string({"Ref": "Service"}))
    ),
    "an imported role": lambda scope: iam.Role.from_role_name(scope, "Mine", "Mine"),
    "a statement added later": later,
}
NOT_TRUSTED: dict[str, Callable[[cdk.Stack], iam.IRole]] = {
    "Lambda": lambda scope: iam.Role(scope, "Mine", assumed_by=LAMBDA),
    "an account": lambda scope: iam.Role(scope, "Mine", assumed_by=iam.AccountRootPrincipal()),
    "an identity provider of that name": lambda scope: iam.Role(
        scope, "Mine", assumed_by=iam.WebIdentityPrincipal("sagemaker.amazonaws.com")
    ),
}


@pytest.mark.parametrize("name", TRUSTED)
def test_a_role_that_sagemaker_may_assume(name: str) -> None:
    scope = stack()
    role = TRUSTED[name](scope)
    in_machine(scope, SageMakerCreateProcessingJob(scope, "Run", image_uri=IMAGE, role=role))


@pytest.mark.parametrize("name", NOT_TRUSTED)
def test_a_role_that_sagemaker_may_not_assume_is_refused_at_synth(name: str) -> None:
    scope = stack()
    role = NOT_TRUSTED[name](scope)
    processor = Processor(scope, "P", image_uri=IMAGE, instance_type="ml.m5.large", role=role)
    processor.run("One")
    processor.run("Two")
    with pytest.raises(RuntimeError) as caught:
        Template.from_stack(scope)
    text = "role must allow SageMaker to assume it, got Stack/Mine, whose trust policy does not name"
    assert str(caught.value).count(text) == 1
