"""Deployments in a row: do new permissions and new code come into force in time?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tools.verify_aws.laboratory import STACK, Lab
from tools.verify_aws.question import Evidence, Question
from tools.verify_aws.questions.reading import or_failure

_RETRIES: Final = "lambda/unpack_code/retries.py: PROPAGATION_SECONDS"


def _two_updates(lab: Lab) -> Evidence:
    """Deploy two changes of a script, one right after the other, and run the job."""
    started = datetime.now(UTC)
    for revision in (1, 2):
        lab.deployment.deploy(revision)
    ran = lab.run("Revised")
    pages = lab.account.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=STACK)
    events = [event for page in pages for event in page["StackEvents"]]
    # Those of earlier deployments of a stack that was kept are not about these two.
    new = [each for each in events if each["Timestamp"] >= started]
    of_stack = [each for each in new if each["PhysicalResourceId"] == each["StackId"]]
    uploads = [each for each in new if each.get("ResourceType") == "Custom::CDKBucketDeployment"]
    return lab.with_outputs(ran) | {"stack": of_stack, "uploads": uploads}


def _read(evidence: Mapping[str, Any]) -> dict[str, Any]:
    statuses = [each["ResourceStatus"] for each in evidence["stack"]]
    return {
        "updates": statuses.count("UPDATE_COMPLETE"),
        "rollbacks": sum("ROLLBACK" in status for status in statuses),
        "revision that ran": evidence["outputs"]["contents"][0],
    }


QUESTIONS: Final[tuple[Question[Lab], ...]] = (
    Question(
        id="updates-in-a-row",
        asks="Do two deployments of changed code in a row succeed, and does the job run the last one?",
        claims=("permission-propagation",),
        relied_on=(_RETRIES, "constructs/cdk_sagemaker_processing/resources/local_code.py: LocalCode"),
        expected={"updates": 2, "rollbacks": 0, "revision that ran": "2"},
        because="https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency",
        ask=_two_updates,
        read=or_failure(_read),
    ),
)
