"""The wheel in a project of others: another name, another layout, each Python that is supported and found here.

Nothing of the checkout is visible to it. On the two newest versions of this machine the project is deployed to the
local AWS of the installed package, and a file goes through it: verified on the local AWS.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.interpreters import NODE, UV, Interpreter, interpreter, supported_versions
from tests.helpers.ports import free_port
from tests.helpers.stacks import ROOT
from tools import check_distributions

pytestmark = pytest.mark.exhaustive

VERSIONS = supported_versions()
FOUND = {version: one for version in VERSIONS if (one := interpreter(version))}
DEPLOYED = [version for version, one in FOUND.items() if one.root is None][-2:]
APP = """\
from pathlib import Path

import aws_cdk as cdk
from cdk_sagemaker_processing import EventDrivenProcessing, ProcessingOutput, SKLearnProcessor, uploaded_objects


class WeatherStack(cdk.Stack):
    def __init__(self, scope, name):
        super().__init__(scope, name)
        processor = SKLearnProcessor(self, "Means", framework_version="1.2-1", instance_type="ml.m5.large")
        step = processor.run(
            "MeanPerStation",
            code=str(Path(__file__).parents[2] / "jobs" / "means.py"),
            inputs=[uploaded_objects("/opt/ml/processing/input/readings")],
            outputs=[ProcessingOutput(output_name="means", source="/opt/ml/processing/means")],
        )
        EventDrivenProcessing(self, "Readings", steps=[step], prefixes=["readings/"], suffixes=[".csv"])


app = cdk.App()
WeatherStack(app, "weather-prod")
app.synth()
"""
JOB = """\
import csv
import json
import pathlib

(path,) = pathlib.Path("/opt/ml/processing/input/readings").rglob("*.csv")
with path.open() as file:
    readings = [float(row["celsius"]) for row in csv.DictReader(file)]
pathlib.Path("/opt/ml/processing/means/means.json").write_text(json.dumps({"mean": sum(readings) / len(readings)}))
"""
IMPORT_ALL = """\
import importlib, sys
for package in ("cdk_sagemaker_processing", "smproc", "smproc.testing"):
    module = importlib.import_module(package)
    for name in module.__all__:
        getattr(module, name)
