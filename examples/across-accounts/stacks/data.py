"""The account of the data: the bucket that files arrive in, and the way of its events to the other account."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct


class DataStack(cdk.Stack):
    """A bucket that another account may read, whose events go to that account's event bus.

    Args:
        scope: the app.
        construct_id: the name of the stack.
        env: the account of the data.
        readers: the account that processes the data.
    """

    def __init__(self, scope: Construct, construct_id: str, *, env: cdk.Environment, readers: str) -> None:
        super().__init__(scope, construct_id, env=env)
        # A stack of another account refers to resources by names that are known at synth.
        self.bucket = s3.Bucket(
            self,
            "Incoming",
            bucket_name=f"{construct_id.lower()}-{env.account}-{env.region}",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
        )
        # What the synth of the other stack reports; that account's own policies decide which of its roles may.
        for actions, resource in (
            (["s3:GetObject"], self.bucket.arn_for_objects("incoming/*")),
            (["s3:ListBucket", "s3:ListBucketVersions"], self.bucket.bucket_arn),
        ):
            self.bucket.add_to_resource_policy(
                iam.PolicyStatement(actions=actions, resources=[resource], principals=[iam.AccountPrincipal(readers)])
            )

        other_bus = events.EventBus.from_event_bus_arn(
            self, "OtherBus", f"arn:{self.partition}:events:{self.region}:{readers}:event-bus/default"
        )
        forward = events.Rule(
            self,
            "Forward",
            description="Uploads, for the account that processes them",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [self.bucket.bucket_name]}},
            ),
            targets=[targets.EventBus(other_bus)],
        )
        # If you check the stack with cdk-nag: you decide on your own bucket.
        reasons = {
            "S1": "the account of the data has its own trail of accesses",
            "S3BucketLoggingEnabled": "the account of the data has its own trail of accesses",
            "S3BucketReplicationEnabled": "the files come from a system that keeps them",
            "S3DefaultEncryptionKMS": "a key of the account would need a policy for the readers",
        }
        for pack in ("AwsSolutions", "HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321"):
            for rule, reason in reasons.items():
                if (rule == "S1") == (pack == "AwsSolutions"):
                    cdk.Validations.of(self.bucket).acknowledge(cdk.Acknowledgment(id=f"{pack}-{rule}", reason=reason))
            if pack != "AwsSolutions":
                inline = cdk.Acknowledgment(id=f"{pack}-IAMNoInlinePolicy", reason="aws-cdk's own, for this rule alone")
                cdk.Validations.of(forward).acknowledge(inline)
        cdk.CfnOutput(self, "Bucket", value=self.bucket.bucket_name)
