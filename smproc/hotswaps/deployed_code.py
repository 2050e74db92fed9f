"""The local files of an app in its deployed stacks, replaced without CloudFormation, as the CDK CLI hotswaps them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cdk_sagemaker_processing.model.content_hash import content_hash
from cdk_sagemaker_processing.model.s3_uri import S3Uri
from smproc.assemblies import CloudAssembly, LocalFiles, StateMachine, Step, steps_in
from smproc.operations import PipelineNotFoundError
from smproc.operations.stack_resources import resources_of

if TYPE_CHECKING:
    from boto3 import Session

_STATE_MACHINE = "AWS::StepFunctions::StateMachine"
# The directory of an upload: the hash of its content, and a hash of its key where it has one.
_DIRECTORY = re.compile(r"(?P<parent>.*/)(?P<digest>[0-9a-f]{64})(?P<key>-[0-9a-f]+)?/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A replacement of the files of a deployed state machine.

    Attributes:
        machine: the name of the state machine.
        steps: the steps whose files were replaced.
        seconds: how long it took.
    """

    machine: str
    steps: tuple[str, ...]
    seconds: float


@dataclass(slots=True, eq=False)
class DeployedMachine:
    """A state machine of an app that is deployed.

    Attributes:
        machine: the state machine in the app.
        arn: its ARN.
        local: the local files of its steps.
    """

    session: Session = field(repr=False)
    machine: StateMachine
    arn: str
    local: Sequence[LocalFiles] = field(repr=False)

    def swap(self) -> Swap | None:
        """Replace what differs from the working copies; return None if nothing does.

        The files go below a prefix of their own, as in a deployment, so an execution that runs keeps those with which
        it started.
        """
        began = time.monotonic()
        text = self.session.client("stepfunctions").describe_state_machine(stateMachineArn=self.arn)["definition"]
        deployed = {step.name: step for step in steps_in(json.loads(text), self.machine.name, ())}
        replaced: dict[str, str] = {}
        steps: list[str] = []
        for step in self.machine.steps:
            for old, local in self._locations(step, deployed.get(step.name)):
                new = self._uploaded(old, local) if old not in replaced else replaced[old]
                replaced[old] = new
                if old != new and step.name not in steps:
                    steps.append(step.name)
        if not steps:
            return None
        for old, new in replaced.items():
            text = text.replace(old, new)
        self.session.client("stepfunctions").update_state_machine(stateMachineArn=self.arn, definition=text)
        return Swap(machine=self.machine.name, steps=tuple(steps), seconds=time.monotonic() - began)

    def _locations(self, step: Step, deployed: Step | None) -> Iterator[tuple[str, LocalFiles]]:
        """Yield the URIs of the directories that the deployed step reads, with the local files that belong there."""
        if deployed is None:
            return
        sources = {each.name: each.source for each in deployed.inputs}
        for each in step.inputs:
            source = sources.get(each.name, "")
            for local in self.local if each.kind == "local" else ():
                if not f"{each.source}/".startswith(local.uri):
                    continue
                # Both URIs end alike, with the name of the file in the directory of the upload.
                found = _DIRECTORY.match(source if source.endswith("/") else f"{source}/")
                if found is not None:
                    yield found[0], local

    def _uploaded(self, old: str, local: LocalFiles) -> str:
        """Upload local files if they differ from what is deployed, and return the URI of their directory."""
        found = _DIRECTORY.match(old)
        assert found is not None  # noqa: S101 - the caller has matched it
        contents = dict(local.contents())
        digest = content_hash(contents)
        if digest == found["digest"]:
            return old
        new = f"{found['parent']}{digest}{found['key'] or ''}/"
        where = S3Uri.parse(new)
        client = self.session.client("s3")
        for name, content in contents.items():
            body = content.read_bytes() if isinstance(content, Path) else content
            client.put_object(Bucket=where.bucket, Key=f"{where.key}{name}", Body=body)
        return new


def deployed_machines(session: Session, assembly: CloudAssembly, *, stack: str | None = None) -> list[DeployedMachine]:
    """Return the state machines of an app that are deployed and whose steps have local files.

    Args:
        session: a boto3 session.
        assembly: the assembly of the app.
        stack: the stack. Default: all stacks of the app.

    Raises:
        PipelineNotFoundError: no stack of the app is deployed, or the named one is not.
    """
    arns: dict[str, Mapping[str, str]] = {}
    for name in dict.fromkeys(machine.stack for machine in assembly.state_machines):
        if stack in (None, name):
            try:
                arns[name] = resources_of(session, name, _STATE_MACHINE)
            except PipelineNotFoundError:
                if stack is not None:
                    raise
    found = [
        DeployedMachine(
            session=session,
            machine=machine,
            arn=arns[machine.stack][machine.logical_id],
            local=assembly.local_files_of(machine.steps),
        )
        for machine in assembly.state_machines
        if machine.logical_id in arns.get(machine.stack, {})
    ]
    if not found:
        known = ", ".join(dict.fromkeys(machine.stack for machine in assembly.state_machines)) or "none with jobs"
        raise PipelineNotFoundError(f"no stack of the app is deployed here ({known}); deploy one first: npx cdk deploy")
    return found
