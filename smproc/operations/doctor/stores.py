"""The bucket, the queues and the table."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from smproc.operations.dead_letters import dead_letters_about
from smproc.operations.doctor.checks import (
    Facts,
    Finding,
    allows,
    check_key,
    code_of,
    is_denied,
    ok,
    problem,
    unknown,
)
from smproc.terminal_text import shell_word

_EVENTS = "events.amazonaws.com"


def check_bucket(facts: Facts) -> Iterator[Finding]:
    """Check that the bucket exists, is in the pipeline's region, and notifies EventBridge."""
    bucket = facts.pipeline.bucket
    try:
        found = facts.call("s3", "get_bucket_notification_configuration", Bucket=bucket)
    except ClientError as error:
        if is_denied(error):
            yield unknown("bucket", bucket, error)
        else:
            yield problem(
                "bucket",
                bucket,
                f"the bucket cannot be read: {code_of(error)}",
                "create it again, or deploy with another",
            )
            return
    else:
        if "EventBridgeConfiguration" not in found:
            yield problem(
                "bucket",
                bucket,
                "its notifications to EventBridge are off, so no upload arrives",
                "deploy the stack again, or turn them on: "
                "https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html",
            )
        else:
            yield ok("bucket", bucket, "notifies EventBridge")
    region = facts.call("s3", "get_bucket_location", Bucket=bucket).get("LocationConstraint") or "us-east-1"
    region = {"EU": "eu-west-1"}.get(region, region)
    if region != facts.region:
        yield problem(
            "bucket",
            bucket,
            f"it is in {region}, and the pipeline in {facts.region}, where no event of it arrives",
            "deploy the pipeline in the bucket's region",
        )


def check_queues(facts: Facts) -> Iterator[Finding]:
    """Check that the queues exist, and that EventBridge may send to them."""
    pipeline = facts.pipeline
    senders = facts.pages("events", "list_rule_names_by_target", "RuleNames", TargetArn=pipeline.queue_arn)
    for queue_arn, rules in (
        (pipeline.queue_arn, senders),
        (pipeline.dead_letter_queue_arn, []),
        (pipeline.undelivered_queue_arn, senders),
    ):
        name = queue_arn.rpartition(":")[2]
        try:
            url = facts.queue_url(queue_arn)
            attributes = facts.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        except ClientError as error:
            if is_denied(error):
                yield unknown("queue", name, error)
            else:
                yield problem("queue", name, "the queue does not exist", "deploy the stack again")
            continue
        prefix = f"arn:{queue_arn.split(':')[1]}:events:{facts.region}:{facts.account}:rule/"
        refused = [
            rule
            for rule in rules
            if not allows(attributes.get("Policy"), "sqs:SendMessage", _EVENTS, f"{prefix}{rule}")
        ]
        if refused:
            yield problem(
                "queue",
                name,
                f"its policy does not let EventBridge send for the rule {', '.join(refused)}",
                "deploy the stack again, or restore the statement with events.amazonaws.com and sqs:SendMessage",
            )
        else:
            yield ok("queue", name, "EventBridge may send to it" if rules else "exists")
        if key_id := attributes.get("KmsMasterKeyId"):
            yield from _check_queue_key(facts, key_id, name, is_target=bool(rules))


def check_dead_letters(facts: Facts) -> Iterator[Finding]:
    """Check that no dead letter names the object that somebody asks about."""
    letters = dead_letters_about(facts.pipeline, facts.key)
    for letter in letters:
        command = f"smproc dead-letters show {letter.id} --pipeline {shell_word(facts.pipeline.name)}"
        yield problem("dead letter", facts.key, letter.reason, command)
    if not letters:
        yield ok("dead letter", facts.key, "none names it")


def check_table(facts: Facts) -> Iterator[Finding]:
    """Check the ledger's table and its key."""
    name = facts.pipeline.table
    try:
        table = facts.call("dynamodb", "describe_table", TableName=name)["Table"]
    except ClientError as error:
        if is_denied(error):
            raise
        yield problem(
            "table",
            name,
            "the ledger's table does not exist",
            "restore it from its point-in-time recovery under this name, and then deploy the stack again",
        )
        return
    status = table["TableStatus"]
    if status in ("ACTIVE", "UPDATING"):
        yield ok("table", name, status)
    else:
        yield problem("table", name, f"the ledger's table is {status}", "see the table in the console of DynamoDB")
    if key_id := table.get("SSEDescription", {}).get("KMSMasterKeyArn"):
        yield check_key(facts, key_id, f"the table {name}")


def _check_queue_key(facts: Facts, key_id: str, queue: str, *, is_target: bool) -> Iterator[Finding]:
    """Check the key of a queue, and that EventBridge may encrypt with it.

    See: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    yield check_key(facts, key_id, f"the queue {queue}")
    if not is_target:
        return
    policy = facts.call("kms", "get_key_policy", KeyId=key_id, PolicyName="default")["Policy"]
    needed = ("kms:GenerateDataKey", "kms:Decrypt")
    missing = [action for action in needed if not allows(policy, action, _EVENTS, ignores_source=True)]
    if missing:
        yield problem(
            "key",
            key_id,
            f"its policy does not let EventBridge encrypt messages for {queue}: {', '.join(missing)} is missing",
            "allow these actions to events.amazonaws.com in the key's policy",
        )
