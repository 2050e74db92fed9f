from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import distribution, requires
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from tools import check_distributions

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).parents[2]


def python(code: str) -> str:
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return process.stdout.strip()


def test_the_source_root_does_not_shadow_the_package_that_aws_cdk_needs() -> None:
    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert "site-packages" in python("import constructs; print(constructs.__file__)")


@pytest.mark.parametrize(
    "module", ["cdk_sagemaker_processing.model", "smproc.operations", "smproc.local", "smproc.cli"]
)
def test_the_operations_never_start_node(module: str) -> None:
    loaded = python(f"import sys, {module}; print([m for m in sys.modules if m.split('.')[0] in ('aws_cdk', 'jsii')])")

    assert loaded == "[]"


def test_the_command_starts_without_boto3_rich_and_ministack() -> None:
    heavy = ("boto3", "botocore", "rich", "ministack", "sklearn", "pandas")
    loaded = python(f"import sys, smproc.cli; print([m for m in sys.modules if m.split('.')[0] in {heavy}])")

    assert loaded == "[]"


def test_the_model_needs_nothing_but_python() -> None:
    code = (
        "import sys, cdk_sagemaker_processing.model; "
        "print(sorted({m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names))"
    )
    loaded = python(code)

    assert not {"boto3", "rich", "yaml", "attr"} & set(loaded.replace("'", " ").replace(",", " ").split()), loaded


