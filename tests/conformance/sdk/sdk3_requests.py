"""A program that prints the request of SDK 3, and its uploads, for each call on standard input; it needs the SDK.

Nothing leaves the machine.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from recorder import ROLE, UPLOADS, build, recording_session  # type: ignore[import-not-found] # it lies beside this
from sagemaker.core import processing, shapes
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.network import NetworkConfig
from sagemaker.core.spark import processing as spark_processing
from sagemaker.core.telemetry import telemetry_logging

logging.disable(logging.CRITICAL)
# It would report each run over the network, past botocore.
telemetry_logging._requests_helper = lambda *_, **__: None
CLASSES: dict[str, Any] = {
    "Processor": processing.Processor,
    "ScriptProcessor": processing.ScriptProcessor,
    "FrameworkProcessor": processing.FrameworkProcessor,
    "PySparkProcessor": spark_processing.PySparkProcessor,
    "SparkJarProcessor": spark_processing.SparkJarProcessor,
    "NetworkConfig": NetworkConfig,
    "FeatureStoreOutput": shapes.ProcessingFeatureStoreOutput,
    **{
        name: getattr(shapes, name)
        for name in ("ProcessingInput", "ProcessingS3Input", "ProcessingOutput", "ProcessingS3Output")
    },
    **{name: getattr(shapes, name) for name in ("DatasetDefinition", "AthenaDatasetDefinition")},
}
boto, client, REQUESTS = recording_session("us-west-2")
session = Session(boto_session=boto, sagemaker_client=client, default_bucket="sagemaker-us-west-2-x")


def sent_by(call: dict[str, Any]) -> dict[str, Any]:
    """Return the request, or the message of the error, and the uploads of a call."""
    REQUESTS.clear()
    UPLOADS.clear()
    try:
        processor = CLASSES[call["processor"]](role=ROLE, sagemaker_session=session, **build(call["init"], CLASSES))
        processor.run(wait=False, logs=False, job_name="golden-job-1", **build(call["run"], CLASSES))
    except Exception as error:  # noqa: BLE001 - the comparison needs every error
        if not REQUESTS:
            return {"request": f"{type(error).__name__}: {error}", "uploads": {}}
    return {"request": REQUESTS[0], "uploads": dict(UPLOADS)}


# On its own line, because the SDK may print other lines first.
sys.stdout.write("\n" + json.dumps([sent_by(call) for call in json.load(sys.stdin)]))
