"""Templates with a value for each intrinsic function, as a deployment has them: linters skip texts with references.

The values are names and ARNs of the right shape, from the resolver of `smproc try`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproc.assemblies import CloudAssembly
from smproc.assemblies.intrinsics import TemplateValues
from tests.helpers.stacks import ACCOUNT, REGION, ROOT, SNAPSHOTS

# Places in a resource that are no values.
_KEPT = ("Type", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy")


@dataclass(frozen=True, slots=True)
class ResolvedTemplate:
    """A template with values.

    Attributes:
        name: where it is from, for messages.
        resources: the resources by their logical ids: those whose condition is met.
    """

    name: str
    resources: Mapping[str, Mapping[str, Any]]

    def of_type(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the resources of some types: where each is, and its properties."""
        for logical_id, resource in self.resources.items():
            if resource["Type"] in kinds:
                yield f"{self.name}: {logical_id}", resource.get("Properties", {})

    def write(self, directory: Path) -> Path:
        """Write it to a directory, and return its path."""
        path = directory / f"{self.name.replace('/', '-')}.json"
        path.write_text(json.dumps({"Resources": self.resources}))
        return path


def resolved(name: str, template: Mapping[str, Any]) -> ResolvedTemplate:
    """Resolve a template that has no assembly around it, such as a snapshot."""
    return _resolved(name, TemplateValues(template=template, stack="Stack", account=ACCOUNT, region=REGION))


def resolved_snapshots() -> list[ResolvedTemplate]:
    """Return the templates of all snapshots, of which those of the examples are a part."""
    paths = sorted(SNAPSHOTS.rglob("*.json"))
    return [resolved(path.relative_to(ROOT).as_posix(), json.loads(path.read_text())) for path in paths]


def resolved_assembly(name: str, directory: Path) -> list[ResolvedTemplate]:
    """Return the templates of an assembly, those of stages and nested stacks among them."""
    return [_resolved(f"{name}/{one.stack}", one.values) for one in CloudAssembly(directory).templates]


def definitions_in(templates: Iterable[ResolvedTemplate]) -> dict[str, str]:
    """Return the definitions of the state machines in templates, by where each is."""
    found = {}
    for template in templates:
        for where, properties in template.of_type("AWS::StepFunctions::StateMachine"):
            text = properties.get("DefinitionString")
            found[where] = text if text is not None else json.dumps(properties["Definition"])
    return found


def _resolved(name: str, values: TemplateValues) -> ResolvedTemplate:
    resources = {}
    for logical_id, resource in (values.template.get("Resources") or {}).items():
        if "Condition" not in resource or values._is_met({"Condition": resource["Condition"]}, 0):
            kept = {key: resource[key] for key in _KEPT if key in resource}
            resources[logical_id] = kept | {"Properties": values.value(resource.get("Properties") or {})}
    return ResolvedTemplate(name, resources)
