"""The contract between a framework container and a script with its modules and requirements.

It is the SageMaker SDK's: the sources are ``sourcedir.tar.gz`` in the input ``code``; a shell script in the input
``entrypoint`` unpacks them, installs ``requirements.txt`` if there is one, and runs the script.
"""

from __future__ import annotations

import gzip
import io
import re
import shlex
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.locations import INPUTS_DIRECTORY

CODE_DIRECTORY = f"{INPUTS_DIRECTORY}/code/"
ENTRYPOINT_DIRECTORY = f"{INPUTS_DIRECTORY}/entrypoint"
SOURCES = "sourcedir.tar.gz"
SCRIPT = "runproc.sh"
REQUIREMENTS = "requirements.txt"
_REPOSITORY_ARN = re.compile(
    r"arn:[^:]+:codeartifact:(?P<region>[^:]+):(?P<owner>\d{12}):repository/(?P<domain>[^/]+)/(?P<repository>[^/]+)"
)


def source_archive(files: Mapping[str, Path]) -> bytes:
    """Return the archive of the sources: the same bytes for the same content, at any time and on any machine.

    Args:
        files: the files by name in the archive.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            content = files[name].read_bytes()
            member.size = len(content)
            member.mode = 0o755 if files[name].stat().st_mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def start_script(command: Sequence[str], code: str, codeartifact_repo_arn: str | None) -> bytes:
    """Return the shell script that the container starts; it ends at the first step that fails.

    Args:
        command: the interpreter and its own arguments.
        code: the script, relative to the sources.
        codeartifact_repo_arn: the CodeArtifact repository to log in to first; None for pip's own index.

    Raises:
        InvalidValueError: the ARN is not that of a repository.
    """
    login = "" if codeartifact_repo_arn is None else f"    {_login(codeartifact_repo_arn)}\n"
    start = " ".join(shlex.quote(argument) for argument in [*command, code])
    return (
        "#!/bin/bash\n"
        "set -e\n"
        f"cd {CODE_DIRECTORY}\n"
        f"tar -xzf {SOURCES}\n"
        "if [[ -f requirements.txt ]]; then\n"
        f"{login}"
        "    # A package of that name hides the standard library's own, which some requirements still bring.\n"
        "    pip uninstall --yes typing\n"
        "    python -m pip install -r requirements.txt\n"
        "fi\n"
        f'exec {start} "$@"\n'
    ).encode()


def packages_of_an_index(requirements: str) -> list[str]:
    """Return the requirements that pip downloads: not local paths, and none at all with ``--no-index``.

    See: https://pip.pypa.io/en/stable/reference/requirements-file-format/
    """
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in requirements.replace("\\\n", " ").splitlines()]
    if any(line.startswith("--no-index") for line in lines):
        return []
    return [line for line in lines if line and not line.startswith(("-", ".", "/", "file:"))]


def repository_parts(arn: str) -> Mapping[str, str]:
    """Return the region, owner, domain and name of a CodeArtifact repository."""
    matched = _REPOSITORY_ARN.fullmatch(arn)
    if matched is None:
        raise InvalidValueError(
            "codeartifact_repo_arn",
            arn,
            "be the ARN of a repository",
            "for example arn:aws:codeartifact:eu-west-1:111122223333:repository/domain/repository",
        )
    return matched.groupdict()


def _login(arn: str) -> str:
    parts = {name: shlex.quote(value) for name, value in repository_parts(arn).items()}
    return (
        "aws codeartifact login --tool pip --domain {domain} --domain-owner {owner} --repository {repository} "
        "--region {region}"
    ).format(**parts)
