"""The container contract of SageMaker's training jobs, the same for every runner.

See: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.integration.local.test_training import channel, lines, members, own_program, run

if TYPE_CHECKING:
    from tests.conformance.container.conftest import ConformanceLocalAws

TRAIN = """
import json, os, pathlib, socket
root = pathlib.Path("/opt/ml")
try:
    socket.create_connection(("127.0.0.1", PORT), 2)
    network = "connected"
except OSError:
    network = "cut off"
found = {
    "data": (root / "input/data/train/a.csv").read_text(),
    "parameters": json.loads((root / "input/config/hyperparameters.json").read_text())["alpha"],
    "hosts": json.loads((root / "input/config/resourceconfig.json").read_text())["hosts"],
    "job": os.environ["TRAINING_JOB_NAME"],
    "credentials": [name for name in os.environ if "CREDENTIALS" in name],
    "network": network,
}
(root / "model/found.json").write_text(json.dumps(found))
(root / "output/data").mkdir(parents=True, exist_ok=True)
(root / "output/data/metrics.txt").write_text("0.9")
(root / "checkpoints/step").write_text("1")
print("trained")
"""


def test_a_program_reads_its_channels_and_leaves_a_model_checkpoints_and_output(local_aws: ConformanceLocalAws) -> None:
    data = local_aws.put(f"{local_aws.name()}/a.csv", "1,2").rpartition("/")[0] + "/"
    for isolated in (False, True):
        checkpoints = f"{local_aws.name()}/checkpoints"
        sent = own_program(
            local_aws,
            TRAIN.replace("PORT", str(local_aws.aws.port)),
            InputDataConfig=[channel("train", data)],
            CheckpointConfig={"S3Uri": f"s3://{local_aws.bucket}/{checkpoints}"},
            EnableNetworkIsolation=isolated,
            parameters={"alpha": "0.5"},
        )
        job = run(local_aws, sent)
        name = sent["TrainingJobName"]
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        results = f"trained/{name}/output"
        assert json.loads(members(local_aws.get(f"{results}/model.tar.gz"))["found.json"]) == {
            "data": "1,2",
            "parameters": "0.5",
            "hosts": ["algo-1"],
            "job": name,
            "credentials": [] if isolated else ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
            "network": "cut off" if isolated else "connected",
        }
        assert members(local_aws.get(f"{results}/output.tar.gz")) == {"metrics.txt": "0.9"}
        assert local_aws.get(f"{checkpoints}/step") == b"1"
        assert "trained" in lines(local_aws, name)


def test_an_image_without_an_entry_point_in_the_request_gets_the_argument_train(local_aws: ConformanceLocalAws) -> None:
    sent = own_program(local_aws, "")
    del sent["AlgorithmSpecification"]["ContainerEntrypoint"]
    assert run(local_aws, sent)["TrainingJobStatus"] == "Completed"
    assert "own entry point train" in lines(local_aws, sent["TrainingJobName"])


def test_the_failure_file_of_a_program_is_the_reason(local_aws: ConformanceLocalAws) -> None:
    script = "open('/opt/ml/output/failure', 'w').write('no data'); raise SystemExit(7)"
    job = run(local_aws, own_program(local_aws, script))
    assert job["FailureReason"] == "AlgorithmError: no data, exit code: 7"
