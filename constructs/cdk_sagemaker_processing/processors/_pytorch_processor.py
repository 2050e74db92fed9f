"""A processor for scripts that use PyTorch."""

from __future__ import annotations

from cdk_sagemaker_processing.processors._one_framework import OneFrameworkProcessor


class PyTorchProcessor(OneFrameworkProcessor):
    """Run a script, with the modules and the requirements it needs, in SageMaker's PyTorch image.

    Names, defaults and meaning are those of ``sagemaker.pytorch.processing.PyTorchProcessor``; the arguments are those
    of `FrameworkProcessor`, without ``framework``.

    Example:
        >>> processor = PyTorchProcessor(
        ...     stack, "Train", framework_version="2.3", py_version="py311", instance_type="ml.g5.xlarge"
        ... )
        >>> step = processor.run("Prepare", code="preprocess.py", source_dir="src")
    """

    _framework = "pytorch"
