"""The files of a new project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from smproc.projects.errors import ProjectExistsError


def check_empty(directory: Path) -> None:
    """Check that a new project can have a directory.

    Raises:
        ProjectExistsError: the directory is not empty, or is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise ProjectExistsError(f"{directory} is a file; name a directory that is empty or does not exist yet")
    # A repository without a commit is a good place for a project.
    if directory.is_dir() and any(entry.name != ".git" for entry in directory.iterdir()):
        raise ProjectExistsError(f"{directory} is not empty; name a directory that is empty or does not exist yet")


def write_project(directory: Path, files: Mapping[str, str | bytes]) -> list[Path]:
    """Write a project: the files, and those that every CDK app has unless they are among them.

    Args:
        directory: the project's directory, which is created if it does not exist.
        files: the contents by the path in the directory.

    Returns:
        The paths of the files, sorted.

    Raises:
        ProjectExistsError: the directory is not empty.
    """
    check_empty(directory)
    all_files = {**_COMMON, **files}
    for name, content in all_files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return sorted(directory / name for name in all_files)


_CDK_JSON = {
    "app": "python3 app.py",
    "context": {"@aws-cdk/aws-iam:minimizePolicies": True, "@aws-cdk/core:checkSecretUsage": True},
}
_COMMON: Mapping[str, str] = {
    "cdk.json": json.dumps(_CDK_JSON, indent=2) + "\n",
    "requirements.txt": "aws-cdk-lib>=2.269,<3\ncdk-sagemaker-processing>=0.1,<1\n",
    ".gitignore": ".venv/\n__pycache__/\ncdk.out/\n",
}
