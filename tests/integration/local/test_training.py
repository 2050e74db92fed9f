"""Training jobs: the container contract, script mode, the API and Step Functions."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from smproc.local.server.state_machine_definitions.shapes import read_table
from tests.helpers.local_aws import RunningLocalAws, process_local_aws
from tests.helpers.sandboxes import require_any_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

SLEEP = "import time; time.sleep(60)"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SYNC = "arn:aws:states:::sagemaker:createTrainingJob.sync"


def archive(files: dict[str, str]) -> bytes:
    """Return a tar.gz of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as content:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            content.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def members(content: bytes) -> dict[str, str]:
    """Return the files of a tar.gz."""
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        files = ((member.name, opened.extractfile(member)) for member in opened)
        return {name: file.read().decode() for name, file in files if file is not None}


def channel(name: str, uri: str, **changes: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **changes}


def request(aws: RunningLocalAws, script: str, **changes: Any) -> dict[str, Any]:
    """Return a request for a job in script mode, as the SageMaker SDK's SKLearn estimator sends it."""
    name = aws.name()
    files = {"train.py": script, "helper.py": "ANSWER = 42", **changes.pop("files", {})}
    source = aws.put(f"{name}/source/sourcedir.tar.gz", archive(files))
    parameters = changes.pop("parameters", {})
    return {
        "TrainingJobName": name,
        "RoleArn": aws.role,
        "AlgorithmSpecification": {"TrainingImage": aws.image, "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": json.dumps(source),
            "sagemaker_region": '"us-east-1"',
            **parameters,
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{aws.bucket}/trained/"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def own_program(aws: RunningLocalAws, script: str, **changes: Any) -> dict[str, Any]:
    """Return a request for a job whose entry point is Python with a script, without script mode."""
    changed = request(aws, "", **changes)
    code = aws.put(f"{changed['TrainingJobName']}/code/main.py", script)
    changed["InputDataConfig"] = [channel("code", code), *changed.get("InputDataConfig", ())]
    changed["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "/opt/ml/input/data/code/main.py"]
    return changed


def describe(aws: RunningLocalAws, name: str) -> dict[str, Any]:
    return {**aws.sagemaker.describe_training_job(TrainingJobName=name)}


def wait(aws: RunningLocalAws, name: str) -> dict[str, Any]:
    return aws.until(
        lambda: describe(aws, name), lambda job: job["TrainingJobStatus"] not in ("InProgress", "Stopping")
    )


def create(aws: RunningLocalAws, sent: dict[str, Any]) -> str:
    aws.sagemaker.create_training_job(**sent)
    return str(sent["TrainingJobName"])


def run(aws: RunningLocalAws, sent: dict[str, Any]) -> dict[str, Any]:
    return wait(aws, create(aws, sent))


def lines(aws: RunningLocalAws, name: str) -> list[str]:
    streams = aws.logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/algo-1-")
    return [
        event["message"]
        for stream in streams["logStreams"]
        for event in aws.logs.get_log_events(
            logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    ]


def refusal(aws: RunningLocalAws, sent: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        aws.sagemaker.create_training_job(**sent)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


SCRIPT = """
import argparse, json, os, pathlib, helper
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--kind")
parser.add_argument("-n", type=int)
arguments = parser.parse_args()
train = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
found = {
    "arguments": vars(arguments),
    "helper": helper.ANSWER,
    "train": sorted(str(path.relative_to(train)) for path in train.rglob("*")),
    "sm": {name: value for name, value in os.environ.items() if name.startswith("SM_")},
    "job": os.environ["TRAINING_JOB_NAME"],
    "own": os.environ["OWN"],
}
pathlib.Path(os.environ["SM_MODEL_DIR"], "sub").mkdir()
pathlib.Path(os.environ["SM_MODEL_DIR"], "sub", "model.json").write_text(json.dumps(found))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "metrics.txt").write_text("0.9")
print("trained")
"""


def test_a_script_gets_its_data_parameters_and_variables_and_leaves_a_model(local_aws: RunningLocalAws) -> None:
    prefix = local_aws.put("training-data/a.csv", "1").rpartition("/")[0]
    sent = request(
        local_aws,
        SCRIPT,
        parameters={"alpha": "0.5", "kind": '"l1"', "n": "3"},
        InputDataConfig=[channel("train", prefix)],
        Environment={"OWN": "yes"},
    )
    job = run(local_aws, sent)
    name = sent["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://data/trained/{name}/output/model.tar.gz"}
    found = json.loads(members(local_aws.get(f"trained/{name}/output/model.tar.gz"))["sub/model.json"])
    assert found["arguments"] == {"alpha": 0.5, "kind": "l1", "n": 3}
    assert (found["helper"], found["train"], found["job"], found["own"]) == (42, ["a.csv"], name, "yes")
    expected = {
        "SM_CHANNELS": '["train"]',
        "SM_CHANNEL_TRAIN": "/opt/ml/input/data/train",
        "SM_CURRENT_HOST": "algo-1",
        "SM_HOSTS": '["algo-1"]',
        "SM_HPS": '{"alpha":0.5,"kind":"l1","n":3}',
        "SM_HP_ALPHA": "0.5",
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_NUM_GPUS": "0",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_USER_ARGS": '["--alpha","0.5","--kind","l1","-n","3"]',
        "SM_USER_ENTRY_POINT": "train.py",
    }
    assert {variable: found["sm"][variable] for variable in expected} == expected
    assert members(local_aws.get(f"trained/{name}/output/output.tar.gz")) == {"metrics.txt": "0.9"}
    assert "trained" in lines(local_aws, name)


def test_a_job_is_described_and_listed_with_its_phases(local_aws: RunningLocalAws) -> None:
    sent = request(local_aws, "", Tags=[{"Key": "k", "Value": "v"}])
    job = run(local_aws, sent)
    name = sent["TrainingJobName"]
    assert job["TrainingJobArn"] == f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}"
    for member, value in sent.items():
        if member != "Tags":
            assert job[member] == value
    phases = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert phases == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["SecondaryStatus"] == "Completed"
    assert job["TrainingTimeInSeconds"] >= 1
    assert local_aws.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == sent["Tags"]
    (summary,) = local_aws.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert (summary["TrainingJobName"], summary["TrainingJobStatus"]) == (name, "Completed")
    assert not local_aws.sagemaker.list_training_jobs(WarmPoolStatusEquals="Available")["TrainingJobSummaries"]
    assert not local_aws.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    local_aws.sagemaker.delete_training_job(TrainingJobName=name)
    assert not local_aws.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    # Without files in /opt/ml/model there is no archive.
    assert local_aws.keys(f"trained/{name}/") == []


CONTRACT = """
import json, pathlib
config = pathlib.Path("/opt/ml/input/config")
found = {file.name: json.loads(file.read_text()) for file in sorted(config.iterdir())}
host = found["resourceconfig.json"]["current_host"]
data = pathlib.Path("/opt/ml/input/data/train")
found["objects"] = sorted(file.name for file in data.iterdir())
pathlib.Path("/opt/ml/model", host + ".json").write_text(json.dumps(found))
pathlib.Path("/opt/ml/model/shared.txt").write_text(host)
"""


def test_each_host_of_an_own_container_gets_its_configuration(local_aws: RunningLocalAws) -> None:
    for number in range(4):
        local_aws.put(f"sharded/{number}.csv", "x")
    data = channel("train", "s3://data/sharded/", ContentType="text/csv", InputMode="FastFile")
    data["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    sent = own_program(local_aws, CONTRACT, InputDataConfig=[data], HyperParameters={"depth": "3"})
    sent["ResourceConfig"]["InstanceCount"] = 2
    assert run(local_aws, sent)["TrainingJobStatus"] == "Completed"
    model = members(local_aws.get(f"trained/{sent['TrainingJobName']}/output/model.tar.gz"))
    assert sorted(model) == ["algo-1.json", "algo-2.json", "shared.txt"]
    first, second = json.loads(model["algo-1.json"]), json.loads(model["algo-2.json"])
    assert sorted(first["objects"] + second["objects"]) == ["0.csv", "1.csv", "2.csv", "3.csv"]
    assert first["hyperparameters.json"] == {"depth": "3"}
    assert first["inputdataconfig.json"]["train"] == {
        "TrainingInputMode": "FastFile",
        "S3DistributionType": "ShardedByS3Key",
        "RecordWrapperType": "None",
        "ContentType": "text/csv",
    }
    assert second["resourceconfig.json"]["current_host"] == "algo-2"
    assert second["resourceconfig.json"]["hosts"] == ["algo-1", "algo-2"]
    assert model["shared.txt"] == "algo-2"


def test_a_channel_in_pipe_mode_is_a_named_pipe(local_aws: RunningLocalAws) -> None:
    local_aws.put("pipe/a", "first ")
    local_aws.put("pipe/b", "second")
    script = "import pathlib; pathlib.Path('/opt/ml/model/read').write_text(open('/opt/ml/input/data/train_0').read())"
    sent = own_program(local_aws, script, InputDataConfig=[channel("train", "s3://data/pipe/", InputMode="Pipe")])
    assert run(local_aws, sent)["TrainingJobStatus"] == "Completed"
    assert members(local_aws.get(f"trained/{sent['TrainingJobName']}/output/model.tar.gz")) == {"read": "first second"}


def test_uncompressed_output_is_uploaded_file_by_file(local_aws: RunningLocalAws) -> None:
    sent = own_program(local_aws, "open('/opt/ml/model/m', 'w').write('x'); open('/opt/ml/output/data/d', 'w')")
    sent["OutputDataConfig"]["CompressionType"] = "NONE"
    job = run(local_aws, sent)
    prefix = f"trained/{sent['TrainingJobName']}/output/"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://data/{prefix}model/"}
    assert local_aws.keys(prefix) == ["data/d", "model/m"]


def test_checkpoints_are_continued_and_kept(local_aws: RunningLocalAws) -> None:
    script = (
        "import pathlib; file = pathlib.Path('/opt/ml/checkpoints/step');"
        "file.write_text(file.read_text() + '+1' if file.exists() else '1'); raise SystemExit(3)"
    )
    checkpoints = {"S3Uri": f"s3://data/{local_aws.name()}"}
    for _ in range(2):
        job = run(local_aws, own_program(local_aws, script, CheckpointConfig=checkpoints))
        assert job["TrainingJobStatus"] == "Failed"
    assert local_aws.get(checkpoints["S3Uri"].removeprefix("s3://data/") + "/step") == b"1+1"


def test_a_job_on_spot_instances_is_described_with_what_it_would_save(local_aws: RunningLocalAws) -> None:
    stopping = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200}
    job = run(local_aws, own_program(local_aws, "", EnableManagedSpotTraining=True, StoppingCondition=stopping))
    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"] == stopping
    # No instance is interrupted here, so all of its time is billed.
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"]


def test_a_program_with_network_isolation_has_its_data_and_neither_network_nor_credentials(
    local_aws: RunningLocalAws,
) -> None:
    script = f"""
import json, os, socket
try:
    socket.create_connection(("127.0.0.1", {local_aws.aws.port}), 2)
    found = ["connected"]
except OSError:
    found = ["cut off"]
found += [name for name in os.environ if "CREDENTIALS" in name]
open("/opt/ml/model/found", "w").write(json.dumps(found))
"""
    found = {}
    for isolated in (False, True):
        sent = own_program(local_aws, script, EnableNetworkIsolation=isolated)
        job = run(local_aws, sent)
        assert (job["TrainingJobStatus"], job["EnableNetworkIsolation"]) == ("Completed", isolated)
        model = members(local_aws.get(f"trained/{sent['TrainingJobName']}/output/model.tar.gz"))
        found[isolated] = json.loads(model["found"])
    assert found == {False: ["connected", "AWS_CONTAINER_CREDENTIALS_FULL_URI"], True: ["cut off"]}


def test_each_change_of_a_status_is_an_event(local_aws: RunningLocalAws) -> None:
    events, sqs = local_aws.client("events"), local_aws.client("sqs")
    rule = local_aws.name()
    url = sqs.create_queue(QueueName=rule)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Training Job State Change"]}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
    sent = own_program(local_aws, "raise SystemExit(2)", Tags=[{"Key": "team", "Value": "x"}])
    job = run(local_aws, sent)
    found: list[dict[str, Any]] = []

    def received() -> list[dict[str, Any]]:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            if event["detail"]["TrainingJobName"] == sent["TrainingJobName"]:
                found.append(event)
        return found

    def ended(received: list[dict[str, Any]]) -> bool:
        return any(event["detail"]["TrainingJobStatus"] == "Failed" for event in received)

    local_aws.until(received, ended)
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)
    phases = [event["detail"]["SecondaryStatus"] for event in found]
    assert (phases[0], phases[-1]) == ("Starting", "Failed")
    assert {event["source"] for event in found} == {"aws.sagemaker"}
    assert found[-1]["resources"] == [job["TrainingJobArn"]]
    detail = found[-1]["detail"]
    assert detail["FailureReason"] == job["FailureReason"]
    assert detail["Tags"] == {"team": "x"}
    assert detail["HyperParameters"] == sent["HyperParameters"]
    assert detail["TrainingEndTime"] == round(job["TrainingEndTime"].timestamp() * 1000)


def test_the_failure_file_is_the_reason_of_the_failure(local_aws: RunningLocalAws) -> None:
    script = "open('/opt/ml/output/failure', 'w').write('no data'); raise SystemExit(7)"
    job = run(local_aws, own_program(local_aws, script))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert job["FailureReason"] == "AlgorithmError: no data, exit code: 7"


def test_a_failing_script_says_which_command_failed(local_aws: RunningLocalAws) -> None:
    sent = request(local_aws, "raise ValueError('bad column')", parameters={"alpha": "1"})
    job = run(local_aws, sent)
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nCommand ")
    assert "train.py --alpha 1" in job["FailureReason"]
    assert "ValueError: bad column" in lines(local_aws, sent["TrainingJobName"])


def test_a_missing_script_is_named(local_aws: RunningLocalAws) -> None:
    job = run(local_aws, request(local_aws, "", parameters={"sagemaker_program": '"other.py"'}))
    assert "The script other.py is not in the source directory" in job["FailureReason"]


def test_requirements_are_installed_before_the_script_runs(local_aws: RunningLocalAws) -> None:
    nothing = request(local_aws, "", files={"requirements.txt": "--no-index\n"})
    assert run(local_aws, nothing)["TrainingJobStatus"] == "Completed"
    missing = request(local_aws, "", files={"requirements.txt": "--no-index\nno-such-package\n"})
    assert "InstallRequirementsError: " in run(local_aws, missing)["FailureReason"]


def test_a_shell_script_runs_too(local_aws: RunningLocalAws) -> None:
    files = {"train.sh": 'echo "$SM_CURRENT_HOST $2" > "$SM_MODEL_DIR/m"'}
    parameters = {"sagemaker_program": '"train.sh"', "alpha": "1"}
    sent = request(local_aws, "", files=files, parameters=parameters)
    assert run(local_aws, sent)["TrainingJobStatus"] == "Completed"
    assert members(local_aws.get(f"trained/{sent['TrainingJobName']}/output/model.tar.gz")) == {"m": "algo-1 1\n"}


def test_a_stopped_job_keeps_its_model(local_aws: RunningLocalAws) -> None:
    script = "import time; open('/opt/ml/model/m', 'w').close(); print('ready', flush=True); time.sleep(60)"
    sent = own_program(local_aws, script)
    name = create(local_aws, sent)

    def printed() -> list[str]:
        try:
            return lines(local_aws, name)
        except local_aws.logs.exceptions.ResourceNotFoundException:
            return []

    local_aws.until(printed, lambda found: "ready" in found)
    local_aws.sagemaker.stop_training_job(TrainingJobName=name)
    job = wait(local_aws, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert list(members(local_aws.get(f"trained/{name}/output/model.tar.gz"))) == ["m"]


def test_a_job_that_runs_too_long_is_stopped(local_aws: RunningLocalAws) -> None:
    sent = own_program(local_aws, SLEEP, StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = run(local_aws, sent)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_violated_limits_are_reported_in_the_wording_of_sagemaker(local_aws: RunningLocalAws) -> None:
    sent = request(local_aws, "")
    sent["ResourceConfig"]["InstanceType"] = "ml.huge"
    code, message = refusal(local_aws, sent)
    assert code == "ValidationException"
    assert "Value 'ml.huge' at 'resourceConfig.instanceType' failed to satisfy constraint" in message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"AlgorithmSpecification": {"AlgorithmName": "mine", "TrainingInputMode": "File"}}, "AlgorithmName"),
        ({"MlflowConfig": {"MlflowResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:mlflow-app/a"}}, "Mlflow"),
        ({"InputDataConfig": [channel("..", "s3://data/x")]}, "ChannelName must be the name of a directory"),
        ({"InputDataConfig": [channel("a", "s3://data/x")] * 2}, "Channel names must be unique, got a, a"),
        ({"InputDataConfig": [channel("a", "s3://data/x", RecordWrapperType="RecordIO")]}, "RecordWrapperType"),
        ({"InputDataConfig": [channel("a", "s3://data/x", CompressionType="Gzip")]}, "input mode Pipe (channel a)"),
        ({"InputDataConfig": [channel("a", "https://example.com/x")]}, "must begin with s3:// (channel a)"),
        ({"CheckpointConfig": {"S3Uri": "s3://data/c", "LocalPath": "/root"}}, "below /opt/ml alone, got '/root'"),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds must be given"),
        ({"OutputDataConfig": {"S3OutputPath": "https://example.com/x"}}, "must begin with s3:// (OutputDataConfig)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_supported_is_refused_by_name(
    local_aws: RunningLocalAws, changes: dict[str, Any], expected: str
) -> None:
    code, message = refusal(local_aws, {**request(local_aws, ""), **changes})
    assert code == "ValidationException"
    assert expected in message


@pytest.mark.parametrize("operation", ["describe_training_job", "stop_training_job", "delete_training_job"])
def test_an_unknown_job_is_refused(local_aws: RunningLocalAws, operation: str) -> None:
    with pytest.raises(ClientError, match="Could not find requested job with name: unknown"):
        getattr(local_aws.sagemaker, operation)(TrainingJobName="unknown")


def test_a_name_can_be_used_once(local_aws: RunningLocalAws) -> None:
    sent = request(local_aws, "")
    run(local_aws, sent)
    assert refusal(local_aws, sent)[0] == "ResourceInUse"


@pytest.mark.parametrize("action", ["create_transform_job", "create_hyper_parameter_tuning_job", "create_model"])
def test_other_operations_are_refused_with_what_there_is(local_aws: RunningLocalAws, action: str) -> None:
    requests: dict[str, dict[str, Any]] = {
        "create_model": {"ModelName": "m"},
        "create_transform_job": {
            "TransformJobName": "t",
            "ModelName": "m",
            "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/x"}}},
            "TransformOutput": {"S3OutputPath": "s3://data/y"},
            "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        },
        "create_hyper_parameter_tuning_job": {
            "HyperParameterTuningJobName": "h",
            "HyperParameterTuningJobConfig": {"Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 1}},
        },
    }
    with pytest.raises(ClientError) as caught:
        getattr(local_aws.sagemaker, action)(**requests[action])
    message = str(caught.value)
    assert f"does not have the SageMaker operation {action.title().replace('_', '')}; it has " in message
    assert "CreateTrainingJob" in message


def test_a_state_machine_waits_for_a_training_job(local_aws: RunningLocalAws) -> None:
    sent = request(local_aws, "open('/opt/ml/model/m', 'w').close()")
    states = {"Train": {"Type": "Task", "Resource": SYNC, "Parameters": sent, "End": True}}
    found = local_aws.wait_for_execution(local_aws.execute(states))
    assert found["status"] == "SUCCEEDED", found
    output = json.loads(found["output"])
    name = sent["TrainingJobName"]
    assert output["TrainingJobStatus"] == "Completed"
    assert output["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://data/trained/{name}/output/model.tar.gz"
    assert isinstance(output["SecondaryStatusTransitions"][0]["StartTime"], int)
    job = describe(local_aws, name)
    tags = local_aws.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}]


def test_a_state_machine_sees_why_a_training_job_failed(local_aws: RunningLocalAws) -> None:
    sent = own_program(local_aws, "raise SystemExit(2)")
    states = {"Train": {"Type": "Task", "Resource": SYNC, "Parameters": sent, "End": True}}
    found = local_aws.wait_for_execution(local_aws.execute(states))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert "exit code: 2" in json.loads(found["cause"])["FailureReason"]


def test_a_state_machine_can_leave_a_training_job_running(local_aws: RunningLocalAws) -> None:
    sent = own_program(local_aws, SLEEP)
    states = {
        "Train": {"Type": "Task", "Resource": SYNC.removesuffix(".sync"), "Parameters": sent, "End": True},
    }
    found = local_aws.wait_for_execution(local_aws.execute(states))
    assert json.loads(found["output"])["TrainingJobArn"].endswith(sent["TrainingJobName"])
    local_aws.sagemaker.stop_training_job(TrainingJobName=sent["TrainingJobName"])
    assert wait(local_aws, sent["TrainingJobName"])["TrainingJobStatus"] == "Stopped"


@pytest.mark.parametrize(
    "integration",
    [
        "sagemaker:createTransformJob.sync",
        "sagemaker:createHyperParameterTuningJob.sync",
        "sagemaker:createModel",
        "sagemaker:createEndpoint",
        "aws-sdk:sagemaker:createTransformJob",
        "aws-sdk:sagemaker:startPipelineExecution",
    ],
)
def test_a_state_machine_with_an_integration_that_is_missing_here_is_refused(
    local_aws: RunningLocalAws, integration: str
) -> None:
    states = {"Next": {"Type": "Task", "Resource": f"arn:aws:states:::{integration}", "Parameters": {}, "End": True}}
    with pytest.raises(ClientError) as caught:
        local_aws.machine(states)
    assert caught.value.response["Error"]["Code"] == "InvalidDefinition"
    assert f"The local AWS does not have {integration.removesuffix('.sync')}; it has " in str(caught.value)


@pytest.mark.parametrize("action", read_table("integrations.json")["aws-sdk:sagemaker"]["local"])
def test_every_integration_of_the_sdk_that_is_accepted_is_there(local_aws: RunningLocalAws, action: str) -> None:
    resource = f"arn:aws:states:::aws-sdk:sagemaker:{action}"
    states = {"Call": {"Type": "Task", "Resource": resource, "Parameters": {}, "End": True}}
    execution = local_aws.wait_for_execution(local_aws.execute(states))
    assert "UnknownOperation" not in execution.get("cause", "")


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    """Return a local AWS that enforces IAM, with the roles of a training job and of a state machine."""
    sandbox = require_any_sandbox()
    with process_local_aws(tmp_path_factory.mktemp("enforcing"), sandbox, enforce_iam=True) as aws:
        running = RunningLocalAws(aws, sandbox)
        for role, service in (("processing", "sagemaker"), ("machine", "states")):
            trust = {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
            running.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        allow(running, "processing", ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "logs:*"], "*")
        yield running
        running.close()


def allow(aws: RunningLocalAws, role: str, actions: list[str], resource: str) -> None:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.iam.put_role_policy(RoleName=role, PolicyName=aws.name(), PolicyDocument=document)


def test_the_role_of_a_state_machine_needs_the_actions_of_training_jobs(enforcing: RunningLocalAws) -> None:
    def execute() -> DescribeExecutionOutputTypeDef:
        sent = own_program(enforcing, "open('/opt/ml/model/m', 'w').close()")
        states = {"Train": {"Type": "Task", "Resource": SYNC, "Parameters": sent, "End": True}}
        return enforcing.wait_for_execution(enforcing.execute(states))

    jobs = "arn:aws:sagemaker:us-east-1:000000000000:training-job/*"
    missing = [("sagemaker:CreateTrainingJob", jobs), ("sagemaker:AddTags", jobs), ("iam:PassRole", enforcing.role)]
    for action, resource in [*missing, ("sagemaker:DescribeTrainingJob", jobs)]:
        found = execute()
        assert found["error"] == "SageMaker.AmazonSageMakerException", found
        assert f"not authorized to perform: {action} on resource" in found["cause"]
        allow(enforcing, "machine", [action], resource)
    assert execute()["status"] == "SUCCEEDED"
