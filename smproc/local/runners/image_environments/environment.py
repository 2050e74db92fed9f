"""Environments with the versions of an image, made once by uv and shared by all local AWS of this user."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smproc.installation import install_command
from smproc.local.made_once import cache_directory, is_made, make_once
from smproc.local.runners.image_environments.pip_settings import PipSettings
from smproc.local.runners.image_environments.pythons import Interpreter, describe, find_python
from smproc.local.runners.image_environments.versions import ImageVersions

# Older releases do not read AWS_ENDPOINT_URL, so a script's calls would go to AWS instead of the local AWS.
# See: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
_BOTO3_MIN = "1.28.57"
_CONTENT = "installed.json"
_TIMEOUT_IN_SECONDS = 900
# A network that is not there now may be there for a later job.
_TRIED_AGAIN_AFTER_SECONDS = 60
_SHOWN_LINES = 3
_log = logging.getLogger(__name__)


class CannotMakeEnvironmentError(Exception):
    """An environment that could not be made; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment with the versions of an image, or the nearest ones that can be had.

    Attributes:
        interpreter: its Python.
        versions: the versions in the image.
        installed: the version of each package in it.
    """

    interpreter: Interpreter
    versions: ImageVersions
    installed: Mapping[str, str]

    @property
    def differences(self) -> dict[str, str]:
        """The differences from the image: the version here and there, as a sentence gives them, by name."""
        return find_differences(self.versions, self.interpreter.version, self.installed)


class Environments:
    """The environments of this user's cache.

    Args:
        cache: the directory of the cache. Default: that of the platform, such as ``~/.cache/smproc``.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._failures: dict[Path, tuple[float, str]] = {}

    @property
    def cache(self) -> Path:
        """The directory of the cache."""
        if self._cache is None:
            self._cache = cache_directory()
        return self._cache

    def find(self, versions: ImageVersions) -> Environment | None:
        """Return the environment of an image if it was made before."""
        if _are_off():
            return None
        directory = self._directory(versions)
        if not is_made(directory):
            return None
        content = json.loads((directory / _CONTENT).read_text(encoding="utf-8"))
        interpreter = describe(directory / "bin" / "python")
        return None if interpreter is None else Environment(interpreter, versions, content["installed"])

    def make(self, versions: ImageVersions, report: Callable[[str], None]) -> Environment:
        """Return the environment of an image, which is made if there is none.

        Args:
            versions: the versions in the image.
            report: called with a line of text before something takes long.

        Raises:
            CannotMakeEnvironmentError: it cannot be made, for example without a network.
        """
        if _are_off():
            raise CannotMakeEnvironmentError("SMPROC_IMAGE_ENVIRONMENTS is off")
        if (found := self.find(versions)) is not None:
            return found
        failed_at, reason = self._failures.get(self._directory(versions), (0.0, ""))
        if failed_at and time.monotonic() < failed_at + _TRIED_AGAIN_AFTER_SECONDS:
            raise CannotMakeEnvironmentError(reason)
        report(f"Making the environment of the image {versions.tag}, once; this can take a minute")
        try:
            make_once(self._directory(versions), lambda: self._make(versions))
        except CannotMakeEnvironmentError as error:
            self._failures[self._directory(versions)] = time.monotonic(), str(error)
            raise
        if (found := self.find(versions)) is None:
            raise CannotMakeEnvironmentError(f"the Python in {self._directory(versions)} does not run")
        return found

    def _directory(self, versions: ImageVersions) -> Path:
        packages = {**versions.packages, **versions.additions}
        identity = json.dumps([versions.python_here, packages, _BOTO3_MIN], sort_keys=True)
        return self.cache / "environments" / f"{versions.tag}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"

    def _make(self, versions: ImageVersions) -> None:
        directory, uv = self._directory(versions), _Uv(find_uv())
        interpreter = self._python(versions.python_here, uv)
        started = time.monotonic()
        uv.run("venv", "--quiet", "--seed", "--python", str(interpreter.executable), str(directory))
        install_packages(
            {**versions.packages, **versions.additions},
            is_exact=interpreter.minor == versions.python,
            options=("--python", str(directory / "bin" / "python"), "--compile-bytecode"),
        )
        names = ", ".join(versions.packages)
        listed = json.loads(uv.run("pip", "list", "--python", str(directory / "bin" / "python"), "--format", "json"))
        installed = {one["name"]: one["version"] for one in listed if one["name"] in versions.packages}
        (directory / _CONTENT).write_text(json.dumps({"installed": installed}), encoding="utf-8")
        describe.cache_clear()
        _log.info("Made %s in %.0f s: %s", directory, time.monotonic() - started, names)

    def _python(self, wanted: str, uv: _Uv) -> Interpreter:
        """Return the Python of an environment, which uv downloads if this machine does not have it."""
        pythons = self.cache / "pythons"
        found = find_python(wanted, pythons)
        if wanted and (found is None or found.minor != wanted):
            with contextlib.suppress(CannotMakeEnvironmentError):
                uv.run("python", "install", "--quiet", "--install-dir", str(pythons), "--no-bin", wanted)
                found = find_python(wanted, pythons) or found
        if found is None:
            raise CannotMakeEnvironmentError(f"this machine has no Python that runs, and uv cannot install {wanted}")
        return found


