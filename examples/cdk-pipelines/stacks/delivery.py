"""The CDK pipeline and its stages."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import pipelines
from constructs import Construct
from stacks.processing import ProcessingStack


class ProcessingStage(cdk.Stage):
    """The processing pipeline in one environment.

    Args:
        scope: the stack of the CDK pipeline.
        construct_id: the name of the stage, such as ``Dev``.
        env: the account and the region.
        instance_type: that of the jobs.
    """

    def __init__(self, scope: Construct, construct_id: str, *, env: cdk.Environment, instance_type: str) -> None:
        super().__init__(scope, construct_id, env=env)
        ProcessingStack(self, "Processing", instance_type=instance_type)


class DeliveryStack(cdk.Stack):
    """A CDK pipeline with the stages Dev and Prod.

    Args:
        scope: the app.
        construct_id: the name of the stack.
        env: the account and the region of the pipeline and of both stages; a stage may have others.
        connection_arn: the connection of AWS CodeConnections to the source.
        repository: the repository, as ``owner/name``.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, env: cdk.Environment, connection_arn: str, repository: str
    ) -> None:
        super().__init__(scope, construct_id, env=env)
        delivery = pipelines.CodePipeline(
            self,
            "Pipeline",
            pipeline_type=codepipeline.PipelineType.V2,
            cross_account_keys=True,
            enable_key_rotation=True,
            synth=pipelines.ShellStep(
                "Synth",
                input=pipelines.CodePipelineSource.connection(repository, "main", connection_arn=connection_arn),
                commands=[
                    "pip install -r requirements.txt -r requirements-dev.txt",
                    "python -m pytest tests",
                    "npx aws-cdk@2 synth",
                ],
            ),
        )
        delivery.add_stage(ProcessingStage(self, "Dev", env=env, instance_type="ml.t3.medium"))
        delivery.add_stage(
            ProcessingStage(self, "Prod", env=env, instance_type="ml.m5.xlarge"),
            pre=[pipelines.ManualApprovalStep("Approve")],
        )
