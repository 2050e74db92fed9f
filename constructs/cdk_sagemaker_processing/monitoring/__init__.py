"""Monitoring of a pipeline: its metrics, its alarms, its dashboard."""

from typing import TYPE_CHECKING

from cdk_sagemaker_processing.lazy_exports import lazy_getattr

if TYPE_CHECKING:
    from cdk_sagemaker_processing.monitoring.metrics import PipelineMetrics
    from cdk_sagemaker_processing.monitoring.pipeline_monitoring import PipelineMonitoring

__all__ = ["PipelineMetrics", "PipelineMonitoring"]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = lazy_getattr(__name__, {"PipelineMetrics": ".metrics", "PipelineMonitoring": ".pipeline_monitoring"})