def _are_off() -> bool:
    """Check whether jobs run with installed packages only, as the variable SMPROC_IMAGE_ENVIRONMENTS says."""
    return os.environ.get("SMPROC_IMAGE_ENVIRONMENTS") == "off"


@dataclass(frozen=True, slots=True)
class _Uv:
    program: str

    def run(self, *arguments: str) -> str:
        """Run a command of uv and return its output.

        Raises:
            CannotMakeEnvironmentError: it has failed.
        """
        variables = {**os.environ, **PipSettings.of_this_machine().uv_variables(), "UV_NO_CONFIG": "1"}
        # Without a network, the answer is needed at once.
        variables.setdefault("UV_HTTP_RETRIES", "1")
        for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
            variables.pop(name, None)
        try:
            result = subprocess.run(
                [self.program, *arguments],
                env=variables,
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=_TIMEOUT_IN_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotMakeEnvironmentError(f"uv {arguments[0]} has failed: {error}") from error
        if result.returncode:
            lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
            raise CannotMakeEnvironmentError(f"uv {arguments[0]}: {' '.join(lines[:_SHOWN_LINES])[:500]}")
        return result.stdout


def install_packages(packages: Mapping[str, str], *, is_exact: bool, options: Sequence[str]) -> None:
    """Install the versions of an image, or the nearest ones that can be had.

    Args:
        packages: the version of each package; one that starts with ``>=`` is a range.
        is_exact: whether the Python is the image's, so that the image's own versions may be had.
        options: the options of ``uv pip install`` that say where and for which Python.

    Raises:
        CannotMakeEnvironmentError: no versions can be had.
    """
    uv = _Uv(find_uv())
    problems = []
    for wanted in _nearest(packages, is_exact=is_exact):
        try:
            uv.run("pip", "install", "--quiet", "--only-binary", ":all:", *options, *wanted)
        except CannotMakeEnvironmentError as error:
            problems.append(str(error))
            continue
        return
    raise CannotMakeEnvironmentError(problems[-1])


def find_differences(versions: ImageVersions, python: str, installed: Mapping[str, str]) -> dict[str, str]:
    """Return the differences from an image: the version here and there, as a sentence gives them, by name.

    Args:
        versions: the versions in the image.
        python: the version of Python here.
        installed: the version of each package here.
    """
    wanted = {"Python": versions.python, **versions.packages}
    here = {"Python": python, **installed}
    return {
        name: f"{name} {here.get(name, 'missing')} instead of {version.removeprefix('>=')}"
        for name, version in wanted.items()
        if version and not _fulfils(name, here.get(name, ""), version)
    }


def find_uv() -> str:
    """Return the path of uv.

    Raises:
        CannotMakeEnvironmentError: it is not installed.
    """
    if importlib.util.find_spec("uv") is not None:
        from uv import find_uv_bin  # noqa: PLC0415 - an optional package

        with contextlib.suppress(FileNotFoundError):
            return str(find_uv_bin())
    beside = Path(sys.executable).parent / "uv"
    if program := shutil.which("uv") or (str(beside) if beside.exists() else None):
        return program
    raise CannotMakeEnvironmentError(f"uv is not installed; install the extra: {install_command('local')}")


def _nearest(packages: Mapping[str, str], *, is_exact: bool) -> Iterator[Sequence[str]]:
    """Yield arguments of an installation, each tried where those before have no solution.

    The image's own versions; else of each package the nearest newer one that this Python has a wheel of; else the
    nearest older one.
    """
    wanted = {name: version.removeprefix(">=") for name, version in packages.items()}
    boto3 = max(wanted.get("boto3", _BOTO3_MIN), _BOTO3_MIN, key=_numbers)
    wanted |= {"boto3": boto3} if "boto3" in wanted else {}
    exact = [
        f"{name}>={version}" if packages[name].startswith(">=") else f"{name}=={version}"
        for name, version in wanted.items()
    ]
    if is_exact:
        yield exact
    newer = ["--resolution", "lowest-direct", *(f"{name}>={version}" for name, version in wanted.items())]
    yield newer
    yield [f"{name}<={version}" for name, version in wanted.items()]


def _fulfils(name: str, here: str, wanted: str) -> bool:
    """Check whether a version is that of an image; of Python, the first two numbers count."""
    if name == "Python":
        return here.rpartition(".")[0] == wanted
    if wanted.startswith(">="):
        return bool(here) and _numbers(here) >= _numbers(wanted.removeprefix(">="))
    return here == wanted


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
