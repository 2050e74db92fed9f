"""Notebooks and scripts: one test for each way in which people write jobs."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smproc.adoption import AdoptedApp, NothingToAdoptError, UnreadableSourceError, adopt_notebook, render_app
from smproc.adoption.code import Call, Code, Reference, Text, Value
from smproc.cli import main

SDK_2 = """\
import sagemaker
from sagemaker import get_execution_role
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.processing import SKLearnProcessor
session = sagemaker.Session()
bucket = session.default_bucket()
processor = SKLearnProcessor(framework_version="1.2-1", role=get_execution_role(), instance_type="ml.m5.xlarge",
                             instance_count=1)
"""
RUN = (
    """processor.run(code="preprocess.py", inputs=[ProcessingInput(source={}, destination="/opt/ml/processing/in")])"""
)
BUCKET = Code("DEFAULT_BUCKET")

ESTIMATOR = (
    "from sagemaker.processing import FrameworkProcessor\nfrom sagemaker.sklearn import SKLearn\n"
    "processor = FrameworkProcessor(SKLearn, '1.2-1', role, 1, 'ml.m5.large')"
)
FRAMEWORK = (
    "from sagemaker.pytorch.processing import PyTorchProcessor\n"
    "processor = PyTorchProcessor(framework_version='2.0', py_version='py310', instance_type='ml.m5.large',"
    " base_job_name=f'prepare-{session}')"
)
IMAGE_OF_FRAMEWORK = (
    "from sagemaker.processing import ScriptProcessor\nfrom sagemaker import image_uris\n"
    "processor = ScriptProcessor(role, image_uris.retrieve('xgboost', 'eu-west-1', '1.7-1'), ['python3'], 1,"
    " 'local', volume_size_in_gb=30, max_runtime_in_seconds=86400, tags=[{'Key': 'a', 'Value': 'b'}])"
)

IMAGE_OF_SDK_3 = (
    "from sagemaker.core.image_uris import get_training_image_uri\n"
    "from sagemaker.core.processing import FrameworkProcessor\n"
    "processor = FrameworkProcessor(image_uri=get_training_image_uri(region='eu-west-1', framework='pytorch',"
    " framework_version='2.0', py_version='py310'), instance_type='ml.m5.large')"
)


def notebook(*cells: str) -> str:
    listed = [{"cell_type": "code", "source": text.splitlines(keepends=True)} for text in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["# Title"]}, *listed], "nbformat": 4})


def adopted(directory: Path, text: str, name: str = "job.py") -> AdoptedApp:
    (directory / name).write_text(text, encoding="utf-8")
    (directory / "preprocess.py").write_text("print()\n")
    app = adopt_notebook(directory / name)
    compile(render_app(app), "app.py", "exec")
    return app


def source_of(app: AdoptedApp, step: int = 0) -> Any:  # noqa: ANN401
    inputs: Any = app.steps[step].run_arguments["inputs"]
    return inputs[0].arguments["source"]


@pytest.mark.parametrize(
    ("before", "expression", "expected"),
    [
        ("", '"s3://data/raw"', "s3://data/raw"),
        ("data = 's3://data'", 'f"{data}/raw"', "s3://data/raw"),
        ("", 'f"s3://{bucket}/raw"', Text(("s3://", BUCKET, "/raw"))),
        ("", '"s3://{}/{}".format(bucket, "raw")', Text(("s3://", BUCKET, "/raw"))),
        ("", '"s3://{b}/{0}/{{}}".format("raw", b=bucket)', Text(("s3://", BUCKET, "/raw/{}"))),
        ("", '"s3://%s/raw" % bucket', Text(("s3://", BUCKET, "/raw"))),
        ("", '"s3://%s/%s" % ("data", "raw")', "s3://data/raw"),
        ("", '"s3://" + bucket + "/raw"', Text(("s3://", BUCKET, "/raw"))),
        ("import os", 'os.path.join("s3://data", "raw")', "s3://data/raw"),
        ("import os", 'os.path.join("s3://" + bucket, "a/", "b")', Text(("s3://", BUCKET, "/a/b"))),
        ("", '"/".join(["s3:/", bucket, "raw"])', Text(("s3://", BUCKET, "/raw"))),
        ("from sagemaker.workflow.functions import Join", 'Join(on="/", values=["s3:/", "b", "c"])', "s3://b/c"),
        ("p = 'x'\np += '/y'", 'f"s3://data/{p}"', "s3://data/x/y"),
        ("names = {'raw': 's3://data/raw'}", 'names["raw"]', "s3://data/raw"),
        ("names = {}\nnames['raw'] = 's3://data/raw'", 'names.get("raw")', "s3://data/raw"),
        ("names = ['s3://data/raw/']", 'names[0].rstrip("/")', "s3://data/raw"),
        ("a, b = 's3://data', 'raw'", 'f"{a}/{b}"', "s3://data/raw"),
        ("def uri(key, bucket='data'):\n    return f's3://{bucket}/{key}'", 'uri("raw")', "s3://data/raw"),
        ("uri = lambda key: 's3://data/' + key", 'uri("raw")', "s3://data/raw"),
        ("", '"s3://data/raw" if True else None', "s3://data/raw"),
        ("prefix = session.default_bucket_prefix or 'p'", 'f"s3://data/{prefix}"', "s3://data/p"),
        ("key = 'k'\nif session.default_bucket_prefix:\n    key = 'other'", 'f"s3://data/{key}"', "s3://data/k"),
        (
            "import boto3\nregion = boto3.Session().region_name",
            'f"s3://data-{region}/raw"',
            Text(("s3://data-", Code("stack.region"), "/raw")),
        ),
        (
            "import boto3\naccount = boto3.client('sts').get_caller_identity()['Account']",
            'f"s3://data-{account}/raw"',
            Text(("s3://data-", Code("stack.account"), "/raw")),
        ),
        (
            "from time import gmtime, strftime",
            "f\"s3://data/{strftime('%Y', gmtime())}\"",
            Text(("s3://data/", Code("sfn.JsonPath.execution_name"))),
        ),
        ("import os", 'os.environ.get("DATA", "s3://data/raw")', "s3://data/raw"),
        ("p = input('Prefix:') or 'raw'", 'f"s3://data/{p}"', "s3://data/raw"),
        ("", 'session.upload_data("data", key_prefix="raw")', Text(("s3://", BUCKET, "/raw"))),
        ("", 'session.upload_data("a/b.csv", bucket, "raw")', Text(("s3://", BUCKET, "/raw/b.csv"))),
        ("from sagemaker.s3 import S3Uploader", 'S3Uploader.upload("b.csv", "s3://d/raw")', "s3://d/raw/b.csv"),
        (
            "from sagemaker.workflow.parameters import *\ndata = ParameterString('Data', 's3://data/raw')",
            "data",
            "s3://data/raw",
        ),
    ],
)
def test_locations_that_can_be_told(tmp_path: Path, before: str, expression: str, expected: Value) -> None:
    app = adopted(tmp_path, f"{SDK_2}{before}\n{RUN.format(expression)}")
    assert source_of(app) == expected
    assert app.to_fill_in == {}


def test_a_job_of_sdk_2(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        SDK_2
        + """
