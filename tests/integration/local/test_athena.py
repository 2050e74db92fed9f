"""Athena on the local AWS: a query that cannot be run fails, and returns no invented rows."""

from __future__ import annotations

import importlib.util

import pytest

from tests.helpers.local_aws import BUCKET, RunningLocalAws


@pytest.mark.skipif(importlib.util.find_spec("duckdb") is not None, reason="DuckDB runs the queries")
def test_a_query_without_duckdb_fails_with_what_to_install(local_aws: RunningLocalAws) -> None:
    athena = local_aws.client("athena")
    query = athena.start_query_execution(
        QueryString="SELECT * FROM sales.orders", ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/athena/"}
    )["QueryExecutionId"]
    status = local_aws.until(
        lambda: athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"],
        lambda found: found["State"] not in ("QUEUED", "RUNNING"),
    )
    assert status["State"] == "FAILED"
    assert "pip install duckdb" in status["StateChangeReason"]
