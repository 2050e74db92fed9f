"""Scripts as they are written for SageMaker's images, one per idiom, each unmodified in the image that it is for.

The folder of a script names its image: ``scripts/1.2-1/`` is the scikit-learn image of that version,
``scripts/xgboost-1.7-1/`` the XGBoost image.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from smproc.local.runners import CannotRunError
from smproc.local.runners.image_environments import versions_of
from smproc.local.runners.spark import find_spark
from tests.helpers.image_environments import local_aws_with_versions, require_python
from tests.helpers.local_aws import BUCKET, RunningLocalAws

_SCRIPTS = Path(__file__).with_name("scripts")
_REGISTRIES = {
    "sagemaker-scikit-learn": "683313688378",
    "sagemaker-spark-processing": "173754725891",
    "sagemaker-xgboost": "683313688378",
}
_PEOPLE = "age,income,city\n31,10.5,Oslo\n45,20.0,Rome\n52,30.5,Oslo\n28,12.0,Bern\n"
_ARGUMENTS = {
    "lists_of_arguments": [
        *("--columns", "age", "the income"),
        *("--ratios", "0.7", "0.2", "0.1"),
        *("--names", "a,b"),
        *("--options", '{"a": [1, "$HOME"]}'),
        *("--tag=-1", "--tag", "*"),
        "--verbose",
    ],
    "hadoop_commands": ["s3_output", f"s3://{BUCKET}/by-hadoop"],
    "parquet_on_s3": ["--s3_input_bucket", BUCKET, "--s3_output_prefix", "by-spark"],
}


pytestmark = pytest.mark.exhaustive  # tests/integration/local/test_image_versions.py has an idiom of each image


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    with local_aws_with_versions(tmp_path_factory.mktemp("state")) as user:
        user.put("people.csv", _PEOPLE)
        yield user


def _image(folder: str) -> str:
    """Return the URI of the image for the scripts of a folder; skip the test where its Python or Spark is missing."""
    is_spark = folder.startswith("spark-")
    if is_spark:
        repository, tag = "sagemaker-spark-processing", folder.removeprefix("spark-").replace("-py", "-cpu-py")
    elif folder.startswith("xgboost-"):
        repository, tag = "sagemaker-xgboost", folder.removeprefix("xgboost-")
    else:
        repository, tag = "sagemaker-scikit-learn", f"{folder}-cpu-py3"
    uri = f"{_REGISTRIES[repository]}.dkr.ecr.us-east-1.amazonaws.com/{repository}:{tag}"
    versions = versions_of(repository, tag)
    assert versions is not None
    require_python(versions.python_here, folder)
    if is_spark:
        try:
            find_spark(uri)
        except CannotRunError as reason:
            pytest.skip(str(reason))
    return uri


@pytest.mark.parametrize(
    "path", sorted(_SCRIPTS.glob("*/*.py")), ids=lambda path: str(path.relative_to(_SCRIPTS).with_suffix(""))
)
def test_a_script_runs_unmodified_in_its_image(aws: RunningLocalAws, path: Path) -> None:
    image = _image(path.parent.name)
    request = aws.request(path.read_text(encoding="utf-8"), inputs=[aws.input("table", f"s3://{BUCKET}/people.csv")])
    program = "smspark-submit" if "spark" in image else "python3"
    request["AppSpecification"] = {
        "ImageUri": image,
        "ContainerEntrypoint": [program, "/opt/ml/processing/input/code/main.py"],
    }
    if path.stem in _ARGUMENTS:
        request["AppSpecification"]["ContainerArguments"] = _ARGUMENTS[path.stem]
    job = aws.wait(aws.create(request), deadline_in_seconds=600)
    lines = aws.all_lines(job["ProcessingJobName"])
    assert job["ProcessingJobStatus"] == "Completed", "\n".join(lines)
