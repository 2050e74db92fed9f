"""The template: in seconds, and without anything that runs."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk.assertions import Match, Template

from app import OrdersStack


def test_an_execution_may_take_an_hour_and_only_csv_files_start_one() -> None:
    template = Template.from_stack(OrdersStack(cdk.App(), "Test"))
    definition = {"Fn::Join": ["", Match.array_with([Match.string_like_regexp('"MaxRuntimeInSeconds":3600')])]}
    template.has_resource_properties("AWS::StepFunctions::StateMachine", {"DefinitionString": definition})
    pattern = {"detail": {"object": {"key": [{"wildcard": "incoming/*.csv"}]}}}
    template.has_resource_properties("AWS::Events::Rule", {"EventPattern": pattern})
