"""The differences between the local AWS and AWS, as data, and the page that is written from them.

Each file in ``tables`` has the rows of a table of ``docs/local-and-aws.md``. What a row says of AWS is *verified* where
a record in ``docs/verified/`` of a run of `tools.verify_aws` in AWS answers every question that decides it,
*documented* where a page of AWS says it, and *assumed* otherwise.
"""

from __future__ import annotations

from tools.differences.page import PAGE, render
from tools.differences.rows import TABLES, Row, all_rows, row_named
from tools.differences.status import VERIFIED, Status, status_of, verified_records

__all__ = [
    "PAGE",
    "TABLES",
    "VERIFIED",
    "Row",
    "Status",
    "all_rows",
    "render",
    "row_named",
    "status_of",
    "verified_records",
]