import smproc.local, ministack, moto, sklearn, pandas
print(sys.version_info[:2])
"""


@dataclass(frozen=True)
class Project:
    """The project of others.

    Attributes:
        directory: its top directory.
        python: the interpreter that it uses.
        environment: the environment of its commands.
    """

    directory: Path
    python: Interpreter
    environment: dict[str, str]

    def run(self, *command: str | Path, timeout: float = 300) -> str:
        """Run a command in the project, and return what it prints."""
        ran = subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout}"
        return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout."""
    return check_distributions.build(ROOT, tmp_path_factory.mktemp("dist"))["wheel"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files of the project."""
    for name, text in {
        "src/weather/infra.py": APP,
        "jobs/means.py": JOB,
        "cdk.json": json.dumps({"app": "python -m weather.infra"}),
        "readings.csv": "station,celsius\na,10\nb,20\n",
    }.items():
        (tmp_path / "weather" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "weather" / name).write_text(text)
    return tmp_path / "weather"


def installed(project: Path, version: str, *requirements: str) -> Project:
    """Install requirements for one version of Python, with options of uv, and return the project with them."""
    python = FOUND.get(version)
    if python is None:
        pytest.skip(
            f"needs Python {version}, which is not on this machine (found: {', '.join(FOUND)}); install it, or name "
            "the root directory of a system that has it in PYTHON_ROOTS"
        )
    programs = project.parent / "programs"
    programs.mkdir()
    for program in (NODE, ROOT / "node_modules" / ".bin" / "cdk"):
        (programs / program.name).symlink_to(program.resolve())
    kept = {name: value for name, value in os.environ.items() if re.match(r"(?i)pip_|uv_|ssl_|(https?|no)_proxy", name)}
    path = ["/usr/local/bin", "/usr/bin", "/bin"]
    environment = kept | {
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "HOME": str(project.parent),
        "JSII_NODE": str(NODE),
        "LANG": "C.UTF-8",
        "SMPROC_IMAGE_ENVIRONMENTS": "off",  # to make them takes time and a package index
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv"),
    }
    install: list[str | Path] = [UV, "pip", "install", "--quiet", *requirements]
    if python.root is None:
        venv = project / "venv"
        environment["PATH"] = os.pathsep.join([str(venv / "bin"), str(programs), *path])
        found = Project(project, Interpreter(version, venv / "bin" / "python"), environment)
        found.run(UV, "venv", "--quiet", "--python", python.path, venv)
        found.run(*install, "--python", found.python.path)
    else:
        site = project / "site"
        environment |= {"PATH": os.pathsep.join(path), "PYTHONPATH": str(site)}
        found = Project(project, python, environment)
        found.run(*install, "--python-version", version, "--target", site)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [environment.get("PYTHONPATH", ""), str(project / "src")]))
    return found


def synthesized(project: Project) -> dict[str, str]:
    """Synthesize the project's app, and return the hash of each file that a deployment uses."""
    out = project.directory / "cdk.out"
    project.environment["CDK_OUTDIR"] = str(out)
    project.run(*project.python.command(project.directory, "-m", "weather.infra"))
    del project.environment["CDK_OUTDIR"]
    files = [out / "weather-prod.template.json", *(path for path in out.glob("asset.*/**/*") if path.is_file())]
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.fixture(scope="module")
def first() -> dict[str, str]:
    """The files of the first version of Python, for the others to compare."""
    return {}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_foreign_project_synthesizes_the_same_and_a_file_goes_through_it(
    wheel: Path, project: Path, version: str, first: dict[str, str]
) -> None:
    found = installed(project, version, f"{wheel}[local]")

    printed = found.run(*found.python.command(project, "-c", IMPORT_ALL))
    assert printed.splitlines()[-1] == f"({version.replace('.', ', ')})"
    files = synthesized(found)
    assert [name for name in files if name.endswith("/s3_trigger/intake.py")]
    first.update({} if first else files)
    assert files == first
    if version in DEPLOYED:
        deploy_and_run(found)


def deploy_and_run(found: Project) -> None:
    """Deploy the project to a local AWS, upload a file, and expect its output."""
    port = str(free_port())
    assert f"Started on http://127.0.0.1:{port}." in found.run("smproc", "local", "start", "--port", port)
    commands = (
        f'eval "$(smproc local env --port {port})"',
        "cdk bootstrap aws://000000000000/us-east-1",
        "cdk deploy --require-approval never --no-notices",
        "smproc run readings.csv",
    )
    try:
        ran = found.run("bash", "-euc", "\n".join(commands))
    finally:
        found.run("smproc", "local", "stop", "--port", port)
    assert "execution SUCCEEDED" in ran
    assert '"mean": 15.0' in ran


def test_at_least_two_versions_are_deployed() -> None:
    assert len(DEPLOYED) > 1, f"found only {', '.join(FOUND)} of {', '.join(VERSIONS)}"


def test_the_lowest_versions_that_are_accepted_synthesize(wheel: Path, project: Path) -> None:
    metadata = zipfile.ZipFile(wheel).read(f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/METADATA").decode()
    requirements = [line for line in re.findall(r"^Requires-Dist: (.*)", metadata, re.MULTILINE) if "extra" not in line]
    version = next(iter(FOUND))
    found = installed(project, version, str(wheel), *requirements, "--resolution", "lowest-direct")

    assert synthesized(found)
    listed = found.run(UV, "pip", "freeze", "--python", found.python.path)
    lowest = dict(re.findall(r"^([\w-]+).*>=([\d.]+)", "\n".join(requirements), re.MULTILINE))
    versions = dict(re.findall(r"^([\w-]+)==([\d.]+)", listed, re.MULTILINE))
    assert len(lowest) > 5
    assert {name: versions[name] for name in lowest if not versions[name].startswith(lowest[name])} == {}
    assert found.run("smproc", "--version").startswith("smproc ")
    found.run("smproc", "new", "lowest")  # Jinja
    assert "--stack" in found.run("smproc", "run", "--help")  # Typer and Rich
