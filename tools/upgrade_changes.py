"""The changes that an upgrade of the library makes to deployed stacks, and the changelog fragments that name them.

The changes are those that the CDK CLI prints (`cdk diff --template`), which knows from CloudFormation's schemas what is
replaced. Each needs a fragment in `changelog.d` that names it in a code span:

- a changed property, as ``AWS::Lambda::Function.Code``, and an added resource, as ``AWS::Lambda::Function``, in a
  fragment of the type breaking, feature or fix;
- a removed resource, which a changed logical id is too, and a replaced one that holds data, by its type in a fragment
  of the type breaking;
- what is in another section than the resources, by the section, as ``Outputs``.
"""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# A replaced or removed resource of these types takes data, or what waits, with it; the state machine takes its running
# executions and their histories.
DATA_TYPES = frozenset(
    {
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::StepFunctions::StateMachine",
    }
)
# The fragments that users read as changes of what they have deployed.
KINDS = ("breaking", "feature", "fix")
_CHANGE = re.compile(
    r"\[(?P<sign>[~+-])\] (?P<kind>\S+)(?: (?P<names>.*?))??"
    r"(?: (?P<impact>replace|may be replaced|destroy|orphan|import))?$"
)
_PROPERTY = re.compile(r" [├└]─ \[[~+-]\] (?P<name>\S+)")
_SECTION = re.compile(r"[A-Z][A-Za-z ]+$")
# Tables of what the resources below them say as well, and what the CLI prints around the changes.
_REPEATED = ("IAM Statement Changes", "IAM Policy Changes", "Security Group Changes")
_REPLACED = frozenset({"replace", "may be replaced"})


class UnreadableDiffError(Exception):
    """An output of ``cdk diff`` that is not as this module expects."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A change of one resource, or of one entry of another section.

    Attributes:
        kind: the type of the resource, or the section, such as ``Outputs``.
        sign: ``~`` for changed, ``+`` for added, ``-`` for removed.
        names: the path of the construct and the logical id.
        properties: the changed properties.
        is_replaced: whether CloudFormation creates it anew, or may have to.
    """

    kind: str
    sign: str
    names: str
    properties: tuple[str, ...] = ()
    is_replaced: bool = False

    @property
    def is_breaking(self) -> bool:
        """True if users lose a resource, or what a resource holds."""
        return "::" in self.kind and (self.sign == "-" or (self.is_replaced and self.kind in DATA_TYPES))

    @property
    def spans(self) -> tuple[str, ...]:
        """The code spans by which fragments name the change."""
        if self.sign != "~" or self.is_breaking or not self.properties:
            return (self.kind,)
        return tuple(f"{self.kind}.{name}" for name in self.properties)


def changes(old_template: Path, assembly: Path, stack: str) -> list[Change]:
    """Return what an upgrade changes in a deployed stack.

    Args:
        old_template: the template that is deployed.
        assembly: the cloud assembly of the same app with the new version.
        stack: the stack's name.

    Raises:
        UnreadableDiffError: the CDK CLI failed, or prints what this module does not know.
    """
    ran = subprocess.run(
        ["cdk", "diff", "--app", assembly, "--template", old_template, stack, "--no-color", "--no-notices"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if ran.returncode or "Number of stacks with differences" not in ran.stdout:
        raise UnreadableDiffError(ran.stdout)
    return parse_diff(ran.stdout)


def parse_diff(printed: str) -> list[Change]:
    """Return the changes that ``cdk diff`` has printed for one stack.

    Raises:
        UnreadableDiffError: a line that this module does not know.
    """
    found: list[Change] = []
    properties: list[list[str]] = []
    section = ""
    for line in printed.splitlines():
        if _SECTION.match(line) and not line.startswith("Stack "):
            section = line
        elif section and section not in _REPEATED and (match := _CHANGE.match(line)):
            kind = match["kind"] if "::" in match["kind"] else section
            found.append(Change(kind, match["sign"], match["names"] or "", is_replaced=match["impact"] in _REPLACED))
            properties.append([])
        elif found and (match := _PROPERTY.match(line)):
            properties[-1].append(match["name"].rstrip(":"))
        elif line.startswith("["):
            raise UnreadableDiffError(f"cdk diff printed {line!r} in the section {section!r}, which is not understood")
    return [
        Change(change.kind, change.sign, change.names, tuple(sorted(names)), change.is_replaced)
        for change, names in zip(found, properties, strict=True)
    ]


def missing_fragments(found: Iterable[Change], directory: Path) -> list[str]:
    """Return a sentence for each change that no fragment names.

    Args:
        found: the changes.
        directory: the directory of the fragments.
    """
    named = {kind: set(_named(directory, kind)) for kind in KINDS}
    everywhere = set().union(*named.values())
    unnamed: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for change in found:
        for span in change.spans:
            if span not in (named["breaking"] if change.is_breaking else everywhere):
                unnamed[span, change.is_breaking].append(change.names)
    return [
        f"{span} {'is lost or replaced' if is_breaking else 'changes'} in deployed stacks: {', '.join(names)}; "
        f"name it as `{span}` in a fragment {directory.name}/+<topic>."
        f"{'breaking' if is_breaking else '(breaking|feature|fix)'}.md"
        for (span, is_breaking), names in sorted(unnamed.items())
    ]


def _named(directory: Path, kind: str) -> Iterator[str]:
    """Yield the code spans of the fragments of a type."""
    for path in sorted(directory.glob(f"*.{kind}.md")):
        yield from re.findall(r"`([^`]+)`", path.read_text(encoding="utf-8"))
