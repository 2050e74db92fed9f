"""Correct uses of the public API, with the types that a user's type checker infers.

mypy and pyright check this file without running it; `test_typing.py` starts both.
"""

from __future__ import annotations

from typing import assert_type

from aws_cdk import Duration, Stack, TimeZone
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

from cdk_sagemaker_processing import (
    AthenaDatasetDefinition,
    CapacityRetry,
    ConflictingValuesError,
    DatasetDefinition,
    EventDrivenProcessing,
    ExperimentConfig,
    FeatureStoreOutput,
    FrameworkProcessor,
    GroupBy,
    HuggingFaceProcessor,
    InstancePreference,
    InvalidCallError,
    InvalidProcessingJobError,
    InvalidValueError,
    MXNetProcessor,
    NetworkConfig,
    PipelineMonitoring,
    ProcessingBucket,
    ProcessingInput,
    ProcessingOutput,
    ProcessingRepository,
    ProcessingRole,
    ProcessingS3Input,
    ProcessingS3Output,
    ProcessingSchedule,
    ProcessingVpcEndpoints,
    ProcessingWorkflow,
    Processor,
    PropertyFile,
    PySparkProcessor,
    PyTorchProcessor,
    RedshiftDatasetDefinition,
    S3Input,
    S3Trigger,
    Safeguards,
    SageMakerCreateProcessingJob,
    ScriptProcessor,
    SKLearnProcessor,
    SparkJarProcessor,
    StepCondition,
    StepOutputs,
    StepValue,
    TensorFlowProcessor,
    WorkflowStep,
    XGBoostProcessor,
    literal_text,
    retry_on_capacity,
    unique_job_name,
    uploaded_objects,
)
from smproc.local import LocalAws


def workflows(stack: Stack, processor: SKLearnProcessor, other: sfn.Pass) -> None:
    evaluate = processor.run(
        "Evaluate",
        code="evaluate.py",
        outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        property_files=[PropertyFile(name="evaluation", output_name="evaluation", path="evaluation.json")],
    )
    assert_type(evaluate.outputs, StepOutputs)
    assert_type(evaluate.outputs["evaluation"], str)
    accuracy = evaluate.property("evaluation", "metrics.accuracy")
    assert_type(accuracy, StepValue)
    assert_type((accuracy > 0.8) & ~(accuracy == 1), StepCondition)
    assert_type((accuracy > 0.8) | sfn.Condition.jsonata("{% $states.input.force %}"), StepCondition)
    step = WorkflowStep(other, when=accuracy >= 0.8, on_failure="continue", depends_on=[evaluate])
    assert_type(step.result("rows") < 5, StepCondition)
    retried = retry_on_capacity(processor.run("Retried", code="retried.py"))
    workflow = ProcessingWorkflow(stack, "Workflow", steps=[evaluate, step, retried], result_path="$.workflow")
    sfn.Map(stack, "Each").item_processor(workflow)
    EventDrivenProcessing(stack, "WorkflowPipeline", steps=[evaluate, step], query_language=sfn.QueryLanguage.JSONATA)


