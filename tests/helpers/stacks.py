"""Helpers for tests of constructs: stacks, templates, definitions, snapshots."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Template

ROOT = Path(__file__).parents[2]
SNAPSHOTS = ROOT / "tests" / "snapshots"
ACCOUNT, REGION = "111122223333", "us-west-2"


def stack(*, bound: bool = True) -> cdk.Stack:
    """Return an empty stack, bound to an account and a region or to none."""
    environment = cdk.Environment(account=ACCOUNT, region=REGION) if bound else None
    return cdk.Stack(cdk.App(), "Stack", env=environment)


def template(of: cdk.Stack) -> dict[str, Any]:
    found: dict[str, Any] = dict(Template.from_stack(of).to_json())
    return found


def resources(of: cdk.Stack, kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of one type by logical id."""
    return {name: entry for name, entry in template(of)["Resources"].items() if entry["Type"] == kind}


def definition(of: cdk.Stack) -> dict[str, Any]:
    """Return the definition of the stack's only state machine, with references in angle brackets."""
    (machine,) = resources(of, "AWS::StepFunctions::StateMachine").values()
    loaded: dict[str, Any] = json.loads(flat(machine["Properties"]["DefinitionString"]))
    return loaded


def statements(of: cdk.Stack, policy: str) -> list[dict[str, Any]]:
    """Return the statements of the policies with this prefix of the logical id, with references in angle brackets."""
    return [
        json.loads(json.dumps(statement), object_hook=_flat_hook)
        for name, entry in resources(of, "AWS::IAM::Policy").items()
        if name.startswith(policy)
        for statement in entry["Properties"]["PolicyDocument"]["Statement"]
    ]


def flat(value: Any) -> str:  # noqa: ANN401, PLR0911 - any value of a template
    """Return a value of a template as one string."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(flat(part) for part in parts)
        case {"Fn::FindInMap": [*names]}:
            return f"<{'.'.join(flat(name).strip('<>') for name in names)}>"
        case {"Fn::Select": [index, {"Fn::Split": [separator, text]}]}:
            return f"<{flat(text).strip('<>')}[{index}]>"
        case {"Fn::ImportValue": str(name)}:
            return f"<{name}>"
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", r"<\1>", text)
        case _:
            raise AssertionError(f"must be a plain value, got {value}")


def _flat_hook(found: dict[str, Any]) -> Any:  # noqa: ANN401
    return (
        flat(found) if len(found) == 1 and next(iter(found)) in ("Ref", "Fn::GetAtt", "Fn::Join", "Fn::Sub") else found
    )


def in_machine(of: cdk.Stack, chainable: sfn.IChainable) -> dict[str, Any]:
    """Return the definition of a state machine around a chainable."""
    sfn.StateMachine(of, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chainable))
    return definition(of)


def assert_snapshot(name: str, found: dict[str, Any]) -> None:
    """Compare a template with its reviewed snapshot; UPDATE_SNAPSHOTS=1 saves the current one."""
    path = SNAPSHOTS / f"{name}.json"
    text = json.dumps(_without_hashes(found), indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"no snapshot {path.name}: review the template, then save it with UPDATE_SNAPSHOTS=1"
    saved = path.read_text(encoding="utf-8")
    changes = difflib.unified_diff(saved.splitlines(), text.splitlines(), f"{name} (saved)", "now", lineterm="")
    assert json.loads(text) == json.loads(saved), "\n".join(changes)


def _without_hashes(found: dict[str, Any]) -> dict[str, Any]:
    """Return the template without the hashes of assets, and of their destinations, which change with every file."""
    text = re.sub(r"[0-9a-f]{64}", "<hash>", json.dumps(found))
    without: dict[str, Any] = json.loads(re.sub(r"(?<=<hash>:)([\w-]+)-[0-9a-f]{8}\b", r"\1-<hash>", text))
    return without


def run_app(out: Path, *, app: Path = ROOT / "app.py", cwd: Path = ROOT, **environment: str) -> None:
    """Synthesize app.py into a directory, as the CDK CLI does."""
    subprocess.run(
        [sys.executable, str(app)],
        env=os.environ | {"CDK_OUTDIR": str(out)} | environment,
        cwd=cwd,
        check=True,
        capture_output=True,
    )


# For `run_apps`: the paths of constructs in the templates, as the CDK CLI asks for them.
WITH_PATHS = {"CDK_CONTEXT_JSON": json.dumps({"aws:cdk:enable-path-metadata": True})}


def run_apps(apps: Mapping[Path, Path], *, cwd: Path, **environment: str) -> None:
    """Synthesize several apps in one process: loading Node and aws-cdk, now once, takes most of an app's time.

    Args:
        apps: the app's script, and the directory for its assembly.
        cwd: the directory that they run in.
        environment: variables in addition to those of this process.

    Raises:
        RuntimeError: an app failed; the message is what it wrote to its standard error.
    """
    listed = json.dumps([[str(app), str(out), _context_of(app)] for app, out in apps.items()])
    ran = subprocess.run(
        [sys.executable, "-c", _RUN_APPS, listed],
        env=os.environ | environment,
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr)


def _context_of(app: Path) -> dict[str, Any]:
    """Return the context of the cdk.json beside an app, which the CDK CLI passes to it."""
    settings = app.with_name("cdk.json")
    found: dict[str, Any] = json.loads(settings.read_text()).get("context", {}) if settings.is_file() else {}
    return found


_RUN_APPS = """
import json, pathlib, runpy, sys
import aws_cdk

class App(aws_cdk.App):
    def __init__(self, **options):
        super().__init__(**{"outdir": outdir, "context": context, **options})

aws_cdk.App = App
for path, outdir, context in json.loads(sys.argv[1]):
    directory = pathlib.Path(path).parent
    sys.path.insert(0, str(directory))
    runpy.run_path(path, run_name="__main__")
    sys.path.remove(str(directory))
    for name, module in list(sys.modules.items()):  # other apps have modules of the same names
        path = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "")
        if path.startswith(str(directory / name.partition(".")[0])):
            del sys.modules[name]
"""
