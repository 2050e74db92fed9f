"""The rules that send uploads and the ends of executions to the queue."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from smproc.operations.doctor.checks import Facts, Finding, is_denied, ok, problem, unknown
from smproc.terminal_text import shell_word

_ENABLED = "ENABLED"


def check_rules(facts: Facts) -> Iterator[Finding]:
    """Check that the rules exist, are enabled, and have the patterns that were deployed."""
    targets = facts.pages("events", "list_rule_names_by_target", "RuleNames", TargetArn=facts.pipeline.queue_arn)
    expected = _expected_rules(facts)
    deployed: Mapping[str, Mapping[str, Any]] = {}
    try:
        deployed = _deployed_rules(facts)
    except ClientError as error:
        if is_denied(error):
            yield unknown("template", facts.pipeline.stack, error)
    patterns: dict[str, str] = {}
    for name in sorted({*targets, *expected}):
        try:
            rule = facts.call("events", "describe_rule", Name=name)
        except ClientError as error:
            if is_denied(error):
                raise
            yield problem(
                "rule",
                name,
                "the rule does not exist, so no upload arrives",
                "deploy the stack again; `smproc backfill start` takes what was uploaded meanwhile",
            )
            continue
        if name not in targets:
            yield problem("rule", name, "the rule does not send to the pipeline's queue", "deploy the stack again")
            continue
        if _is_of_uploads(rule):
            patterns[name] = rule["EventPattern"]
        yield _finding_of(name, rule, deployed.get(name))
    if facts.key and patterns:
        yield _match(facts, patterns)


def _finding_of(name: str, rule: Mapping[str, Any], deployed: Mapping[str, Any] | None) -> Finding:
    state = rule.get("State", _ENABLED)
    intended = (deployed or {}).get("State", _ENABLED)
    if state == "DISABLED" and intended != "DISABLED":
        return problem(
            "rule",
            name,
            "the rule is DISABLED, so its events are lost",
            f"aws events enable-rule --name {shell_word(name)}; "
            "then `smproc backfill start` takes what was uploaded meanwhile",
        )
    expected = (deployed or {}).get("EventPattern")
    actual = json.loads(rule.get("EventPattern", "{}"))
    if expected is not None and _objects(expected) != _objects(actual):
        return problem(
            "rule",
            name,
            f"its pattern has changed since the deployment: {json.dumps(_objects(actual))}, and not "
            f"{json.dumps(_objects(expected))}",
            "deploy the stack again, or change the pattern in the app",
        )
    if state == "DISABLED":
        return ok("rule", name, "disabled on purpose: uploads start nothing (start_on_upload=False)")
    return ok("rule", name, "enabled")


def _match(facts: Facts, patterns: Mapping[str, str]) -> Finding:
    """Check that a rule matches a key."""
    # A size that any limit is likely to permit.
    if (name := sending_rule(facts, patterns, 1_000_000)) is not None:
        return ok("key", facts.key, f"the rule {name} sends it")
    keys = [json.dumps(_objects(json.loads(pattern)).get("key", "any")) for pattern in patterns.values()]
    return problem(
        "key", facts.key, f"no rule sends it: the patterns are {', '.join(keys)}", "upload it under a key that matches"
    )


def rules_of_uploads(facts: Facts) -> dict[str, Mapping[str, Any]]:
    """Return the rules that send uploads to the pipeline's queue, by their names, whatever their states are."""
    targets = facts.pages("events", "list_rule_names_by_target", "RuleNames", TargetArn=facts.pipeline.queue_arn)
    rules = {name: facts.call("events", "describe_rule", Name=name) for name in targets}
    return {name: rule for name, rule in rules.items() if _is_of_uploads(rule)}


def sending_rule(facts: Facts, patterns: Mapping[str, str], size: int) -> str | None:
    """Return the name of a rule that sends an object, by EventBridge's own comparison; None if none does.

    Args:
        facts: the pipeline, and the object's key.
        patterns: the patterns of the rules, by their names.
        size: the object's size, in bytes.

    See: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
    """
    event = {
        "id": "1",
        "account": facts.account,
        "source": "aws.s3",
        "time": "2026-01-01T00:00:00Z",
        "region": facts.region,
        "resources": [],
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": facts.pipeline.bucket}, "object": {"key": facts.key, "size": size}},
    }
    text = json.dumps(event)
    for name, pattern in patterns.items():
        if facts.call("events", "test_event_pattern", EventPattern=pattern, Event=text)["Result"]:
            return name
    return None


def _is_of_uploads(rule: Mapping[str, Any]) -> bool:
    return "aws.s3" in json.loads(rule.get("EventPattern", "{}")).get("source", ())


def _expected_rules(facts: Facts) -> list[str]:
    """Return the names of the rules that were deployed, by the input of the rule of every minute."""
    arn = facts.function(facts.pipeline.dispatcher)["FunctionArn"]
    for name in facts.pages("events", "list_rule_names_by_target", "RuleNames", TargetArn=arn):
        for target in facts.pages("events", "list_targets_by_rule", "Targets", Rule=name):
            with suppress(ValueError):
                return list(json.loads(target.get("Input", "{}")).get("rules", ()))
    return []


def _deployed_rules(facts: Facts) -> dict[str, Mapping[str, Any]]:
    """Return the properties of the rules in the template, by their names."""
    stack = facts.pipeline.stack
    resources = facts.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack)
    names = {
        one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
        for one in resources
        if one["ResourceType"] == "AWS::Events::Rule"
    }
    body = facts.call("cloudformation", "get_template", StackName=stack)["TemplateBody"] if names else {}
    template = json.loads(body) if isinstance(body, str) else body
    return {
        name.rpartition("|")[2]: template.get("Resources", {}).get(logical_id, {}).get("Properties", {})
        for logical_id, name in names.items()
    }


def _objects(pattern: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a pattern that is about keys and sizes: the rest has names that only AWS knows."""
    found: Mapping[str, Any] = pattern.get("detail", {}).get("object", {})
    return found