def pipelines(stack: Stack, bucket: s3.IBucket, key: kms.IKey, role: iam.IRole) -> None:
    processor = SKLearnProcessor(
        stack,
        "SKLearn",
        framework_version="1.2-1",
        role=role,
        instance_type="ml.m5.xlarge",
        volume_kms_key=key,
        env={"LEVEL": "INFO"},
        tags={"team": "data"},
    )
    split = processor.run(
        "Split",
        code="preprocess.py",
        inputs=[uploaded_objects("/opt/ml/processing/input")],
        outputs=[ProcessingOutput(output_name="train", source="/opt/ml/processing/train")],
        arguments=["--ratio", "0.2"],
        result_path=sfn.JsonPath.DISCARD,
    )
    assert_type(split, SageMakerCreateProcessingJob)
    assert_type(split.connections, ec2.Connections)
    assert_type(split.grant_principal, iam.IPrincipal)
    assert_type(split.next(sfn.Succeed(stack, "Done")), sfn.Chain)
    assert_type(retry_on_capacity(split, max_attempts=3, interval=Duration.minutes(1)), CapacityRetry)

    pipeline = EventDrivenProcessing(
        stack,
        "Pipeline",
        steps=[split, retry_on_capacity(split)],
        input_bucket=bucket,
        prefixes=["incoming/"],
        batch_size=100,
        batch_window=Duration.minutes(5),
        group_by=GroupBy(folders=1),
    )
    assert_type(pipeline.input_bucket, s3.IBucket)
    assert_type(pipeline.output_bucket, s3.IBucket)
    assert_type(pipeline.state_machine, sfn.StateMachine)
    assert_type(pipeline.log_group, logs.LogGroup)
    assert_type(pipeline.trigger, S3Trigger)
    assert_type(pipeline.trigger.queue, sqs.Queue)
    assert_type(pipeline.upload_uri, str)
    monitoring = pipeline.monitor("Monitoring", data_due=Duration.hours(26), failure_share=None)
    assert_type(monitoring, PipelineMonitoring)
    assert_type(monitoring.alarms, list[cloudwatch.Alarm])
    assert_type(pipeline.metric_executions_failed(period=Duration.hours(1), label="Failed"), cloudwatch.Metric)
    assert_type(pipeline.metric_failure_share(period=Duration.hours(1)), cloudwatch.MathExpression)
    nightly = ProcessingSchedule(
        stack,
        "Nightly",
        state_machine=pipeline.state_machine,
        schedule=scheduler.ScheduleExpression.cron(hour="2", time_zone=TimeZone.EUROPE_BERLIN),
        window=Duration.days(7),
        fields={"day": "{end:%Y-%m-%d}"},
    )
    assert_type(nightly.starter, sfn.StateMachine)
    pipeline.on_schedule("Flush", schedule=scheduler.ScheduleExpression.rate(Duration.hours(6)), flush_batches=True)


