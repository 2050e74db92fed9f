"""Data of one account, processed in another, by stacks that share a key and a topic.

Context: ``data-account``, ``processing-account`` and ``region``.
"""

from __future__ import annotations

import aws_cdk as cdk
from stacks.data import DataStack
from stacks.foundation import EventsStack, FoundationStack
from stacks.pipeline import PipelineStack

app = cdk.App()
region = app.node.get_context("region")
data_account = cdk.Environment(account=app.node.get_context("data-account"), region=region)
processing_account = cdk.Environment(account=app.node.get_context("processing-account"), region=region)

foundation = FoundationStack(app, "ProcessingFoundation", env=processing_account)
entrance = EventsStack(app, "ProcessingEvents", env=processing_account, sender=str(data_account.account))
data = DataStack(app, "ProcessingData", env=data_account, readers=str(processing_account.account))
data.add_dependency(entrance, "its rule sends to the event bus of the other account")
PipelineStack(app, "ProcessingPipeline", env=processing_account, foundation=foundation, data=data)
app.synth()
