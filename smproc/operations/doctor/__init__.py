"""The doctor: it says what keeps a pipeline from working, one finding for each part."""

from smproc.operations.doctor.checks import Finding, State
from smproc.operations.doctor.examination import examine

__all__ = ["Finding", "State", "examine"]
