"""The state machines of synthesized CloudFormation templates, as a cloud assembly (`cdk.out`) contains them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproc.graphs.errors import DefinitionError

_TYPE = "AWS::StepFunctions::StateMachine"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesizedStateMachine:
    """A state machine of a template.

    Attributes:
        stack: the name of the template's file, without its endings.
        logical_id: the logical id in the template.
        path: the path of the construct; empty if the template does not contain it.
        definition: the definition as JSON; references have the form ``${LogicalId}``.
    """

    stack: str
    logical_id: str
    path: str
    definition: str


def synthesized_state_machines(path: Path) -> list[SynthesizedStateMachine]:
    """Return the state machines of a cloud assembly, or of one template, in the order of their files.

    Args:
        path: the directory of the assembly, or the file of a template in JSON.

    Raises:
        DefinitionError: there is no such file, no template in the directory, or a file is no template in JSON.
    """
    files = sorted(path.rglob("*.template.json")) if path.is_dir() else [path]
    if not files:
        raise DefinitionError(f"{path} must contain templates (*.template.json); write them with `cdk synth`")
    return [machine for file in files for machine in _of_template(file)]


def _of_template(file: Path) -> Iterator[SynthesizedStateMachine]:
    try:
        template = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise DefinitionError(f"{file} must be a template in JSON; write one with `cdk synth`") from None
    resources = template.get("Resources") if isinstance(template, dict) else None
    if not isinstance(resources, dict):
        raise DefinitionError(f"{file} must be a CloudFormation template, with Resources")
    stack = file.name.removesuffix(".json").removesuffix(".template")
    for logical_id, resource in resources.items():
        if isinstance(resource, dict) and resource.get("Type") == _TYPE:
            metadata = resource.get("Metadata")
            yield SynthesizedStateMachine(
                stack=stack,
                logical_id=logical_id,
                path=str(metadata.get("aws:cdk:path", "")) if isinstance(metadata, dict) else "",
                definition=_definition(resource.get("Properties") or {}, file, logical_id),
            )


def _definition(properties: Mapping[str, Any], file: Path, logical_id: str) -> str:
    if "Definition" in properties:
        return json.dumps(_plain(properties["Definition"]))
    if "DefinitionString" in properties:
        return _text(properties["DefinitionString"])
    if "DefinitionS3Location" in properties:
        # An asset is beside the template, as asset.<hash> with the ending of the key, which is <hash> with an ending.
        key = Path(_text(properties["DefinitionS3Location"].get("Key", "")))
        for candidate in (f"asset.{key.name}", f"asset.{key.stem}", key.name):
            if (file.parent / candidate).is_file():
                return (file.parent / candidate).read_text(encoding="utf-8")
    raise DefinitionError(
        f"the definition of {logical_id} in {file} must be in the template or an asset beside it; deploy the "
        "stack, and draw it with --stack"
    )


def _plain(value: object) -> object:
    """Return a JSON value without intrinsic functions."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            return _text(value)
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _text(value: object) -> str:
    """Return the text that an intrinsic function stands for, with ``${LogicalId}`` for what only AWS knows."""
    match value:
        case {"Fn::Join": [str(separator), [*parts]]}:
            return separator.join(map(_text, parts))
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]}:
            return text
        case {"Ref": str(name)} | {"Fn::GetAtt": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
    return f"${{{next(iter(value), '')}}}" if isinstance(value, dict) else str(value)