def build_with(path: Path, directory: Path) -> None:
    """Build the wheel with the distributions of `path` alone."""
    start = f"import runpy, sys; sys.argv[0] = 'hatchling'; sys.path.insert(0, {str(path)!r}); "
    subprocess.run(
        [
            *(sys.executable, "-S", "-c", f"{start}runpy.run_module('hatchling', run_name='__main__')"),
            *("build", "-t", "wheel", "-d", directory),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist, which a copy in another directory and the sdist have given the same bytes."""
    return check_distributions.build_reproducibly(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(distributions: dict[str, Path]) -> Path:
    """The wheel."""
    return distributions["wheel"]


@pytest.fixture(scope="module")
def without_powertools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all installed distributions but Powertools."""
    return installed(tmp_path_factory.mktemp("without"), but=("aws_lambda_powertools",))


@pytest.fixture(scope="module")
def other_powertools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all installed distributions, and Powertools in another version."""
    directory = installed(tmp_path_factory.mktemp("other"), but=("aws_lambda_powertools",))
    package = directory / "aws_lambda_powertools"
    shutil.copytree(Path(str(distribution("aws-lambda-powertools").locate_file("aws_lambda_powertools"))), package)
    for module in package.rglob("*.py"):
        module.write_text(f"# 3.5.0\n{module.read_text()}")
    information = directory / "aws_lambda_powertools-3.5.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: aws-lambda-powertools\nVersion: 3.5.0\n")
    lines = [f"{path.relative_to(directory).as_posix()},,\n" for path in package.rglob("*.py")]
    (information / "RECORD").write_text("".join(lines))
    return directory


def installed(directory: Path, *, but: tuple[str, ...]) -> Path:
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(but) and path.suffix != ".pth":
            (directory / path.name).symlink_to(path)
    return directory


def test_the_wheel_holds_both_packages_their_data_and_the_functions(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {
        "cdk_sagemaker_processing/py.typed",
        "cdk_sagemaker_processing/_lambda/s3_trigger/intake.py",
        "cdk_sagemaker_processing/_lambda/unpack_code/handler.py",
        "cdk_sagemaker_processing/_lambda/_vendor/aws_lambda_powertools/__init__.py",
        "smproc/py.typed",
        "smproc/local/server/policy_validation/actions.json",
        "cdk_sagemaker_processing/model/api_limits.json",
        "cdk_sagemaker_processing/model/image_registries.json",
        "smproc/local/runners/sandboxes/enter_root.sh",
        "smproc/local/runners/spark/hdfs",
        "smproc/local/runners/spark/smspark-submit",
        "smproc/local/runners/training/train",
        "smproc/projects/templates/app.py.j2",
        "smproc/projects/templates/README.md.j2",
    } <= names
    assert {name.split("/")[0] for name in names} == {
        "cdk_sagemaker_processing",
        "smproc",
        next(name.split("/")[0] for name in names if ".dist-info/" in name),
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_a_build_with_other_bytes_is_refused(
    distributions: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = shutil.copy(distributions["wheel"], tmp_path / "other.whl")
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("smproc/clock.py", "")
    builds = iter([distributions, distributions, {**distributions, "wheel": Path(other)}])
    monkeypatch.setattr(check_distributions, "build", lambda *_: next(builds))

    with pytest.raises(check_distributions.NotReproducibleError) as refused:
        check_distributions.build_reproducibly(tmp_path)

    assert str(refused.value) == (
        f"the wheel of the sdist must have the bytes of {distributions['wheel'].name}, got others"
    )


def test_the_wheel_carries_the_licenses_and_the_sbom_of_what_it_vendors(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    vendored = "cdk_sagemaker_processing/_lambda/_vendor"
    listed = json.loads(archive.read("cdk_sagemaker_processing/_lambda/vendored.json"))
    (sbom,) = [name for name in archive.namelist() if ".dist-info/sboms/" in name]
    components = {one["name"]: one for one in json.loads(archive.read(sbom))["components"]}

    assert {name: one["version"] for name, one in components.items()} == listed["versions"]
    texts = {name: archive.read(f"{vendored}/licenses/{name}.txt").decode() for name in components}
    # By the words of each license that no other of the three has.
    words = {
        "MIT-0": "MIT No Attribution",
        "MIT": "The above copyright notice",
        "PSF-2.0": "PYTHON SOFTWARE FOUNDATION",
    }
    for name, component in components.items():
        (license_,) = component["licenses"]
        assert words[license_["expression"]] in texts[name]
        (occurrence,) = component["evidence"]["occurrences"]
        assert [path for path in archive.namelist() if path.startswith(occurrence["location"])]
    assert archive.read(sbom.partition("/")[0] + "/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_the_sbom_is_valid_and_current() -> None:
    path = ROOT / "lambda" / "vendored.cdx.json"
    listed = json.loads((ROOT / "lambda" / "vendored.json").read_text())
    made = runpy.run_path(str(ROOT / "tools" / "vendor_powertools.py"))["bill_of_materials"](listed)
    assert json.loads(path.read_text()) == made, "run python tools/vendor_powertools.py --update"

    validate = [check_distributions.SBOM_TOOL / "python", ROOT / "tools" / "validate_sbom.py"]
    assert subprocess.run([*validate, path], check=False).returncode == 0


def test_an_invalid_sbom_is_refused(tmp_path: Path) -> None:
    made = json.loads((ROOT / "lambda" / "vendored.cdx.json").read_text())
    del made["components"][0]["name"]
    (tmp_path / "invalid.cdx.json").write_text(json.dumps(made))

    validate = [check_distributions.SBOM_TOOL / "python", ROOT / "tools" / "validate_sbom.py"]
    refused = subprocess.run([*validate, "invalid.cdx.json"], cwd=tmp_path, check=False, capture_output=True, text=True)

    assert refused.returncode == 1
    assert "'name' is a required property" in refused.stderr


def test_the_version_is_written_in_one_place(wheel: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    metadata = zipfile.ZipFile(wheel).read(f"cdk_sagemaker_processing-{version}.dist-info/METADATA").decode()
    assert f"\nVersion: {version}\n" in metadata
    sources = [path for root in ("constructs", "smproc", "lambda") for path in (ROOT / root).rglob("*.py")]
    repeated = [path for path in sources if "_vendor" not in path.parts and f'"{version}"' in path.read_text()]

    assert len(sources) > 100
    assert repeated == []
    printed = subprocess.run(
        [sys.executable, "-m", "smproc.cli", "--version"], check=True, capture_output=True, text=True
    )
    assert printed.stdout == f"smproc {installed_version('cdk-sagemaker-processing')}\n"


def test_the_wheel_synthesizes_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.unpack_archive(wheel, site, "zip")
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import aws_cdk as cdk, cdk_sagemaker_processing as p\n"
        f"assert p.__file__.startswith({str(site)!r}), p.__file__\n"
        f"app = cdk.App(outdir={str(tmp_path / 'out')!r})\n"
        "stack = cdk.Stack(app, 'Stack')\n"
        "processor = p.SKLearnProcessor(stack, 'P', framework_version='1.2-1', instance_type='ml.m5.large')\n"
        "step = processor.run('Run', code='s3://bucket/run.py', inputs=[p.uploaded_objects()],\n"
        "                     outputs=[p.ProcessingOutput(source='/opt/ml/processing/out')])\n"
        "p.EventDrivenProcessing(stack, 'Pipeline', steps=[step])\n"
        "app.synth()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)

    assert list((tmp_path / "out").glob("asset.*/aws_lambda_powertools/__init__.py"))


def asset_hash(library: Path, site: Path) -> str:
    """Return the asset hash of the functions as a library stages them with the distributions of a directory."""
    code = (
        f"import sys; sys.path[:0] = [{str(library)!r}, {str(site)!r}]\n"
        "from cdk_sagemaker_processing._internal import lambda_function\n"
        "from cdk_sagemaker_processing.model.content_hash import content_hash\n"
        f"assert lambda_function.__file__.startswith({str(library)!r}), lambda_function.__file__\n"
        "files = lambda_function.function_files('s3_trigger', with_powertools=True)\n"
        "print(content_hash(files))\n"
    )
    process = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        cwd=site,
        check=True,
        capture_output=True,
        text=True,
    )
    return process.stdout.strip()


def test_an_asset_has_the_same_hash_from_every_source_and_with_every_installed_powertools(
    wheel: Path, without_powertools: Path, other_powertools: Path, tmp_path: Path
) -> None:
    shutil.unpack_archive(wheel, tmp_path / "wheel", "zip")
    (tmp_path / "pinned").mkdir()
    pinned = installed(tmp_path / "pinned", but=())
    sites = {"pinned": pinned, "none": without_powertools, "other": other_powertools}
    staged = {
        (name, powertools): asset_hash(library, site)
        for name, library in (("wheel", tmp_path / "wheel"), ("checkout", ROOT / "constructs"))
        for powertools, site in sites.items()
    }

    assert len(set(staged.values())) == 1, staged


def test_a_build_refuses_another_version_of_powertools(other_powertools: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        build_with(other_powertools, tmp_path)

    assert (
        "must be the file of aws-lambda-powertools==3.37.0 jmespath==1.1.0 typing-extensions==4.16.0 that "
        "lambda/vendored.json lists, got another file, or none, from aws-lambda-powertools 3.5.0, jmespath 1.1.0, "
        "typing-extensions 4.16.0; install those versions, or build without --no-build-isolation"
    ) in " ".join(failed.value.stderr.split())


def test_staging_refuses_a_vendored_file_that_is_missing_or_changed(wheel: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(wheel, tmp_path, "zip")
    vendored = tmp_path / "cdk_sagemaker_processing" / "_lambda" / "_vendor" / "jmespath" / "ast.py"
    for change, error in (
        (lambda: vendored.write_text("pass"), "ValueError: vendored files must have the hashes of vendored.json"),
        (vendored.unlink, "FileNotFoundError: vendored files of the Lambda functions must be there, got no "),
    ):
        change()
        with pytest.raises(subprocess.CalledProcessError) as failed:
            asset_hash(tmp_path, Path(sysconfig.get_path("purelib")))
        assert error in failed.value.stderr
        assert "install cdk-sagemaker-processing again; in a checkout, run `make setup`" in failed.value.stderr


def test_the_vendored_files_are_those_that_the_functions_import() -> None:
    derived = runpy.run_path(str(ROOT / "tools" / "vendor_powertools.py"))["derived_list"](ROOT)
    listed = json.loads((ROOT / "lambda" / "vendored.json").read_text())

    assert listed == derived, "run python tools/vendor_powertools.py --update"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = [f"{name}=={version}" for name, version in listed["versions"].items()]
    assert project["build-system"]["requires"][1:] == pins
    assert pins[0] in project["project"]["optional-dependencies"]["dev"]
    assert set(pins) <= {line.removesuffix(" \\") for line in (ROOT / "requirements.txt").read_text().splitlines()}


def test_the_functions_run_with_their_assets_and_boto3_alone(wheel: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(wheel, tmp_path / "wheel", "zip")
    functions = tmp_path / "wheel" / "cdk_sagemaker_processing" / "_lambda"
    runtime = tmp_path / "runtime"  # the packages of AWS's own runtime
    runtime.mkdir()
    purelib = Path(sysconfig.get_path("purelib"))
    for name in ("boto3", "botocore", "s3transfer", "dateutil", "six.py", "urllib3"):
        (runtime / name).symlink_to(purelib / name)
    names = ("bucket", "state_machine_arn", "manifest_bucket", "manifest_prefix", "pipeline", "dead_letter_queue")
    settings = dict.fromkeys((*names, "trigger", "table", "dispatcher"), "x")
    code = (
        f"import sys; sys.path += [{str(functions)!r}, {str(functions / '_vendor')!r}, {str(runtime)!r}]\n"
        "import os; os.environ.update(AWS_DEFAULT_REGION='us-east-1', AWS_LAMBDA_FUNCTION_NAME='f')\n"
        f"os.environ['SETTINGS'] = {json.dumps({**settings, 'max_receives': 5})!r}\n"
        "import s3_trigger.dispatch, s3_trigger.intake, unpack_code.handler\n"
        "class Context: aws_request_id = function_name = memory_limit_in_mb = invoked_function_arn = 'x'\n"
        "Context.get_remaining_time_in_millis = lambda self: 100_000\n"
        'body = \'{"Event": "s3:TestEvent"}\'\n'
        "record = {'messageId': '1', 'body': body, 'attributes': {}, 'eventSource': 'aws:sqs'}\n"
        "print(s3_trigger.intake.handler({'Records': [record]}, Context()))\n"
    )
    process = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False, capture_output=True, text=True)

    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "{'batchItemFailures': []}"


def test_only_the_extra_for_the_local_aws_has_exact_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert not [line for line in project["dependencies"] if "==" in line]
    assert [line for line in project["optional-dependencies"]["local"] if "==" in line] == [
        "boto3==1.43.106",
        "ministack==1.5.33",
        "moto[stepfunctions]==5.2.5",
    ]


def test_requirements_are_pinned_and_agree_with_the_pins_of_the_extra() -> None:
    text = (ROOT / "requirements.txt").read_text()
    lines = [line.removesuffix(" \\") for line in text.splitlines() if not line.startswith("    --hash=")]

    assert all("==" in line for line in lines)
    assert {"boto3==1.43.106", "ministack==1.5.33"} <= set(lines)
    assert any("botocore==1.43.106" in line.replace(" ", "") for line in requires("ministack") or [])
