"""The findings of cdk-nag's packs in app.py and in every example, and their list in docs/security.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    ProcessingRepository,
    ProcessingRole,
    ProcessingVpcEndpoints,
    Safeguards,
    SKLearnProcessor,
    uploaded_objects,
)
from tests.helpers.stacks import ROOT
from tools.regenerate_suppressions import APPS, PACKS, PAGE, Audit, audit, audit_all, page

# Users may add actions to an alarm after its suppressions.
ADDED_LATER = "CloudWatchAlarmAction"
IN = "/opt/ml/processing/input/raw"


@pytest.fixture(scope="module")
def audits() -> dict[str, Audit]:
    return audit_all()


@pytest.mark.parametrize("name", APPS)
def test_every_finding_has_a_reason(audits: dict[str, Audit], name: str) -> None:
    assert audits[name].unsuppressed == []
    assert {finding.pack for finding in audits[name].findings} == set(PACKS)


@pytest.mark.parametrize("name", APPS)
def test_every_reason_has_a_finding(audits: dict[str, Audit], name: str) -> None:
    assert [unused for unused in audits[name].unused if not unused[1].endswith(ADDED_LATER)] == []


def test_each_pack_finds_an_open_bucket(tmp_path: Path) -> None:
    def synthesize() -> None:
        app = cdk.App()
        s3.Bucket(cdk.Stack(app, "Stack"), "Open")
        app.synth()

    assert {finding.pack for finding in audit(synthesize, tmp_path).unsuppressed} == set(PACKS)


def test_the_page_lists_the_findings(audits: dict[str, Audit]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(audits), "run python tools/regenerate_suppressions.py"


def test_the_choices_of_a_user_remove_findings_and_their_reasons(tmp_path: Path) -> None:
    def synthesize() -> None:
        app = cdk.App()
        stack = cdk.Stack(app, "Safe")
        vpc = ec2.Vpc.from_vpc_attributes(
            stack,
            "Network",
            vpc_id="vpc-0123456789abcdef0",
            availability_zones=["us-west-2a"],
            private_subnet_ids=["subnet-0123456789abcdef0"],
            private_subnet_route_table_ids=["rtb-0123456789abcdef0"],
            vpc_cidr_block="10.0.0.0/16",
        )
        key = kms.Key(stack, "Key", enable_key_rotation=True)
        Safeguards(encryption_key=key, vpc=vpc, reserved_concurrent_executions=5).apply_to(stack)
        processor = SKLearnProcessor(stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge")
        run = processor.run(
            "Run",
            code=str(ROOT / "examples" / "processors" / "scripts" / "count_rows.py"),
            inputs=[uploaded_objects()],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
        )
        EventDrivenProcessing(stack, "Pipeline", steps=[run], prefixes=["incoming/"], batch_size=10)
        ProcessingRepository(stack, "Images")
        ProcessingVpcEndpoints(stack, "Endpoints", vpc=vpc)
        app.synth()

    found = audit(synthesize, tmp_path)
    assert found.unsuppressed == []
    assert found.unused == frozenset()
    remaining = {
        finding.rule.removeprefix(f"{finding.pack}-") for finding in found.findings if finding.pack != "AwsSolutions"
    }
    assert remaining == {
        "CloudWatchAlarmAction",  # no action was added
        "IAMNoInlinePolicy",
        "LambdaDLQ",
        "S3BucketReplicationEnabled",
        "S3DefaultEncryptionKMS",  # the access logs alone
    }
    unencrypted = {finding.resource for finding in found.findings if finding.rule.endswith("S3DefaultEncryptionKMS")}
    assert unencrypted == {"Safe/ProcessingAccessLogs/Resource"}


def in_two_stacks(app: cdk.App) -> tuple[cdk.Stack, cdk.Stack]:
    return cdk.Stack(app, "Base"), cdk.Stack(app, "Own")


def in_nested_stack(app: cdk.App) -> tuple[cdk.Stack, cdk.Stack]:
    base = cdk.Stack(app, "Base")
    return base, cdk.NestedStack(base, "Own")


def in_stage(app: cdk.App) -> tuple[cdk.Stack, cdk.Stack]:
    stage = cdk.Stage(app, "Production")
    return cdk.Stack(stage, "Base"), cdk.Stack(stage, "Own")


@pytest.mark.parametrize("stacks", [in_two_stacks, in_nested_stack, in_stage])
def test_findings_with_names_of_another_stack_have_reasons(
    stacks: Callable[[cdk.App], tuple[cdk.Stack, cdk.Stack]], tmp_path: Path
) -> None:
    def synthesize() -> None:
        app = cdk.App()
        base, own = stacks(app)
        theirs = ProcessingBucket(base, "Theirs", encryption_key=kms.Key(base, "Key", enable_key_rotation=True))
        role = ProcessingRole(base, "Role")
        for name, shared in (("Own", None), ("Shared", role)):
            processor = SKLearnProcessor(
                own, name, framework_version="1.2-1", instance_type="ml.m5.xlarge", bucket=theirs, role=shared
            )
            run = processor.run(
                f"Run{name}",
                code="s3://scripts/count.py",
                inputs=[uploaded_objects(), ProcessingInput(source=theirs.s3_url_for_object("raw/"), destination=IN)],
                outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
            )
            EventDrivenProcessing(
                own, f"Pipeline{name}", steps=[run], prefixes=[f"incoming/{name}/"], input_bucket=theirs
            )
        app.synth()

    found = audit(synthesize, tmp_path)
    assert [each for each in found.unsuppressed if "IAM5" in str(each)] == []
    assert [each for each in found.unused if "IAM5" in str(each)] == []
