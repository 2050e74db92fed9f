"""The start of a function's process.

A Node function, and one with layers, runs in a sandbox: there its code is at /var/task, its layers are at /opt and its
/tmp is its own, as in AWS. A Python function without layers needs none of that and starts in a fraction of the time.
See: https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from smproc.installation import install_command
from smproc.local.errors import NoSandboxError
from smproc.local.probes import children
from smproc.local.runners.image_contents import this_python
from smproc.local.runners.sandboxes import Sandbox, SandboxSpec, find_sandbox, system_files, system_links
from smproc.local.server.lambda_runtime.function import Function
from smproc.local.server.lambda_runtime.node import find_node
from smproc.local.server.lambda_runtime.node_sdk import NodeSdk, NodeSdkError
from smproc.local.server.lambda_runtime.packages import BadPackageError, unpack, unpacked

_BOOTSTRAPS = Path(__file__).with_name("bootstraps")
_TASK_ROOT = "/var/task"
_RUNTIME = "/var/runtime"
_LANG = "/var/lang/bin"
_PATH = f"{_LANG}:/usr/local/bin:/usr/bin:/bin:/opt/bin"
# Of the server's variables, those without which no download works behind a proxy or from a mirror.
_PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")
_END_TIMEOUT_IN_SECONDS = 5.0
_BYTES_PER_MB = 1024 * 1024


class CannotLaunchError(Exception):
    """The process of a function cannot be started.

    Args:
        error_type: the error type of the invocation.
        message: what is wrong.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass(frozen=True, slots=True)
