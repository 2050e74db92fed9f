"""Run by a Python that has the SageMaker SDK: jobs as a notebook runs them, with the session pointed at a local AWS.

What the SDK prints of a job, its log as it comes, goes to standard output; the last line is JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from sagemaker.processing import ProcessingInput, ProcessingJob, ProcessingOutput
from sagemaker.session import Session
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.spark.processing import PySparkProcessor

ROLE = "arn:aws:iam::000000000000:role/processing"
OUTPUT = "/opt/ml/processing/output"
ONE = {"role": ROLE, "instance_type": "ml.m5.xlarge"}


def told(job: ProcessingJob) -> dict[str, Any]:
    """What the SDK says of a job that has ended."""
    described = job.describe()
    return {
        "name": job.job_name,
        "status": described["ProcessingJobStatus"],
        "reason": described.get("FailureReason"),
        "message": described.get("ExitMessage"),
        "outputs": {output.output_name: output.destination for output in job.outputs},
    }


def run_sklearn(session: Session, folder: Path, script: str, **how: Any) -> ProcessingJob:
    """A script over a table; both are local files, which the SDK uploads."""
    processor = SKLearnProcessor(
        framework_version="1.2-1", instance_count=2, base_job_name="wine", sagemaker_session=session, **ONE
    )
    table = ProcessingInput(
        source=str(folder / "tables"),
        destination="/opt/ml/processing/input/tables",
        s3_data_distribution_type="ShardedByS3Key",
    )
    processor.run(
        code=str(folder / script),
        inputs=[table],
        outputs=[ProcessingOutput(output_name="counts", source=OUTPUT)],
        arguments=["--factor", "2"],
        **how,
    )
    return processor.latest_job


def run_pyspark(session: Session, folder: Path) -> ProcessingJob:
    """An application with a module of its own, Spark's configuration and event logs."""
    processor = PySparkProcessor(
        framework_version="3.5", instance_count=2, base_job_name="words", sagemaker_session=session, **ONE
    )
    table = ProcessingInput(source=str(folder / "tables"), destination="/opt/ml/processing/input/tables")
    processor.run(
        submit_app=str(folder / "count_words.py"),
        submit_py_files=[str(folder / "words.py")],
        arguments=["file:///opt/ml/processing/input/tables", f"file://{OUTPUT}/counts"],
        inputs=[table],
        outputs=[ProcessingOutput(output_name="counts", source=OUTPUT)],
        configuration=[{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "2"}}],
        spark_event_logs_s3_uri=f"s3://{session.default_bucket()}/events",
        logs=True,
    )
    return processor.latest_job


def main(what: str, folder: Path) -> None:
    """Run the job that is asked for."""
    # For its default bucket the SDK asks STS at an address that it writes itself, that of AWS.
    session = Session(boto3.Session(region_name="us-east-1"), default_bucket="notebook")
    match what:
        case "sklearn":
            answer = told(run_sklearn(session, folder, "count_rows.py", logs=True))
        case "failing":
            try:
                run_sklearn(session, folder, "fail.py", logs=True)
            except Exception as error:  # noqa: BLE001 - what the SDK raises is the question
                answer = {"raised": type(error).__name__, "words": str(error)}
        case "stopped":
            job = run_sklearn(session, folder, "sleep.py", wait=False, logs=False)
            job.stop()
            job.wait(logs=False)
            answer = told(job)
        case "attached":
            first = run_sklearn(session, folder, "count_rows.py", wait=False, logs=False)
            job = ProcessingJob.from_processing_name(session, first.job_name)
            job.wait(logs=False)
            answer = told(job) | {"inputs": [one.input_name for one in job.inputs]}
        case "pyspark":
            answer = told(run_pyspark(session, folder))
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
