"""A program that runs a job as a notebook does, on a local AWS; it needs the SageMaker SDK.

The job's log, which the SDK prints as it arrives, goes to standard output; the last line is JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from sagemaker.processing import ProcessingInput, ProcessingJob, ProcessingOutput
from sagemaker.session import Session
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.spark.processing import PySparkProcessor

ROLE = "arn:aws:iam::000000000000:role/processing"
OUTPUT = "/opt/ml/processing/output"
RESOURCES = {"role": ROLE, "instance_type": "ml.m5.xlarge"}


def summary(job: ProcessingJob) -> dict[str, Any]:
    """Return what the SDK reports about a job that has ended."""
    described = job.describe()
    return {
        "name": job.job_name,
        "status": described["ProcessingJobStatus"],
        "reason": described.get("FailureReason"),
        "message": described.get("ExitMessage"),
        "outputs": {output.output_name: output.destination for output in job.outputs},
    }


def run_sklearn(session: Session, directory: Path, script: str, **how: Any) -> ProcessingJob:
    """Run a script on a table, both local files that the SDK uploads."""
    processor = SKLearnProcessor(
        framework_version="1.2-1", instance_count=2, base_job_name="wine", sagemaker_session=session, **RESOURCES
    )
    table = ProcessingInput(
        source=str(directory / "tables"),
        destination="/opt/ml/processing/input/tables",
        s3_data_distribution_type="ShardedByS3Key",
    )
    processor.run(
        code=str(directory / script),
        inputs=[table],
        outputs=[ProcessingOutput(output_name="counts", source=OUTPUT)],
        arguments=["--factor", "2"],
        **how,
    )
    return processor.latest_job


def run_pyspark(session: Session, directory: Path) -> ProcessingJob:
    """Run an application with its own module, a Spark configuration and event logs."""
    processor = PySparkProcessor(
        framework_version="3.5", instance_count=2, base_job_name="words", sagemaker_session=session, **RESOURCES
    )
    table = ProcessingInput(source=str(directory / "tables"), destination="/opt/ml/processing/input/tables")
    processor.run(
        submit_app=str(directory / "count_words.py"),
        submit_py_files=[str(directory / "words.py")],
        arguments=["file:///opt/ml/processing/input/tables", f"file://{OUTPUT}/counts"],
        inputs=[table],
        outputs=[ProcessingOutput(output_name="counts", source=OUTPUT)],
        configuration=[{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "2"}}],
        spark_event_logs_s3_uri=f"s3://{session.default_bucket()}/events",
        logs=True,
    )
    return processor.latest_job


_sleep = time.sleep
# Between two polls of a job the SDK waits for up to ten seconds.
time.sleep = lambda seconds: _sleep(min(float(seconds), 0.5))


def main(job_kind: str, directory: Path) -> None:
    """Run one job and print its summary."""
    session = Session()
    match job_kind:
        case "sklearn":
            answer = summary(run_sklearn(session, directory, "count_rows.py", logs=True))
        case "failing":
            try:
                run_sklearn(session, directory, "fail.py", logs=True)
            except Exception as error:  # noqa: BLE001 - the test asserts the error
                answer = {"raised": type(error).__name__, "message": str(error)}
        case "stopped":
            job = run_sklearn(session, directory, "sleep.py", wait=False, logs=False)
            job.stop()
            job.wait(logs=False)
            answer = summary(job)
        case "attached":
            first = run_sklearn(session, directory, "count_rows.py", wait=False, logs=False)
            job = ProcessingJob.from_processing_name(session, first.job_name)
            job.wait(logs=False)
            answer = summary(job) | {"inputs": [one.input_name for one in job.inputs]}
        case "pyspark":
            answer = summary(run_pyspark(session, directory))
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
