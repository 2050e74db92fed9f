"""Stage 1: a stack in which everything is destroyed again, and what asks with it.

app.py         the CDK app
stack.py       the stack: pipelines, state machines and queues, one for each circumstance
probe.py       the script of the jobs
deployment.py  the deployment by the CDK CLI
names.py       names that the stack and the questions share
lab.py         executions, jobs, objects and messages, as evidence
"""

from __future__ import annotations

from tools.verify_aws.laboratory.deployment import Deployment
from tools.verify_aws.laboratory.lab import Lab
from tools.verify_aws.laboratory.names import STACK

__all__ = ["STACK", "Deployment", "Lab"]
