"""Write cdk-nag's findings in app.py and in every example, with their reasons, to docs/security.md.

    python tools/regenerate_suppressions.py

The tests use this module to check that every finding has a reason and that the page is up to date.
"""

from __future__ import annotations

import json
import re
import runpy
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks, PCIDSS321Checks

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "security.md"
EXAMPLES = ROOT / "examples"
APPS = {
    path.relative_to(ROOT).as_posix(): path
    for path in (ROOT / "app.py", *sorted(EXAMPLES.glob("*.py")), *sorted((EXAMPLES / "processors").glob("*.py")))
}
PACKS: Mapping[str, Callable[[cdk.App], cdk.IPolicyValidationPlugin]] = {
    "AwsSolutions": AwsSolutionsChecks,
    "HIPAA.Security": HIPAASecurityChecks,
    "NIST.800.53.R5": NIST80053R5Checks,
    "PCI.DSS.321": PCIDSS321Checks,
}
_TABLES = re.compile(r"(?<=<!-- suppressions -->\n).*(?=<!-- /suppressions -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NagFinding:
    """A finding of a pack in one resource, with the reason of its suppression, None if it is not suppressed."""

    pack: str
    rule: str
    resource: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings of all packs in an app, and the suppressions, as construct path and rule, that no finding needs."""

    findings: tuple[NagFinding, ...]
    unused: frozenset[tuple[str, str]]

    @property
    def unsuppressed(self) -> list[NagFinding]:
        """The findings without a suppression."""
        return [finding for finding in self.findings if finding.reason is None]


def audit(make: Callable[[], object], out: Path) -> Audit:
    """Check an app with all packs during its synthesis.

    Args:
        make: creates one ``aws_cdk.App`` and synthesizes it.
        out: a directory for the cloud assembly.
    """
    report = out / "validation-report.json"
    with _packs_added(out) as suppressions:
        try:
            make()
        except RuntimeError:
            if not report.exists():  # something other than a finding stopped it
                raise
    plugins = json.loads(report.read_text())["pluginReports"] if report.exists() else []
    findings = []
    used = set()
    for plugin in plugins:
        for violation in (*plugin["violations"], *plugin.get("suppressedViolations", ())):
            if "acknowledgedId" in violation:
                used.add((violation["acknowledgedAt"], violation["acknowledgedId"]))
            findings += [
                NagFinding(
                    plugin["pluginName"], violation["ruleName"], construct["constructPath"], violation.get("reason")
                )
                for construct in violation["violatingConstructs"]
            ]
    return Audit(tuple(findings), frozenset(suppressions - used))


@contextmanager
def _packs_added(out: Path) -> Iterator[set[tuple[str, str]]]:
    """Add all packs to the next app, report suppressed findings, and yield the suppressions by path and rule."""
    suppressions: set[tuple[str, str]] = set()

    class Audited(cdk.App):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options | {"outdir": str(out)})
            cdk.Validations.of(self).add_plugins(*(pack(self) for pack in PACKS.values()))

    acknowledge = cdk.Validations.acknowledge
    of = cdk.Validations.of

    def of_scope(scope: Any) -> Any:  # noqa: ANN401
        validations: Any = of(scope)
        validations.path = scope.node.path
        return validations

    def by_pack(self: Any, *rules: cdk.Acknowledgment) -> None:  # noqa: ANN401
        # With a bare rule name, cdk-nag omits a finding; with the pack as a prefix, aws-cdk reports it with its reason.
        full = [cdk.Acknowledgment(id=f"{rule.id.partition('-')[0]}::{rule.id}", reason=rule.reason) for rule in rules]
        suppressions.update((self.path, rule.id) for rule in full)
        acknowledge(self, *full)

    with (
        mock.patch.object(cdk, "App", Audited),
        mock.patch.object(cdk.Validations, "of", of_scope),
        mock.patch.object(cdk.Validations, "acknowledge", by_pack),
    ):
        yield suppressions


def audit_all() -> dict[str, Audit]:
    """Return the audits of app.py and of every example."""
    audits = {}
    for name, path in APPS.items():
        with tempfile.TemporaryDirectory() as out:
            audits[name] = audit(lambda path=path: runpy.run_path(str(path), run_name="__main__"), Path(out))  # type: ignore[misc]
    return audits


def page(audits: Mapping[str, Audit]) -> str:
    """Return the page with the tables for these audits."""
    return _TABLES.sub(lambda _: tables(audits), PAGE.read_text(encoding="utf-8"))


def tables(audits: Mapping[str, Audit]) -> str:
    """Return the tables: the number of resources by rule and reason, and the number of findings by pack."""
    columns = _columns(audits)
    resources = {name: _by_reason(audit.findings) for name, audit in audits.items()}
    rows = sorted({row for by_reason in resources.values() for row in by_reason}, key=lambda row: (row[1], row))
    packs = {
        row: sorted({pack for found in resources.values() for pack, _ in found.get(row, ())}, key=list(PACKS).index)
        for row in rows
    }
    head = " | ".join(columns)
    line = "|---" * (len(columns) + 1)
    text = f"\n| finding | {head} | packs | reason |\n{line}|---|---|\n"
    for row in rows:
        counts = {name: len({path for _, path in found.get(row, ())}) for name, found in resources.items()}
        shown = " | ".join(_range(counts[name] for name in names) for names in columns.values())
        text += f"| {row[1]} | {shown} | {', '.join(packs[row])} | {row[0]} |\n"
    text += f"\n| findings, all explained | {head} |\n{line}|\n"
    for pack in PACKS:
        of_pack = {name: sum(each.pack == pack for each in audit.findings) for name, audit in audits.items()}
        shown = " | ".join(_range(of_pack[name] for name in names) for names in columns.values())
        text += f"| {pack} | {shown} |\n"
    return text + "\n"


def _columns(audits: Iterable[str]) -> dict[str, list[str]]:
    """Group the apps by column; those of the processors share one."""
    columns: dict[str, list[str]] = {}
    for name in audits:
        directory, _, _ = name.rpartition("/")
        columns.setdefault(f"`{directory}/*`" if directory.count("/") else f"`{name}`", []).append(name)
    return columns


def _by_reason(findings: Iterable[NagFinding]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Group the packs and resources of the suppressed findings by reason and rule."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for each in findings:
        if each.reason is not None:
            rule = each.rule.removeprefix(f"{each.pack}-").partition("[")[0]
            found.setdefault((each.reason, rule), set()).add((each.pack, each.resource))
    return found


def _range(numbers: Iterable[int]) -> str:
    low, *_, high = sorted(numbers) * 2
    return str(low) if low == high else f"{low} to {high}"


if __name__ == "__main__":
    audits = audit_all()
    missing = [finding for each in audits.values() for finding in each.unsuppressed]
    if missing:
        sys.exit(
            "findings without a suppression:\n"
            + "\n".join(f"  {finding.rule} {finding.resource}" for finding in missing)
        )
    PAGE.write_text(page(audits), encoding="utf-8")
