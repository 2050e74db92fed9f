"""A processor for scripts that use TensorFlow."""

from __future__ import annotations

from cdk_sagemaker_processing.processors._one_framework import OneFrameworkProcessor


class TensorFlowProcessor(OneFrameworkProcessor):
    """Run a script, with the modules and the requirements it needs, in SageMaker's TensorFlow image.

    Names, defaults and meaning are those of ``sagemaker.tensorflow.processing.TensorFlowProcessor``; the arguments are
    those of `FrameworkProcessor`, without ``framework``.

    Example:
        >>> processor = TensorFlowProcessor(
        ...     stack, "Train", framework_version="2.16", py_version="py310", instance_type="ml.m5.xlarge"
        ... )
        >>> step = processor.run("Prepare", code="preprocess.py", source_dir="src")
    """

    _framework = "tensorflow"
