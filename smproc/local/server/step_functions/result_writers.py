"""The results of a Distributed Map that are written to S3: a ResultWriter.

See: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_STATUSES = ("FAILED", "PENDING", "SUCCEEDED")


def write_results(
    client: Any,
    arguments: Mapping[str, Any],
    map_run_arn: str,
    children: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the results and their manifest; return the state's result.

    Args:
        client: an S3 client.
        arguments: the ResultWriter's parameters: Bucket and Prefix.
        map_run_arn: the ARN of the map run.
        children: ministack's records of the child executions.
        config: the WriterConfig.
    """
    bucket, prefix = arguments["Bucket"], arguments.get("Prefix") or ""
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    directory = f"{prefix}{map_run_arn.rpartition(':')[2]}/"
    files: dict[str, list[dict[str, Any]]] = {status: [] for status in _STATUSES}
    lines = config.get("OutputType") == "JSONL"
    for status in ("FAILED", "SUCCEEDED"):
        results = [_result(child, config) for child in children if child["status"] == status]
        if not results:
            continue
        text = "\n".join(map(json.dumps, results)) if lines else json.dumps(results)
        key = f"{directory}{status}_0.{'jsonl' if lines else 'json'}"
        client.put_object(Bucket=bucket, Key=key, Body=text.encode())
        files[status].append({"Key": key, "Size": len(text.encode())})
    manifest = {"DestinationBucket": bucket, "MapRunArn": map_run_arn, "ResultFiles": files}
    key = f"{directory}manifest.json"
    client.put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest).encode())
    return {"MapRunArn": map_run_arn, "ResultWriterDetails": {"Bucket": bucket, "Key": key}}


def _result(child: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    if config.get("Transformation") in ("COMPACT", "FLATTEN") and child["status"] == "SUCCEEDED":
        return json.loads(child["output"])
    succeeded = child["status"] == "SUCCEEDED"
    result = {
        "ExecutionArn": child["executionArn"],
        "Input": child["input"],
        "InputDetails": {"Included": True},
        "Name": child["name"],
        **(
            {"Output": child["output"], "OutputDetails": {"Included": True}}
            if succeeded
            else {"Error": child.get("error"), "Cause": child.get("cause")}
        ),
        "RedriveCount": child.get("redriveCount", 0),
        "RedriveStatus": "NOT_REDRIVABLE" if succeeded else "REDRIVABLE_BY_MAP_RUN",
        "StartDate": child["startDate"],
        "StateMachineArn": child["stateMachineArn"],
        "Status": child["status"],
        "StopDate": child["stopDate"],
    }
    if succeeded:
        result["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    return result
