"""The execution of a job, from its creation to its final status, on a thread of its own."""

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

from smproc.local.environment import sagemaker_config
from smproc.local.runners import CannotRunError, ContainerSpec, OutputTail, Runner, StopSignal
from smproc.local.server.execution.background import BackgroundTasks, Task
from smproc.local.server.execution.clients import AwsClients, RoleClients
from smproc.local.server.execution.credentials import CredentialsEndpoint
from smproc.local.server.execution.errors import JobClientError, JobFailedError, JobInterruptedError
from smproc.local.server.execution.inputs import ManifestLayout, assign_inputs, download
from smproc.local.server.execution.job import Job
from smproc.local.server.execution.job_parts import JobStatus
from smproc.local.server.execution.log_stream import LogStream
from smproc.local.server.execution.opt_ml import OptMl, first_kilobyte
from smproc.local.server.execution.outputs import Outputs
from smproc.local.server.execution.pipe_mode import PipeInput
from smproc.local.server.execution.volume import GIGABYTE, Volume, check_until_ended
from smproc.local.state_dir import remove_tree

# Not beside the job's own configuration files, which are all that AWS has there.
_SAGEMAKER_CONFIG = "/opt/ml/.smproc/sagemaker.yaml"
_SEE_LOGS = "See job logs for more information"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobExecutor:
    """An executor of processing and training jobs.

    Attributes:
        jobs_dir: the directory that holds a directory per running job.
        clients: creates the clients that act as a job's role.
        credentials: serves a job's program the credentials of its role.
        runner: runs a job's program.
        manifest_layout: the paths of the objects of a manifest: ``relative`` to its prefix, or the whole ``key``.
    """

    jobs_dir: Path
    clients: AwsClients
    credentials: CredentialsEndpoint
    runner: Runner
    manifest_layout: ManifestLayout = "relative"

    def submit(self, job: Job) -> threading.Thread:
        """Start a job; return its thread.

        Args:
            job: the job.
        """
        thread = threading.Thread(target=self._execute, args=(job,), name=f"job-{job.name}", daemon=True)
        thread.start()
        return thread

    def _execute(self, job: Job) -> None:
        timer = threading.Timer(job.max_runtime_in_seconds, job.time_out)
        timer.daemon = True
        timer.start()
        directory: Path | None = None
        hosts: Sequence[OptMl] = ()
        status, reason, message = JobStatus.COMPLETED, None, None
        try:
            job.mark_started()
            inject_fault(job)
            directory = _create_directory(self.jobs_dir, job.name)
            hosts = [OptMl(directory / f"algo-{number}") for number in range(1, job.instance_count + 1)]
            try:
                self._run(job, hosts)
            finally:
                message = _message(job, hosts)
        except JobInterruptedError:
            status = JobStatus.STOPPED
        except JobFailedError as failure:
            status, reason = JobStatus.FAILED, str(failure)
        except Exception as error:  # noqa: BLE001 - any error must end the job
            _log.exception("Job %s failed with an internal error", job.name)
            status, reason = JobStatus.FAILED, f"InternalServerError: {type(error).__name__}: {error}"
        timer.cancel()
        if job.message_is_failure:
            reason, message = _with_cause(reason, message), None
        _log.info("Job %s: %s%s", job.name, status, f", {reason}" if reason else "")
        try:
            job.end(status, failure_reason=reason, exit_message=message)
        finally:
            if directory is not None:
                remove_tree(directory)

    def _run(self, job: Job, hosts: Sequence[OptMl]) -> None:
        def check_stop() -> None:
            if job.stop_signal.requested:
                raise JobInterruptedError

        names = [host.path.name for host in hosts]
        containers = [_container(job, host, names) for host in hosts]
        try:
            self.runner.check(containers[0])
        except CannotRunError as error:
            raise JobClientError(str(error)) from error
        clients = self.clients.for_role(job.request["RoleArn"], job.region)
        for host in hosts:
            host.create(job.directories)
            for path, content in job.config_files(host.path.name, names).items():
                host.write_config(path, content)
            host.write_config(_SAGEMAKER_CONFIG, sagemaker_config(job.region, job.arn.split(":")[4]))
        volumes = [Volume(host, job.volume_size_in_gb * GIGABYTE) for host in hosts]
        job.enter("Downloading")
        inputs = assign_inputs(clients.s3, job.inputs, volumes, self.manifest_layout)
        download(clients.s3, inputs, check_stop)
        pipes = [PipeInput(clients.s3, part) for part in inputs if part.piped]
        for pipe in pipes:
            pipe.create()
        check_stop()
        outputs = Outputs(clients.s3, job.output_config, hosts, job.archives)
        tasks: list[Task] = [pipe.feed for pipe in pipes]
        tasks += [outputs.keep_uploading] if outputs.continuous else []
        job.enter("Training")
        try:
            self._run_programs(job, containers, clients, [*tasks, functools.partial(check_until_ended, volumes)])
        except (JobInterruptedError, JobFailedError) as failure:
            _upload_after(failure, job, outputs)
            raise
        for volume in volumes:
            volume.check()
        job.enter("Uploading")
        outputs.upload_changes()
        outputs.upload(check_stop)

    def _run_programs(
        self,
        job: Job,
        containers: Sequence[ContainerSpec],
        clients: RoleClients,
        background_tasks: Sequence[Task],
    ) -> None:
        started = time.time_ns() // 1_000_000
        stop = StopSignal(job.stop_signal.grace_in_seconds, job.stop_signal)

        failed: list[str] = []

        def run(container: ContainerSpec) -> None:
            stream = LogStream(clients.logs, job.log_group, f"{job.name}/{container.host}-{started}")
            code, output = 1, OutputTail(stream)
            reason = ""
            try:
                code = self.runner.run(container, output, stop)
                reason = self.runner.explain(container, output.text) if code != 0 else ""
            except CannotRunError as error:
                raise JobClientError(str(error)) from error
            finally:
                if code != 0:
                    failed.append(f"exit code: {code}{f'. {reason}' if reason else ''}")
                    stop.request_now()  # other hosts may wait for this one forever
                stream.close()

        with self._aws_variables(job) as aws, BackgroundTasks(stop.request_now) as background:
            for task in background_tasks:
                background.start(task)
            # The request's variables take precedence, as a container's do over its image's.
            prepared = [replace(container, environment={**aws, **container.environment}) for container in containers]
            # A thread per host: a sandbox's processes die with the thread that started them.
            with ThreadPoolExecutor(len(containers), thread_name_prefix=f"{job.name}-host") as pool:
                for _ in pool.map(run, prepared):
                    pass
        if job.stop_signal.requested:
            raise JobInterruptedError
        if background.failure is not None:
            raise background.failure
        if failed:
            # AWS documents neither the wording, which is that of training jobs here, nor whether the outputs of a
            # failed job are uploaded, which they are not here.
            raise JobFailedError(f"AlgorithmError: {_SEE_LOGS}, {failed[0]}")

    @contextlib.contextmanager
    def _aws_variables(self, job: Job) -> Iterator[Mapping[str, str]]:
        """Yield the environment variables with which a program reaches the local AWS as its role, while it runs."""
        endpoint = {**self.clients.variables(job.region), "SAGEMAKER_USER_CONFIG_OVERRIDE": _SAGEMAKER_CONFIG}
        if job.isolated:
            # As in AWS, an isolated container gets no credentials.
            yield endpoint
            return
        with self.credentials.open(job.request["RoleArn"]) as variables:
            yield {**endpoint, **variables}