processor.run(
    code="./preprocess.py",
    inputs=[ProcessingInput(source=f"s3://{bucket}/raw", destination="/opt/ml/processing/input", input_name="raw")],
    outputs=[
        ProcessingOutput(output_name="train", source="/opt/ml/processing/train", s3_upload_mode="EndOfJob"),
        ProcessingOutput("/opt/ml/processing/test", f"s3://{bucket}/test", "test"),
    ],
    arguments=["--ratio", str(0.2)],
    wait=True,
    logs=False,
    job_name="once",
)
""",
    )
    assert (
        render_app(app)
        == '''\
"""The processing jobs of job.py, as a state machine."""

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from cdk_sagemaker_processing import ProcessingInput, ProcessingOutput, SKLearnProcessor

app = cdk.App()
stack = cdk.Stack(app, "Job")
DEFAULT_BUCKET = f"sagemaker-{stack.region}-{stack.account}"

processor = SKLearnProcessor(
    stack, "SKLearn", framework_version="1.2-1", instance_type="ml.m5.xlarge"
)
preprocess = processor.run(
    "Preprocess",
    code="preprocess.py",
    inputs=[
        ProcessingInput(
            source=f"s3://{DEFAULT_BUCKET}/raw",
            destination="/opt/ml/processing/input",
            input_name="raw",
        ),
    ],
    outputs=[
        ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
        ProcessingOutput(
            output_name="test",
            source="/opt/ml/processing/test",
            destination=f"s3://{DEFAULT_BUCKET}/test",
        ),
    ],
    arguments=["--ratio", "0.2"],
)
machine = sfn.StateMachine(
    stack, "StateMachine", definition_body=sfn.DefinitionBody.from_chainable(preprocess)
)
cdk.CfnOutput(stack, "StateMachineArn", value=machine.state_machine_arn)
app.synth()
'''
    )
    assert app.files == {"preprocess.py": b"print()\n"}


def test_a_job_of_sdk_3(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        """
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output

