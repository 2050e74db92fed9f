"""Script mode: the script that the hyperparameters name runs with the variables and arguments of a training job."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tarfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .environment import CODE, OPT_ML, arguments, hyperparameters, of_script, variables

_FAILURE = OPT_ML / "output" / "failure"


class TrainError(Exception):
    """A job that cannot start its script; the message is the reason."""


def main() -> int:
    """Run the script and return its exit code."""
    parameters = hyperparameters()
    scripts = of_script(parameters)
    own = {name: value for name, value in parameters.items() if name not in scripts}
    try:
        program = _prepare(own)
    except TrainError as error:
        return _fail(str(error))
    except Exception as error:  # noqa: BLE001 - any error of S3 or of the archive is the reason of the failure
        traceback.print_exc()
        return _fail(f"{type(error).__name__}: {error}")
    command = [*_interpreter(program), program, *arguments(scripts)]
    environment = {**os.environ, **variables(program, own, scripts)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(CODE), os.environ.get("PYTHONPATH"))))
    _log(f"Invoking script with the following command:\n\n{shlex.join(command)}\n")
    process = subprocess.Popen(command, cwd=CODE, env=environment)
    _forward_signals(process)
    code = process.wait()
    if code != 0 and not _FAILURE.exists():
        _write_failure(f'ExecuteUserScriptError:\nExitCode {code}\nCommand "{shlex.join(command)}"')
    return code if code >= 0 else 128 - code


def _prepare(own: Mapping[str, Any]) -> str:
    """Bring the script and what it needs to its directory, and return its path there."""
    program = _program(own)
    _fetch_code(own.get("sagemaker_submit_directory"))
    if not (CODE / program).is_file():
        raise TrainError(f"The script {program} is not in the source directory")
    _install_requirements(own.get("sagemaker_requirements", "requirements.txt"))
    return program


def _program(own: Mapping[str, Any]) -> str:
    program = own.get("sagemaker_program")
    if not program:
        program = os.environ.get("SAGEMAKER_PROGRAM")
    if not program:
        raise TrainError(
            "The job names no script: the hyperparameter sagemaker_program, which the SageMaker SDK sets from "
            "entry_point, is missing"
        )
    return str(program)


def _fetch_code(source: object) -> None:
    CODE.mkdir(parents=True, exist_ok=True)
    if not source:
        return
    address = urlsplit(str(source))
    if address.scheme != "s3":
        if not Path(str(source)).is_dir():
            raise TrainError(f"sagemaker_submit_directory must be an S3 URI or a directory of the image, got {source}")
        for item in Path(str(source)).iterdir():
            if not (CODE / item.name).exists():
                (CODE / item.name).symlink_to(item)
        return
    import boto3  # noqa: PLC0415 - not every substitute for an image has it

    archive = OPT_ML / "code.tar.gz"
    boto3.client("s3").download_file(address.netloc, address.path.lstrip("/"), str(archive))
    with tarfile.open(archive) as content:
        content.extractall(CODE, filter="data")
    archive.unlink()


def _install_requirements(name: object) -> None:
    file = CODE / str(name)
    if file.is_file():
        command = [sys.executable, "-m", "pip", "install", "-r", str(file)]
        if subprocess.run(command, cwd=CODE, check=False).returncode != 0:
            raise TrainError(f"InstallRequirementsError: {' '.join(command)} failed; the log says why")


def _interpreter(program: str) -> list[str]:
    return ["/bin/sh"] if program.endswith(".sh") else [sys.executable]


def _forward_signals(process: subprocess.Popen[bytes]) -> None:
    signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))


def _fail(reason: str) -> int:
    _log(f"[local AWS] {reason}")
    _write_failure(reason)
    return 1


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _write_failure(text: str) -> None:
    _FAILURE.parent.mkdir(parents=True, exist_ok=True)
    _FAILURE.write_text(text, encoding="utf-8")
