"""The synthesized templates of examples, with the paths of the constructs that each resource belongs to."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproc.graphs.templates import SynthesizedStateMachine, synthesized_state_machines
from tests.helpers.stacks import WITH_PATHS, run_apps

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a template.

    Attributes:
        logical_id: its logical id.
        type: its CloudFormation type.
        path: the path of its construct below the stack, without what names the CloudFormation resource in an L2.
        properties: its properties.
    """

    logical_id: str
    type: str
    path: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """The template of an example's stack.

    Attributes:
        resources: its resources by their logical ids.
        machines: its state machines by the paths of their constructs below the stack.
    """

    resources: Mapping[str, Resource]
    machines: Mapping[str, SynthesizedStateMachine]

    def inside(self, parts: tuple[str, ...]) -> list[Resource]:
        """Return the resources of some constructs, in the order of the template."""
        return [
            resource
            for resource in self.resources.values()
            if any(resource.path == part or resource.path.startswith(f"{part}/") for part in parts)
        ]


def synthesize(app: str, stack: str | None = None) -> Template:
    """Return the template of an app's stack.

    Args:
        app: the app's script, from the root of the repository.
        stack: the stack. Default: the only one.
    """
    templates = _templates(app)
    loaded, machines = templates[stack] if stack is not None else next(iter(templates.values()))
    resources = {
        name: Resource(
            logical_id=name,
            type=entry["Type"],
            path=_below_stack(entry.get("Metadata", {}).get("aws:cdk:path", name)),
            properties=entry.get("Properties", {}),
        )
        for name, entry in loaded["Resources"].items()
        if entry["Type"] != "AWS::CDK::Metadata"
    }
    return Template(resources, {_below_stack(machine.path): machine for machine in machines})


@functools.cache
def _templates(app: str) -> dict[str, tuple[dict[str, Any], list[SynthesizedStateMachine]]]:
    """Return the templates of an app by their stacks, each with its state machines."""
    with tempfile.TemporaryDirectory() as out:
        run_apps({ROOT / app: Path(out)}, cwd=ROOT, **WITH_PATHS)
        files = sorted(Path(out).glob("*.template.json"))
        return {
            file.name.removesuffix(".template.json"): (
                json.loads(file.read_text(encoding="utf-8")),
                list(synthesized_state_machines(file)),
            )
            for file in files
        }


def _below_stack(path: str) -> str:
    parts = path.split("/")[1:]
    return "/".join(parts[:-1] if parts[-1] in ("Resource", "Default") else parts)


def references(value: object) -> Iterator[str]:
    """Yield the logical ids that a value of a template refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case dict():
            for item in value.values():
                yield from references(item)
        case list():
            for item in value:
                yield from references(item)


def listed(value: object) -> list[Any]:
    """Return a value that may stand for itself or in a list, as a list."""
    return value if isinstance(value, list) else [value]
