"""The resources of the templates, with the account and the region that are asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from smproc.assemblies import CloudAssembly, Template
from tools.verify_aws.account import Account


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a template.

    Attributes:
        app: the name of its app.
        template: its template.
        logical_id: its logical id.
        properties: its properties, with the values of expressions.
        path: the path of its construct.
    """

    app: str
    template: Template
    logical_id: str
    properties: Mapping[str, Any]
    path: str

    @property
    def name(self) -> str:
        """The name in findings: the stack and the logical id."""
        return f"{self.template.stack}/{self.logical_id}"

    def finding(self, rule: str, message: str) -> dict[str, str]:
        """Return a finding about it.

        Args:
            rule: the rule that it breaks, by the name that AWS gives it.
            message: the explanation.
        """
        return {"template": self.template.stack, "logical id": self.logical_id, "rule": rule, "message": message}


@dataclass(frozen=True)
class CheckContext:
    """The context of a check of stage 0: an account, and the assemblies of the apps.

    Attributes:
        account: the account.
        assemblies: the directories of cloud assemblies by the names of their apps.
    """

    account: Account
    assemblies: Mapping[str, Path]

    @cached_property
    def templates(self) -> list[tuple[str, Template]]:
        """The names of apps and their templates, for the account and the region that are asked."""
        return [
            (app, self._here(template))
            for app, directory in self.assemblies.items()
            for template in CloudAssembly(directory).templates
        ]

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """Yield the resources of some types of all templates."""
        for app, template in self.templates:
            for found in template.resources(*kinds):
                yield Resource(app, template, *found)

    def _here(self, template: Template) -> Template:
        values = dataclasses.replace(template.values, account=self.account.number, region=self.account.region)
        return dataclasses.replace(template, values=values)
