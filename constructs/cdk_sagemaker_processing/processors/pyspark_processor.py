"""A processor for PySpark applications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Unpack

from aws_cdk import aws_kms as kms

from cdk_sagemaker_processing.model import ExperimentConfig, ProcessingInput, ProcessingOutput
from cdk_sagemaker_processing.processors.spark_base import SparkProcessor
from cdk_sagemaker_processing.public_api import public
from cdk_sagemaker_processing.tasks import SageMakerCreateProcessingJob, StateOptions


@public
class PySparkProcessor(SparkProcessor):
    """A processor that runs a PySpark application in SageMaker's Spark image.

    Names, defaults and meanings are those of ``sagemaker.spark.processing.PySparkProcessor``; the arguments are those
    of `SparkProcessor`.

    Example:
        >>> processor = PySparkProcessor(stack, "Spark", framework_version="3.3", instance_type="ml.m5.xlarge")
        >>> step = processor.run("Count", submit_app="count.py", submit_py_files=["helpers.py"])
    """

    def run(  # type: ignore[override]  # an application is required, as in the SDK
        self,
        run_id: str,
        *,
        submit_app: str | PathLike[str],
        submit_py_files: Sequence[str | PathLike[str]] | None = None,
        submit_jars: Sequence[str | PathLike[str]] | None = None,
        submit_files: Sequence[str | PathLike[str]] | None = None,
        inputs: Sequence[ProcessingInput] | None = None,
        outputs: Sequence[ProcessingOutput] | None = None,
        arguments: Sequence[str] | None = None,
        job_name: str | None = None,
        experiment_config: ExperimentConfig | Mapping[str, str] | None = None,
        configuration: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        spark_event_logs_s3_uri: str | None = None,
        kms_key: kms.IKey | str | None = None,
        **state: Unpack[StateOptions],
    ) -> SageMakerCreateProcessingJob:
        """Return a state that runs the application once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            submit_app: the application: a local file, which the deployment uploads, or ``s3://bucket/key``.
                API: the input ``code``.
            submit_py_files: Python modules, as local files or ``s3://`` and ``s3a://`` URIs; the URIs have at most 256
                characters in all. Default: none. API: ``--py-files`` in ``AppSpecification.ContainerEntrypoint``, and
                the input ``py-files``.
            submit_jars: JARs, with the same limit. Default: none. API: ``--jars`` and the input ``jars``.
            submit_files: other files, with the same limit. Default: none. API: ``--files`` and the input ``files``.
            inputs: at most 10, including those for code, dependencies and configuration. The deployment uploads sources
                that are local files or directories. Default: none. API: ``ProcessingInputs``.
            outputs: at most 10, including one for event logs. Default: none. API: ``ProcessingOutputConfig.Outputs``.
            arguments: 1 to 100 arguments of the application, of at most 256 characters each. Default: none. API:
                ``AppSpecification.ContainerArguments``.
            job_name: the job's full name, part of which must be known only at run time. Default: ``base_job_name``, a
                hyphen and a new UUID for each attempt. API: ``ProcessingJobName``.
            experiment_config: the experiment that the job belongs to. Default: none. API: ``ExperimentConfig``.
            configuration: a Spark configuration in EMR's form: one object, or a list of them. Default: none. API: the
                input ``conf``.
            spark_event_logs_s3_uri: ``s3://bucket/prefix``, the location for Spark's event logs, which are uploaded
                while the job runs. Default: none, no logs are written. API: an output with ``S3UploadMode``
                ``Continuous``.
            kms_key: encrypts the files that the deployment uploads for the job: a key or its ARN. Default: the bucket's
                own encryption.
            **state: options of the state; see `SageMakerCreateProcessingJob`, from ``integration_pattern`` on.

        Returns:
            A task state, for any Standard state machine: chain it, retry it, catch its errors.

        Raises:
            InvalidProcessingJobError: a request that the service would refuse, or a file that does not exist.
        """
        return self._submit(
            run_id,
            submit_app=submit_app,
            submit_class=None,
            channels={
                "py-files": ("submit_py_files", "--py-files", submit_py_files),
                "jars": ("submit_jars", "--jars", submit_jars),
                "files": ("submit_files", "--files", submit_files),
            },
            inputs=inputs,
            outputs=outputs,
            arguments=arguments,
            configuration=configuration,
            spark_event_logs_s3_uri=spark_event_logs_s3_uri,
            kms_key=kms_key,
            job_name=job_name,
            experiment_config=experiment_config,
            **state,
        )
