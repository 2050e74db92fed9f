"""Names that the stack and the questions share."""

from __future__ import annotations

from typing import Final

STACK: Final = "ProcessingVerification"
# The experiment and the trial that a question creates.
EXPERIMENT: Final = "processing-verification"
# The source of the event that no target accepts.
SOURCE: Final = "cdk-sagemaker-processing.verification"
