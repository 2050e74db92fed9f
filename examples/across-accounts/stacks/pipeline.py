"""The pipeline, in the processing account."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct
from stacks.data import DataStack
from stacks.foundation import FoundationStack

from cdk_sagemaker_processing import (
    EventDrivenProcessing,
    ProcessingOutput,
    Safeguards,
    SKLearnProcessor,
    uploaded_objects,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"


class PipelineStack(cdk.Stack):
    """A pipeline on the bucket of another account, with the key and the topic of another stack.

    Args:
        scope: the app.
        construct_id: the name of the stack.
        env: the account of the processing.
        foundation: the stack with the key and the topic.
        data: the stack with the bucket that files arrive in.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, env: cdk.Environment, foundation: FoundationStack, data: DataStack
    ) -> None:
        super().__init__(scope, construct_id, env=env)
        cdk.Annotations.of(self).acknowledge_warning(
            "cdk-sagemaker-processing:foreign-policy", "the policy of the bucket allows this whole account to read it"
        )
        Safeguards(encryption_key=foundation.key).apply_to(self)
        processor = SKLearnProcessor(
            self,
            "SKLearn",
            framework_version="1.2-1",
            instance_type="ml.m5.xlarge",
            instance_count=1,
            volume_kms_key=foundation.key,
        )
        count = processor.run(
            "CountRows",
            code=str(SCRIPTS / "count_rows.py"),
            inputs=[uploaded_objects("/opt/ml/processing/input/data")],
            outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
        )
        pipeline = EventDrivenProcessing(
            self,
            "Pipeline",
            steps=[count],
            input_bucket=data.bucket,
            prefixes=["incoming/"],
            suffixes=[".csv"],
            failure_topic=foundation.failures,
        )
        cdk.CfnOutput(self, "UploadTo", value=pipeline.upload_uri)
        cdk.CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)
