"""The commands and the Python interface that operate a deployed pipeline: verified on the local AWS."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.deployment import Deployment
from tests.helpers.stacks import ROOT
from tests.helpers.waiting import until

pytestmark = pytest.mark.exhaustive

STACK, NAME = "Obedient", "Obedient/Pipeline"
PAGE = ROOT / "docs" / "python-operations.md"
OPERATING = ROOT / "docs" / "operating.md"


@pytest.fixture(scope="module")
def runs(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The deployment after an upload to the second pipeline that failed, and one that succeeded."""
    folder = tmp_path_factory.mktemp("operations")
    (folder / "bad.txt").write_text("exit 3 \x1b[2J")
    (folder / "good.csv").write_text("a,b\n1,\x1b[2J\n")
    assert deployment.run(folder / "bad.txt", STACK).returncode == 1
    ran = deployment.run(folder / "good.csv", STACK)
    assert ran.returncode == 0, ran.stdout
    assert "good.csv  1 row x 2 columns" in ran.stdout
    return deployment


def smproc(deployment: Deployment, *arguments: str, status: int = 0) -> str:
    ran = deployment.smproc(*arguments, "--local", str(deployment.port))
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert re.search(r"[^\n -~]", ran.stdout + ran.stderr) is None
    return ran.stdout if status == 0 else ran.stderr


def listed(deployment: Deployment, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(smproc(deployment, *arguments, "--pipeline", NAME, "--json"))


def test_an_execution_is_listed_shown_and_redriven_from_the_failed_step(runs: Deployment) -> None:
    good, bad = listed(runs, "executions", "list", "--limit", "2")
    assert (good["status"], bad["status"]) == ("SUCCEEDED", "FAILED")
    assert listed(runs, "executions", "list", "--status", "failed")[0]["name"] == bad["name"]

    shown = smproc(runs, "executions", "show", bad["name"][:12], "--pipeline", NAME)
    for text in ("FAILED", "States.TaskFailed", "told to fail \\x1b[2J", "redrive    possible", "/bad.txt"):
        assert text in shown
    refused = smproc(runs, "executions", "redrive", good["arn"], status=1)
    assert "is SUCCEEDED; only one that failed, timed out or was stopped can be redriven" in refused

    assert "goes on from the step that failed" in smproc(runs, "executions", "redrive", bad["arn"])
    until(lambda: listed(runs, "executions", "show", bad["arn"])["status"] != "RUNNING")
    again = listed(runs, "executions", "show", bad["arn"])
    assert again["redrives"] == 1
    assert [job["status"] for job in again["jobs"]] == ["Failed", "Failed"]
    assert "had ended already" in smproc(runs, "executions", "stop", bad["arn"])


def test_a_job_is_shown_and_its_log_read(runs: Deployment) -> None:
    jobs = listed(runs, "jobs", "list")
    failed = next(job for job in jobs if job["status"] == "Failed")
    completed = next(job for job in jobs if job["status"] == "Completed")
    shown = smproc(runs, "jobs", "show", failed["name"])
    for text in ("told to fail \\x1b[2J", "1 x ml.m5.large", "about USD 0.", "/opt/ml/processing/done -> s3://"):
        assert text in shown
    assert smproc(runs, "jobs", "logs", failed["name"], "--tail", "2") == "line 28\nline 29\n"
    followed = smproc(runs, "jobs", "logs", failed["name"], "--follow").splitlines()
    assert followed[-30:] == [f"line {number}" for number in range(30)]
    assert smproc(runs, "jobs", "wait", completed["name"]) == ""
    assert "told to fail" in smproc(runs, "jobs", "wait", failed["name"], status=1)
    assert "there is no processing job 'absent'" in smproc(runs, "jobs", "logs", "absent", status=1)
    assert "had ended already" in smproc(runs, "jobs", "stop", failed["name"])


def test_the_logs_of_all_jobs_are_one_and_end_with_ctrl_c_or_the_pipe(runs: Deployment) -> None:
    arguments = ["logs", "--pipeline", NAME, "--local", str(runs.port)]
    lines = smproc(runs, "logs", "--pipeline", NAME).splitlines()
    assert sum(line.endswith("Obey algo-1 | line 29") for line in lines) >= 1
    command = [sys.executable, "-m", "smproc.cli", *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # What a shell starts in the background, and its children, ignore Ctrl-C.
    interruptible = ["env", "--default-signal=INT", *command, "--follow"]
    with subprocess.Popen(interruptible, env=runs.environment, cwd=ROOT, **pipes) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error.strip()) == (130, "smproc: interrupted; whatever runs in the pipeline continues")
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(command, env=runs.environment, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_the_outputs_are_listed_downloaded_and_looked_at(runs: Deployment, tmp_path: Path) -> None:
    found = listed(runs, "outputs", "list")
    (file,) = found["files"]
    assert (found["count"], file["output_name"], file["path"]) == (1, "done", "good.csv")
    upload = f"{runs.outputs(STACK)['UploadTo']}good.csv"
    assert json.loads(smproc(runs, "outputs", "list", upload, "--json"))["files"] == [file]
    failed = listed(runs, "executions", "list", "--status", "FAILED", "--limit", "1")[0]
    empty = smproc(runs, "outputs", "list", "--execution", failed["arn"])
    assert "which is FAILED, wrote no files" in empty
    assert "Obey (Failed) wrote nothing to its output done: s3://" in empty

    smproc(runs, "outputs", "get", str(tmp_path), "--pipeline", NAME)
    assert (tmp_path / "Obey" / "done" / "good.csv").read_text() == "a,b\n1,\x1b[2J\n"
    assert "it exists already" in smproc(runs, "outputs", "get", str(tmp_path), "--pipeline", NAME, status=1)
    shown = smproc(runs, "outputs", "show", file["uri"])
    assert "1 row x 2 columns" in shown
    assert "\\x1b[2J" in shown


def test_the_cost_is_that_of_the_jobs(runs: Deployment) -> None:
    jobs = listed(runs, "jobs", "list", "--limit", "1000")
    cost = listed(runs, "cost", "--since", "1d")
    assert cost["usd"] == pytest.approx(sum(job["usd"] for job in jobs))
    assert (cost["jobs"], set(cost["by_step"])) == (len(jobs), {"Obey"})
    assert "not in it: storage volumes" in smproc(runs, "cost", "--pipeline", NAME)


def test_the_examples_of_the_python_page_run(runs: Deployment, tmp_path: Path) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(examples) == 6
    examples += re.findall(r"^```python\n(.*?)^```", OPERATING.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    source = "\n".join(examples)
    assert "ProcessingDemo/Pipeline" in source
    (tmp_path / "notebook.py").write_text(source.replace("ProcessingDemo/Pipeline", NAME))
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "constructs")))
    ran = subprocess.run(
        [sys.executable, "-W", "error", "notebook.py"],
        env=runs.environment | {"PYTHONPATH": paths},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "results" / "Obey" / "done" / "good.csv").exists()
    assert "USD 0.0" in ran.stdout
    assert '"states:GetExecutionHistory"' in ran.stdout  # of the policy