def processors(stack: Stack, repository: ProcessingRepository) -> None:
    base = Processor(stack, "One", image_uri="image", entrypoint=["/bin/run"], instance_count=1)
    assert_type(base.run("OneRun"), SageMakerCreateProcessingJob)
    script = ScriptProcessor(stack, "Script", image_uri="image", command=["python3"])
    assert_type(script.run("ScriptRun", code="main.py"), SageMakerCreateProcessingJob)
    framework = FrameworkProcessor(
        stack, "Framework", framework="pytorch", framework_version="2.3", py_version="py311", instance_count=1
    )
    assert_type(framework.run("FrameworkRun", code="main.py", source_dir="src"), SageMakerCreateProcessingJob)
    own = FrameworkProcessor(
        stack, "Own", image_uri="image", instance_preferences=[{"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}]
    )
    own.run("OwnRun", code="main.py", source_dir="src", requirements="reqs/cpu.txt")
    own.run("CustomRun", code="main.py", source_dir="src", entry_point="start.sh")
    ScriptProcessor(stack, "SciKitLearn", image_uri="sagemaker-scikit-learn", instance_type="ml.m5.xlarge")
    PyTorchProcessor(stack, "PyTorch", framework_version="2.3", py_version="py311")
    TensorFlowProcessor(stack, "TensorFlow", framework_version="2.16", py_version="py310")
    MXNetProcessor(stack, "MXNet", framework_version="1.9", py_version="py38")
    XGBoostProcessor(stack, "XGBoost", framework_version="1.7-1")
    HuggingFaceProcessor(
        stack, "HuggingFace", transformers_version="4.28.1", pytorch_version="2.0.0", py_version="py310"
    )
    pyspark = PySparkProcessor(stack, "PySpark", framework_version="3.5")
    assert_type(pyspark.run("PySparkRun", submit_app="app.py"), SageMakerCreateProcessingJob)
    jar = SparkJarProcessor(stack, "Jar", framework_version="3.5")
    assert_type(
        jar.run("JarRun", submit_app="s3://code/app.jar", submit_class="com.example.Main"), SageMakerCreateProcessingJob
    )
    repository.grant_pull(script.role)


def tasks(stack: Stack) -> None:
    state = SageMakerCreateProcessingJob(stack, "State", image_uri="image", instance_type="ml.m5.xlarge")
    assert_type(state.next(sfn.Succeed(stack, "Done")), sfn.Chain)
    json_path = SageMakerCreateProcessingJob.json_path(stack, "JsonPath", image_uri="image", result_path="$.job")
    assert_type(json_path, SageMakerCreateProcessingJob)
    jsonata = SageMakerCreateProcessingJob.jsonata(stack, "Jsonata", image_uri="image", state_output={"n": "{% 1 %}"})
    assert_type(jsonata, SageMakerCreateProcessingJob)


def values() -> None:
    assert_type(
        ProcessingInput(source="s3://bucket/raw/", destination="/opt/ml/processing/input").input_name, str | None
    )
    ProcessingInput(s3_input=S3Input(s3_uri="s3://bucket/raw/", local_path="/opt/ml/processing/input"))
    ProcessingInput(s3_input=ProcessingS3Input(s3_uri="s3://bucket/raw/", local_path="/opt/ml/processing/input"))
    ProcessingOutput(output_name="train", s3_output=ProcessingS3Output(local_path="/opt/ml/processing/train"))
    athena = AthenaDatasetDefinition(
        catalog="AwsDataCatalog",
        database="sales",
        query_string="SELECT 1",
        output_s3_uri="s3://bucket/query/",
        output_format="PARQUET",
    )
    ProcessingInput(
        dataset_definition=DatasetDefinition(
            athena_dataset_definition=athena, local_path="/opt/ml/processing/input/sales"
        )
    )
    redshift = RedshiftDatasetDefinition(
        cluster_id="warehouse",
        database="sales",
        db_user="reader",
        query_string="SELECT 1",
        cluster_role_arn="arn:aws:iam::111122223333:role/Redshift",
        output_s3_uri="s3://bucket/query/",
        output_format="CSV",
    )
    assert_type(redshift.database, str)
    ProcessingOutput(app_managed=True, feature_store_output=FeatureStoreOutput(feature_group_name="features"))
    InstancePreference(instance_type="ml.m5.xlarge")
    ExperimentConfig(experiment_name="experiment", run_name="run")


def security(stack: Stack, vpc: ec2.IVpc, key: kms.IKey) -> None:
    Safeguards(encryption_key=key, tracing=False).apply_to(stack)
    assert_type(Safeguards.of(stack), Safeguards)
    assert_type(Safeguards.of(stack).tracing, bool)
    network = NetworkConfig(enable_network_isolation=True)
    Processor(stack, "Isolated", image_uri="image", network_config=network)
    # pyright refuses every iam.Role as an iam.IRole: in aws-cdk-lib, a parameter of grant_pass_role has two names.
    role: iam.IRole = ProcessingRole(stack, "Role")  # pyright: ignore[reportAssignmentType]
    bucket: s3.IBucket = ProcessingBucket(stack, "Bucket")
    Processor(stack, "Own", image_uri="image", role=role, bucket=bucket)
    ProcessingVpcEndpoints(stack, "Endpoints", vpc=vpc)


def texts(stack: Stack) -> None:
    name = unique_job_name("nightly", sfn.JsonPath.string_at("$.day"))
    assert_type(name, str)
    processor = Processor(stack, "Named", image_uri="image")
    processor.run("Run", job_name=name, arguments=[literal_text("{% raw %}")])


def errors(error: ConflictingValuesError | InvalidValueError) -> ValueError:
    if isinstance(error, InvalidValueError):
        assert_type(error.parameter, str)
        assert_type(error.value, object)
    job_error: InvalidProcessingJobError = error
    if isinstance(error, InvalidCallError):
        type_error: TypeError = error
        raise type_error
    return job_error


def local_aws_server() -> None:
    with LocalAws(runner="process", images={"team/image": ".venv"}) as local_aws:
        assert_type(local_aws.endpoint, str)
        assert_type(local_aws.environment(), dict[str, str])
