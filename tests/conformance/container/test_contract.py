"""The container contract of SageMaker Processing, with one test for each rule, the same for every runner.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smproc.local.runners import find_engine
from tests.conformance.container import image
from tests.helpers.local_aws import SERVER_ENVIRONMENT, command_lines

if TYPE_CHECKING:
    from tests.conformance.container.conftest import ConformanceLocalAws, LocalAwsFactory

# The start of every job's script; the image has Python's own library and nothing else.
PREAMBLE = """
import glob, json, os, pathlib, signal, socket, subprocess, sys, time, urllib.request
IN, OUT = pathlib.Path("/opt/ml/processing/input"), pathlib.Path("/opt/ml/processing/output")
RESOURCES = json.load(open("/opt/ml/config/resourceconfig.json"))
HOST = RESOURCES["current_host"]
def report(content):
    (OUT / f"{HOST}.json").write_text(json.dumps(content))
def wait_to_go():
    while not (IN / "go").exists():
        time.sleep(0.02)
def files(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
"""
DEADLINE = 60.0


def request(local_aws: ConformanceLocalAws, script: str, *, hosts: int = 1, **changes: Any) -> dict[str, Any]:
    job_request = local_aws.request(PREAMBLE + script, **changes)
    job_request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = hosts
    return job_request


def run_request(local_aws: ConformanceLocalAws, job_request: dict[str, Any]) -> dict[str, Any]:
    name = local_aws.create(job_request)
    job: dict[str, Any] = local_aws.until(
        lambda: local_aws.describe(name),
        lambda found: found["ProcessingJobStatus"] not in ("InProgress", "Stopping"),
        DEADLINE,
    )
    return job


def run(local_aws: ConformanceLocalAws, script: str, **changes: Any) -> dict[str, Any]:
    return run_request(local_aws, request(local_aws, script, **changes))


def let_go(local_aws: ConformanceLocalAws, name: str) -> None:
    """End the `wait_to_go` of a job's script."""
    (local_aws.aws.status().folder / "jobs" / name / "algo-1" / "processing" / "input" / "go").touch()


def reports(local_aws: ConformanceLocalAws, script: str, *, hosts: int = 1, **changes: Any) -> list[Any]:
    """Run a job that must complete, and return the report of each host."""
    job = run(local_aws, script, hosts=hosts, **changes)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["ProcessingJobName"]
    return [json.loads(local_aws.get(f"{name}/algo-{number}.json")) for number in range(1, hosts + 1)]


def piped(local_aws: ConformanceLocalAws, uri: str, **changes: str) -> dict[str, Any]:
    entry = local_aws.input("data", uri, kind=changes.pop("kind", "S3Prefix"))
    entry["S3Input"] |= {"S3InputMode": "Pipe", **changes}
    return entry


def processes_with(marker: str) -> list[int]:
    """Return the processes of this machine whose command line holds a marker."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in command and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


# --- The program ---


def test_an_entry_point_replaces_the_entry_point_and_the_command_of_the_image(local_aws: ConformanceLocalAws) -> None:
    job_request = request(local_aws, "report(sys.argv[1:])")
    name = job_request["ProcessingJobName"]
    job_request["AppSpecification"]["ContainerArguments"] = ["a b", "$HOME", "--x=1", " "]
    assert run_request(local_aws, job_request)["ProcessingJobStatus"] == "Completed"
    assert json.loads(local_aws.get(f"{name}/algo-1.json")) == ["a b", "$HOME", "--x=1", " "]
    assert local_aws.run("import sys; sys.exit(len(sys.argv) - 1)")["ProcessingJobStatus"] == "Completed"


def test_arguments_alone_are_passed_to_the_entry_point_of_the_image(local_aws: ConformanceLocalAws) -> None:
    job_request = request(local_aws, "")
    job_request["AppSpecification"] = {"ImageUri": image.NAME, "ContainerArguments": ["one", "two"]}
    assert run_request(local_aws, job_request)["ProcessingJobStatus"] == "Completed"
    assert local_aws.log(job_request["ProcessingJobName"]) == {"algo-1": ["own entry point one two"]}


def test_without_either_the_image_runs_its_own_entry_point_and_command(local_aws: ConformanceLocalAws) -> None:
    job_request = request(local_aws, "")
    job_request["AppSpecification"] = {"ImageUri": image.NAME}
    assert run_request(local_aws, job_request)["ProcessingJobStatus"] == "Completed"
    # A command that substitutes for an image has no default arguments.
    own = ["own entry point own command"] if local_aws.runner == "container" else ["own entry point"]
    assert local_aws.log(job_request["ProcessingJobName"]) == {"algo-1": own}


def test_a_missing_program_fails_the_job(local_aws: ConformanceLocalAws) -> None:
    job_request = request(local_aws, "")
    job_request["AppSpecification"]["ContainerEntrypoint"] = ["no-such-program"]
    job = run_request(local_aws, job_request)
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 127"
    assert any("no-such-program" in line for line in local_aws.log(job["ProcessingJobName"])["algo-1"])


def test_a_missing_image_fails_the_job_by_name(local_aws: ConformanceLocalAws) -> None:
    job_request = request(local_aws, "")
    job_request["AppSpecification"]["ImageUri"] = "111122223333.dkr.ecr.us-east-1.amazonaws.com/no-such-image:1"
    job = run_request(local_aws, job_request)
    assert job["FailureReason"].startswith("ClientError: ")
    assert "111122223333.dkr.ecr.us-east-1.amazonaws.com/no-such-image:1" in job["FailureReason"]


def test_the_environment_holds_the_variables_of_the_request_and_those_for_reaching_aws(
    local_aws: ConformanceLocalAws,
) -> None:
    environment = {"ANSWER": "42", "EMPTY": "", "QUOTED": "a 'b' \"c\"\n$d"}
    (found,) = reports(local_aws, "report(dict(os.environ))", Environment=environment)
    assert {name: found[name] for name in environment} == environment
    assert {name for name in found if name.startswith("AWS_")} == {
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
    }


def test_a_program_inherits_nothing_from_the_environment_of_the_server(local_aws: ConformanceLocalAws) -> None:
    (found,) = reports(local_aws, "report(dict(os.environ))")
    assert set(found) & set(SERVER_ENVIRONMENT) == set()
    assert set(found.values()) & set(SERVER_ENVIRONMENT.values()) == set()
    server = Path(f"/proc/{local_aws.aws.status().pid}/environ").read_bytes().split(b"\0")
    assert {f"{name}={value}".encode() for name, value in SERVER_ENVIRONMENT.items()} <= set(server)


def test_the_config_files_describe_the_job_and_its_hosts(local_aws: ConformanceLocalAws) -> None:
    found = reports(
        local_aws, "report([RESOURCES, json.load(open('/opt/ml/config/processingjobconfig.json'))])", hosts=2
    )
    for number, (resources, job) in enumerate(found, start=1):
        assert resources == {"current_host": f"algo-{number}", "hosts": ["algo-1", "algo-2"]}
        assert job["AppSpecification"]["ImageUri"] == image.NAME
        assert job["AppSpecification"]["ContainerArguments"] is None
        assert job["ProcessingInputs"][0]["S3Input"]["S3DownloadMode"] == "StartOfJob"
        assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_each_host_has_its_name_and_resolves_the_others(local_aws: ConformanceLocalAws) -> None:
    script = "report([socket.gethostname(), sorted(socket.gethostbyname(name) for name in RESOURCES['hosts'])])"
    found = reports(local_aws, script, hosts=2)
    assert found == [["algo-1", ["127.0.1.1", "127.0.1.2"]], ["algo-2", ["127.0.1.1", "127.0.1.2"]]]


def test_each_host_has_its_own_file_system(local_aws: ConformanceLocalAws) -> None:
    script = "(OUT / HOST).write_text(''); time.sleep(0.5); report(files(OUT))"
    assert reports(local_aws, script, hosts=2) == [["algo-1"], ["algo-2"]]


# --- Inputs ---


def test_a_prefix_is_a_prefix_of_the_key_and_not_a_folder(local_aws: ConformanceLocalAws) -> None:
    for key in ("conform/x/y", "conform/raw.csv", "conform/raw.csv.bak"):
        local_aws.put(key, "x")
    (whole,) = reports(local_aws, "report(files(IN / 'data'))", inputs=[local_aws.input("data", "s3://data/conform/")])
    assert whole == ["raw.csv", "raw.csv.bak", "x/y"]
    (part,) = reports(
        local_aws, "report(files(IN / 'data'))", inputs=[local_aws.input("data", "s3://data/conform/raw.csv")]
    )
    assert part == ["raw.csv", "raw.csv.bak"]


def test_a_manifest_lists_exactly_the_objects_that_are_downloaded(local_aws: ConformanceLocalAws) -> None:
    for key in ("listed/a", "listed/b c", "listed/a.bak"):
        local_aws.put(key, key)
    manifest = local_aws.put("manifest", json.dumps([{"prefix": "s3://data/listed/"}, "a", "b c"]))
    script = "report({name: (IN / 'data' / name).read_text() for name in files(IN / 'data')})"
    (found,) = reports(local_aws, script, inputs=[local_aws.input("data", manifest, kind="ManifestFile")])
    assert found == {"a": "listed/a", "b c": "listed/b c"}


def test_replicated_objects_go_to_every_host(local_aws: ConformanceLocalAws) -> None:
    local_aws.put("replicated/a", "x")
    data = local_aws.input("data", "s3://data/replicated/")
    assert reports(local_aws, "report(files(IN / 'data'))", hosts=2, inputs=[data]) == [["a"], ["a"]]


@pytest.mark.parametrize("kind", ["S3Prefix", "ManifestFile"])
def test_each_sharded_object_goes_to_one_host(local_aws: ConformanceLocalAws, kind: str) -> None:
    names = [f"{number}" for number in range(7)]
    for name in names:
        local_aws.put(f"sharded/{name}", "x")
    uri = "s3://data/sharded/"
    if kind == "ManifestFile":
        uri = local_aws.put("sharded-manifest", json.dumps([{"prefix": uri}, *names]))
    data = local_aws.input("data", uri, kind=kind, distribution="ShardedByS3Key")
    shards = reports(local_aws, "report(files(IN / 'data'))", hosts=3, inputs=[data])
    assert sorted(name for shard in shards for name in shard) == names
    assert sorted(map(len, shards)) == [2, 2, 3]


def test_with_more_hosts_than_objects_some_hosts_get_none(local_aws: ConformanceLocalAws) -> None:
    local_aws.put("one/only", "x")
    data = local_aws.input("data", "s3://data/one/", distribution="ShardedByS3Key")
    assert sorted(reports(local_aws, "report(files(IN / 'data'))", hosts=2, inputs=[data])) == [[], ["only"]]


def test_a_pipe_streams_all_objects_in_order_each_time_it_is_read(local_aws: ConformanceLocalAws) -> None:
    parts = [os.urandom(300_000).hex(), "", "end"]
    for number, part in enumerate(parts):
        local_aws.put(f"piped/{number}", part)
    script = """
first, second = (pathlib.Path(f"/opt/ml/processing/input/data_{number}").read_text() for number in (0, 1))
assert first == second
report([first, (IN / "data").exists(), files(IN / "code")])
"""
    (found,) = reports(local_aws, script, inputs=[piped(local_aws, "s3://data/piped/")])
    assert found == ["".join(parts), False, ["main.py"]]


def test_a_pipe_decompresses_gzip(local_aws: ConformanceLocalAws) -> None:
    local_aws.put("zipped/0", gzip.compress(b"one ") + gzip.compress(b"two "))
    local_aws.put("zipped/1", gzip.compress(b"three"))
    data = piped(local_aws, "s3://data/zipped/", S3CompressionType="Gzip")
    assert reports(local_aws, "report((IN / 'data_0').read_text())", inputs=[data]) == ["one two three"]


def test_pipes_are_sharded(local_aws: ConformanceLocalAws) -> None:
    for number in range(3):
        local_aws.put(f"piped-shards/{number}", str(number))
    manifest = local_aws.put("piped-manifest", json.dumps([{"prefix": "s3://data/piped-shards/"}, "0", "1", "2"]))
    data = piped(local_aws, manifest, kind="ManifestFile", S3DataDistributionType="ShardedByS3Key")
    shards = reports(local_aws, "report((IN / 'data_0').read_text())", hosts=2, inputs=[data])
    assert sorted("".join(shards)) == ["0", "1", "2"]
    assert all(shards)


def test_a_missing_input_fails_the_job_before_it_runs(local_aws: ConformanceLocalAws) -> None:
    job = run(local_aws, "print('ran')", inputs=[local_aws.input("data", "s3://data/nothing-here/")])
    assert job["FailureReason"].startswith('ClientError: No S3 objects found under S3 URL "s3://data/nothing-here/"')
    piped_job = run(local_aws, "print('ran')", inputs=[piped(local_aws, "s3://data/nothing-here/")])
    assert piped_job["FailureReason"] == job["FailureReason"]


def test_a_thousand_small_files_are_downloaded_and_uploaded(local_aws: ConformanceLocalAws) -> None:
    for number in range(1000):
        local_aws.put(f"small/{number:03}", str(number))
    script = "[(OUT / path.name).write_bytes(path.read_bytes()) for path in (IN / 'data').iterdir()]"
    job = run(local_aws, script, inputs=[local_aws.input("data", "s3://data/small/")])
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["ProcessingJobName"]
    pages = local_aws.s3.get_paginator("list_objects_v2").paginate(Bucket="data", Prefix=f"{name}/")
    assert sum(len(page["Contents"]) for page in pages) == 1000
    assert local_aws.get(f"{name}/777") == b"777"


# --- Outputs ---


def test_output_directories_exist_before_the_program_starts(local_aws: ConformanceLocalAws) -> None:
    job_request = request(local_aws, "assert os.listdir(OUT) == os.listdir('/opt/ml/processing/deep/er') == []")
    output = local_aws.output("deep", "s3://data/deep", "/opt/ml/processing/deep/er")
    job_request["ProcessingOutputConfig"]["Outputs"].append(output)
    job = run_request(local_aws, job_request)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")


def test_outputs_are_uploaded_at_the_end_from_every_host(local_aws: ConformanceLocalAws) -> None:
    job = run(local_aws, "(OUT / 'sub').mkdir(); (OUT / 'sub' / HOST).write_text(HOST)", hosts=2)
    assert local_aws.keys(f"{job['ProcessingJobName']}/") == ["sub/algo-1", "sub/algo-2"]


def test_links_are_not_uploaded(local_aws: ConformanceLocalAws) -> None:
    script = """
(OUT / "real").write_text("real"); (OUT / "link").symlink_to("real"); (OUT / "folder").symlink_to("/etc")
os.mkfifo(OUT / "pipe")
"""
    job = run(local_aws, script)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert local_aws.keys(f"{job['ProcessingJobName']}/") == ["real"]


@pytest.mark.parametrize("ending", ["Completed", "Failed", "Stopped"])
def test_continuous_outputs_are_uploaded_while_the_program_runs_and_at_its_end(
    local_aws: ConformanceLocalAws, ending: str
) -> None:
    script = """
(OUT / "log").write_text("begun")
wait_to_go()
(OUT / "log").write_text("done"); print("written", flush=True)
"""
    last = {"Completed": "", "Failed": "sys.exit(1)", "Stopped": "time.sleep(1000)"}[ending]
    job_request = request(local_aws, script + last)
    job_request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3UploadMode"] = "Continuous"
    name = local_aws.create(job_request)
    local_aws.until(lambda: local_aws.keys(f"{name}/"), lambda keys: keys == ["log"], DEADLINE)
    assert local_aws.get(f"{name}/log") == b"begun"
    assert local_aws.describe(name)["ProcessingJobStatus"] == "InProgress"
    let_go(local_aws, name)
    if ending == "Stopped":
        local_aws.wait_for_log(name, "written")
        local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert local_aws.wait(name)["ProcessingJobStatus"] == ending
    assert local_aws.get(f"{name}/log") == b"done"


def test_a_job_that_outgrows_its_volume_fails(local_aws: ConformanceLocalAws) -> None:
    script = """
with open(OUT / "large", "wb") as file:
    os.posix_fallocate(file.fileno(), 0, 1100 * 2**20)
time.sleep(1000)
"""
    job_request = request(local_aws, script)
    job_request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] = 1
    job = run_request(local_aws, job_request)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: No space left on the volume: /opt/ml of algo-1 has grown")


# --- Reaching AWS ---


def test_the_credentials_of_the_role_are_served_at_their_uri(local_aws: ConformanceLocalAws) -> None:
    script = """
headers = {"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
address = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
report(json.load(urllib.request.urlopen(urllib.request.Request(address, headers=headers))))
"""
    (found,) = reports(local_aws, script)
    assert found["RoleArn"] == local_aws.role
    assert found["AccessKeyId"].startswith("ASIA")
    assert set(found) == {"AccessKeyId", "Expiration", "RoleArn", "SecretAccessKey", "Token"}


def test_no_command_line_holds_the_credentials_or_their_uri_and_token(local_aws: ConformanceLocalAws) -> None:
    script = """
headers = {"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
address = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
found = json.load(urllib.request.urlopen(urllib.request.Request(address, headers=headers)))
report([headers["Authorization"], address, found["SecretAccessKey"], found["Token"]])
print("ready", flush=True); time.sleep(1000)
"""
    lines: set[bytes] = set()

    def has_logged_meanwhile() -> bool:
        lines.update(command_lines())
        return has_logged(local_aws, name)

    job_request = request(local_aws, script, Environment={"AWS_SECRET_ACCESS_KEY": "a-key-of-the-users"})
    job_request["AppSpecification"]["ContainerArguments"] = ["found-by-this-search"]
    name = local_aws.create(job_request)
    local_aws.until(has_logged_meanwhile, bool, DEADLINE)
    lines |= command_lines()
    output = local_aws.aws.status().folder / "jobs" / name / "algo-1" / "processing" / "output" / "algo-1.json"
    secrets = [*json.loads(output.read_text()), "a-key-of-the-users"]
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    local_aws.wait(name)
    assert all(len(secret) > 16 for secret in secrets)
    assert [secret for secret in secrets if any(secret.encode() in line for line in lines)] == []
    assert any(b"found-by-this-search" in line for line in lines)


def test_an_isolated_job_has_neither_network_nor_credentials(local_aws: ConformanceLocalAws) -> None:
    script = f"""
def attempt():
    try:
        socket.create_connection(("127.0.0.1", {local_aws.aws.port}), 2)
    except OSError:
        return "cut off"
    return "connected"
report([attempt(), sorted(name for name in os.environ if "CREDENTIALS" in name or "ACCESS_KEY" in name)])
"""
    local_aws.put("isolated/0", "")
    # The platform, and not the job, downloads its inputs and uploads its outputs.
    isolated = reports(
        local_aws,
        "assert (IN / 'data_0').read_text() == ''" + script,
        NetworkConfig={"EnableNetworkIsolation": True},
        inputs=[piped(local_aws, "s3://data/isolated/")],
    )
    assert isolated == [["cut off", []]]
    assert reports(local_aws, script) == [["connected", ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]]]


def test_one_job_sees_nothing_of_another(local_aws: ConformanceLocalAws) -> None:
    other = local_aws.create(request(local_aws, "print('ready', flush=True); time.sleep(1000)"))
    local_aws.wait_for_log(other, "ready")
    directory = local_aws.aws.status().folder
    script = f"""
seen = [path for path in ({str(directory)!r}, {str(directory / "jobs" / other)!r}) if os.path.exists(path)]
report([seen, [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()], os.getpid()])
"""
    assert reports(local_aws, script) == [[[], [], 1]]
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=other)


def test_lines_appear_in_the_log_of_their_host_while_the_program_runs(local_aws: ConformanceLocalAws) -> None:
    name = local_aws.create(request(local_aws, "print(HOST, flush=True); time.sleep(1000)", hosts=2))
    local_aws.until(
        lambda: (
            local_aws.log(name)
            if local_aws.describe(name).get("ProcessingStartTime") and has_logged(local_aws, name)
            else {}
        ),
        lambda found: found == {"algo-1": ["algo-1"], "algo-2": ["algo-2"]},
        DEADLINE,
    )
    assert local_aws.describe(name)["ProcessingJobStatus"] == "InProgress"
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    local_aws.wait(name)


def has_logged(local_aws: ConformanceLocalAws, name: str) -> bool:
    groups = local_aws.logs.describe_log_groups(logGroupNamePrefix=local_aws.log_group)["logGroups"]
    return bool(groups) and bool(local_aws.log(name))


# --- The end of a job ---


def test_an_exit_code_other_than_zero_fails_the_job_and_uploads_nothing(local_aws: ConformanceLocalAws) -> None:
    job = run(local_aws, "(OUT / 'half').write_text('x'); sys.exit(3)")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 3"
    assert local_aws.keys(f"{job['ProcessingJobName']}/") == []


def test_every_exit_code_is_that_of_the_program(local_aws: ConformanceLocalAws) -> None:
    # The exit code of `docker run` when Docker itself fails.
    job = run(local_aws, "sys.exit(125)")
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 125"


def test_a_host_that_fails_fails_the_job_and_stops_the_others(local_aws: ConformanceLocalAws) -> None:
    job = run(local_aws, "time.sleep(0 if HOST == 'algo-2' else 1000); sys.exit(7)", hosts=2)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith("exit code: 7")


@pytest.mark.parametrize(("code", "status"), [(0, "Completed"), (1, "Failed")])
def test_the_exit_message_is_reported_whatever_the_status(
    local_aws: ConformanceLocalAws, code: int, status: str
) -> None:
    job = run(local_aws, f"open('/opt/ml/output/message', 'w').write('no r\u00f6ws'); sys.exit({code})")
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == (status, "no r\u00f6ws")


def test_the_exit_message_is_the_first_kilobyte_of_all_hosts_together(local_aws: ConformanceLocalAws) -> None:
    job = run(local_aws, "open('/opt/ml/output/message', 'w').write(HOST[-1] * 600)", hosts=2)
    assert job["ExitMessage"] == "1" * 600 + "2" * 424


def test_an_exit_message_that_is_not_utf_8_fails_the_job(local_aws: ConformanceLocalAws) -> None:
    job = run(local_aws, "open('/opt/ml/output/message', 'wb').write(b'\\xff')")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: The file /opt/ml/output/message is not UTF-8 text"


def test_the_time_limit_stops_the_job(local_aws: ConformanceLocalAws) -> None:
    job = run(local_aws, "time.sleep(1000)", StoppingCondition={"MaxRuntimeInSeconds": 2})
    assert job["ProcessingJobStatus"] == "Stopped"
    assert job["ProcessingEndTime"] - job["ProcessingStartTime"] >= timedelta(seconds=2)


def test_a_stop_sends_a_signal_and_leaves_time_to_finish(local_aws: ConformanceLocalAws) -> None:
    script = """
def end(*_):
    open("/opt/ml/output/message", "w").write("saved"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(1000)
"""
    name = local_aws.create(request(local_aws, script))
    local_aws.wait_for_log(name, "ready")
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    job = local_aws.wait(name)
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Stopped", "saved")


def test_a_program_that_ignores_the_signal_is_killed_with_every_process_that_it_started(
    local_aws: ConformanceLocalAws,
) -> None:
    marker = f"9{uuid.uuid4().int % 10**8:08}"
    script = f"""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sh", "-c", "trap '' TERM; sleep {marker} & sleep {marker}"], start_new_session=True)
print("ready", flush=True)
while True:
    time.sleep(1000)
"""
    name = local_aws.create(request(local_aws, script))
    local_aws.wait_for_log(name, "ready")
    local_aws.until(lambda: processes_with(marker), lambda found: len(found) >= 2)
    local_aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert local_aws.wait(name)["ProcessingJobStatus"] == "Stopped"
    local_aws.until(lambda: processes_with(marker), lambda found: not found)


def test_a_job_leaves_no_directory_behind(local_aws: ConformanceLocalAws) -> None:
    job = run(local_aws, "(OUT / 'locked').mkdir(); (OUT / 'locked').chmod(0)")
    directory = local_aws.aws.status().folder / "jobs" / job["ProcessingJobName"]
    local_aws.until(directory.exists, lambda exists: not exists)


def test_a_job_leaves_neither_process_nor_container_behind(local_aws: ConformanceLocalAws) -> None:
    marker = f"6{uuid.uuid4().int % 10**8:08}"
    script = f"""
subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
print("ready", flush=True)
wait_to_go()
"""
    name = local_aws.create(request(local_aws, script))
    local_aws.wait_for_log(name, "ready")
    assert processes_with(marker)
    assert bool(containers(local_aws)) == (local_aws.runner == "container")
    let_go(local_aws, name)
    assert local_aws.wait(name)["ProcessingJobStatus"] == "Completed"
    local_aws.until(lambda: [*processes_with(marker), *containers(local_aws)], lambda found: not found)


def containers(local_aws: ConformanceLocalAws) -> list[str]:
    """Return the containers of this local AWS, running or not."""
    if local_aws.runner == "process":
        return []
    label = f"label=smproc={local_aws.aws.status().folder}"
    return find_engine().execute("ps", "--all", "--quiet", "--filter", label).stdout.split()


def test_stopping_the_server_stops_its_jobs(make_local_aws: LocalAwsFactory, tmp_path: Path) -> None:
    from tests.conformance.container.conftest import ConformanceLocalAws  # noqa: PLC0415

    marker = f"7{uuid.uuid4().int % 10**8:08}"
    aws = make_local_aws(tmp_path)
    aws.start()
    user = ConformanceLocalAws(aws, "any")
    try:
        name = user.create(request(user, f"print('ready', flush=True); subprocess.run(['sleep', '{marker}'])"))
        user.wait_for_log(name, "ready")
        user.until(lambda: processes_with(marker), lambda found: len(found) >= 1)
        aws.stop()
        user.until(lambda: processes_with(marker), lambda found: not found)
        aws.start()
        assert user.describe(name)["ProcessingJobStatus"] == "Stopped"
    finally:
        user.close()
        aws.stop()


def test_killing_the_server_kills_its_jobs(make_local_aws: LocalAwsFactory, tmp_path: Path) -> None:
    from tests.conformance.container.conftest import ConformanceLocalAws  # noqa: PLC0415

    marker = f"8{uuid.uuid4().int % 10**8:08}"
    aws = make_local_aws(tmp_path)
    pid = aws.start().pid
    assert pid
    user = ConformanceLocalAws(aws, "any")
    try:
        name = user.create(request(user, f"print('ready', flush=True); subprocess.run(['sleep', '{marker}'])"))
        user.wait_for_log(name, "ready")
        user.until(lambda: processes_with(marker), lambda found: len(found) >= 1)
        os.kill(pid, signal.SIGKILL)
        user.until(lambda: processes_with(marker), lambda found: not found)
        aws.start()
        job = user.describe(name)
        assert job["ProcessingJobStatus"] == "Failed"
        assert job["FailureReason"] == "InternalServerError: The local AWS was killed while the job was running"
    finally:
        user.close()
        aws.stop()
