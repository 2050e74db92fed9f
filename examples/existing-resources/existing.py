"""A key, a bucket and a VPC, in place of those that your organization has: they are no part of the pipeline."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

app = cdk.App()
stack = cdk.Stack(app, "Existing")
key = kms.Key(stack, "Key", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
bucket = s3.Bucket(
    stack,
    "Bucket",
    encryption_key=key,
    event_bridge_enabled=True,  # a bucket without it starts nothing
    block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
    enforce_ssl=True,
)
vpc = ec2.Vpc(
    stack,
    "Vpc",
    max_azs=2,
    subnet_configuration=[ec2.SubnetConfiguration(name="Closed", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)],
    gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
)
cdk.CfnOutput(stack, "KeyArn", value=key.key_arn)
cdk.CfnOutput(stack, "BucketName", value=bucket.bucket_name)
cdk.CfnOutput(stack, "VpcId", value=vpc.vpc_id)
cdk.CfnOutput(stack, "Zones", value=",".join(vpc.isolated_subnets[number].availability_zone for number in (0, 1)))
cdk.CfnOutput(stack, "SubnetIds", value=",".join(vpc.isolated_subnets[number].subnet_id for number in (0, 1)))
app.synth()