session = Session()
processor = ScriptProcessor(
    image_uri=image_uris.retrieve(framework="sklearn", region=session.boto_region_name, version="1.2-1"),
    instance_type="ml.m5.xlarge",
    instance_count=2,
    role=get_execution_role(),
)
processor.run(
    code="preprocess.py",
    inputs=[
        ProcessingInput(
            input_name="input-1",
            s3_input=ProcessingS3Input(
                s3_uri="s3://data/raw",
                local_path="/opt/ml/processing/input",
                s3_data_type="S3Prefix",
                s3_data_distribution_type="ShardedByS3Key",
            ),
        )
    ],
    outputs=[
        ProcessingOutput(
            output_name="train",
            s3_output=ProcessingS3Output(
                s3_uri="s3://data/train", local_path="/opt/ml/processing/train", s3_upload_mode="Continuous"
            ),
        )
    ],
)
""",
    )
    (step,) = app.steps
    assert step.processor == "SKLearnProcessor"
    assert step.processor_arguments == {
        "framework_version": "1.2-1",
        "instance_type": "ml.m5.xlarge",
        "instance_count": 2,
    }
    assert step.run_arguments["inputs"] == [
        Call(
            "ProcessingInput",
            {
                "source": "s3://data/raw",
                "destination": "/opt/ml/processing/input",
                "s3_data_distribution_type": "ShardedByS3Key",
            },
        )
    ]
    assert step.run_arguments["outputs"] == [
        Call(
            "ProcessingOutput",
            {
                "output_name": "train",
                "source": "/opt/ml/processing/train",
                "destination": "s3://data/train",
                "s3_upload_mode": "Continuous",
            },
        )
    ]


def test_cells_with_magics_files_and_other_languages(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        notebook(
            "%matplotlib inline\n!pip install -q sagemaker \\\n    --upgrade\nimport sagemaker\n",
            "%%writefile -a code/preprocess.py\nprint('written')\n",
            "%%bash\nif [ -f x ]; then echo y; fi\n",
            "files = !ls\nsagemaker?\nfor name in [1]:\n    %time print(name)\n    !echo $name\n",
            f"# A comment first\n\n%%time\n{SDK_2}",
            'text = """\n%not a magic\n"""\n'
            + RUN.format('"s3://data/raw"').replace("preprocess.py", "code/preprocess.py"),
        ),
        "Explore data.ipynb",
    )
    assert app.files == {"code/preprocess.py": b"print('written')\n"}
    assert (app.stack_name, app.notes) == ("ExploreData", [])


def test_a_cell_that_is_not_python_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    app = adopted(tmp_path, notebook(SDK_2, "x = 1\nif :\n", RUN.format('"s3://data/raw"')), "a.ipynb")
    assert app.notes == ["a.ipynb, cell 3, line 2: not read, because it is not Python: invalid syntax."]


def test_the_output_of_a_job_is_the_input_of_the_next(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        SDK_2
        + """
processor.run(code="preprocess.py", outputs=[
    ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
    ProcessingOutput(output_name="test", source="/opt/ml/processing/test", destination="s3://data/test/"),
])
description = processor.jobs[-1].describe()
for output in description["ProcessingOutputConfig"]["Outputs"]:
    if output["OutputName"] == "train":
        train = output["S3Output"]["S3Uri"]
processor.run(code="preprocess.py", inputs=[ProcessingInput(source=train, destination="/opt/ml/processing/a")])
processor.run(code="preprocess.py", inputs=[ProcessingInput("s3://data/test", "/opt/ml/processing/b")])
processor.run(code="preprocess.py", inputs=[
    ProcessingInput(source=processor.latest_job.outputs[0].destination, destination="/opt/ml/processing/b")])
