"""The SageMaker SDK, which runs in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.helpers.stacks import ROOT

SDK_PYTHON = ROOT / ".tools" / "sagemaker" / "bin" / "python"


def answer_of_sdk(script: Path, *arguments: str, question: Any = None) -> Any:  # noqa: ANN401 - JSON both ways
    """Return the JSON in the last line that a script prints, run with the SDK.

    Args:
        script: the script.
        arguments: its arguments.
        question: the JSON of its standard input. Default: null.
    """
    process = subprocess.run(
        [SDK_PYTHON, script, *arguments],
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
