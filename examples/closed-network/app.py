"""Confidential data: one key for everything, a VPC without internet access, encrypted traffic between hosts."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    NetworkConfig,
    ProcessingOutput,
    ProcessingVpcEndpoints,
    Safeguards,
    SKLearnProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parent / "scripts"
app = cdk.App()
stack = cdk.Stack(app, "ClosedNetworkExample")
key = kms.Key(stack, "Key", enable_key_rotation=True)
closed = ec2.SubnetConfiguration(name="Closed", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
vpc = ec2.Vpc(stack, "Vpc", max_azs=2, subnet_configuration=[closed])
Safeguards(encryption_key=key, vpc=vpc, log_retention=logs.RetentionDays.ONE_YEAR).apply_to(stack)

hosts = ec2.SecurityGroup(stack, "Hosts", vpc=vpc, description="The hosts of jobs, which talk to each other")
hosts.add_ingress_rule(hosts, ec2.Port.all_traffic(), "Hosts of one job")
processor = SKLearnProcessor(
    stack,
    "SKLearn",
    framework_version="1.2-1",
    instance_type="ml.m5.xlarge",
    instance_count=2,
    volume_kms_key=key,
    network_config=NetworkConfig(
        subnets=vpc.isolated_subnets, security_group_ids=[hosts], encrypt_inter_container_traffic=True
    ),
)
count = processor.run(
    "CountRows",
    code=str(SCRIPTS / "count_rows.py"),
    inputs=[uploaded_objects("/opt/ml/processing/input/data")],
    outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
)
pipeline = EventDrivenProcessing(stack, "Pipeline", steps=[count], prefixes=["incoming/"], suffixes=[".csv"])
ProcessingVpcEndpoints(stack, "Endpoints", vpc=vpc)  # last, so that it covers all functions

# Flow logs, for the network team.
flows = logs.LogGroup(stack, "Flows", encryption_key=key, retention=logs.RetentionDays.ONE_YEAR)
flow_log = vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(flows))
reasons = {
    "VPCDefaultSecurityGroupClosed": (
        vpc,
        "nothing is in the default group: functions, hosts, endpoints have their own",
    ),
    "EC2RestrictedCommonPorts": (
        hosts,
        "the hosts of a job let in each other and nobody else, by ports of Spark's choice",
    ),
    "IAMNoInlinePolicy": (flow_log, "the policy is this role's alone, and goes with it"),
}
for pack in ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321"):
    for rule, (construct, reason) in reasons.items():
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=f"{pack}-{rule}", reason=reason))

cdk.CfnOutput(stack, "UploadTo", value=pipeline.upload_uri)
cdk.CfnOutput(stack, "StateMachine", value=pipeline.state_machine.state_machine_arn)
app.synth()
