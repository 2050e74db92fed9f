"""The EventBridge rules that send uploads to the trigger's queue, each within EventBridge's limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk_sagemaker_processing._internal.digests import short_digest
from cdk_sagemaker_processing._internal.resource_facts import bucket_name_of
from cdk_sagemaker_processing.model import ConflictingValuesError, InvalidValueError, is_unresolved, names
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN
from cdk_sagemaker_processing.trigger.object_pattern import KeyMatcher, ObjectPattern
from cdk_sagemaker_processing.trigger.pattern_complexity import complexity

if TYPE_CHECKING:
    from aws_cdk.interfaces.aws_events import IRuleRef

# Each rule counts towards the quota of its bus, by default 300 in most regions and 100 in two of them:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html. A pipeline takes a small part of it.
RULES_MAX = 20
# What a value that is known only later counts as: the length of the longest bucket name. See
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_TOKEN_CHARACTERS = "x" * 63


def add_upload_rules(
    scope: Construct,
    bucket: s3.IBucket,
    pattern: ObjectPattern,
    target: events.IRuleTarget,
    queues: tuple[sqs.Queue, sqs.Queue],
    retries: events.CfnRule.RetryPolicyProperty,
    *,
    enabled: bool,
) -> list[events.Rule]:
    """Add the rules that send the uploads that match a pattern to a queue: one, or several where one is too large.

    Args:
        scope: the trigger.
        bucket: the bucket that objects arrive in.
        pattern: the objects.
        target: the target of the first rule.
        queues: receives the events, and those that could not be delivered.
        retries: the number of attempts and the maximum age of an event.
        enabled: whether the rules send anything; a disabled one still says which objects a listing takes.

    Returns:
        The rules; the first one is called ``Rule``.

    Raises:
        InvalidValueError: a prefix, suffix or wildcard that EventBridge refuses in a rule of its own.
        ConflictingValuesError: so many of them that too many rules would be necessary.
    """
    patterns = [
        _event_pattern(bucket_name_of(bucket), pattern, keys)
        for keys in distribute_keys(bucket_name_of(bucket), pattern)
    ]
    further_target = _TargetWithoutPolicy(queues, retries)
    rules = [
        events.Rule(
            scope,
            "Rule" if number == 0 else f"Rule{digest_of(scope, each)}",
            description="Objects that start the pipeline",
            event_pattern=events.EventPattern(
                source=each["source"], detail_type=each["detail-type"], detail=each["detail"]
            ),
            targets=[further_target if number else target],
            enabled=enabled,
        )
        for number, each in enumerate(patterns)
    ]
    if further := rules[1:]:
        # Where a key moves from the first rule to another, CloudFormation creates the other before it changes the
        # first, and deletes old rules last: at no time is an object's key in no rule.
        rules[0].node.add_dependency(*further)
        _allow_sending(queues, further)
    return rules


def distribute_keys(bucket_name: str, pattern: ObjectPattern) -> list[list[KeyMatcher]]:
    """Distribute a pattern's alternatives for a key over rules, in their order, each rule within EventBridge's limits.

    Raises:
        InvalidValueError: an alternative that EventBridge refuses in a rule of its own.
        ConflictingValuesError: more than 20 rules.
    """
    rules: list[list[KeyMatcher]] = [[]]
    for matcher in pattern.key_matchers():
        if rules[-1] and not _is_accepted(bucket_name, pattern, [*rules[-1], matcher]):
            rules.append([])
        rules[-1].append(matcher)
        if len(rules[-1]) == 1:
            _check_alone(bucket_name, pattern, matcher)
    if len(rules) > RULES_MAX:
        counts = {"prefixes": pattern.prefixes, "suffixes": pattern.suffixes, "wildcards": pattern.wildcards}
        described = ", ".join(f"{len(values)} {name}" for name, values in counts.items() if values)
        raise ConflictingValuesError(
            f"prefixes, suffixes and wildcards must fit into {RULES_MAX} EventBridge rules, each of at most "
            f"{maximum('EventPatternCharacters')} characters and a complexity of {maximum('EventPatternComplexity')} "
            f"(ten combinations of a prefix and a suffix, or fewer), got {described}, which take {len(rules)}; "
            "pass fewer suffixes, a prefix that the others share, prefixes alone or suffixes alone, which are not "
            "limited so, or create several pipelines"
        )
    return rules


def _event_pattern(bucket_name: str, pattern: ObjectPattern, keys: Sequence[KeyMatcher]) -> dict[str, Any]:
    objects = pattern.to_event_pattern(keys)
    return {
        "source": [names.S3_EVENT_SOURCE],
        "detail-type": [names.OBJECT_CREATED],
        "detail": {"bucket": {"name": [bucket_name]}, **({"object": objects} if objects else {})},
    }


def _is_accepted(bucket_name: str, pattern: ObjectPattern, keys: Sequence[KeyMatcher]) -> bool:
    return _characters(_event_pattern(bucket_name, pattern, keys)) <= maximum("EventPatternCharacters") and _complexity(
        keys
    ) <= maximum("EventPatternComplexity")


def _characters(event_pattern: Mapping[str, Any]) -> int:
    """Return the largest number of characters that an event pattern may have as JSON.

    How CloudFormation writes the JSON is not documented, so spaces count, and so do escapes of non-ASCII characters.
    """
    return len(STRING_TOKEN.sub(_TOKEN_CHARACTERS, json.dumps(event_pattern)))


def _complexity(keys: Sequence[KeyMatcher]) -> int:
    wildcards = [key["wildcard"] for key in keys if isinstance(key, dict) and "wildcard" in key]
    known = [STRING_TOKEN.sub(_TOKEN_CHARACTERS, wildcard) for wildcard in wildcards]
    return complexity(known, limit=maximum("EventPatternComplexity"))


def _check_alone(bucket_name: str, pattern: ObjectPattern, matcher: KeyMatcher) -> None:
    text = next(iter(matcher.values())) if isinstance(matcher, dict) else matcher
    if is_unresolved(text):
        return
    characters, longest = (
        _characters(_event_pattern(bucket_name, pattern, [matcher])),
        maximum("EventPatternCharacters"),
    )
    if characters > longest:
        raise InvalidValueError(
            _parameter_of(pattern),
            text,
            f"fit into an event pattern of at most {longest} characters",
            f"it takes {characters}; pass a shorter one, which also matches more objects",
        )
    if _complexity([matcher]) > maximum("EventPatternComplexity"):
        raise InvalidValueError(
            _parameter_of(pattern),
            text,
            f"have a complexity of at most {maximum('EventPatternComplexity')} by EventBridge's count",
            "pass one with fewer asterisks, or with less repetition after an asterisk",
        )


def _parameter_of(pattern: ObjectPattern) -> str:
    parameters = {"prefixes": pattern.prefixes, "suffixes": pattern.suffixes, "wildcards": pattern.wildcards}
    return " and ".join(name for name, values in parameters.items() if values)


def digest_of(scope: Construct, pattern: Mapping[str, Any]) -> str:
    """Return eight characters that depend on a pattern's content alone: as an id, other rules do not change it."""
    # Only a pattern with tokens is worth a message to Node.
    resolved = Stack.of(scope).resolve(pattern) if _has_token(pattern) else pattern
    return short_digest(json.dumps(resolved, sort_keys=True)).upper()


def _has_token(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_token, value.values()))
    return any(map(_has_token, value)) if isinstance(value, list) else is_unresolved(value)


def _allow_sending(queues: Sequence[sqs.Queue], rules: Sequence[events.Rule]) -> None:
    """Grant rules permission to send to queues: in one statement, as a queue's policy has at most 20.

    See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
    """
    for queue in queues:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                resources=[queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": [rule.rule_arn for rule in rules]}},
            )
        )


@jsii.implements(events.IRuleTarget)
class _TargetWithoutPolicy:
    """A queue as the target of several rules, which one statement permits to send."""

    def __init__(self, queues: tuple[sqs.Queue, sqs.Queue], retries: events.CfnRule.RetryPolicyProperty) -> None:
        self._queues = queues
        self._retries = retries

    def bind(self, rule: IRuleRef, id: str | None = None) -> events.RuleTargetConfig:  # noqa: A002, ARG002 - jsii's
        """Return the target."""
        queue, undelivered = self._queues
        return events.RuleTargetConfig(
            arn=queue.queue_arn,
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
            retry_policy=self._retries,
        )
