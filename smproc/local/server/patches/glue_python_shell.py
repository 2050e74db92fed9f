"""Glue: Python shell jobs run with their arguments and their role; other jobs are refused, and none only seems to run.

AWS: a Python shell job runs its script with the job's arguments on the command line and its role's permissions; a run
whose script does not exist fails. A time-out is in minutes.
See: https://docs.aws.amazon.com/glue/latest/dg/add-job-python.html
See: https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html

ministack 1.5.33: `ministack.services.glue._start_job_run` reports the success of a Spark job without Docker, of a Ray
job, and of one whose script `_resolve_script` does not find. `_execute_subprocess` runs another one with its arguments
in the environment alone, the credentials of the account's root user, and a time-out in seconds.

Removable when: `_start_job_run` refuses what it does not run, and `_execute_subprocess` has the arguments and the role
of the job (not so in 1.5.33).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from smproc.local.server.patches.hosting import request_account, request_region, role_session
from smproc.local.server.patches.registry import Names, Wrappers, service, takes
from smproc.local.server.refusals import Answer, refusal

NAMES: Names = {
    "ministack.services.glue": {
        "_execute_subprocess": takes("run", "job", "args", "resolved"),
        "_jobs": lambda value: callable(value.get),
        "_resolve_script": takes("script_location"),
        "_start_job_run": takes("data"),
    }
}

_PYTHON_SHELL: Final = "pythonshell"
_STATUS: Final = 501
_SECONDS_PER_MINUTE: Final = 60
_log = logging.getLogger("smproc.not_implemented")


def _start_job_run(original: Callable[..., Answer], data: Mapping[str, Any]) -> Answer:
    job = service("glue")._jobs.get(data.get("JobName"))
    command = (job or {}).get("Command", {}).get("Name", "")
    if job is None or command == _PYTHON_SHELL:
        return original(data)
    message = f"The local AWS does not implement glue:StartJobRun of {command} jobs: only {_PYTHON_SHELL} jobs run here"
    _log.warning("%s", message)
    return refusal("glue", {}, _STATUS, "NotImplemented", message)


def _resolve_script(original: Callable[[str], str | None], script_location: str) -> str:
    found = original(script_location)
    if found is not None and found.endswith(".py"):
        return found
    return _written(f'raise SystemExit("The script " + {script_location!r} + " does not exist, or is no .py file")\n')


def _execute_subprocess(
    original: Callable[..., None], run: dict[str, Any], job: Mapping[str, Any], args: Mapping[str, Any], resolved: str
) -> None:
    arguments = [str(part) for pair in args.items() for part in pair]
    # ministack adds the arguments to the environment, and this is the only way in.
    key, secret, token = role_session(_role_arn(job["Role"]), "GlueJobRunnerSession")
    region = request_region()
    environment = {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    launcher = _written(
        f"import runpy, sys\nsys.argv = {[resolved, *arguments]!r}\nrunpy.run_path({resolved!r}, run_name='__main__')\n"
    )
    in_seconds = {**job, "Timeout": job["Timeout"] * _SECONDS_PER_MINUTE}
    original(run, in_seconds, environment, launcher)


def _role_arn(role: str) -> str:
    return role if role.startswith("arn:") else f"arn:aws:iam::{request_account()}:role/{role}"


def _written(program: str) -> str:
    """Write a program into the server's directory for temporary files; return its path."""
    with tempfile.NamedTemporaryFile("w", prefix="glue-", suffix=".py", delete=False) as file:
        file.write(program)
    return str(Path(file.name))


WRAPPERS: Wrappers = {
    "ministack.services.glue": {
        "_execute_subprocess": _execute_subprocess,
        "_resolve_script": _resolve_script,
        "_start_job_run": _start_job_run,
    }
}
