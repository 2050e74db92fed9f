"""The private account of trials: buckets, files and state machines of an app, without its deployment."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from smproc.assemblies import CloudAssembly, LocalFiles, StateMachine, Trigger
from smproc.assemblies.assembly import DEFAULT_ACCOUNT, DEFAULT_REGION
from smproc.local import PrivateLocalAws
from smproc.local.session import SharedSession
from smproc.trials.files import GivenFile
from smproc.trials.objects import GivenObject

if TYPE_CHECKING:
    from boto3 import Session

_INPUTS_BUCKET: Final = "inputs-of-trials"
_ROLE: Final = "arn:aws:iam::{account}:role/trial"
_WITHOUT_TRIGGER: Final = Trigger(bucket=_INPUTS_BUCKET, manifest_bucket=_INPUTS_BUCKET, prefix="uploaded/")


class TrialAccount:
    """A private local AWS with what trials of an app need: its buckets, its local files, its state machines.

    Args:
        assembly: the assembly of the app.
        runner: the runner of jobs, as for `smproc.LocalAws`. Default: ``auto``.
        images: substitutes for images. Default: those of the local AWS on the default port.
        stack: the stack whose account and region it has. Default: the first one.
    """

    def __init__(
        self,
        assembly: CloudAssembly,
        *,
        runner: Literal["auto", "process", "container"] | None = None,
        images: Mapping[str, str | Path] | None = None,
        stack: str | None = None,
    ) -> None:
        values = next(
            (each.values for each in assembly.templates if stack in (None, each.stack)),
            None,
        )
        self._account = values.account if values is not None else DEFAULT_ACCOUNT
        self._aws = PrivateLocalAws(
            region=values.region if values is not None else DEFAULT_REGION,
            account=self._account,
            runner=runner,
            images=images,
        )
        self._buckets: set[str] = set()
        self._stored: dict[tuple[str, str], object] = {}
        self._machines: dict[str, str] = {}
        self.session: Session = SharedSession(self._aws)

    def __enter__(self) -> Self:
        self._aws.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._aws.leave()

    @property
    def sandbox(self) -> str:
        """The program that runs the jobs."""
        return self._aws.status().sandbox or ""

    def put_local_files(self, local: Iterable[LocalFiles]) -> None:
        """Upload local files of the app as they are now, to where its deployment uploads them.

        Args:
            local: the local files.
        """
        for files in local:
            self.need_buckets([files.bucket])
            for name, content in files.contents():
                self._put(files.bucket, f"{files.prefix}/{name}", content)

    def put_uploaded(self, files: Sequence[GivenFile], trigger: Trigger | None) -> dict[str, Any]:
        """Upload files as the objects that start an execution, and return the input that the trigger would send.

        Args:
            files: the files. Several are a batch, with a manifest.
            trigger: the trigger. Default: there is none, and the objects go to a bucket of trials.
        """
        found = trigger or _WITHOUT_TRIGGER
        self.need_buckets([found.bucket, found.manifest_bucket])
        for file in files:
            self._put(found.bucket, f"{found.prefix}{file.name}", file.path)
        identity = {"bucket": found.bucket, "trigger": found.name}
        run = uuid.uuid4().hex
        if len(files) == 1 and found.batch_size == 1:
            key = f"{found.prefix}{files[0].name}"
            # The fields of `s3_trigger.starter` for a single object.
            return identity | {
                "key": key,
                "run": run,
                "s3_data_type": "S3Prefix",
                "s3_uri": f"s3://{found.bucket}/{key}",
                "sequencer": "0",
            }
        names = [{"prefix": f"s3://{found.bucket}/{found.prefix}"}, *(file.name for file in files)]
        manifest = f"{found.manifest_prefix}/trial.json"
        self._put(found.manifest_bucket, manifest, json.dumps(names).encode())
        return identity | {
            "batch": run,
            "group": "-",
            "objects": len(files),
            "s3_data_type": "ManifestFile",
            "s3_uri": f"s3://{found.manifest_bucket}/{manifest}",
        }

    def put_input(self, name: str, files: Sequence[GivenFile]) -> str:
        """Upload the files of an input, and return the S3 URI that names them, and nothing else.

        Args:
            name: the input's name.
            files: the files.
        """
        self.need_buckets([_INPUTS_BUCKET])
        for file in files:
            self._put(_INPUTS_BUCKET, f"{name}/{file.name}", file.path)
        uri = f"s3://{_INPUTS_BUCKET}/{name}/"
        return uri if len(files) > 1 or "/" in files[0].name else f"{uri}{files[0].name}"

    def put_objects(self, objects: Sequence[GivenObject]) -> None:
        """Upload files to the locations that they are given for.

        Args:
            objects: the files and their locations.
        """
        self.need_buckets(each.bucket for each in objects)
        for each in objects:
            self._put(each.bucket, each.key, each.path)

    def need_buckets(self, names: Iterable[str]) -> None:
        """Create buckets that do not exist yet.

        Args:
            names: their names.
        """
        for name in names:
            if name not in self._buckets:
                request: dict[str, Any] = {"Bucket": name}
                # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html: us-east-1 is no constraint.
                if self._aws.region != DEFAULT_REGION:
                    request["CreateBucketConfiguration"] = {"LocationConstraint": self._aws.region}
                self.session.client("s3").create_bucket(**request)
                self._buckets.add(name)

    def start(self, definition: Mapping[str, Any], machine: StateMachine, execution_input: Mapping[str, Any]) -> str:
        """Start an execution of a definition, and return its ARN.

        Args:
            definition: the definition, which is validated as AWS does it.
            machine: the state machine of the app that it is, or comes from.
            execution_input: the input.
        """
        states = self.session.client("stepfunctions")
        text = json.dumps(definition)
        if text not in self._machines:
            digest = hashlib.sha256(text.encode()).hexdigest()[:8]
            created = states.create_state_machine(
                name=f"{machine.logical_id[:60]}-{digest}",
                definition=text,
                roleArn=_ROLE.format(account=self._account),
            )
            self._machines[text] = created["stateMachineArn"]
        started = states.start_execution(
            stateMachineArn=self._machines[text], name=f"trial-{uuid.uuid4()}", input=json.dumps(execution_input)
        )
        return str(started["executionArn"])

    def stop(self, execution_arn: str) -> None:
        """Stop an execution and its jobs."""
        self.session.client("stepfunctions").stop_execution(executionArn=execution_arn)

    def _put(self, bucket: str, key: str, content: bytes | Path) -> None:
        """Upload a content, unless it is there already."""
        if isinstance(content, Path):
            status = content.stat()
            version: object = (str(content), status.st_mtime_ns, status.st_size, status.st_ino)
        else:
            version = content
        if self._stored.get((bucket, key)) == version:
            return
        client = self.session.client("s3")
        if isinstance(content, Path):
            with content.open("rb") as body:
                client.put_object(Bucket=bucket, Key=key, Body=body)
        else:
            client.put_object(Bucket=bucket, Key=key, Body=content)
        self._stored[bucket, key] = version
