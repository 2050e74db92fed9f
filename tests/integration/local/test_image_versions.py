"""Scripts written for the versions in an image, unmodified, in the environment of that image."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smproc.local.runners.failure_hints import explain
from tests.helpers.image_environments import local_aws_with_versions, require_python
from tests.helpers.local_aws import RunningLocalAws

pytestmark = pytest.mark.exhaustive

_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:{}-cpu-py3"
_PYTHONS = {"0.20.0": "3.7", "0.23-1": "3.7", "1.0-1": "3.8", "1.2-1": "3.9", "1.4-2": "3.10", "1.9-0": "3.12"}
_ENCODE = "from sklearn.preprocessing import OneHotEncoder; e = OneHotEncoder({}); e.fit([['a'], ['b']]); e.{}()"
_PIP = "import subprocess, sys; subprocess.check_call([sys.executable, '-m', 'pip', 'install', {}])"
# Two idioms or more of each time: the version of the image, a name, and the script.
_CORPUS = [
    (
        "0.20.0",
        "sklearn.externals",
        "from sklearn.externals import joblib; joblib.dump([1], '/opt/ml/processing/output/m')",
    ),
    ("0.20.0", "imputer", "from sklearn.preprocessing import Imputer; Imputer()"),
    (
        "0.23-1",
        "append",
        "import pandas as pd; assert len(pd.DataFrame({'a': [1]}).append({'a': 2}, ignore_index=True)) == 2",
    ),
    ("0.23-1", "pd.np", "import pandas as pd; assert pd.np.nan != pd.np.nan"),
    ("0.23-1", "np.float", "import numpy as np; np.array([1], dtype=np.float)"),
    (
        "1.0-1",
        "error_bad_lines",
        "import io, pandas as pd; pd.read_csv(io.StringIO('a\\n1,2,3\\n'), error_bad_lines=False)",
    ),
    ("1.0-1", "get_feature_names", _ENCODE.format("sparse=False", "get_feature_names")),
    ("1.2-1", "sparse_output", _ENCODE.format("sparse_output=False", "get_feature_names_out")),
    ("1.2-1", "sparse", _ENCODE.format("sparse=False", "get_feature_names_out")),
    (
        "1.2-1",
        "parquet",
        "import pandas as pd; pd.DataFrame({'a': [1]}).to_parquet('/opt/ml/processing/output/a.parquet')",
    ),
    ("1.2-1", "writes", "import os\nfor p in ('~/a', '/home/b/c', '/srv/d'):\n    os.makedirs(os.path.expanduser(p))"),
    ("1.2-1", "boto3", "import boto3; boto3.client('s3').put_object(Bucket='data', Key='from-a-script', Body=b'x')"),
    (
        "1.2-1",
        "config",
        "import json; json.load(open('/opt/ml/config/processingjobconfig.json'))['ProcessingInputs']",
    ),
    ("1.4-2", "sparse_output", _ENCODE.format("sparse_output=False", "get_feature_names_out")),
    (
        "1.9-0",
        "set_output",
        "import sklearn; sklearn.set_config(transform_output='pandas'); import pyarrow, scipy, boto3",
    ),
    (
        "1.2-1",
        "pip",
        _PIP.format("'--upgrade', 'pandas==1.5.3'") + "; import pandas; assert pandas.__version__ == '1.5.3'",
    ),
    ("1.2-1", "os.system", "import os; assert os.system('pip install xmltodict') == 0; import xmltodict"),
    (
        "1.2-1",
        "requirements",
        "open('r.txt', 'w').write('xmltodict\\n'); " + _PIP.format("'-r', 'r.txt'") + "; import xmltodict",
    ),
]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    with local_aws_with_versions(tmp_path_factory.mktemp("state")) as user:
        yield user


def _run(aws: RunningLocalAws, version: str, script: str) -> tuple[dict[str, object], list[str]]:
    require_python(_PYTHONS[version], version)
    request = aws.request(script)
    request["AppSpecification"]["ImageUri"] = _IMAGE.format(version)
    job = aws.wait(aws.create(request), deadline_in_seconds=600)
    return job, aws.log(job["ProcessingJobName"])["algo-1"]


@pytest.mark.parametrize(("version", "idiom", "script"), _CORPUS, ids=[f"{row[0]}-{row[1]}" for row in _CORPUS])
def test_a_script_runs_unmodified_with_the_versions_of_its_image(
    aws: RunningLocalAws, version: str, idiom: str, script: str
) -> None:
    job, lines = _run(aws, version, script)
    assert job["ProcessingJobStatus"] == "Completed", (idiom, lines)
    introduction = next(line for line in aws.all_lines(str(job["ProcessingJobName"])) if " A sandbox runs " in line)
    assert f"sagemaker-scikit-learn:{version}" in introduction


def test_what_pip_installs_is_gone_in_the_next_job(aws: RunningLocalAws) -> None:
    job, lines = _run(aws, "1.2-1", _PIP.format("'--upgrade', 'pandas==1.5.3'"))
    assert job["ProcessingJobStatus"] == "Completed", lines
    job, lines = _run(aws, "1.2-1", "import pandas; assert pandas.__version__ == '1.1.3'")
    assert job["ProcessingJobStatus"] == "Completed", lines


def test_pip_fails_in_an_isolated_job(aws: RunningLocalAws) -> None:
    request = aws.request(_PIP.format("'--retries', '0', '--timeout', '2', 'xmltodict'"))
    request["AppSpecification"]["ImageUri"] = _IMAGE.format("1.2-1")
    request["NetworkConfig"] = {"EnableNetworkIsolation": True}
    job = aws.wait(aws.create(request), deadline_in_seconds=600)
    assert job["ProcessingJobStatus"] == "Failed"
    assert any(
        "No matching distribution found for xmltodict" in line for line in aws.log(job["ProcessingJobName"])["algo-1"]
    )


def test_a_failure_in_a_library_of_another_version_is_hinted_at() -> None:
    differences = {"pandas": "pandas 2.3.2 instead of 1.1.3", "numpy": "numpy 2.1.0 instead of 1.24.1"}
    output = (
        "Traceback (most recent call last):\n  File '/opt/ml/s.py', line 1, in <module>\n"
        "AttributeError: 'DataFrame' object has no attribute 'append'\n"
    )
    assert explain(output, differences) == (
        "AttributeError: 'DataFrame' object has no attribute 'append'. The sandbox differs from the image: it has "
        "pandas 2.3.2 instead of 1.1.3"
    )
    spark = {"Spark": "Spark 3.5.9 instead of 2.4"}
    output = (
        "Traceback (most recent call last):\n  File 'pyspark.zip/pyspark/sql/session.py', line 1631, in sql\n"
        "pyspark.errors.exceptions.captured.ParseException: \n[PARSE_SYNTAX_ERROR] Syntax error\n"
    )
    assert explain(output, spark) == (
        "pyspark.errors.exceptions.captured.ParseException. The sandbox differs from the image: it has Spark 3.5.9 "
        "instead of 2.4"
    )
    assert explain("Traceback\nOSError: [Errno 2] pandas", differences) == ""
    assert explain(output, {}) == ""
