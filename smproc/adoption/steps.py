"""An adopted step: a processor, what it runs, and what has to be said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from smproc.adoption.code import Value


@dataclass(kw_only=True)
class AdoptedStep:
    """The construct of a processor and the call of its ``run``.

    Attributes:
        processor: the processor's class.
        processor_arguments: its keyword arguments.
        run_arguments: the keyword arguments of ``run``.
        name: the run's id, in PascalCase.
        notes: what differs from the original or could not be carried over, a sentence each.
        when: the condition that the step depends on, an expression. Default: none.
        depends_on: the names of steps that must have ended before. Default: none.
    """

    processor: str
    processor_arguments: dict[str, Value]
    run_arguments: dict[str, Value]
    name: str
    notes: list[str] = field(default_factory=list)
    when: Value = None
    depends_on: list[str] = field(default_factory=list)


# The ids of processors, which need not repeat that they are processors.
PROCESSOR_IDS: Mapping[str, str] = {
    "FrameworkProcessor": "Framework",
    "HuggingFaceProcessor": "HuggingFace",
    "MXNetProcessor": "MXNet",
    "Processor": "Processor",
    "PySparkProcessor": "Spark",
    "PyTorchProcessor": "PyTorch",
    "SKLearnProcessor": "SKLearn",
    "ScriptProcessor": "Script",
    "SparkJarProcessor": "Spark",
    "TensorFlowProcessor": "TensorFlow",
    "XGBoostProcessor": "XGBoost",
}
