from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def test_the_source_root_does_not_shadow_the_package_that_aws_cdk_needs() -> None:
    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert "site-packages" in python("import constructs; print(constructs.__file__)")


@pytest.mark.parametrize(
    "module", ["cdk_sagemaker_processing.model", "smproc.operations", "smproc.local", "smproc.cli"]
)
def test_operating_never_starts_node(module: str) -> None:
    loaded = python(f"import sys, {module}; print([m for m in sys.modules if m.split('.')[0] in ('aws_cdk', 'jsii')])")

    assert loaded == "[]"


def test_the_command_starts_without_boto3_rich_and_ministack() -> None:
    heavy = ("boto3", "botocore", "rich", "ministack", "sklearn", "pandas")
    loaded = python(f"import sys, smproc.cli; print([m for m in sys.modules if m.split('.')[0] in {heavy}])")

    assert loaded == "[]"


def test_what_a_job_is_needs_nothing_but_python() -> None:
    code = (
        "import sys, cdk_sagemaker_processing.model; "
        "print(sorted({m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names))"
    )
    loaded = python(code)

    assert not {"boto3", "rich", "yaml", "attr"} & set(loaded.replace("'", " ").replace(",", " ").split()), loaded


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_both_packages_their_data_and_the_functions(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {
        "cdk_sagemaker_processing/py.typed",
        "cdk_sagemaker_processing/_lambda/s3_trigger/intake.py",
        "cdk_sagemaker_processing/_lambda/unpack_code/handler.py",
        "smproc/py.typed",
        "cdk_sagemaker_processing/model/api_limits.json",
        "cdk_sagemaker_processing/model/image_registries.json",
        "smproc/local/runners/sandboxes/enter_root.sh",
        "smproc/local/runners/spark/smspark-submit",
    } <= names
    assert {name.split("/")[0] for name in names} == {
        "cdk_sagemaker_processing",
        "smproc",
        next(name.split("/")[0] for name in names if ".dist-info/" in name),
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_a_wheel_synthesizes_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
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


def test_exact_pins_are_in_the_extra_for_the_local_aws_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert not [line for line in project["dependencies"] if "==" in line]
    assert [line for line in project["optional-dependencies"]["local"] if "==" in line] == [
        "boto3==1.43.106",
        "ministack==1.5.33",
    ]


def test_requirements_are_pinned_and_agree_with_the_pins_of_the_extra() -> None:
    text = (ROOT / "requirements.txt").read_text()
    lines = [line.removesuffix(" \\") for line in text.splitlines() if not line.startswith("    --hash=")]

    assert all("==" in line for line in lines)
    assert {"boto3==1.43.106", "ministack==1.5.33"} <= set(lines)
    assert any("botocore==1.43.106" in line.replace(" ", "") for line in requires("ministack") or [])
