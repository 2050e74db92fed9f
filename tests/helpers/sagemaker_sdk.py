"""The SageMaker SDKs, each of which runs in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.helpers.stacks import ROOT

SDK_PYTHON = ROOT / ".tools" / "sagemaker" / "bin" / "python"
SDK_3_PYTHON = ROOT / ".tools" / "sagemaker3" / "bin" / "python"


def answer_of_sdk(script: Path, *arguments: str, question: Any = None, python: Path = SDK_PYTHON) -> Any:  # noqa: ANN401
    """Return the JSON in the last line that a script prints, run with an SDK.

    Args:
        script: the script.
        arguments: its arguments.
        question: the JSON of its standard input. Default: null.
        python: the interpreter with the SDK. Default: that of SDK 2.
    """
    process = subprocess.run(
        [python, script, *arguments],
        # Otherwise each client asks the address of an instance's metadata for credentials.
        env=os.environ | {"AWS_EC2_METADATA_DISABLED": "true"},
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.strip().rpartition("\n")[2])


def in_current_directory(calls: Any) -> Any:  # noqa: ANN401 - JSON both ways
    """Return calls with the working directory in place of ``{cwd}``."""
    return json.loads(json.dumps(calls).replace("{cwd}", str(Path.cwd())))
