"""A CDK pipeline that deploys the processing pipeline to dev, waits for somebody's approval, and deploys it to prod.

Context: ``connection`` and ``repository`` (where the source is), ``account`` and ``region``.
"""

from __future__ import annotations

import aws_cdk as cdk
from stacks.delivery import DeliveryStack

app = cdk.App()
DeliveryStack(
    app,
    "Delivery",
    env=cdk.Environment(account=app.node.get_context("account"), region=app.node.get_context("region")),
    connection_arn=app.node.get_context("connection"),
    repository=app.node.get_context("repository"),
)
app.synth()