""",
    )
    assert [source_of(app, step) for step in (1, 2)] == [
        Reference("Preprocess", '.outputs["train"]'),
        Reference("Preprocess", '.outputs["test"]'),
    ]
    assert 'source=preprocess.outputs["train"]' in render_app(app)
    assert "steps=[preprocess, preprocess2, preprocess3, preprocess4]" in render_app(app)


def test_jobs_without_references_run_in_their_order(tmp_path: Path) -> None:
    app = adopted(tmp_path, SDK_2 + 2 * (RUN.format('"s3://data/raw"') + "\n"))
    assert "from_chainable(preprocess.next(preprocess2))" in render_app(app)


def test_steps_of_pipelines_in_python(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        SDK_2
        + """
from sagemaker.workflow.parameters import ParameterInteger
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep

def get_pipeline(region, role=None):
    count = ParameterInteger(name="Count", default_value=2)
    processor = SKLearnProcessor("1.2-1", role, "ml.m5.xlarge", count)
    args = processor.run(code="preprocess.py", outputs=[
        ProcessingOutput(output_name="train", source="/opt/ml/processing/train")])
    prepare = ProcessingStep(name="prepare-data", step_args=args)
    evaluate = ProcessingStep(
        name="Evaluate",
        processor=processor,
        code="preprocess.py",
        job_arguments=["--x"],
        inputs=[ProcessingInput(
            source=prepare.properties.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri,
            destination="/opt/ml/processing/train")],
        outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        property_files=[PropertyFile(name="report", output_name="evaluation", path="evaluation.json")],
        cache_config=None,
    )
    return Pipeline(name="p", steps=[prepare, evaluate])
""",
    )
    assert [step.name for step in app.steps] == ["PrepareData", "Evaluate"]
    assert source_of(app, 1) == Reference("PrepareData", '.outputs["train"]')
    assert app.steps[0].processor_arguments["instance_count"] == 2
    assert app.steps[1].run_arguments["property_files"] == [
        Call("PropertyFile", {"name": "report", "output_name": "evaluation", "path": "evaluation.json"})
    ]
    assert app.notes == [
        (
            "The parameters of SageMaker Pipelines are their defaults here: Count. For values of each execution, write "
            "sfn.JsonPath.string_at(...)."
        )
    ]


def test_what_cannot_be_told_is_a_constant_with_its_place(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        SDK_2 + "model = estimator.model_data\n" + RUN.format("model") + "\n" + RUN.format('f"{model}/part"'),
    )
    assert app.to_fill_in == {
        "MODEL_DATA": "job.py, line 9: `estimator.model_data` can only be told by running it.",
    }
    assert app.constants == {"MODEL_DATA": "s3://replace-me/model-data"}
    assert source_of(app, 1) == Text((Code("MODEL_DATA"), "/part"))
    assert "# Fill in: job.py, line 9: `estimator.model_data`" in render_app(app)


@pytest.mark.parametrize(
    ("processor", "kind", "arguments"),
    [
        (
            ESTIMATOR,
            "FrameworkProcessor",
            {"framework": "sklearn", "framework_version": "1.2-1", "instance_type": "ml.m5.large"},
        ),
        (
            FRAMEWORK,
            "PyTorchProcessor",
            {
                "framework_version": "2.0",
                "py_version": "py310",
                "instance_type": "ml.m5.large",
            },
        ),
        (
            IMAGE_OF_SDK_3,
            "PyTorchProcessor",
            {"framework_version": "2.0", "py_version": "py310", "instance_type": "ml.m5.large"},
        ),
        (
            IMAGE_OF_FRAMEWORK,
            "ScriptProcessor",
            {
                "image_uri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
                "command": ["python3"],
                "instance_type": "ml.m5.xlarge",
                "tags": {"a": "b"},
            },
        ),
    ],
)
def test_processors(tmp_path: Path, processor: str, kind: str, arguments: dict[str, Value]) -> None:
    app = adopted(tmp_path, f"{SDK_2}role = 'r'\n{processor}\nprocessor.run(code='preprocess.py')")
    (step,) = app.steps
    assert (step.processor, step.processor_arguments) == (kind, arguments)


def test_spark(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "a.py").write_text("A = 1\n")
    app = adopted(
        tmp_path,
        SDK_2
        + """
