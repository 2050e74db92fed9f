"""The two stages: which instances their jobs have."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template
from stacks.processing import ProcessingStack


@pytest.mark.parametrize("instance_type", ["ml.t3.medium", "ml.m5.xlarge"])
def test_the_jobs_have_the_instances_of_their_stage(instance_type: str) -> None:
    template = Template.from_stack(ProcessingStack(cdk.App(), "Processing", instance_type=instance_type))
    definition = {"Fn::Join": ["", Match.array_with([Match.string_like_regexp(instance_type)])]}
    template.has_resource_properties("AWS::StepFunctions::StateMachine", {"DefinitionString": definition})
