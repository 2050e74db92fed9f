"""Values that are known only at run time, in the two query languages of Step Functions."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

from cdk_sagemaker_processing import (
    ConflictingValuesError,
    InvalidValueError,
    NetworkConfig,
    ProcessingInput,
    ProcessingOutput,
    SageMakerCreateProcessingJob,
    SKLearnProcessor,
)
from tests.helpers.stacks import definition, flat, in_machine, resources, stack, statements

IMAGE = "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:1"
JSONATA = sfn.QueryLanguage.JSONATA
PATH = sfn.JsonPath


def state_of(scope: cdk.Stack, language: sfn.QueryLanguage | None = None, **arguments: Any) -> dict[str, Any]:
    """Return the state of a task with these arguments, in a machine with a query language."""
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE, retry_at_creation=False, **arguments)
    sfn.StateMachine(scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task), query_language=language)
    found: dict[str, Any] = definition(scope)["States"]["Count"]
    return found


def test_minimal_jsonata() -> None:
    scope = stack()
    assert state_of(scope, query_language=JSONATA) == {
        "Type": "Task",
        "End": True,
        "QueryLanguage": "JSONata",
        "Resource": "arn:<AWS::Partition>:states:::sagemaker:createProcessingJob.sync",
        "Arguments": {
            "ProcessingJobName": '{% "Count-" & $uuid() %}',
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {"ImageUri": IMAGE},
            "RoleArn": "<CountRole2553F83B.Arn>",
        },
    }


def test_a_task_has_the_language_of_its_machine() -> None:
    state = state_of(stack(), JSONATA)
    assert "QueryLanguage" not in state
    assert state["Arguments"]["ProcessingJobName"] == '{% "Count-" & $uuid() %}'


def test_the_factories() -> None:
    scope = stack()
    path = SageMakerCreateProcessingJob.json_path(scope, "A", image_uri=IMAGE, result_path=PATH.DISCARD)
    jsonata = SageMakerCreateProcessingJob.jsonata(scope, "B", image_uri=IMAGE, state_output="{% $states.input %}")
    states = in_machine(scope, path.next(jsonata))["States"]
    assert states["A"]["ResultPath"] is None
    assert "Parameters" in states["A"]
    assert states["B"]["Output"] == "{% $states.input %}"
    assert (states["B"]["QueryLanguage"], "Arguments" in states["B"]) == ("JSONata", True)


def everything(scope: cdk.Stack, at: Any) -> dict[str, Any]:  # noqa: ANN401 - creates a value from a name
    """Return options with run-time values everywhere, mixed with static ones and tokens."""
    bucket = s3.Bucket.from_bucket_name(scope, "Bucket", cdk.Fn.import_value("TheBucket"))
    return {
        "image_uri": f"444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:{at('tag')}",
        "volume_kms_key": at("key"),
        "job_name": f"nightly-{at('night')}",
        "inputs": [
            ProcessingInput(
                source=f"s3://{bucket.bucket_name}/{at('day')}/it's {{x}}/",
                destination=f"/opt/ml/processing/{at('folder')}",
                input_name=at("name"),
            )
        ],
        "outputs": [
            ProcessingOutput(source="/opt/ml/processing/out", destination=f"s3://{at('bucket')}/out"),
        ],
        "entrypoint": ["python3", at("script")],
        "arguments": ["--day", at("day"), f"{at('a')}{at('b')}", "it's \\ {0}"],
        "env": {"DAY": f"<{at('day')}>", "STATIC": "{}"},
        "network_config": NetworkConfig(subnets=["subnet-1", at("subnet")], security_group_ids=[at("group")]),
        "experiment_config": {"ExperimentName": at("experiment")},
        "tags": {"day": at("day")},
    }


def test_run_time_values_everywhere_in_json_path() -> None:
    scope = stack()
    options = everything(scope, lambda name: PATH.string_at(f"$.{name}"))
    task = SageMakerCreateProcessingJob(scope, "Count", **options)
    sent = in_machine(scope, task)["States"]["Count"]["Parameters"]

    assert sent["ProcessingJobName.$"] == "States.Format('nightly-{}', $.night)"
    assert sent["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId.$"] == "$.key"
    assert sent["AppSpecification"] == {
        "ImageUri.$": "States.Format('444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:{}', $.tag)",
        "ContainerEntrypoint.$": "States.Array('python3', $.script)",
        "ContainerArguments.$": (
            r"States.Array('--day', $.day, States.Format('{}{}', $.a, $.b), States.Format('it\'s \\ \{0\}'))"
        ),
    }
    (entry,) = sent["ProcessingInputs"]
    assert entry["InputName.$"] == "$.name"
    assert entry["S3Input"]["S3Uri.$"] == r"States.Format('s3://<TheBucket>/{}/it\'s \{x\}/', $.day)"
    assert entry["S3Input"]["LocalPath.$"] == "States.Format('/opt/ml/processing/{}', $.folder)"
    (output,) = sent["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri.$"] == "States.Format('s3://{}/out', $.bucket)"
    assert sent["Environment"] == {"DAY.$": "States.Format('<{}>', $.day)", "STATIC": "{}"}
    assert sent["NetworkConfig"]["VpcConfig"] == {
        "Subnets.$": "States.Array('subnet-1', $.subnet)",
        "SecurityGroupIds.$": "States.Array($.group)",
    }
    assert sent["ExperimentConfig"] == {"ExperimentName.$": "$.experiment"}
    assert sent["Tags"] == [{"Key": "day", "Value.$": "$.day"}]


@pytest.mark.parametrize("notation", ["JSONata", "simple paths"])
def test_run_time_values_everywhere_in_jsonata(notation: str) -> None:
    scope = stack()
    notations = {
        "JSONata": lambda name: f"{{% $states.input.{name} %}}",
        "simple paths": lambda n: PATH.string_at(f"$.{n}"),
    }
    task = SageMakerCreateProcessingJob(
        scope, "Count", query_language=JSONATA, **everything(scope, notations[notation])
    )
    sent = json.loads(
        json.dumps(in_machine(scope, task)["States"]["Count"]["Arguments"])
        .replace("($states.input.", "$states.input.")
        .replace(") ", " ")
    )

    assert sent["ProcessingJobName"] == '{% "nightly-" & $states.input.night %}'
    assert sent["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "{% $states.input.key %}"
    assert sent["AppSpecification"] == {
        "ImageUri": '{% "444455556666.dkr.ecr.us-west-2.amazonaws.com/team/count:" & $states.input.tag %}',
        "ContainerEntrypoint": ["python3", "{% $states.input.script %}"],
        "ContainerArguments": [
            "--day",
            "{% $states.input.day %}",
            "{% $states.input.a & $states.input.b %}",
            "it's \\ {0}",
        ],
    }
    (entry,) = sent["ProcessingInputs"]
    assert entry["S3Input"]["S3Uri"] == '{% "s3://<TheBucket>/" & $states.input.day & "/it\'s {x}/" %}'
    assert sent["Environment"] == {"DAY": '{% "<" & $states.input.day & ">" %}', "STATIC": "{}"}
    assert sent["NetworkConfig"]["VpcConfig"]["Subnets"] == ["subnet-1", "{% $states.input.subnet %}"]
    assert sent["Tags"] == [{"Key": "day", "Value": "{% $states.input.day %}"}]


def test_whole_lists_numbers_and_objects_from_run_time_values() -> None:
    whole: dict[str, Any] = {
        "instance_count": PATH.number_at("$.n"),
        "volume_size_in_gb": PATH.number_at("$.gb"),
        "max_runtime_in_seconds": PATH.number_at("$.limit"),
        "arguments": PATH.list_at("$.words"),
        "env": PATH.object_at("$.env"),
        "network_config": NetworkConfig(
            subnets=PATH.list_at("$.subnets"),
            security_group_ids=PATH.list_at("$.groups"),
            enable_network_isolation=PATH.object_at("$.alone"),  # type: ignore[arg-type]
        ),
    }
    sent = state_of(stack(), **whole)["Parameters"]
    assert sent["ProcessingResources"]["ClusterConfig"] == {
        "InstanceType": "ml.m5.xlarge",
        "InstanceCount.$": "$.n",
        "VolumeSizeInGB.$": "$.gb",
    }
    assert sent["StoppingCondition"] == {"MaxRuntimeInSeconds.$": "$.limit"}
    assert sent["AppSpecification"]["ContainerArguments.$"] == "$.words"
    assert sent["Environment.$"] == "$.env"
    assert sent["NetworkConfig"] == {
        "EnableNetworkIsolation.$": "$.alone",
        "VpcConfig": {"Subnets.$": "$.subnets", "SecurityGroupIds.$": "$.groups"},
    }
    jsonata = state_of(stack(), query_language=JSONATA, **whole)["Arguments"]
    assert jsonata["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == "{% $states.input.n %}"
    assert jsonata["AppSpecification"]["ContainerArguments"] == "{% $states.input.words %}"
    expressions: dict[str, Any] = {
        "instance_count": "{% $n %}",
        "arguments": "{% $words %}",
        "env": "{% $env %}",
        "tags": "{% $tags %}",
    }
    written = state_of(stack(), query_language=JSONATA, **expressions)["Arguments"]
    assert written["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == "{% $n %}"
    assert (written["Environment"], written["Tags"]) == ("{% $env %}", "{% $tags %}")


@pytest.mark.parametrize(
    ("path", "jsonata"),
    [
        ("$", "$states.input"),
        ("$.a.b", "$states.input.a.b"),
        ("$.a[0].b", "$states.input.a[0].b"),
        ("$['with space']", "$states.input.`with space`"),
        ("$.in", "$states.input.`in`"),
        ("$$.Execution.Id", "$states.context.Execution.Id"),
        ("$$.State.RetryCount", "$states.context.State.RetryCount"),
        ("$variable.x", "$variable.x"),
        ("States.UUID()", "$uuid()"),
    ],
)
def test_a_simple_path_becomes_jsonata(path: str, jsonata: str) -> None:
    state = state_of(stack(), query_language=JSONATA, env={"A": PATH.string_at(path)})
    assert state["Arguments"]["Environment"]["A"] == f"{{% {jsonata} %}}"


@pytest.mark.parametrize("path", ["$..deep", "$.a[*]", "$.a[?(@.b)]", "States.Hash($.a, 'MD5')"])
def test_a_path_without_a_jsonata_equivalent_is_refused_immediately(path: str) -> None:
    with pytest.raises(
        InvalidValueError, match="a value of a JSONata state must be JSONata, or a path of names and indexes"
    ):
        state_of(stack(), query_language=JSONATA, env={"A": PATH.string_at(path)})


def test_jsonata_in_a_json_path_state_is_refused() -> None:
    with pytest.raises(RuntimeError, match="a value of a JSONPath state must not be a JSONata expression"):
        state_of(stack(), env={"A": "{% $states.input.a %}"})


def test_options_of_the_other_language_are_refused() -> None:
    with pytest.raises(ConflictingValuesError, match="result_path is JSONPath's, and the state 'Count' is JSONata"):
        state_of(stack(), query_language=JSONATA, result_path="$.x")
    with pytest.raises(ConflictingValuesError, match="state_output is JSONata's, and the state 'Count' is JSONPath"):
        state_of(stack(), query_language=sfn.QueryLanguage.JSON_PATH, state_output={"a": 1})
    with pytest.raises(RuntimeError, match="state_output is JSONata's, and the state 'Count' is JSONPath"):
        state_of(stack(), state_output={"a": 1})


def test_grants_are_as_narrow_as_the_known_part_of_a_location() -> None:
    scope = stack()
    at = PATH.string_at
    state_of(
        scope,
        inputs=[
            ProcessingInput(source=f"s3://known/{at('$.day')}/x/", destination="/opt/ml/processing/a"),
            ProcessingInput(source=f"s3://known/raw/{at('$.day')}", destination="/opt/ml/processing/b"),
            ProcessingInput(source=f"s3://{at('$.bucket')}/raw/", destination="/opt/ml/processing/c"),
            ProcessingInput(source=f"s3://part-{at('$.bucket')}/raw/", destination="/opt/ml/processing/d"),
        ],
        outputs=[ProcessingOutput(source="/opt/ml/processing/o", destination=f"s3://to/{at('$.day')}/out")],
    )
    found = [
        (statement["Action"], flat(statement["Resource"]).rpartition(":")[2])
        for statement in statements(scope, "CountRole")
        if str(statement["Action"]).startswith("s3:")
    ]
    assert found == [
        ("s3:GetObject", "known/*"),
        ("s3:ListBucket", "known"),
        ("s3:GetObject", "known/raw/*"),
        ("s3:ListBucket", "known"),
        ("s3:PutObject", "to/*"),
    ]


@pytest.mark.parametrize(
    ("job_name", "arn"),
    [(f"night-{PATH.string_at('$.n')}", "night-*"), (PATH.string_at("$.n"), "*"), ("{% $states.input.n %}", "*")],
)
def test_a_run_time_job_name_and_its_permissions(job_name: str, arn: str) -> None:
    scope = stack()
    state_of(scope, JSONATA, job_name=job_name)
    (statement, *_) = statements(scope, "MachineRole")
    assert flat(statement["Resource"]).rpartition("/")[2] == arn


@pytest.mark.parametrize("job_name", ["nightly", cdk.Fn.import_value("Name")])
def test_a_job_name_that_is_the_same_for_every_execution_is_refused(job_name: str) -> None:
    with pytest.raises(InvalidValueError, match="job_name must have a part that is known only at run time"):
        state_of(stack(), job_name=job_name)


def test_a_run_time_job_name_with_an_invalid_character_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="job_name must match"):
        state_of(stack(), job_name=f"night_{PATH.string_at('$.n')}")


def test_a_task_with_its_own_language_in_a_jsonata_machine() -> None:
    scope = stack()
    processor = SKLearnProcessor(scope, "P", framework_version="1.2-1", instance_type="ml.m5.large")
    run = processor.run("Run", code="s3://bucket/run.py", query_language=JSONATA)
    sfn.StateMachine(
        scope,
        "Machine",
        definition_body=sfn.DefinitionBody.from_chainable(sfn.Parallel.jsonata(scope, "Both").branch(run)),
        query_language=JSONATA,
    )
    state = definition(scope)["States"]["Both"]["Branches"][0]["States"]["Run"]
    assert "Arguments" in state
    assert "Parameters" not in state


COMMON: list[dict[str, Any]] = [
    {},
    {"comment": "c", "state_name": "Name"},
    {"outputs": {"x": "{% $states.result %}"}},
    {"assign": {"x": "{% $states.result.ProcessingJobName %}", "y": 1}},
    {"task_timeout": sfn.Timeout.duration(cdk.Duration.minutes(3))},
    {"task_timeout": sfn.Timeout.jsonata("{% $states.input.patience %}")},
    {"heartbeat_timeout": sfn.Timeout.duration(cdk.Duration.minutes(3))},
]


@pytest.mark.parametrize("arguments", COMMON, ids=lambda arguments: "+".join(arguments) or "nothing")
@pytest.mark.parametrize("machine", [JSONATA, sfn.QueryLanguage.JSON_PATH], ids=["in-jsonata", "in-json-path"])
def test_parity_with_an_official_jsonata_task(arguments: dict[str, Any], machine: sfn.QueryLanguage) -> None:
    def common(*, ours: bool) -> dict[str, Any]:
        scope = stack()
        task: sfn.TaskStateBase
        if ours:
            options = {("state_output" if name == "outputs" else name): value for name, value in arguments.items()}
            task = SageMakerCreateProcessingJob.jsonata(
                scope, "Job", image_uri=IMAGE, retry_at_creation=False, **options
            )
        else:
            task = tasks.SageMakerCreateTransformJob.jsonata(
                scope,
                "Job",
                transform_job_name="job",
                model_name="model",
                transform_input=tasks.TransformInput(
                    transform_data_source=tasks.TransformDataSource(
                        s3_data_source=tasks.TransformS3DataSource(s3_uri="s3://bucket/in")
                    )
                ),
                transform_output=tasks.TransformOutput(s3_output_path="s3://bucket/out"),
                integration_pattern=sfn.IntegrationPattern.RUN_JOB,
                **arguments,
            )
        task.add_retry(errors=["A"], max_attempts=1)
        task.add_catch(
            sfn.Fail.jsonata(scope, "Failed"), errors=["B"], outputs="{% $states.errorOutput %}", assign={"e": 1}
        )
        sfn.StateMachine(
            scope, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task), query_language=machine
        )
        (state,) = [state for state in definition(scope)["States"].values() if state["Type"] == "Task"]
        return {name: value for name, value in state.items() if name not in ("Arguments", "Resource")}

    assert common(ours=True) == common(ours=False)


def test_an_express_machine_that_waits_for_a_job_is_refused() -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(scope, "Count", image_uri=IMAGE)
    sfn.StateMachine(
        scope,
        "Quick",
        definition_body=sfn.DefinitionBody.from_chainable(task),
        state_machine_type=sfn.StateMachineType.EXPRESS,
    )
    with pytest.raises(
        RuntimeError, match=r"Stack/Quick/Resource is an Express state machine, which cannot wait for a"
    ):
        resources(scope, "AWS::StepFunctions::StateMachine")


def test_an_express_machine_may_create_a_job() -> None:
    scope = stack()
    task = SageMakerCreateProcessingJob(
        scope, "Count", image_uri=IMAGE, integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE
    )
    sfn.StateMachine(
        scope,
        "Quick",
        definition_body=sfn.DefinitionBody.from_chainable(task),
        state_machine_type=sfn.StateMachineType.EXPRESS,
    )
    resource = definition(scope)["States"]["Count"]["Resource"]
    assert resource == "arn:<AWS::Partition>:states:::sagemaker:createProcessingJob"