from sagemaker.spark.processing import PySparkProcessor
spark = PySparkProcessor(base_job_name="sm-spark", framework_version="3.3", role="r", instance_count=2,
                         instance_type="ml.m5.xlarge", max_runtime_in_seconds=1200)
spark.run(submit_app="preprocess.py", submit_py_files=["modules"], submit_jars=["s3://jars/a.jar"],
          arguments=["--bucket", bucket], configuration=[{"Classification": "spark-env", "Properties": {}}],
          spark_event_logs_s3_uri="s3://{}/logs".format(bucket))
""",
    )
    assert app.files == {"preprocess.py": b"print()\n", "modules/a.py": b"A = 1\n"}
    assert app.steps[0].run_arguments == {
        "submit_app": "preprocess.py",
        "submit_py_files": ["modules"],
        "submit_jars": ["s3://jars/a.jar"],
        "arguments": ["--bucket", BUCKET],
        "configuration": [{"Classification": "spark-env", "Properties": {}}],
        "spark_event_logs_s3_uri": Text(("s3://", BUCKET, "/logs")),
    }


def test_lists_that_are_built_and_arguments_that_are_unpacked(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        SDK_2
        + """
outputs = []
for name in ("train", "test"):
    outputs.append(ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}"))
inputs = [ProcessingInput(source=f"s3://data/{n}", destination=f"/opt/ml/processing/{n}") for n in ["a", "b"]]
options = {"outputs": outputs, "inputs": inputs}
if __name__ == "__main__":
    with open("x") as file:
        try:
            processor.run("preprocess.py", **options)
        except ValueError:
            pass
""",
    )
    run: Any = app.steps[0].run_arguments
    assert [one.arguments["output_name"] for one in run["outputs"]] == ["train", "test"]
    assert [one.arguments["source"] for one in run["inputs"]] == ["s3://data/a", "s3://data/b"]


def test_a_request_of_boto3(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        """
import boto3
client = boto3.client("sagemaker")
client.create_processing_job(
    ProcessingJobName="nightly",
    ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}},
    AppSpecification={"ImageUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/own:1"},
    RoleArn="arn:aws:iam::111122223333:role/r",
)
""",
    )
    (step,) = app.steps
    assert (step.processor, step.name) == ("Processor", "Nightly")


def test_a_script_that_does_not_exist_has_a_place_in_the_project(tmp_path: Path) -> None:
    app = adopted(tmp_path, SDK_2 + RUN.format('"s3://d/x"').replace("preprocess.py", "../shared/no.py"))
    assert app.steps[0].run_arguments["code"] == "no.py"
    assert app.files == {"no.py": b"raise SystemExit('../shared/no.py of job.py, line 9 was not there; put it here')\n"}
    assert app.notes == ["job.py, line 9: ../shared/no.py does not exist; put it at no.py of the project."]


def test_local_data_is_copied(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1\n")
    app = adopted(tmp_path, SDK_2 + RUN.format('"data"') + "\n" + RUN.format('"no-data"'))
    assert (source_of(app), app.files["data/a.csv"]) == ("data", b"1\n")
    assert app.constants == {"NO_DATA": "s3://replace-me/no-data"}
    assert app.to_fill_in == {
        "NO_DATA": "job.py, line 10: no-data does not exist; put it at no-data of the project and name that, or a "
        "location in S3."
    }


@pytest.mark.parametrize("text", ['"""', "'''", "\\", "\n", "{x}", "\u2028", '"; import os; "'], ids=ascii)
def test_hostile_text_stays_text(tmp_path: Path, text: str) -> None:
    location = f"s3://data/{text}"
    app = adopted(
        tmp_path, f"{SDK_2}\n{RUN.format(repr(location))}\nprocessor.run('preprocess.py', arguments=[{text!r}])"
    )
    assert source_of(app) == location
    assert app.steps[1].run_arguments["arguments"] == [text]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.py", "x = (\n", "{path}:1: '(' was never closed"),
        ("a.py", "x = 1\0", "{path}: source code string cannot contain null bytes"),
        ("a.ipynb", "{", "{path}:1: not a notebook: not JSON: Expecting property name enclosed in double quotes"),
        ("a.ipynb", "[]", "{path}: not a notebook: it has no cells"),
        ("a.ipynb", '{"cells": [1]}', "{path}: not a notebook: it has no cells"),
        ("a.txt", "x", "{path}: neither a notebook nor a script; name a file that ends in .ipynb or .py"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UnreadableSourceError) as error:
        adopt_notebook(path)
    assert str(error.value) == message.format(path=path)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableSourceError, match=r"a\.py: not text in UTF-8: invalid start byte at byte 0$"):
        adopt_notebook(path)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("x = 1\n", " was found"),
        (
            "from sagemaker import clarify\np = clarify.SageMakerClarifyProcessor()\np.run_bias()\n",
            " was found; a.py, line 2: SageMakerClarifyProcessor is not carried over; there is no construct for it.",
        ),
        ("from pyspark import ScriptProcessor\nScriptProcessor().run('a')\n", " was found"),
    ],
)
def test_files_without_a_job(tmp_path: Path, text: str, end: str) -> None:
    path = tmp_path / "a.py"
    path.write_text(text)
    with pytest.raises(NothingToAdoptError) as error:
        adopt_notebook(path)
    start = f"{path}: no call of run() of a processor, no ProcessingStep and no create_processing_job"
    assert str(error.value) == start + end


