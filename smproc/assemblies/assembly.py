"""A cloud assembly, the result of a synth: its stacks, state machines and local files.

See: https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cdk_sagemaker_processing.model import names
from smproc.assemblies.errors import AppNotFoundError, StackNotFoundError, SynthesisFailedError
from smproc.assemblies.intrinsics import TemplateValues
from smproc.assemblies.local_files import LocalFiles
from smproc.assemblies.steps import StateMachine, Step, Trigger, parse_definition, steps_in

DEFAULT_REGION, DEFAULT_ACCOUNT = "us-east-1", "000000000000"
_STATE_MACHINE = "AWS::StepFunctions::StateMachine"
_UPLOAD = "Custom::CDKBucketDeployment"
_ENVIRONMENT = re.compile(r"aws://([^/]+)/(.+)")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template of an assembly: that of a stack, or of a nested one.

    Attributes:
        stack: the name of the stack.
        directory: the directory that it is in.
        values: the values of its expressions.
        metadata: the metadata of constructs, by their paths.
        assets: the files of the stack's assets, by their keys in the bucket of assets.
    """

    stack: str
    directory: Path
    values: TemplateValues
    metadata: Mapping[str, Any]
    assets: Mapping[str, Path]

    @cached_property
    def _paths(self) -> dict[str, str]:
        """The paths of constructs by their logical ids: a template has them only where the CDK CLI synthesized it."""
        return {
            str(entry.get("data")): path.removeprefix("/")
            for path, entries in self.metadata.items()
            for entry in entries or ()
            if entry.get("type") == "aws:cdk:logicalId"
        }

    def resources(self, *kinds: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
        """Yield the resources of some types: logical id, properties with the values of expressions, construct path."""
        for logical_id, resource in (self.values.template.get("Resources") or {}).items():
            if resource.get("Type") in kinds:
                path = str((resource.get("Metadata") or {}).get("aws:cdk:path", "")) or self._paths.get(logical_id, "")
                yield logical_id, self.values.value(resource.get("Properties") or {}), path


@dataclass(frozen=True, kw_only=True)
class StackArtifact:
    """A stack of an assembly, as a deployment needs it.

    Attributes:
        id: its id, by which the CDK CLI knows it.
        name: the name of the stack.
        directory: the directory that it is in.
        template: its template.
        dependencies: the ids of what it depends on.
        assets: its assets, as their manifests have them; an image has the ``kind`` docker.
    """

    id: str
    name: str
    directory: Path
    template: Path
    dependencies: tuple[str, ...]
    assets: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class CloudAssembly:
    """A cloud assembly.

    Attributes:
        path: its directory.

    Raises:
        AppNotFoundError: the directory has no ``manifest.json``.
        SynthesisFailedError: a file of it is no JSON.
    """

    path: Path

    def __post_init__(self) -> None:
        if not self.manifest.is_file():
            raise AppNotFoundError(
                f"{self.path} must be a cloud assembly, with a manifest.json; write one with `cdk synth`"
            )

    @property
    def manifest(self) -> Path:
        """The manifest, which a synth writes last."""
        return self.path / "manifest.json"

    @cached_property
    def missing(self) -> list[str]:
        """The values of AWS that the app looks up and that were not known at synth."""
        return [str(one.get("provider", one.get("key", ""))) for one in _json(self.manifest).get("missing") or ()]

    @cached_property
    def templates(self) -> list[Template]:
        """The templates of all stacks."""
        found: list[Template] = []

        def exported(name: str) -> str | None:
            for template in found:
                for output in (template.values.template.get("Outputs") or {}).values():
                    if template.values.text((output.get("Export") or {}).get("Name", "")) == name:
                        return template.values.text(output["Value"])
            return None

        for directory, artifact_id, artifact in _stacks(self.path):
            found += _templates(directory, artifact_id, artifact, exported)
        return found

    @cached_property
    def local_files(self) -> list[LocalFiles]:
        """The local files that deployments upload for jobs."""
        return [each for template in self.templates for each in _local_files(template, self.path)]

    @cached_property
    def state_machines(self) -> list[StateMachine]:
        """The state machines that have processing jobs."""
        triggers = dict(each for template in self.templates for each in _triggers(template))
        found = []
        for template in self.templates:
            for logical_id, properties, path in template.resources(_STATE_MACHINE):
                name = _machine_name(path) or f"{template.stack}/{logical_id}"
                definition = definition_in(template, properties, name)
                steps = steps_in(definition, name, self.local_files)
                if steps:
                    found.append(
                        StateMachine(
                            name=name,
                            stack=template.stack,
                            logical_id=logical_id,
                            definition=definition,
                            steps=steps,
                            trigger=triggers.get(template.values.arn(logical_id)),
                        )
                    )
        return found

    @cached_property
    def steps(self) -> list[Step]:
        """The processing jobs of all state machines."""
        return [step for machine in self.state_machines for step in machine.steps]

    @cached_property
    def buckets(self) -> list[str]:
        """The names of the buckets of all stacks."""
        return [
            template.values.physical_name(logical_id)
            for template in self.templates
            for logical_id, _, _ in template.resources("AWS::S3::Bucket")
        ]

    @cached_property
    def stacks(self) -> list[StackArtifact]:
        """The stacks, those of stages among them."""
        return [_stack(*found) for found in _stacks(self.path)]

    def stack_named(self, name: str | None) -> StackArtifact:
        """Return the stack of a name or an id; None means the only one.

        Raises:
            StackNotFoundError: there is none, or there are several.
        """
        found = [stack for stack in self.stacks if name in (None, stack.name, stack.id)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(stack.name for stack in self.stacks) or "none"
        problem = f"no stack {name!r}" if name is not None and not found else f"{len(self.stacks)} stacks"
        raise StackNotFoundError(f"the app has {problem}; name one of these: {known}")

    def stacks_for(self, name: str) -> list[StackArtifact]:
        """Return a stack, after those that it depends on."""
        by_id = {stack.id: stack for stack in self.stacks}
        found: dict[str, StackArtifact] = {}

        def add(stack: StackArtifact) -> None:
            for dependency in stack.dependencies:
                if dependency in by_id and dependency not in found:
                    add(by_id[dependency])
            found[stack.id] = stack

        add(self.stack_named(name))
        return list(found.values())

    def machine_of(self, step: Step) -> StateMachine:
        """Return the state machine that a step belongs to."""
        return next(machine for machine in self.state_machines if step in machine.steps)

    def local_files_of(self, steps: Iterable[Step]) -> list[LocalFiles]:
        """Return the local files that some steps use."""
        uris = [f"{each.source.rstrip('/')}/" for step in steps for each in step.inputs if each.kind == "local"]
        return [each for each in self.local_files if any(uri.startswith(each.uri) for uri in uris)]


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SynthesisFailedError(f"{path} must be readable: {error.strerror}; write it with `cdk synth`") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SynthesisFailedError(f"{path} must be a JSON object; write it anew with `cdk synth`")
    return found


def _stacks(directory: Path) -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
    """Yield the stacks of an assembly and of the assemblies of stages in it: directory, id and artifact."""
    for artifact_id, artifact in (_json(directory / "manifest.json").get("artifacts") or {}).items():
        properties = artifact.get("properties") or {}
        if artifact.get("type") == "aws:cloudformation:stack":
            yield directory, artifact_id, artifact
        elif artifact.get("type") == "cdk:cloud-assembly":
            yield from _stacks(directory / str(properties.get("directoryName", artifact_id)))


def _stack(directory: Path, artifact_id: str, artifact: Mapping[str, Any]) -> StackArtifact:
    properties = artifact.get("properties") or {}
    dependencies = tuple(str(name) for name in artifact.get("dependencies") or ())
    template = str(properties["templateFile"])
    assets: list[Mapping[str, Any]] = []
    for name in dependencies:
        manifest = directory / f"{name}.json"
        if name.endswith(".assets") and manifest.is_file():
            found = _json(manifest)
            files = (found.get("files") or {}).values()
            # The CDK CLI uploads the template, too; here it is given to CloudFormation as it is.
            assets += [file for file in files if (file.get("source") or {}).get("path") != template]
            assets += [{**image, "kind": "docker"} for image in (found.get("dockerImages") or {}).values()]
    return StackArtifact(
        id=artifact_id,
        name=str(properties.get("stackName", artifact_id)),
        directory=directory,
        template=directory / template,
        dependencies=dependencies,
        assets=tuple(assets),
    )


def _templates(
    directory: Path,
    artifact_id: str,
    artifact: Mapping[str, Any],
    exported: Any,  # noqa: ANN401 - a function
) -> list[Template]:
    """Return the template of a stack, and those of the stacks that are nested in it."""
    properties = artifact.get("properties") or {}
    stack = str(properties.get("stackName", artifact_id))
    known = _ENVIRONMENT.fullmatch(str(artifact.get("environment", "")))
    account, region = known.groups() if known else ("", "")
    metadata = dict(artifact.get("metadata") or {})
    if "additionalMetadataFile" in artifact:
        metadata |= _json(directory / str(artifact["additionalMetadataFile"]))
    found: list[Template] = []
    assets: dict[str, Path] = {}
    # Each template of an assembly has the assets of its stack beside it; those of nested stacks are among them.
    for name in artifact.get("dependencies") or ():
        manifest = directory / f"{name}.json"
        if name.endswith(".assets") and manifest.is_file():
            assets |= _assets(manifest)

    def add(file: Path, name: str, parameters: Mapping[str, Any]) -> TemplateValues:
        nested: dict[str, TemplateValues] = {}
        values = TemplateValues(
            template=_json(file),
            stack=name,
            account=account if account.isdigit() else DEFAULT_ACCOUNT,
            region=region if region and not region.startswith("unknown") else DEFAULT_REGION,
            parameters=parameters,
            nested=nested.get,
            exports=exported,
        )
        found.append(Template(stack=name, directory=directory, values=values, metadata=metadata, assets=assets))
        for logical_id, resource in (values.template.get("Resources") or {}).items():
            path = (resource.get("Metadata") or {}).get("aws:asset:path")
            if resource.get("Type") == "AWS::CloudFormation::Stack" and path and (directory / path).is_file():
                passed = values.value((resource.get("Properties") or {}).get("Parameters") or {})
                nested[logical_id] = add(directory / path, f"{name}-{logical_id}", passed)
        return values

    add(directory / str(properties["templateFile"]), stack, {})
    return found


def _assets(manifest: Path) -> Iterator[tuple[str, Path]]:
    for file in (_json(manifest).get("files") or {}).values():
        path = (file.get("source") or {}).get("path")
        for destination in (file.get("destinations") or {}).values():
            if path:
                yield str(destination.get("objectKey", "")), manifest.parent / path


def _local_files(template: Template, root: Path) -> Iterator[LocalFiles]:
    real = os.path.realpath(root)

    def absolute(path: str) -> Path:
        return Path(os.path.normpath(Path(real) / path))

    for logical_id, properties, path in template.resources(_UPLOAD):
        asset = template.assets.get(str(properties.get("SourceKey", "")))
        # Also the type of aws-cdk's own BucketDeployment, which has lists of sources.
        if asset is None or not {"DestinationBucketName", "Prefix"} <= set(properties):
            continue
        record = _sources(template.metadata, path)
        yield LocalFiles(
            stack=template.stack,
            logical_id=logical_id,
            bucket=str(properties["DestinationBucketName"]),
            prefix=str(properties["Prefix"]),
            asset=asset,
            files={name: absolute(path) for name, path in (record.get("files") or {}).items()},
            archives={
                archive: {name: absolute(path) for name, path in members.items()}
                for archive, members in (record.get("archives") or {}).items()
            },
        )


def _sources(metadata: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return the record of the local files behind an upload, which is that of the construct around the resource."""
    construct = "/" + "/".join(path.split("/")[:-2])
    for entry in metadata.get(construct) or ():
        if entry.get("type") == names.SOURCES_METADATA:
            found = json.loads(entry["data"])
            return found if isinstance(found, dict) else {}
    return {}


def _machine_name(path: str) -> str:
    """Return the path of the construct that people know: the pipeline or the workflow that has the state machine."""
    return path.removesuffix("/Resource").removesuffix("/StateMachine")


def definition_in(template: Template, properties: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the definition of a state machine, with the values of expressions.

    Args:
        template: the template that has the state machine.
        properties: its properties, as `Template.resources` yields them.
        name: its name, for errors.

    Raises:
        SynthesisFailedError: the definition is neither in the template nor in an asset.
    """
    if isinstance(definition := properties.get("Definition"), Mapping):
        return definition
    if (text := properties.get("DefinitionString")) is not None:
        return parse_definition(str(text), name)
    asset = template.assets.get(str((properties.get("DefinitionS3Location") or {}).get("Key", "")))
    if asset is None:
        raise SynthesisFailedError(f"the definition of the state machine {name} must be in the template or an asset")
    text = asset.read_text(encoding="utf-8")
    for key, value in (properties.get("DefinitionSubstitutions") or {}).items():
        text = text.replace(f"${{{key}}}", str(value))
    return parse_definition(text, name)


def _triggers(template: Template) -> Iterator[tuple[str, Trigger]]:
    """Yield the triggers of a template, by the ARNs of their state machines."""
    for _, properties, _ in template.resources("AWS::Lambda::Function"):
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or ()}
        if tags.get(names.PART_TAG) != names.DISPATCHER:
            continue
        settings = json.loads(properties["Environment"]["Variables"]["SETTINGS"])
        yield (
            settings["state_machine_arn"],
            Trigger(
                bucket=settings["bucket"],
                prefix=(settings.get("prefixes") or [""])[0],
                batch_size=settings.get("batch_size", 1),
                manifest_bucket=settings["manifest_bucket"],
                manifest_prefix=settings.get("manifest_prefix", "manifests"),
                name=settings.get("trigger", ""),
            ),
        )
