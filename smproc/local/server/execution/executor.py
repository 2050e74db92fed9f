"""A processing job's life, from its creation to its final state, on a thread of its own."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smproc.local.runners import CannotRunError, ContainerSpec, Runner, StopSignal
from smproc.local.server.execution.background import BackgroundTasks, Work
from smproc.local.server.execution.clients import AwsClients, RoleClients
from smproc.local.server.execution.credentials import CredentialsEndpoint
from smproc.local.server.execution.errors import JobClientError, JobFailedError, JobInterruptedError
from smproc.local.server.execution.inputs import divide, download
from smproc.local.server.execution.job import JobStatus, ProcessingJob
from smproc.local.server.execution.log_stream import LogStream
from smproc.local.server.execution.opt_ml import OptMl, first_kilobyte
from smproc.local.server.execution.outputs import Outputs
from smproc.local.server.execution.pipe_mode import PipeInput
from smproc.local.server.execution.volume import GIGABYTE, Volume, watch
from smproc.local.state_dir import remove_tree

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobExecutor:
    """Runs processing jobs.

    Attributes:
        folder: holds a folder per running job.
        clients: makes the clients of a job's role.
        credentials: gives a job's program the credentials of its role.
        runner: runs a job's program.
    """

    folder: Path
    clients: AwsClients
    credentials: CredentialsEndpoint
    runner: Runner

    def begin(self, job: ProcessingJob) -> threading.Thread:
        """Start the job's thread."""
        thread = threading.Thread(target=self._live, args=(job,), name=f"job-{job.name}", daemon=True)
        thread.start()
        return thread

    def _live(self, job: ProcessingJob) -> None:
        job.begin()
        timer = threading.Timer(job.max_runtime_in_seconds, job.stop)
        timer.daemon = True
        timer.start()
        folder: Path | None = None
        hosts: Sequence[OptMl] = ()
        ending, reason, message = JobStatus.COMPLETED, None, None
        try:
            inject_fault(job)
            folder = _new_folder(self.folder, job.name)
            hosts = [OptMl(folder / f"algo-{number}") for number in range(1, job.instance_count + 1)]
            try:
                self._run(job, hosts)
            finally:
                message = _exit_message(hosts)
        except JobInterruptedError:
            ending = JobStatus.STOPPED
        except JobFailedError as failure:
            ending, reason = JobStatus.FAILED, str(failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must end
            _log.exception("job %s failed for a reason of ours", job.name)
            ending, reason = JobStatus.FAILED, f"InternalServerError: {type(error).__name__}: {error}"
        timer.cancel()
        _log.info("job %s: %s%s", job.name, ending, f", {reason}" if reason else "")
        job.end(ending, failure_reason=reason, exit_message=message)
        if folder is not None:
            remove_tree(folder)

    def _run(self, job: ProcessingJob, hosts: Sequence[OptMl]) -> None:
        def check_stop() -> None:
            if job.stop_signal.requested:
                raise JobInterruptedError

        names = [host.path.name for host in hosts]
        containers = [_container(job, host, names) for host in hosts]
        try:
            self.runner.check(containers[0])
        except CannotRunError as refusal:
            raise JobClientError(str(refusal)) from refusal
        clients = self.clients.of_role(job.request["RoleArn"], job.region)
        for host in hosts:
            host.create(_local_paths(job.request))
            host.write_config("processingjobconfig.json", _job_config(job))
            host.write_config("resourceconfig.json", {"current_host": host.path.name, "hosts": names})
        volumes = [Volume(host, job.volume_size_in_gb * GIGABYTE) for host in hosts]
        inputs = divide(clients.s3, job.request.get("ProcessingInputs", ()), volumes)
        download(clients.s3, inputs, check_stop)
        pipes = [PipeInput(clients.s3, part) for part in inputs if part.piped]
        for pipe in pipes:
            pipe.create()
        check_stop()
        outputs = Outputs(clients.s3, job.request.get("ProcessingOutputConfig", {}), hosts)
        work: list[Work] = [pipe.feed for pipe in pipes]
        work += [outputs.keep_uploading] if outputs.continuous else []
        try:
            self._run_programs(job, containers, clients, [*work, functools.partial(watch, volumes)])
        except (JobInterruptedError, JobFailedError):
            # What continuous uploads promise does not depend on how the job ends.
            try:
                outputs.upload_changes()
            except JobClientError as error:
                _log.warning("job %s: the last continuous upload failed: %s", job.name, error)
            raise
        for volume in volumes:
            volume.check()
        outputs.upload_changes()
        outputs.upload(check_stop)

    def _run_programs(
        self, job: ProcessingJob, containers: Sequence[ContainerSpec], clients: RoleClients, beside: Sequence[Work]
    ) -> None:
        started = time.time_ns() // 1_000_000
        stop = StopSignal(job.stop_signal.grace_in_seconds, job.stop_signal)

        failed: list[int] = []

        def run(container: ContainerSpec) -> None:
            stream = LogStream(clients.logs, f"{job.name}/{container.host}-{started}")
            code = 1
            try:
                code = self.runner.run(container, stream, stop)
            except CannotRunError as refusal:
                raise JobClientError(str(refusal)) from refusal
            finally:
                if code != 0:
                    failed.append(code)
                    stop.request_now()  # hosts that wait for one that is gone would wait for ever
                stream.close()

        with self._reaching_aws(job) as aws, BackgroundTasks(stop.request_now) as alongside:
            for work in beside:
                alongside.start(work)
            # The request's own variables win, as a container's would over its image's.
            ready = [replace(container, environment={**aws, **container.environment}) for container in containers]
            # A thread per host: what a sandbox starts dies with the thread that started it.
            with ThreadPoolExecutor(len(containers), thread_name_prefix=f"{job.name}-host") as pool:
                for _ in pool.map(run, ready):
                    pass
        if job.stop_signal.requested:
            raise JobInterruptedError
        if alongside.failure is not None:
            raise alongside.failure
        if failed:
            # AWS's own wording is not documented; this follows what training jobs say. What AWS does with the outputs
            # of a failed job is not documented either: nothing is uploaded here at its end.
            raise JobFailedError(f"AlgorithmError: See job logs for more information, exit code: {failed[0]}")

    @contextlib.contextmanager
    def _reaching_aws(self, job: ProcessingJob) -> Iterator[Mapping[str, str]]:
        """The environment variables with which a program reaches the local AWS as its role, while it runs."""
        reaching = self.clients.variables(job.region)
        if not _has_network(job):
            # As in AWS, where a container that is cut off gets no credentials either.
            yield reaching
            return
        with self.credentials.open(job.request["RoleArn"]) as variables:
            yield {**reaching, **variables}


def inject_fault(job: ProcessingJob) -> None:
    """Do what was asked for by a fault."""
    deadline = time.monotonic() + job.injected.delay_in_seconds
    while (left := deadline - time.monotonic()) > 0 and not job.stop_signal.requested:
        time.sleep(min(left, 0.05))
    if job.stop_signal.requested:
        raise JobInterruptedError
    if job.injected.failure is not None:
        raise JobFailedError(job.injected.failure)


def _new_folder(parent: Path, name: str) -> Path:
    """A job's folder; a name can come again, in another region or after DeleteProcessingJob."""
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}.{number}")
        try:
            folder.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder


def _container(job: ProcessingJob, host: OptMl, hosts: Sequence[str]) -> ContainerSpec:
    specification = job.request["AppSpecification"]
    return ContainerSpec(
        image=specification["ImageUri"],
        entrypoint=specification.get("ContainerEntrypoint") or (),
        arguments=specification.get("ContainerArguments") or (),
        environment=job.request.get("Environment") or {},
        opt_ml=host.path,
        host=host.path.name,
        hosts=hosts,
        network=_has_network(job),
    )


def _has_network(job: ProcessingJob) -> bool:
    network = job.request.get("NetworkConfig") or {}
    return not network.get("EnableNetworkIsolation", False)


def _local_paths(request: Mapping[str, Any]) -> list[str]:
    inputs = [item.get("S3Input") or {} for item in request.get("ProcessingInputs") or ()]
    inputs = [part for part in inputs if part.get("S3InputMode") != "Pipe"]
    outputs = [item.get("S3Output") or {} for item in (request.get("ProcessingOutputConfig") or {}).get("Outputs", ())]
    return [part["LocalPath"] for part in (*inputs, *outputs) if part.get("LocalPath")]


def _job_config(job: ProcessingJob) -> dict[str, Any]:
    """``/opt/ml/config/processingjobconfig.json``, with the nulls that the service writes."""
    request = job.request
    specification = request["AppSpecification"]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    inputs = []
    for item in request.get("ProcessingInputs") or ():
        s3_input = {**item["S3Input"], "S3DownloadMode": "StartOfJob"} if item.get("S3Input") else None
        inputs.append({**item, "S3Input": s3_input})
    outputs = request.get("ProcessingOutputConfig") or {"Outputs": []}
    return {
        "ProcessingJobArn": job.arn,
        "ProcessingJobName": job.name,
        "AppSpecification": {
            "ImageUri": specification["ImageUri"],
            "ContainerEntrypoint": specification.get("ContainerEntrypoint"),
            "ContainerArguments": specification.get("ContainerArguments"),
        },
        "Environment": request.get("Environment") or {},
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {**outputs, "KmsKeyId": outputs.get("KmsKeyId")},
        "ProcessingResources": {"ClusterConfig": {**cluster, "VolumeKmsKeyId": cluster.get("VolumeKmsKeyId")}},
        "RoleArn": request["RoleArn"],
        "StoppingCondition": {"MaxRuntimeInSeconds": job.max_runtime_in_seconds},
    }


def _exit_message(hosts: Sequence[OptMl]) -> str | None:
    messages = [message for host in hosts if (message := host.message()) is not None]
    return first_kilobyte("".join(messages).encode()) if messages else None
