"""The modes of a Map state, its label and its reader.

See: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from smproc.local.server.state_machine_definitions.diagnostics import Findings
from smproc.local.server.state_machine_definitions.shapes import check_object

_LONGEST_LABEL: Final = 40
# What the name of an execution must not contain either.
_NOT_IN_A_LABEL: Final = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_READERS: Final = re.compile(r"arn:[^:]*:states:::s3:(getObject|listObjectsV2)")


def check_map(state: Mapping[str, Any], location: str, findings: Findings) -> None:
    """Check the mode of a Map state, its label and its reader."""
    for field in ("ItemProcessor", "Iterator"):
        processor = state.get(field)
        config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
        if isinstance(config, dict):
            _check_config(config, f"{location}/{field}/ProcessorConfig", findings)
    label = state.get("Label")
    if isinstance(label, str) and (not 1 <= len(label) <= _LONGEST_LABEL or _NOT_IN_A_LABEL.search(label)):
        findings.error(f"Invalid label name: {label}", f"{location}/Label", code="INVALID_LABEL_NAME")
    elif isinstance(label, str):
        if label in findings.labels:
            findings.error(f"Duplicate label name: {label}", f"{location}/Label", code="DUPLICATE_LABEL_NAME")
        findings.labels.add(label)
    reader = state.get("ItemReader")
    if isinstance(reader, dict):
        _check_reader(reader, f"{location}/ItemReader", findings)


def _check_config(config: Mapping[str, Any], location: str, findings: Findings) -> None:
    check_object("ProcessorConfig", config, location, jsonata=False, findings=findings)
    if config.get("Mode") == "DISTRIBUTED":
        if "ExecutionType" not in config:
            findings.error("These fields are required: [ExecutionType]", location)
        if findings.express:
            findings.error(
                "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines", location
            )
    elif config.get("Mode") == "INLINE" and "ExecutionType" in config:
        findings.error("Field 'ExecutionType' is not supported", location)


def _check_reader(reader: Mapping[str, Any], location: str, findings: Findings) -> None:
    resource = reader.get("Resource")
    if isinstance(resource, str) and not _READERS.fullmatch(resource):
        findings.error(
            "The field 'Resource' does not match any of the allowed values. Examples: "
            "[arn:<partition>:states:::s3:getObject, arn:<partition>:states:::s3:listObjectsV2]",
            f"{location}/Resource",
        )
    config = reader.get("ReaderConfig")
    if not isinstance(config, dict):
        return
    where = f"{location}/ReaderConfig"
    if config.get("InputType") == "CSV" and "CSVHeaderLocation" not in config:
        findings.error("The field 'CSVHeaderLocation' is required", where)
    elif config.get("InputType") == "JSON" and "CSVHeaderLocation" in config:
        findings.error("Field 'CSVHeaderLocation' is not supported", where)
    elif config.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in config:
        findings.error("These fields are required: [CSVHeaders]", where)