def inject_fault(job: Job) -> None:
    """Delay or fail a job as its injected fault says.

    Args:
        job: the job.

    Raises:
        JobFailedError: the fault is a failure.
        JobInterruptedError: the job was stopped during the delay.
    """
    deadline = time.monotonic() + job.fault.delay_in_seconds
    while (remaining := deadline - time.monotonic()) > 0 and not job.stop_signal.requested:
        time.sleep(min(remaining, 0.05))
    if job.stop_signal.requested:
        raise JobInterruptedError
    if job.fault.failure is not None:
        raise JobFailedError(job.fault.failure)


def _create_directory(parent: Path, name: str) -> Path:
    """Create a job's directory; names are reused in other regions and after DeleteProcessingJob."""
    number = 1
    while True:
        directory = parent / (name if number == 1 else f"{name}.{number}")
        try:
            directory.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            number += 1
        else:
            return directory


def _container(job: Job, host: OptMl, hosts: Sequence[str]) -> ContainerSpec:
    program = job.program
    return ContainerSpec(
        image=program.image,
        entrypoint=program.entrypoint,
        arguments=program.arguments,
        environment=program.environment,
        opt_ml=host.path,
        host=host.path.name,
        hosts=hosts,
        network=not job.isolated,
    )


def _upload_after(failure: JobInterruptedError | JobFailedError, job: Job, outputs: Outputs) -> None:
    """Upload what is uploaded although the job has failed or was stopped."""
    if job.keeps_results_when_stopped and isinstance(failure, JobInterruptedError):
        outputs.upload(check_stop=lambda: None)
    # Continuous outputs are uploaded however the job ends.
    try:
        outputs.upload_changes()
    except JobClientError as error:
        _log.warning("Job %s: the last continuous upload failed: %s", job.name, error)


def _message(job: Job, hosts: Sequence[OptMl]) -> str | None:
    messages = [message for host in hosts if (message := host.message(job.message_file)) is not None]
    return first_kilobyte("".join(messages).encode()) if messages else None


def _with_cause(reason: str | None, message: str | None) -> str | None:
    """Return the reason of a failure with the program's own explanation in the place of the advice to read the log."""
    return reason.replace(_SEE_LOGS, message.strip(), 1) if reason and message and message.strip() else reason
