"""The fields of a Distributed Map that moto's grammar lacks.

They are taken out of a definition before moto parses it, and the map run reads them: ItemBatcher; children of the type
EXPRESS; JSONL, MANIFEST and other input types, CSVDelimiter and ItemsPointer of a ReaderConfig; WriterConfig.

See: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The fields of a ReaderConfig, and the input types, that moto's grammar has.
_READER_FIELDS = ("InputType", "CSVHeaderLocation", "CSVHeaders", "MaxItems", "MaxItemsPath")
_INPUT_TYPES = ("CSV", "JSON")


@dataclass(slots=True)
class MapFields:
    """The fields that are taken out of a Map state.

    Attributes:
        is_jsonata: whether the state's query language is JSONata.
        execution_type: the type of the child executions: STANDARD or EXPRESS.
        reader: the ReaderConfig.
        writer: the WriterConfig of the ResultWriter.
        batcher: the ItemBatcher as a template: with ``.$`` instead of ``Path``.
        template: the component that evaluates the template.
    """

    is_jsonata: bool
    execution_type: str = "STANDARD"
    reader: Mapping[str, Any] = field(default_factory=dict)
    writer: Mapping[str, Any] = field(default_factory=dict)
    batcher: Mapping[str, Any] | None = None
    template: Any = None


def take_map_fields(document: Any) -> dict[str, MapFields]:
    """Take the fields out of a definition; return them by the state's name.

    Args:
        document: the definition, which is changed.
    """
    found: dict[str, MapFields] = {}
    _visit(document, "JSONPath", found)
    return found


def _visit(machine: Any, language: str, found: dict[str, MapFields]) -> None:
    if not isinstance(machine, dict) or not isinstance(machine.get("States"), dict):
        return
    language = machine.get("QueryLanguage", language)
    for name, state in machine["States"].items():
        if not isinstance(state, dict):
            continue
        of_state = state.get("QueryLanguage", language)
        for branch in state.get("Branches") or ():
            _visit(branch, language, found)
        for processor in ("ItemProcessor", "Iterator"):
            inner = state.get(processor)
            _visit(inner, language, found)
            if state.get("Type") == "Map" and isinstance(inner, dict):
                config = inner.get("ProcessorConfig")
                if isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED":
                    found[name] = _take(state, is_jsonata=of_state == "JSONata")


def _take(state: dict[str, Any], *, is_jsonata: bool) -> MapFields:
    fields = MapFields(is_jsonata)
    for processor in ("ItemProcessor", "Iterator"):
        config = state.get(processor, {}).get("ProcessorConfig", {})
        if config.get("ExecutionType") == "EXPRESS":
            fields.execution_type = config["ExecutionType"]
            config["ExecutionType"] = "STANDARD"
    if isinstance(percentage := state.get("ToleratedFailurePercentage"), int):
        # moto's grammar has numbers with a decimal point alone.
        state["ToleratedFailurePercentage"] = float(percentage)
    reader = state.get("ItemReader")
    if isinstance(reader, dict) and isinstance(reader.get("ReaderConfig"), dict):
        config = reader["ReaderConfig"]
        fields.reader = dict(config)
        reader["ReaderConfig"] = {name: value for name, value in config.items() if name in _READER_FIELDS}
        if config.get("InputType") not in _INPUT_TYPES:
            kept = {name: config[name] for name in ("MaxItems", "MaxItemsPath") if name in config}
            reader["ReaderConfig"] = {"InputType": "JSON", **kept}
    batcher = state.pop("ItemBatcher", None)
    if isinstance(batcher, dict):
        fields.batcher = {
            f"{name.removesuffix('Path')}.$" if name.endswith("Path") else name: value
            for name, value in batcher.items()
        }
    writer = state.get("ResultWriter")
    if isinstance(writer, dict):
        fields.writer = writer.pop("WriterConfig", {})
        if "Resource" not in writer:
            del state["ResultWriter"]
    return fields
