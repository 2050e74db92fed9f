"""Athena: a query without DuckDB fails, and answers nothing that no table has.

AWS: a query reads the tables of the catalog, or fails with a reason.
See: https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecutionStatus.html

ministack 1.5.33: without DuckDB, `ministack.services.athena._mock_query_results` answers each query with invented rows,
whether its tables exist or not.

Removable when: `_mock_query_results` refuses queries (not so in 1.5.33).
"""

from __future__ import annotations

from collections.abc import Callable

from smproc.local.server.patches.registry import Names, Wrappers, takes

NAMES: Names = {"ministack.services.athena": {"_mock_query_results": takes("query")}}


def _mock_query_results(original: Callable[[str], object], query: str) -> object:
    raise NotImplementedError(
        "The local AWS cannot run Athena's queries: DuckDB is not installed beside it; pip install duckdb, and start "
        "it again"
    )


WRAPPERS: Wrappers = {"ministack.services.athena": {"_mock_query_results": _mock_query_results}}
