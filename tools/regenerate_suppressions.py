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
DEMO = "app.py"
# app.py, and each project in examples/.
APPS = {DEMO: ROOT / DEMO} | {
    path.parent.name: path.with_name("app.py") for path in sorted((ROOT / "examples").glob("*/cdk.json"))
}
PACKS: Mapping[str, Callable[[cdk.App], cdk.IPolicyValidationPlugin]] = {
    "AwsSolutions": AwsSolutionsChecks,
    "HIPAA.Security": HIPAASecurityChecks,
    "NIST.800.53.R5": NIST80053R5Checks,
    "PCI.DSS.321": PCIDSS321Checks,
}
# Constructs of aws-cdk with resources of their own, whose findings no option of an example changes.
OF_AWS_CDK: Mapping[str, str] = {"Delivery/Pipeline/": "aws-cdk makes the CDK pipeline, its policies and its bucket"}
_NAMED_EXAMPLES = 3
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
                    plugin["pluginName"],
                    violation["ruleName"],
                    construct["constructPath"],
                    violation.get("reason") or _reason_of_aws_cdk(construct["constructPath"]),
                )
                for construct in violation["violatingConstructs"]
            ]
    return Audit(tuple(findings), frozenset(suppressions - used))


def _reason_of_aws_cdk(path: str) -> str | None:
    return next((reason for start, reason in OF_AWS_CDK.items() if path.startswith(start)), None)


@contextmanager
def _packs_added(out: Path) -> Iterator[set[tuple[str, str]]]:
    """Add all packs to the next app, report suppressed findings, and yield the suppressions by path and rule."""
    suppressions: set[tuple[str, str]] = set()

    class Audited(cdk.App):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{"outdir": str(out), **options})
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
        with tempfile.TemporaryDirectory() as out, _as_the_cdk_cli_runs(path):
            audits[name] = audit(lambda path=path: runpy.run_path(str(path), run_name="__main__"), Path(out))  # type: ignore[misc]
    return audits


@contextmanager
def _as_the_cdk_cli_runs(app: Path) -> Iterator[None]:
    """Provide the context of the cdk.json beside an app, and its modules, which other apps have by the same names."""
    context = json.loads(app.with_name("cdk.json").read_text(encoding="utf-8")).get("context", {})

    class WithContext(cdk.App):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{"context": context, **options})

    with (
        mock.patch.object(cdk, "App", WithContext),
        mock.patch.object(sys, "path", [str(app.parent), *sys.path]),
    ):
        yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "stacks"]:
        del sys.modules[name]


def page(audits: Mapping[str, Audit]) -> str:
    """Return the page with the tables for these audits."""
    return _TABLES.sub(lambda _: tables(audits), PAGE.read_text(encoding="utf-8"))


def tables(audits: Mapping[str, Audit]) -> str:
    """Return the tables: the findings by rule and reason, with the places that have them, and their numbers by pack."""
    examples = [name for name in audits if name != DEMO]
    resources = {name: _by_reason(audit.findings) for name, audit in audits.items()}
    rows = sorted({row for by_reason in resources.values() for row in by_reason}, key=lambda row: (row[1], row))
    text = f"\n| finding | `{DEMO}` | examples | packs | reason |\n|---|---|---|---|---|\n"
    for row in rows:
        packs = sorted({pack for found in resources.values() for pack, _ in found.get(row, ())}, key=list(PACKS).index)
        counts = {name: len({path for _, path in found.get(row, ())}) for name, found in resources.items()}
        shown = _named({name: counts[name] for name in examples})
        text += f"| {row[1]} | {counts[DEMO]} | {shown} | {', '.join(packs)} | {row[0]} |\n"
    text += f"\n| findings, all explained | {' | '.join(PACKS)} |\n{'|---' * (len(PACKS) + 1)}|\n"
    for name, audit in audits.items():
        numbers = [str(sum(each.pack == pack for each in audit.findings)) for pack in PACKS]
        place = name if name == DEMO else f"examples/{name}"
        text += f"| `{place}` | {' | '.join(numbers)} |\n"
    return text + "\n"


def _named(counts: Mapping[str, int]) -> str:
    """Return which examples have some: their names if they are few."""
    having = [name for name, number in counts.items() if number]
    if len(having) == len(counts):
        return "all"
    return ", ".join(having) if len(having) <= _NAMED_EXAMPLES else f"{len(having)} of {len(counts)}"


def _by_reason(findings: Iterable[NagFinding]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Group the packs and resources of the suppressed findings by reason and rule."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for each in findings:
        if each.reason is not None:
            rule = each.rule.removeprefix(f"{each.pack}-").partition("[")[0]
            found.setdefault((each.reason, rule), set()).add((each.pack, each.resource))
    return found


if __name__ == "__main__":
    audits = audit_all()
    missing = [finding for each in audits.values() for finding in each.unsuppressed]
    if missing:
        sys.exit(
            "findings without a suppression:\n"
            + "\n".join(f"  {finding.rule} {finding.resource}" for finding in missing)
        )
    PAGE.write_text(page(audits), encoding="utf-8")
