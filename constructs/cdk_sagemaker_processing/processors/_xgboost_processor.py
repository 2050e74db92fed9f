"""A processor for scripts that use XGBoost."""

from __future__ import annotations

from cdk_sagemaker_processing.processors._one_framework import OneFrameworkProcessor


class XGBoostProcessor(OneFrameworkProcessor):
    """Run a script, with the modules and the requirements it needs, in SageMaker's XGBoost image.

    Names, defaults and meaning are those of ``sagemaker.xgboost.processing.XGBoostProcessor``; the arguments are those
    of `FrameworkProcessor`, without ``framework``.

    Example:
        >>> processor = XGBoostProcessor(
        ...     stack, "Train", framework_version="1.7-1", instance_type="ml.m5.xlarge"
        ... )
        >>> step = processor.run("Prepare", code="preprocess.py", source_dir="src")
    """

    _framework = "xgboost"
