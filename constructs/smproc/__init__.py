"""Operate SageMaker Processing jobs, in AWS and on a laptop; never imports aws_cdk, so it starts in milliseconds."""