class Launched:
    """A started process.

    Attributes:
        process: the process, or the sandbox around it.
        output: the descriptor of its standard output and error.
        directory: its directory, removed at its end.
        sandboxed: whether the process is that of a sandbox.
    """

    process: subprocess.Popen[bytes]
    output: int
    directory: Path
    sandboxed: bool

    def memory_in_mb(self) -> float:
        """Return the memory of the function's process that is its own, and not mapped from files.

        That of programs that it started does not count: npm, for one, needs more here than in AWS.
        """
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(self.process.pid)
            processes = process.children() if self.sandboxed else [process]
            return max((_own_memory(one) for one in processes), default=0) / _BYTES_PER_MB
        return 0.0

    def end(self, *, kill: bool) -> int:
        """Wait for the end of the process and return its exit status.

        Args:
            kill: whether to kill it, with everything that it started.
        """
        if not kill:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(_END_TIMEOUT_IN_SECONDS)
        if self.sandboxed:
            for pid in children(self.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()

    def close(self) -> None:
        """End the process and remove its directory."""
        self.end(kill=True)
        os.close(self.output)
        shutil.rmtree(self.directory, ignore_errors=True)


def _own_memory(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    return 0


@dataclass(frozen=True, slots=True)
class Launcher:
    """The start of functions' processes.

    Attributes:
        directory: the directory of unpacked code.
        sdk: the SDK of Node functions.
    """

    directory: Path
    sdk: NodeSdk

    def launch(self, function: Function, requests: int, responses: int) -> Launched:
        """Start the process of a function.

        Args:
            function: the function.
            requests: the descriptor from which the process reads invocations.
            responses: the descriptor to which it writes responses.

        Raises:
            CannotLaunchError: the code cannot be unpacked, or something that the runtime needs is missing.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        own = Path(tempfile.mkdtemp(prefix="function-", dir=self.directory))
        try:
            if (function.is_node or function.layers) and (sandbox := _sandbox()) is not None:
                command, environment, sandboxed = (*self._sandboxed(sandbox, function, (requests, responses)), True)
                directory = Path("/")
            else:
                command, environment, directory = self._direct(function, own, (requests, responses))
                sandboxed = False
            output, written = os.pipe()
            try:
                process = subprocess.Popen(
                    command,
                    env=environment,
                    cwd=directory,
                    stdin=subprocess.DEVNULL,
                    stdout=written,
                    stderr=written,
                    pass_fds=(requests, responses),
                    start_new_session=True,
                )
            except BaseException:
                os.close(output)
                raise
            finally:
                os.close(written)
        except BadPackageError as error:
            shutil.rmtree(own, ignore_errors=True)
            raise CannotLaunchError("InvalidZipFileException", str(error)) from error
        except NodeSdkError as error:
            shutil.rmtree(own, ignore_errors=True)
            raise CannotLaunchError("Runtime.ImportModuleError", str(error)) from error
        except OSError as error:
            shutil.rmtree(own, ignore_errors=True)
            raise CannotLaunchError("Runtime.InvalidEntrypoint", str(error)) from error
        return Launched(process, output, own, sandboxed)

    def _direct(self, function: Function, own: Path, pipes: tuple[int, int]) -> tuple[list[str], dict[str, str], Path]:
        """Return the command, variables and directory of a process outside of a sandbox."""
        code = own / "code"
        code.mkdir()
        unpack(function.code, code)
        layers = []
        for number, archive in enumerate(function.layers):
            layers.append(own / f"layer-{number}")
            layers[-1].mkdir()
            unpack(archive, layers[-1])
        environment = {**os.environ, **function.environment(str(code), own.name), "SMPROC_LAYERS": _joined(layers)}
        # The byte code of a function goes with its directory.
        environment.pop("PYTHONPYCACHEPREFIX", None)
        if function.is_node:
            modules = [path / "nodejs" / "node_modules" for path in layers]
            environment["NODE_PATH"] = _joined([*modules, *self._sdk(function)])
        return [*_program(function), *_bootstrap(function, _BOOTSTRAPS), *map(str, pipes)], environment, code

    def _sandboxed(
        self, sandbox: Sandbox, function: Function, pipes: tuple[int, int]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command and variables of a process in a sandbox."""
        python, node = this_python(), find_node()
        read_only = system_files() | {str(path): path for path in python.directories}
        links = system_links() | {f"{_LANG}/{name}": sys.executable for name in ("python", "python3")}
        if node is not None:
            read_only |= {str(path): path for path in node.directories if not path.is_relative_to("/usr")}
            links[f"{_LANG}/node"] = str(node.program)
            if node.npm is not None:
                links |= {f"{_LANG}/{name}": str(node.npm.with_name(f"{name}-cli.js")) for name in ("npm", "npx")}
        read_only[f"{_RUNTIME}/bootstraps"] = _BOOTSTRAPS
        read_only[_TASK_ROOT] = unpacked([function.code], self.directory)
        environment = _passed_on() | {"PATH": _PATH, "LANG": "en_US.UTF-8", "HOME": "/root"}
        if function.layers:
            layers = unpacked(list(function.layers), self.directory)
            # A layer never hides the interpreter, which on some machines is below /opt.
            read_only |= {f"/opt/{path.name}": path for path in layers.iterdir()}
            environment["SMPROC_LAYERS"] = "/opt"
        if function.is_node:
            major = str(function.configuration.get("Runtime", "")).removeprefix("nodejs").removesuffix(".x")
            paths = [f"/opt/nodejs/node{major}/node_modules", "/opt/nodejs/node_modules"]
            for packages in self._sdk(function):
                read_only[f"{_RUNTIME}/node_modules"] = packages
                paths.append(f"{_RUNTIME}/node_modules")
            environment["NODE_PATH"] = os.pathsep.join([*paths, _RUNTIME, _TASK_ROOT])
        variables = environment | function.environment(_TASK_ROOT, self.directory.name)
        bootstrap = _bootstrap(function, Path(f"{_RUNTIME}/bootstraps"))
        spec = SandboxSpec(
            command=["/bin/sh", "-c", f'cd {_TASK_ROOT} && exec "$@"', "sh", *_program(function), *bootstrap]
            + [str(pipe) for pipe in pipes],
            environment=variables,
            read_only=dict(sorted(read_only.items())),
            writable={},
            links=links,
            hostname="lambda",
            network=True,
        )
        return sandbox.command(spec), {**spec.launch_environment, "PATH": os.environ.get("PATH", os.defpath)}

    def _sdk(self, function: Function) -> list[Path]:
        """Return the SDK's packages, unless the function plainly uses none: they are installed at their first use."""
        code = unpacked([function.code], self.directory)
        uses_sdk = any(
            b"@aws-sdk/" in path.read_bytes() or b"@smithy/" in path.read_bytes()
            for path in code.rglob("*")
            if path.suffix in {".js", ".mjs", ".cjs"} and path.is_file()
        )
        return [self.sdk.packages()] if uses_sdk or function.layers else []


@functools.cache
def _sandbox() -> Sandbox | None:
    try:
        return find_sandbox()
    except NoSandboxError:
        return None


def _program(function: Function) -> list[str]:
    if not function.is_node:
        return [sys.executable]
    node = find_node()
    if node is None:
        raise CannotLaunchError(
            "Runtime.InvalidEntrypoint", f"Node is not installed; install the extra: {install_command('local')}"
        )
    return [str(node.program)]


def _bootstrap(function: Function, directory: Path) -> list[str]:
    return [str(directory / ("bootstrap.cjs" if function.is_node else "bootstrap.py"))]


def _passed_on() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _PASSED_ON or name.lower().startswith(("npm_config_", "pip_"))
    }


def _joined(paths: list[Path]) -> str:
    return os.pathsep.join(map(str, paths))
