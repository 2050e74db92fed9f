"""The functions, what invokes them, and what the dispatcher says of its work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from smproc.operations.doctor.checks import Facts, Finding, check_key, is_denied, ok, problem, unknown
from smproc.operations.ledger import PAUSE, SUMMARY, Summary, items_of_tables
from smproc.operations.status import STALLED_AFTER
from smproc.terminal_text import counted, shell_word

_DISABLED = "DISABLED"
_WINDOW = timedelta(hours=1)
_DEPLOY = "deploy the stack again"


def check_functions(facts: Facts) -> Iterator[Finding]:
    """Check that the functions are active, may run, and get messages."""
    for name in (facts.pipeline.intake, facts.pipeline.dispatcher):
        try:
            configuration = facts.function(name)
        except ClientError as error:
            if is_denied(error):
                yield unknown("function", name, error)
            else:
                yield problem("function", name, "the function does not exist", _DEPLOY)
            continue
        found = list(_problems_of(facts, name, configuration))
        yield from found or [ok("function", name, "active")]
    try:
        yield from _check_mapping(facts)
    except ClientError as error:
        if not is_denied(error):
            raise
        yield unknown("event source", facts.pipeline.intake, error)


def _problems_of(facts: Facts, name: str, configuration: Any) -> Iterator[Finding]:  # noqa: ANN401 - of boto3
    if configuration.get("State", "Active") not in ("Active", "Inactive"):
        reason = configuration.get("StateReason", "no reason is known")
        yield problem("function", name, f"it is {configuration['State']}: {reason}", _DEPLOY)
    if configuration.get("LastUpdateStatus") == "Failed":
        reason = configuration.get("LastUpdateStatusReason", "no reason is known")
        yield problem("function", name, f"its last update failed: {reason}", _DEPLOY)
    if key_id := configuration.get("KMSKeyArn"):
        finding = check_key(facts, key_id, f"the environment of {name}")
        if finding.state != "ok":
            yield finding
    try:
        reserved = facts.call("lambda", "get_function_concurrency", FunctionName=name)
    except ClientError as error:
        if not is_denied(error):
            raise
        yield unknown("function", name, error)
        return
    if reserved.get("ReservedConcurrentExecutions") == 0:
        yield problem(
            "function",
            name,
            "its reserved concurrency is 0, so it never runs",
            f"aws lambda delete-function-concurrency --function-name {shell_word(name)} (`smproc pause` stops a "
            "pipeline without loss)",
        )


def _check_mapping(facts: Facts) -> Iterator[Finding]:
    name = facts.pipeline.intake
    mappings = facts.pages(
        "lambda",
        "list_event_source_mappings",
        "EventSourceMappings",
        FunctionName=name,
        EventSourceArn=facts.pipeline.queue_arn,
    )
    if not mappings:
        yield problem("event source", name, "nothing delivers the queue's messages to the function", _DEPLOY)
    for mapping in mappings:
        state, uuid = mapping["State"], mapping["UUID"]
        if state in ("Enabled", "Enabling", "Creating", "Updating"):
            yield ok("event source", name, state.lower())
        else:
            yield problem(
                "event source",
                name,
                f"the event source mapping is {state}, so uploads stay in the queue, for up to 14 days "
                f"({mapping.get('StateTransitionReason', 'no reason is known')})",
                f"aws lambda update-event-source-mapping --uuid {uuid} --enabled",
            )


def check_metrics(facts: Facts) -> Iterator[Finding]:
    """Check that the functions had no errors and were not throttled in the last hour."""
    now = datetime.now(UTC)
    names = (facts.pipeline.intake, facts.pipeline.dispatcher)
    wanted = [(name, metric) for name in names for metric in ("Errors", "Throttles")]
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "FunctionName", "Value": name}],
                },
                "Period": int(_WINDOW.total_seconds()),
                "Stat": "Sum",
            },
        }
        for number, (name, metric) in enumerate(wanted)
    ]
    answer = facts.client("cloudwatch").get_metric_data(MetricDataQueries=queries, StartTime=now - _WINDOW, EndTime=now)
    counts = {one["Id"]: int(sum(one["Values"])) for one in answer["MetricDataResults"]}
    for number, (name, metric) in enumerate(wanted):
        count = counts.get(f"m{number}", 0)
        if count and metric == "Errors":
            group = f"/aws/lambda/{name}"
            yield problem(
                "metrics",
                name,
                f"{counted(count, 'error')} in the last hour",
                f"aws logs tail {shell_word(group)} --since 1h",
            )
        elif count:
            yield problem(
                "metrics",
                name,
                f"{counted(count, 'throttled invocation')} in the last hour",
                "raise the account's concurrent executions of Lambda, or the reserved concurrency of the function",
            )
    if not any(counts.values()):
        yield ok("metrics", facts.pipeline.name, "no errors and no throttles of its functions in the last hour")


def check_minute(facts: Facts) -> Iterator[Finding]:
    """Check the rule that invokes the dispatcher every minute."""
    arn = facts.function(facts.pipeline.dispatcher)["FunctionArn"]
    names = facts.pages("events", "list_rule_names_by_target", "RuleNames", TargetArn=arn)
    rules = [facts.call("events", "describe_rule", Name=name) for name in names]
    schedules = [rule for rule in rules if rule.get("ScheduleExpression")]
    if not schedules:
        yield problem(
            "minute",
            facts.pipeline.dispatcher,
            "no rule invokes the dispatcher every minute, so batches stay open and lost ends are not found",
            _DEPLOY,
        )
    for rule in schedules:
        name, state = rule["Name"], rule.get("State")
        if state == _DISABLED:
            yield problem(
                "minute",
                name,
                "the rule of every minute is DISABLED, so batches stay open and lost ends are not found",
                f"aws events enable-rule --name {shell_word(name)}",
            )
        else:
            yield ok("minute", name, f"{rule['ScheduleExpression']}, enabled")


def check_dispatcher_work(facts: Facts) -> Iterator[Finding]:
    """Check what the dispatcher noted in its last minute, and that nobody has paused the pipeline."""
    pipeline = facts.pipeline
    session: Any = facts  # whose clients threads may share
    items = items_of_tables(session, [(pipeline.table, SUMMARY), (pipeline.table, PAUSE)])
    command = f"smproc resume --pipeline {shell_word(pipeline.name)}"
    log = f"aws logs tail {shell_word(f'/aws/lambda/{pipeline.dispatcher}')} --since 1h"
    if since := items.get((pipeline.table, PAUSE), {}).get("paused"):
        time = datetime.fromtimestamp(since, tz=UTC)
        yield problem("paused", pipeline.name, f"paused since {time:%Y-%m-%d %H:%M:%S} UTC: nothing starts", command)
    item = items.get((pipeline.table, SUMMARY))
    if item is None:
        yield problem(
            "dispatcher",
            pipeline.dispatcher,
            "it has never finished a minute's work",
            f"wait a minute after a deployment; else: {log}",
        )
        return
    summary = Summary.of_item(item)
    at = datetime.fromtimestamp(summary.at, tz=UTC)
    if datetime.now(UTC) - at > STALLED_AFTER:
        yield problem("dispatcher", pipeline.dispatcher, f"it has not worked since {at:%Y-%m-%d %H:%M:%S} UTC", log)
    elif summary.failed_steps:
        yield problem(
            "dispatcher",
            pipeline.dispatcher,
            f"{counted(summary.failed_steps, 'step')} of its last work failed",
            f"their errors: {log}",
        )
    else:
        waiting = counted(summary.waiting, "upload waits", "uploads wait")
        yield ok("dispatcher", pipeline.dispatcher, f"worked at {at:%H:%M:%S} UTC; {waiting}")
