"""A processor for Spark applications in a JAR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cdk_sagemaker_processing.processors._spark_processor import SparkProcessor
from cdk_sagemaker_processing.workflow import SageMakerCreateProcessingJob
from smproc.job import InvalidValue, ProcessingInput, ProcessingOutput


class SparkJarProcessor(SparkProcessor):
    """Run a Java or Scala application in SageMaker's Spark image.

    Names, defaults and meaning are those of ``sagemaker.spark.processing.SparkJarProcessor``; the arguments are those
    of `SparkProcessor`.

    Example:
        >>> processor = SparkJarProcessor(stack, "Spark", framework_version="3.3", instance_type="ml.m5.xlarge")
        >>> step = processor.run("Count", submit_app="s3://bucket/count.jar", submit_class="com.example.Count")
    """

    def run(  # type: ignore[override]  # an application is what Spark cannot do without, as in the SDK
        self,
        run_id: str,
        *,
        submit_app: str,
        submit_class: str,
        submit_jars: Sequence[str] = (),
        submit_files: Sequence[str] = (),
        inputs: Sequence[ProcessingInput] = (),
        outputs: Sequence[ProcessingOutput] = (),
        arguments: Sequence[str] | None = None,
        configuration: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        spark_event_logs_s3_uri: str | None = None,
        result_path: str | None = None,
    ) -> SageMakerCreateProcessingJob:
        """A state that runs the application once each time it is entered.

        Args:
            run_id: unique in the processor, and the state's name.
            submit_app: the JAR: a local file, which the deployment uploads, or ``s3://bucket/key``.
            submit_class: the class whose ``main`` is run.
            submit_jars: JARs for it, local files and folders or ``s3://`` and ``s3a://`` URIs.
            submit_files: the same for ``--files``.
            inputs: with code, dependencies and configuration at most 10.
            outputs: at most 10, event logs are one of them.
            arguments: 1 to 100 words for the application, 256 characters at most each.
            configuration: a Spark configuration in EMR's form.
            spark_event_logs_s3_uri: where Spark's event logs go while the job runs. Default: nowhere.
            result_path: where the job's description goes in the state's input. Default: it replaces the input.

        Returns:
            A task state.

        Raises:
            InvalidProcessingJob: a request that the service would refuse, or a file that is not there.
        """
        if not submit_class:
            raise InvalidValue("submit_class", submit_class, "be the name of a class", "for example com.example.Main")
        return self._submit(
            run_id,
            submit_app=submit_app,
            submit_class=submit_class,
            channels={
                "jars": ("submit_jars", "--jars", submit_jars),
                "files": ("submit_files", "--files", submit_files),
            },
            inputs=inputs,
            outputs=outputs,
            arguments=arguments,
            configuration=configuration,
            spark_event_logs_s3_uri=spark_event_logs_s3_uri,
            result_path=result_path,
        )
