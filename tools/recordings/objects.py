"""The objects in S3 that recorded executions read.

A recording has the execution alone. The objects are those that the recorded tests put (localstack/localstack,
``tests/aws/services/stepfunctions/v2/scenarios/test_base_scenarios.py``), by the name of the test. The test that reads
JSON with an ItemsPath is not in the public copy of that file: its array is the one that its output has, item by item.
"""

from __future__ import annotations

from typing import Final

_COLUMNS: Final = "Col1,Col2\nValue1,Value2\nValue3,Value4\nValue5,Value6\nValue7,Value8\n"
_ROWS: Final = "Value4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   \n"

OBJECTS: Final = {
    "test_map_item_reader_csv_max_items": _COLUMNS,
    "test_map_item_reader_csv_max_items_paths": _COLUMNS,
    "test_map_item_reader_base_csv_headers_decl": f"Value1,Value2,Value3\n{_ROWS}",
    "test_map_item_reader_csv_headers_decl_extra_fields": f"Value1,Value2,Value3\n{_ROWS}",
    "test_map_item_reader_csv_headers_first_row_typed_headers": f"0,True,{{}}\n{_ROWS}",
    "test_map_item_reader_base_json_with_items_path": '[["from-bucket-item-0"]]',
}


def object_of(name: str) -> str | None:
    """Return the object that an execution reads, None if it reads none.

    Args:
        name: the name of the recorded test, with its file, class and parameters.
    """
    return OBJECTS.get(name.rpartition("::")[2].partition("[")[0])
