"""The definitions of state machines, read by three validators: the local AWS's, asl-validator and cfn-lint.

They read resolved templates: definitions are joined of texts and references, which asl-validator cannot read, and into
which cfn-lint does not look.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from smproc.local.server.state_machine_definitions import validate
from tests.helpers.resolved_templates import ResolvedTemplate, definitions_in
from tests.helpers.stacks import ROOT

_ASL_VALIDATOR = ROOT / "node_modules" / ".bin" / "asl-validator"
_CFN_LINT = Path(sys.prefix) / "bin" / "cfn-lint"
_MACHINES_OF_A_TEMPLATE = 20
_INVALID = re.compile(r'State machine definition "(.*)" is invalid')
_ROLE = "arn:aws:iam::111122223333:role/states"


def local_aws_problems(definitions: Mapping[str, str]) -> list[str]:
    """Return what the local AWS would refuse, as CreateStateMachine does."""
    return [
        f"{where}: {each.code} at {each.location}: {each.message}"
        for where, text in definitions.items()
        for each in validate(text)
    ]


def asl_validator_problems(definitions: Mapping[str, str]) -> list[str]:
    """Return what asl-validator says, which is AWS Labs' grammar and checks of states and references."""
    with tempfile.TemporaryDirectory() as directory:
        files = {Path(directory, f"{number}.json"): where for number, where in enumerate(definitions)}
        for file, where in files.items():
            file.write_text(definitions[where])
        arguments = [argument for file in files for argument in ("--json-path", str(file))]
        ran = subprocess.run([str(_ASL_VALIDATOR), *arguments], capture_output=True, text=True, check=False)
    problems: list[str] = []
    where = ""
    for line in (ran.stdout + ran.stderr).splitlines():
        if named := _INVALID.search(line):
            where = files[Path(named[1])]
        elif ran.returncode and line and "is valid" not in line:
            problems.append(f"{where}: {line.strip()}")
    return problems


def cfn_lint_problems(templates: Sequence[ResolvedTemplate]) -> list[str]:
    """Return cfn-lint's errors: E3601 for definitions, and the types, patterns and policies of all properties."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [template.write(Path(directory)) for template in templates]
        # Names and regions are constants here, of which the warnings are.
        command = [str(_CFN_LINT), "--ignore-checks", "W", "--format", "parseable", "--template", *map(str, paths)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not ran.stderr, ran.stderr
    return [f"{Path(line.split(':')[0]).stem}: {line.split(':', 5)[5]}" for line in ran.stdout.splitlines()]


def machine_template(name: str, definition: str) -> ResolvedTemplate:
    """Return a template with one state machine."""
    properties = {"RoleArn": _ROLE, "DefinitionString": definition}
    return ResolvedTemplate(name, {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}})


def definition_problems(templates: Sequence[ResolvedTemplate]) -> list[str]:
    """Return what any of the validators says to the definitions of templates."""
    return machine_problems(definitions_in(templates))


def machine_problems(definitions: Mapping[str, str]) -> list[str]:
    """Return what any of the validators says to definitions, which have their names."""
    machines = [machine_template(where, text).resources["Machine"] for where, text in definitions.items()]
    templates = [  # a template has a largest size, and few templates are read sooner
        ResolvedTemplate(f"definitions from {start} on", {f"M{start + number}": one for number, one in enumerate(some)})
        for start in range(0, len(machines), _MACHINES_OF_A_TEMPLATE)
        if (some := machines[start : start + _MACHINES_OF_A_TEMPLATE])
    ]
    return [
        *local_aws_problems(definitions),
        *asl_validator_problems(definitions),
        *cfn_lint_problems(templates),
    ]
