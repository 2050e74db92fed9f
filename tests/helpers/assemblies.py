"""Cloud assemblies, written as a synth writes them, with one stack and one state machine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdk_sagemaker_processing.model.names import SOURCES_METADATA

BUCKET, ROLE, UPLOAD, MACHINE = "Bucket", "Role", "Upload", "Machine"
DIGEST = "a" * 64
REFERENCES = {f"<{BUCKET}>": {"Ref": BUCKET}, f"<{UPLOAD}>": {"Ref": UPLOAD}}
CODE = f"s3://<{BUCKET}>/<{UPLOAD}>/{DIGEST}/main.py"


def step(*, jsonata: bool = False, **changes: Any) -> dict[str, Any]:
    """Return a state that runs a script on the objects that start the execution."""
    source = {"S3Uri": "{% $states.input.s3_uri %}"} if jsonata else {"S3Uri.$": "$.s3_uri"}
    request: dict[str, Any] = {
        "ProcessingJobName": "split",
        "AppSpecification": {
            "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/main.py"],
            "ContainerArguments": ["--ratio", "0.2"],
        },
        "RoleArn": "arn:aws:iam::000000000000:role/processing",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        "ProcessingInputs": [
            {"InputName": "input-1", "S3Input": {**source, "LocalPath": "/opt/ml/processing/input"}},
            {"InputName": "code", "S3Input": {"S3Uri": CODE, "LocalPath": "/opt/ml/processing/input/code"}},
        ],
    }
    request.update(changes)
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Arguments" if jsonata else "Parameters": request,
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "End": True,
    }


def write_assembly(
    directory: Path,
    states: Mapping[str, Any] | None = None,
    *,
    script: Path | None = None,
    archives: Mapping[str, Mapping[str, Path]] | None = None,
    resources: Mapping[str, Any] | None = None,
    language: str = "JSONPath",
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write an assembly, and return its directory.

    Args:
        directory: the directory, which is created.
        states: the states of the machine, the first of which is its start. Default: one step, ``Split``.
        script: the working copy of the script; None for an upload without a record of its sources.
        archives: the working copies in archives. Default: none.
        resources: further resources of the template.
        language: the query language.
        settings: the settings of a trigger of the machine. Default: it has none.
    """
    states = states or {"Split": step()}
    asset = directory / f"asset.{DIGEST}"
    asset.mkdir(parents=True)
    (asset / "main.py").write_text("print('as it was at synth')\n")
    definition = json.dumps({"StartAt": next(iter(states)), "QueryLanguage": language, "States": states})
    template = {
        "Resources": {
            BUCKET: {"Type": "AWS::S3::Bucket"},
            UPLOAD: {
                "Type": "Custom::CDKBucketDeployment",
                "Properties": {
                    "SourceKey": f"{DIGEST}.zip",
                    "DestinationBucketName": {"Ref": BUCKET},
                    "Prefix": f"code/{DIGEST}",
                    "PhysicalResourceId": "code",
                },
                "Metadata": {"aws:cdk:path": "App/Code/Upload/Default"},
            },
            MACHINE: {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"DefinitionString": {"Fn::Join": ["", _parts(definition)]}},
                "Metadata": {"aws:cdk:path": "App/Pipeline/StateMachine/Resource"},
            },
            **(resources or {}),
        }
    }
    if settings is not None:
        machine = {"state_machine_arn": "arn:aws:states:us-east-1:000000000000:stateMachine:App-Machine"}
        template["Resources"]["Dispatcher"] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Environment": {"Variables": {"SETTINGS": json.dumps({**machine, **settings})}},
                "Tags": [{"Key": "processing:part", "Value": "dispatcher"}],
            },
        }
    record = {
        "files": {} if script is None else {"main.py": _relative(script, directory)},
        "archives": {
            name: {member: _relative(path, directory) for member, path in members.items()}
            for name, members in (archives or {}).items()
        },
    }
    metadata = {} if script is None else {"/App/Code": [{"type": SOURCES_METADATA, "data": json.dumps(record)}]}
    for name, content in {
        "App.template.json": template,
        "App.metadata.json": metadata,
        "App.assets.json": {
            "files": {
                DIGEST: {
                    "source": {"path": asset.name, "packaging": "zip"},
                    "destinations": {"here": {"bucketName": "assets", "objectKey": f"{DIGEST}.zip"}},
                }
            }
        },
        "manifest.json": {
            "artifacts": {
                "App": {
                    "type": "aws:cloudformation:stack",
                    "environment": "aws://unknown-account/unknown-region",
                    "properties": {"templateFile": "App.template.json"},
                    "dependencies": ["App.assets"],
                    "additionalMetadataFile": "App.metadata.json",
                }
            }
        },
    }.items():
        (directory / name).write_text(json.dumps(content))
    return directory


def _parts(text: str) -> list[Any]:
    """Return the parts of a text in which names in angle brackets are references."""
    parts: list[Any] = [text]
    for name, reference in REFERENCES.items():
        parts = [
            piece for part in parts for piece in (_split(part, name, reference) if isinstance(part, str) else [part])
        ]
    return parts


def _split(text: str, name: str, reference: Mapping[str, str]) -> list[Any]:
    first, *others = text.split(name)
    return [first, *(piece for other in others for piece in (reference, other))]


def _relative(path: Path, directory: Path) -> str:
    return os.path.relpath(path.resolve(), directory.resolve())
