"""A processor for scripts that use MXNet."""

from __future__ import annotations

from cdk_sagemaker_processing.processors._one_framework import OneFrameworkProcessor


class MXNetProcessor(OneFrameworkProcessor):
    """Run a script, with the modules and the requirements it needs, in SageMaker's MXNet image.

    Names, defaults and meaning are those of ``sagemaker.mxnet.processing.MXNetProcessor``; the arguments are those of
    `FrameworkProcessor`, without ``framework``.

    Example:
        >>> processor = MXNetProcessor(
        ...     stack, "Train", framework_version="1.9", py_version="py38", instance_type="ml.m5.xlarge"
        ... )
        >>> step = processor.run("Prepare", code="preprocess.py", source_dir="src")
    """

    _framework = "mxnet"
