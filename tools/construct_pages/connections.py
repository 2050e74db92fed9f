"""The resources of a construct and their connections, as the template states them.

A connection follows from what the template says: the pattern and the targets of a rule, the source of an event source
mapping, a redrive policy, and the actions that the policies of a role allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from tools.construct_pages.templates import Resource, Template, listed, references

# What is drawn, by its name for people. Policies, permissions, logs and alarms are left to the table.
KINDS = {
    "AWS::DynamoDB::GlobalTable": "DynamoDB table",
    "AWS::EC2::VPC": "VPC",
    "AWS::EC2::VPCEndpoint": "VPC endpoint",
    "AWS::ECR::Repository": "ECR repository",
    "AWS::Events::Rule": "EventBridge rule",
    "AWS::Lambda::Function": "Lambda function",
    "AWS::S3::Bucket": "S3 bucket",
    "AWS::SNS::Topic": "SNS topic",
    "AWS::SQS::Queue": "SQS queue",
    "AWS::SSM::Parameter": "SSM parameter",
    "AWS::Scheduler::Schedule": "Schedule",
    "AWS::StepFunctions::StateMachine": "State machine",
    "AWS::CloudWatch::Dashboard": "Dashboard",
}
JOBS = "SageMaker jobs"
# Constructs that a stack has once, for all of its pipelines.
SHARED = ("ProcessingAccessLogs", "ProcessingCodeUnpacker")
# The words for actions: the first that a statement allows counts. True: the data goes from the resource to the role.
_ACTIONS = (
    ("s3:GetObject", "reads", True),
    ("s3:PutObject", "writes", False),
    ("s3:ListBucket", "lists", True),
    ("sqs:SendMessage", "sends", False),
    ("dynamodb:PutItem", "reads, writes", False),
    ("lambda:InvokeFunction", "invokes", False),
    ("states:StartExecution", "starts", False),
    ("iam:PassRole", "runs", False),
    ("sns:Publish", "publishes", False),
    ("ssm:PutParameter", "writes", False),
    ("ssm:GetParameter", "reads", True),
    ("ecr:BatchGetImage", "image", True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection between two resources, by their logical ids; a role that SageMaker assumes stands for its jobs."""

    source: str
    target: str
    label: str
    failure: bool = False


def kind_of(resource: Resource) -> str | None:
    """Return what a resource is called in a drawing; None if it is not drawn."""
    if any(resource.path.startswith(shared) for shared in SHARED):
        return None
    if resource.type == "AWS::IAM::Role" and "sagemaker.amazonaws.com" in str(resource.properties):
        return JOBS
    return KINDS.get(resource.type)


def connections(template: Template) -> list[Connection]:
    """Return the connections between all resources that are drawn, each once, in the order of the template."""
    drawn = {name for name, resource in template.resources.items() if kind_of(resource)}
    found: dict[tuple[str, str], Connection] = {}
    for resource in template.resources.values():
        for each in _of(template, resource):
            if {each.source, each.target} <= drawn and each.source != each.target:
                known = found.get((each.source, each.target))
                if known is None:
                    found[each.source, each.target] = each
                elif each.label not in known.label.split(", ") and {known.label, each.label} != {"reads", "lists"}:
                    label = ", ".join(filter(None, (known.label, each.label)))
                    found[each.source, each.target] = Connection(
                        source=each.source, target=each.target, label=label, failure=known.failure
                    )
    return list(found.values())


def _of(template: Template, resource: Resource) -> Iterator[Connection]:
    name, properties = resource.logical_id, resource.properties
    match resource.type:
        case "AWS::Events::Rule":
            yield from _of_rule(name, properties)
        case "AWS::IAM::Policy":
            for role, statement in product(references(properties["Roles"]), properties["PolicyDocument"]["Statement"]):
                yield from _of_statement(template, role, statement)
        case "AWS::Lambda::EventSourceMapping":
            for source in references(properties["EventSourceArn"]):
                yield from _to(source, properties["FunctionName"], "delivers")
        case "AWS::SQS::Queue":
            redrive = properties.get("RedrivePolicy", {})
            after = f"after {redrive.get('maxReceiveCount')} receives"
            yield from _to(name, redrive.get("deadLetterTargetArn"), after, failure=True)
        case "AWS::Scheduler::Schedule":
            yield from _to(name, properties["Target"]["Arn"], "starts")
            yield from _to(name, properties["Target"].get("DeadLetterConfig"), "undelivered", failure=True)
        case "AWS::EC2::VPCEndpoint":
            for vpc in references(properties["VpcId"]):
                yield Connection(source=vpc, target=name, label="")


def _to(source: str, value: object, label: str, *, failure: bool = False) -> Iterator[Connection]:
    """Yield the connections to what a value refers to."""
    for target in references(value):
        yield Connection(source=source, target=target, label=label, failure=failure)


def _of_rule(name: str, properties: Mapping[str, Any]) -> Iterator[Connection]:
    detail = properties.get("EventPattern", {}).get("detail", {})
    for source in references(detail.get("bucket")):
        yield Connection(source=source, target=name, label="Object Created")
    for source in references(detail.get("stateMachineArn")):
        yield Connection(source=source, target=name, label="execution ended")
    label = "each minute" if "ScheduleExpression" in properties else ""
    for target in properties.get("Targets", ()):
        yield from _to(name, target["Arn"], label)
        yield from _to(name, target.get("DeadLetterConfig"), "undelivered", failure=True)


def _of_statement(template: Template, role: str, statement: Mapping[str, Any]) -> Iterator[Connection]:
    if statement["Effect"] != "Allow":
        return
    actions = listed(statement["Action"])
    word = next(
        ((label, inward) for action, label, inward in _ACTIONS if any(each.startswith(action) for each in actions)),
        None,
    )
    if word is None:
        return
    label, inward = word
    for actor in _actors(template, role):
        for resource in dict.fromkeys(references(statement.get("Resource"))):
            source, target = (resource, actor) if inward else (actor, resource)
            yield Connection(source=source, target=target, label=label)


def _actors(template: Template, role: str) -> Iterator[str]:
    """Yield what works with a role: functions, state machines, and the role itself for jobs."""
    for resource in template.resources.values():
        key = {"AWS::Lambda::Function": "Role", "AWS::StepFunctions::StateMachine": "RoleArn"}.get(resource.type)
        if key and role in references(resource.properties[key]):
            yield resource.logical_id
    yield role
