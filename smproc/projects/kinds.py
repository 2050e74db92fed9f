"""The kinds of new projects: what a project of each processor consists of."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_IMAGE: Final = (
    'image_uri=DockerImage.from_asset(\n                self, "Image", directory=str(HERE / "{}")\n            )'
)
_INSTANCE: Final = 'instance_type="ml.m5.xlarge"'


class Kind(enum.StrEnum):
    """The processors that a project can have."""

    SKLEARN = "sklearn"
    PYSPARK = "pyspark"
    SPARK_JAR = "spark-jar"
    SCRIPT = "script"
    CONTAINER = "container"
    FRAMEWORK = "framework"
    PYTORCH = "pytorch"
    TENSORFLOW = "tensorflow"
    XGBOOST = "xgboost"
    MXNET = "mxnet"
    HUGGINGFACE = "huggingface"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectKind:
    """A project of a processor.

    Attributes:
        processor: the class of the processor.
        options: its arguments, as code.
        code: the arguments of ``run`` that name the program, as code.
        arguments: the lines of the further arguments of ``run``.
        script: the program's path in the project.
        template: the template of the program.
        image: the directory with the Dockerfile. Default: none, the image is SageMaker's.
    """

    processor: str
    options: tuple[str, ...]
    code: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    script: str = "process.py"
    template: str = "process.py.j2"
    image: str = ""


def _framework(processor: str, *options: str) -> ProjectKind:
    return ProjectKind(
        processor=processor,
        options=(*options, _INSTANCE),
        code=('code="process.py"', 'source_dir=str(HERE / "source")'),
        script="source/process.py",
    )


_SCRIPT: Final = 'code=str(HERE / "process.py")'
KINDS: Final[Mapping[Kind, ProjectKind]] = {
    Kind.SKLEARN: ProjectKind(
        processor="SKLearnProcessor", options=('framework_version="1.2-1"', _INSTANCE), code=(_SCRIPT,)
    ),
    Kind.PYSPARK: ProjectKind(
        processor="PySparkProcessor",
        options=('framework_version="3.5"', _INSTANCE),
        code=('submit_app=str(HERE / "process.py")',),
        template="spark.py.j2",
    ),
    Kind.SPARK_JAR: ProjectKind(
        processor="SparkJarProcessor",
        options=('framework_version="3.5"', _INSTANCE),
        code=('submit_app=f"s3://{jars.bucket_name}/count-rows.jar"', 'submit_class="com.example.CountRows"'),
        arguments=(
            "arguments=[",
            '    "file:///opt/ml/processing/input",',
            '    "file:///opt/ml/processing/output/counts",',
            "],",
        ),
        script="java/com/example/CountRows.java",
        template="CountRows.java.j2",
    ),
    Kind.SCRIPT: ProjectKind(
        processor="ScriptProcessor",
        options=(_IMAGE.format("image"), 'command=["python3"]', _INSTANCE),
        code=(_SCRIPT,),
        image="image",
    ),
    Kind.CONTAINER: ProjectKind(
        processor="Processor",
        options=(_IMAGE.format("container"), _INSTANCE),
        code=(),
        script="container/process.py",
        image="container",
    ),
    Kind.FRAMEWORK: _framework("FrameworkProcessor", 'framework="sklearn"', 'framework_version="1.2-1"'),
    Kind.PYTORCH: _framework("PyTorchProcessor", 'framework_version="2.3"', 'py_version="py311"'),
    Kind.TENSORFLOW: _framework("TensorFlowProcessor", 'framework_version="2.16"', 'py_version="py310"'),
    Kind.XGBOOST: _framework("XGBoostProcessor", 'framework_version="1.7-1"'),
    Kind.MXNET: _framework("MXNetProcessor", 'framework_version="1.9"', 'py_version="py38"'),
    Kind.HUGGINGFACE: ProjectKind(
        processor="HuggingFaceProcessor",
        options=(
            'transformers_version="4.28.1"',
            'pytorch_version="2.0.0"',
            'py_version="py310"',
            'instance_type="ml.g5.xlarge"',
        ),
        code=('code="process.py"', 'source_dir=str(HERE / "source")'),
        script="source/process.py",
    ),
}
