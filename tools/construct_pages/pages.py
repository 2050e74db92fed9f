"""The pages: which construct each is about, and the example that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page about a construct.

    Attributes:
        file: the name of the page, without its ending.
        name: the construct.
        example: the file that shows it, from the root of the repository: an app, or a stack of one.
        stack: the stack of the app. Default: it has one.
        parts: the paths of the constructs, below the stack, whose resources are its own. Default: it creates none.
        machine: the path of the state machine that the page draws. Default: none.
        settings: whether the page lists which properties of the example it sets. Default: False.
        others: further names of the public interface that the page documents. Default: none.
        guides: pages that say more, with their titles.
        about: what the examples's template cannot show. Default: nothing.
    """

    file: str
    name: str
    example: str
    stack: str | None = None
    parts: tuple[str, ...] = ()
    machine: str | None = None
    settings: bool = False
    others: tuple[str, ...] = ()
    guides: tuple[tuple[str, str], ...] = ()
    about: str = ""

    @property
    def app(self) -> str:
        """The app of the example, from the root of the repository."""
        path = PurePosixPath(self.example)
        return str(path if path.name == "app.py" else path.parents[1] / "app.py")


def _processor(name: str, file: str, example: str, part: str) -> Page:
    return Page(
        file=file,
        name=name,
        example=f"examples/processors/stacks/{example}.py",
        stack=f"{name.removesuffix('Processor') or name}Example",
        parts=(part,),
        guides=(("../coming-from-the-sdk.md", "Coming from the SageMaker SDK"), ("../limits.md", "Limits and rules")),
    )


_TRIGGER = ("../trigger.md", "What the trigger guarantees, and why")
_WORKFLOWS = ("../workflows.md", "Workflows")
_SECURITY = ("../security.md", "Security")

PAGES = (
    Page(
        file="event-driven-processing",
        name="EventDrivenProcessing",
        example="app.py",
        parts=("Pipeline",),
        machine="Pipeline/StateMachine",
        guides=(_TRIGGER, _WORKFLOWS, ("../schedules.md", "Schedules"), ("../monitoring.md", "Monitoring")),
    ),
    Page(
        file="s3-trigger",
        name="S3Trigger",
        example="examples/triggered-state-machine/app.py",
        parts=("Trigger",),
        others=("uploaded_objects", "GroupBy"),
        guides=(_TRIGGER, ("../trigger-costs.md", "Its costs"), ("../trigger-scale.md", "Its scale")),
    ),
    Page(
        file="processing-workflow",
        name="ProcessingWorkflow",
        example="examples/triggered-state-machine/app.py",
        machine="Machine",
        others=("WorkflowStep", "PropertyFile", "StepOutputs", "StepValue", "StepCondition"),
        guides=(_WORKFLOWS,),
    ),
    Page(
        file="create-processing-job",
        name="SageMakerCreateProcessingJob",
        example="examples/own-state-machine/app.py",
        parts=("CountRows",),
        machine="Machine",
        others=("unique_job_name", "literal_text"),
        guides=(("../limits.md", "Limits and rules"), _SECURITY),
        about="The permissions to create, watch and stop the job are added to the role of the state machine.",
    ),
    Page(
        file="retry-on-capacity",
        name="retry_on_capacity",
        example="examples/own-state-machine/app.py",
        machine="Machine",
        others=("CapacityRetry",),
        guides=(("../adr/0007-lost-capacity-is-retried-by-a-parallel-state.md", "Why it is a state of its own"),),
    ),
    Page(
        file="processing-schedule",
        name="ProcessingSchedule",
        example="examples/nightly/app.py",
        parts=("Pipeline/Nightly",),
        machine="Pipeline/Nightly/Starter",
        guides=(("../schedules.md", "Schedules"),),
        about="`EventDrivenProcessing.on_schedule` creates one for its own state machine, as in the example.",
    ),
    Page(
        file="pipeline-monitoring",
        name="PipelineMonitoring",
        example="examples/batches/app.py",
        parts=("Pipeline/Monitoring",),
        guides=(("../monitoring.md", "Monitoring"),),
        about="`EventDrivenProcessing.monitor` creates one for its own trigger, as in the example. Once a pipeline is "
        "monitored, its functions also write metrics: [what they cost](../monitoring.md#what-it-costs).",
    ),
    _processor("Processor", "processor", "processor", "Mine"),
    _processor("ScriptProcessor", "script-processor", "script_processor", "Mine"),
    _processor("SKLearnProcessor", "sklearn-processor", "sklearn_processor", "SKLearn"),
    _processor("FrameworkProcessor", "framework-processor", "framework_processor", "scikit-learn"),
    _processor("PyTorchProcessor", "pytorch-processor", "pytorch_processor", "PyTorch"),
    _processor("TensorFlowProcessor", "tensorflow-processor", "tensorflow_processor", "TensorFlow"),
    _processor("HuggingFaceProcessor", "huggingface-processor", "huggingface_processor", "HuggingFace"),
    _processor("XGBoostProcessor", "xgboost-processor", "xgboost_processor", "XGBoost"),
    _processor("MXNetProcessor", "mxnet-processor", "mxnet_processor", "MXNet"),
    _processor("PySparkProcessor", "pyspark-processor", "pyspark_processor", "Spark"),
    _processor("SparkJarProcessor", "spark-jar-processor", "spark_jar_processor", "Spark"),
    Page(
        file="processing-bucket",
        name="ProcessingBucket",
        example="examples/triggered-state-machine/app.py",
        parts=("Arrivals",),
        guides=(_SECURITY,),
    ),
    Page(
        file="processing-repository",
        name="ProcessingRepository",
        example="examples/processors/stacks/processor.py",
        stack="ProcessorExample",
        parts=("Images",),
        guides=(_SECURITY,),
    ),
    Page(
        file="processing-role",
        name="ProcessingRole",
        example="examples/triggered-state-machine/app.py",
        parts=("JobRole",),
        guides=(("../security.md#bring-your-own", "Bring your own"),),
    ),
    Page(
        file="processing-vpc-endpoints",
        name="ProcessingVpcEndpoints",
        example="examples/closed-network/app.py",
        parts=("Endpoints",),
        guides=(("../security.md#a-network-of-your-own", "A network of your own"),),
    ),
    Page(
        file="safeguards",
        name="Safeguards",
        example="examples/closed-network/app.py",
        settings=True,
        guides=(_SECURITY,),
        about="The safeguards create nothing: they set the key, the network and the retention of what other constructs "
        "create. The resources of the example that they change:",
    ),
)
# Names that no construct owns: the reference alone documents them.
VALUES = (
    "ProcessingInput",
    "ProcessingS3Input",
    "S3Input",
    "DatasetDefinition",
    "AthenaDatasetDefinition",
    "RedshiftDatasetDefinition",
    "ProcessingOutput",
    "ProcessingS3Output",
    "FeatureStoreOutput",
    "NetworkConfig",
    "ExperimentConfig",
    "InstancePreference",
)
ERRORS = ("InvalidProcessingJobError", "InvalidValueError", "ConflictingValuesError", "InvalidCallError")
