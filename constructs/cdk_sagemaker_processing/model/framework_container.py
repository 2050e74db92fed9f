"""The contract between a framework container and a script with its modules and requirements.

It is the SageMaker SDK's: the sources are ``sourcedir.tar.gz`` in the input ``code``; a shell script in the input
``entrypoint`` unpacks them, installs ``requirements.txt`` if there is one, and runs the script.
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from cdk_sagemaker_processing.model.errors import InvalidValueError
from cdk_sagemaker_processing.model.locations import INPUTS_DIRECTORY
from cdk_sagemaker_processing.model.tokens import is_unresolved

CODE_DIRECTORY = f"{INPUTS_DIRECTORY}/code/"
ENTRYPOINT_DIRECTORY = f"{INPUTS_DIRECTORY}/entrypoint"
SOURCES = "sourcedir.tar.gz"
SCRIPT = "runproc.sh"
# Languages that bash does not run.
_NOT_FOR_BASH: Final = {".gz", ".ipynb", ".jar", ".jl", ".py", ".pyc", ".r", ".scala", ".tar", ".whl", ".zip"}
_ARCHIVES: Final = {".gz", ".tar", ".tgz", ".whl", ".zip"}
# The reserved words and built-in commands of bash, which are not files that "exec" could run.
_SHELL_WORDS: Final = (
    "! . : [ [[ ]] alias bg bind break builtin caller case cd command compgen complete compopt continue coproc "
    "declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for function "
    "getopts hash help history if in jobs kill let local logout mapfile popd printf pushd pwd read readarray "
    "readonly return select set shift shopt source suspend test then time times trap true type typeset ulimit "
    "umask unalias unset until wait while { } "
)
REQUIREMENTS = "requirements.txt"
_REPOSITORY_ARN: Final = (
    r"arn:[^:]+:codeartifact:(?P<region>[^:]+):(?P<owner>\d{12}):repository/(?P<domain>[^/]+)/(?P<repository>[^/]+)"
)


def source_archive(members: Mapping[str, Path]) -> bytes:
    """Return the archive of the sources: the same bytes for the same content, at any time and on any machine.

    Args:
        members: the files and directories by name in the archive; names of directories end in ``/``.
    """
    import gzip  # noqa: PLC0415 - only a directory of sources needs it
    import tarfile  # noqa: PLC0415 - the same

    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(members):
            member = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
                continue
            content = members[name].read_bytes()
            member.size = len(content)
            member.mode = 0o755 if members[name].stat().st_mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def archive_uri(uri: str) -> str:
    """Return the URI of the archive of sources: as it is given, or below a prefix, which SDK 3 takes too.

    Raises:
        InvalidValueError: the archive does not have the name that the start script unpacks.
    """
    name = uri.rpartition("/")[2]
    if name == SOURCES or is_unresolved(name):
        return uri
    if PurePosixPath(name).suffix.lower() in _ARCHIVES:
        raise InvalidValueError(
            "source_dir", uri, f"end in /{SOURCES} when it is in S3", "or be the prefix of that archive"
        )
    return f"{uri.rstrip('/')}/{SOURCES}"


def check_member(parameter: str, name: str | None) -> None:
    """Check that a file of an archive in S3 is named relative to its root; None passes.

    Raises:
        InvalidValueError: it is not, or is known only later.
    """
    if name is None:
        return
    if is_unresolved(name) or not name or name.startswith("/") or "://" in name or ".." in PurePosixPath(name).parts:
        raise InvalidValueError(
            parameter, name, "be a path in source_dir", "for example scripts/start.sh, without a slash at the start"
        )


def check_shell_script(code: str, name: str) -> None:
    """Check that a script in S3 is one that bash can run: neither this library nor the SageMaker SDK starts another.

    Args:
        code: the script's URI.
        name: the script's name in the container.

    Raises:
        InvalidValueError: the name is empty, or that of a program in another language.
    """
    if not name or PurePosixPath(name).suffix.lower() in _NOT_FOR_BASH:
        raise InvalidValueError(
            "code",
            code,
            "be a shell script when it is in S3, because bash runs it, as in the SageMaker SDK",
            f"pass a local script, or source_dir='s3://.../{SOURCES}' with the script in it as code; a ScriptProcessor "
            "runs a script in S3 with its command",
        )


def check_pasted_command(command: Sequence[str]) -> None:
    """Check that an interpreter's command can be part of the start script.

    Raises:
        InvalidValueError: it contains a value that is known only later, or quotes without an end.
    """
    if is_unresolved(list(command)):
        raise InvalidValueError(
            "command", command, "be known at synth, when the start script is written", "pass the value in env"
        )
    try:
        shlex.split(" ".join(command))
    except ValueError:
        raise InvalidValueError(
            "command", command, "be valid in bash, which it is pasted into", "close each quote, or escape it"
        ) from None


def is_for_shell(command: Sequence[str]) -> bool:
    """Return whether a shell interprets characters of the command."""
    return any(word and shlex.quote(word) != word for word in command)


def start_script(
    command: Sequence[str],
    code: str,
    codeartifact_repo_arn: str | None,
    requirements: str = REQUIREMENTS,
    entry_point: str | None = None,
) -> bytes:
    """Return the shell script that the container starts; it ends at the first step that fails.

    Like the SageMaker SDK, it contains the command as it is, for bash to interpret. A plain command replaces the shell,
    so that it receives the signal of a job that is stopped.

    Args:
        command: the interpreter and its own arguments.
        code: the script, relative to the sources.
        codeartifact_repo_arn: the CodeArtifact repository to log in to first; None for pip's own index.
        requirements: the file of the requirements, relative to the sources. Default: ``requirements.txt``.
        entry_point: a script to run before, relative to the sources. Default: none.

    Raises:
        InvalidValueError: the ARN is not that of a repository.
    """
    login = "" if codeartifact_repo_arn is None else f"    {_login(codeartifact_repo_arn)}\n"
    plain = not is_for_shell(command) and command[0] not in _SHELL_WORDS.split() and "=" not in command[0]
    start = f"{'exec ' if plain else ''}{' '.join(command)} {shlex.quote(code)}"
    listed = shlex.quote(requirements)
    before = (
        "" if entry_point is None else f"chmod +x -- {shlex.quote(entry_point)}\n{shlex.quote(f'./{entry_point}')}\n"
    )
    return (
        "#!/bin/bash\n"
        "set -e\n"
        f"cd {CODE_DIRECTORY}\n"
        f"tar -xzf {SOURCES}\n"
        f"if [[ -f {listed} ]]; then\n"
        f"{login}"
        "    # A package of that name hides the standard library's own, which some requirements still bring.\n"
        "    pip uninstall --yes typing\n"
        f"    python -m pip install -r {listed}\n"
        "fi\n"
        f"{before}"
        f'{start} "$@"\n'
    ).encode()


def custom_start_script(entry_point: bytes, command: Sequence[str], code: str) -> bytes:
    """Return the user's start script, which unpacks the sources itself, followed by the call of the script.

    As in SDK 3, bash runs it, nothing precedes it, and the shell remains: its traps run at the end of the job.

    Args:
        entry_point: the user's script.
        command: the interpreter and its own arguments.
        code: the script, relative to the sources.
    """
    return entry_point.rstrip(b"\n") + f'\n\n{" ".join(command)} {shlex.quote(code)} "$@"\n'.encode()


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
    matched = re.fullmatch(_REPOSITORY_ARN, arn)
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