def test_nothing_of_the_file_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    adopted(
        tmp_path, f"open({str(marker)!r}, 'w')\n{SDK_2}{RUN.format('chr(65)')}\n__import__('os').mkdir({str(marker)!r})"
    )
    assert not marker.exists()


def test_what_is_no_text_is_a_constant_with_the_place_of_its_call(tmp_path: Path) -> None:
    app = adopted(
        tmp_path,
        SDK_2
        + "from sagemaker.spark.processing import PySparkProcessor\n"
        + "processor.run(code='preprocess.py', arguments=[PySparkProcessor._conf, session])",
    )

    assert list(app.to_fill_in.values()) == [
        "job.py, line 10: `sagemaker.spark.processing.PySparkProcessor._conf` can only be told by running it.",
        "job.py, line 10: `session(...)` can only be told by running it.",
    ]


def test_the_command_writes_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.py").write_text(SDK_2 + RUN.format("unknown()"))
    assert main(["adopt", "notebook", str(tmp_path / "job.py"), str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [".gitignore", "app.py", "cdk.json", "preprocess.py", "requirements.txt"]
    assert shown.err.splitlines() == [
        "Note: Fill in UNKNOWN: job.py, line 9: `unknown()` can only be told by running it.",
        "Note: job.py, line 9: preprocess.py does not exist; put it at preprocess.py of the project.",
    ]


@pytest.mark.parametrize(
    "expression", ['"x" * 10000000000', 'f"{1:10000000000}"', "[1] * 10000000000", "10 ** 10 ** 10"]
)
def test_expressions_that_would_need_much_memory(tmp_path: Path, expression: str) -> None:
    app = adopted(tmp_path, f"{SDK_2}x = {expression}\n{RUN.format(repr('s3://data/raw'))}")
    assert source_of(app) == "s3://data/raw"


@pytest.mark.parametrize(
    ("kind", "consequence"), [("TrainingStep", ""), ("ConditionStep", "; what depends on it runs always")]
)
def test_other_steps_of_pipelines_are_named_with_their_line(tmp_path: Path, kind: str, consequence: str) -> None:
    run = RUN.format(repr("s3://data/raw"))
    app = adopted(tmp_path, f"{SDK_2}{run}\nfrom sagemaker.workflow import steps\nother = steps.{kind}(name='Other')\n")
    line = SDK_2.count("\n") + run.count("\n") + 3
    assert any(
        note.endswith(f"line {line}: {kind} is not carried over, as it runs no processing job{consequence}.")
        for note in app.notes
    )


def test_code_that_is_nested_too_deeply(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(partial(sys.setrecursionlimit, sys.getrecursionlimit()))
    sys.setrecursionlimit(1000)  # a package that another test imports may have raised it
    path = tmp_path / "a.py"
    path.write_text(f"x = {'-' * 3000}1\ny = {'+'.join(['f()'] * 3000)}\n")
    with pytest.raises(UnreadableSourceError, match=r"a\.py: "):
        adopt_notebook(path)


def test_functions_that_call_themselves(tmp_path: Path) -> None:
    app = adopted(tmp_path, f"def f(x):\n    return f(x)\n{SDK_2}f(1)\n{RUN.format(repr('s3://data/raw'))}")
    assert len(app.steps) == 1
