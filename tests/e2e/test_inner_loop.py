"""An edited script in a deployed stack: swapped in by `smproc local watch`, and run by the next upload."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from smproc.assemblies import CdkApp
from smproc.hotswaps import deployed_machines
from smproc.operations import PipelineNotFoundError
from smproc.testing import DeployedStack, Deployer, LocalAws, Uploader
from tests.helpers.projects import edited, make_project, wait_for

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with a table."""
    directory = make_project(tmp_path_factory.mktemp("project"))
    load_wine(as_frame=True).frame.to_csv(directory / "wine.csv", index=False)
    return directory


@pytest.fixture(scope="module")
def stack(local_aws: LocalAws, project: Path, tmp_path_factory: pytest.TempPathFactory) -> DeployedStack:
    """The app, deployed without the CDK CLI."""
    return Deployer(lambda: local_aws, project, tmp_path_factory.mktemp("assemblies"))("Features", cli=False)


def test_an_upload_to_a_deployed_stack_is_five_lines(
    stack: DeployedStack, uploaded: Uploader, project: Path, tmp_path: Path
) -> None:
    result = uploaded(stack, project / "wine.csv")

    assert stack.deployed_by == "cloudformation"
    assert result.job.status == "Completed"
    assert len(result.outputs.table("train.csv")) == 142
    assert "178 rows, 14 columns" in result.log

    (tmp_path / "short.csv").write_text("a,b\n1,2\n")
    with pytest.raises(AssertionError, match=r"the execution for short\.csv ended as FAILED: 1 row") as raised:
        uploaded(stack, tmp_path / "short.csv")
    assert "  reading 1 file(s): short.csv" in str(raised.value)


def test_a_saved_script_is_swapped_in_and_the_file_uploaded_again(
    stack: DeployedStack, local_aws: LocalAws, project: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    environment = local_aws.redirect(os.environ) | {"SMPROC_HOME": str(local_aws.status().folder.parent)}
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "smproc", "local", "watch", "wine.csv", "--port", str(local_aws.port)],
            cwd=project,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
            # A shell makes its background jobs ignore SIGINT, and pytest may be one of them.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads
        )
    try:
        wait_for(lambda text: text.count("execution SUCCEEDED") and "waiting for" in text, process, log)
        with edited(project, "random_state=0", "random_state=1"):
            wait_for(lambda text: text.count("waiting for the next") == 2, process, log)
            shown = log.read_text().partition("saved preprocess.py\n")[2]
            assert shown.startswith("swapped Split of Features/Pipeline in ")
            assert "142 rows x 14 columns" in shown
            # A deployment of the same script would name the same files.
            (local,) = CdkApp.find(directory=project).synthesize().local_files
            (machine,) = deployed_machines(stack.session, CdkApp.find(directory=project).assembly())
            described = stack.session.client("stepfunctions").describe_state_machine(stateMachineArn=machine.arn)
            assert local.prefix in described["definition"]
            assert machine.swap() is None
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, log.read_text()


def test_an_app_that_is_not_deployed_is_named(local_aws: LocalAws, stack: DeployedStack, project: Path) -> None:
    assert stack.name == "Features"
    assembly = CdkApp.find(directory=project).assembly()
    manifest = json.loads(assembly.manifest.read_text())
    manifest["artifacts"]["Features"]["properties"]["stackName"] = "Elsewhere"
    assembly.manifest.write_text(json.dumps(manifest))

    with pytest.raises(PipelineNotFoundError, match=r"no stack of the app is deployed here \(Elsewhere\); deploy one"):
        deployed_machines(local_aws.session(), CdkApp.find(str(assembly.path), directory=project).assembly())
