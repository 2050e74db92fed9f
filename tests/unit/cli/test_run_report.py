"""The outputs and the failure in the report of a run: capped, said, and with a command that can be pasted."""

from __future__ import annotations

import re
import shlex
from io import StringIO
from typing import Any

from smproc import operations
from smproc.cli.report import RunReport
from tests.helpers.answers import NOW, Bucket, cluster, execution, session_of

UPLOAD = operations.Upload(bucket="b", key="k", size=1, at=0, returned=0, monotonic=0)


def job(status: str = "Completed", **outputs: str) -> operations.Job:
    listed = [{"OutputName": name, "S3Output": {"S3Uri": uri}} for name, uri in outputs.items()]
    described: Any = {
        **cluster(),
        "ProcessingStartTime": NOW,
        "ProcessingEndTime": NOW,
        "ProcessingOutputConfig": {"Outputs": listed},
    }
    return operations.Job(name="split-" + "1f0c2f3a" * 7, status=status, description=described)


def report_of(status: str, bucket: Bucket, one: operations.Job) -> str:
    stream = StringIO()
    described: Any = execution("e", status)
    run = operations.Run(upload=UPLOAD, execution=described, jobs=(one,))
    RunReport(stream, UPLOAD, pipeline="My Stack/P", local_port=4999).finish(session_of(bucket), run)
    return stream.getvalue()


def test_many_and_nested_outputs_are_capped_and_few_are_read() -> None:
    bucket = Bucket({f"out/all/{number // 7}/{number:03}.csv": b"a\n1\n" for number in range(120)})
    shown = report_of("SUCCEEDED", bucket, job(all="s3://b/out/all", none="s3://b/out/none"))
    assert shown.count("s3://b/out/all/") == 10
    assert shown.count("1 row x 1 column") == 2
    assert bucket.read == 2 * 4
    more = "110 more files: smproc outputs list --execution e --pipeline 'My Stack/P' --local 4999"
    assert more in shown
    assert "none  nothing was written to s3://b/out/none/" in shown


def test_the_command_for_the_whole_log_can_be_pasted() -> None:
    failed = job("Failed")
    shown = report_of("FAILED", Bucket({}), failed)
    (line,) = re.findall(r"^the whole log: (.*)$", shown, re.MULTILINE)
    assert shlex.split(line) == ["smproc", "jobs", "logs", failed.name, "--local", "4999"]
