"""The names of moto that the Step Functions engine uses: each is stated, checked, and as expected.

Another release of moto fails here, with the name that it lacks.
"""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smproc.local import UnsupportedMotoError
from smproc.local.server import step_functions
from smproc.local.server.patches import registry
from smproc.local.server.step_functions import moto_package, names

ROOT = Path(__file__).resolve().parents[3]
DIRECTORY = Path(step_functions.__file__).parent
MODULES = sorted(DIRECTORY.rglob("*.py"))
STATED = {(module, name) for module, stated in names.NAMES.items() for name in stated}
# What replaces modules of moto, and is checked where it does.
EARLY = {(f"{moto_package.PARSER}.asl.utils.json_path", "NoSuchJsonPathError")}


def run(script: str) -> str:
    completed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def imports(tree: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Yield the module, the name and the local name of each import of moto."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("moto."):
            yield from ((str(node.module), alias.name, alias.asname or alias.name) for alias in node.names)


def test_the_installed_moto_is_the_supported_one() -> None:
    assert importlib.metadata.version("moto") == names.SUPPORTED


@pytest.mark.parametrize(("module", "name"), sorted(STATED))
def test_the_name_is_as_expected(module: str, name: str) -> None:
    assert registry.mismatches({module: {name: names.NAMES[module][name]}}) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(DIRECTORY)))
def test_every_import_and_every_replaced_name_is_stated(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = {local: (module, name) for module, name, local in imports(tree)}
    modules = {module for module, _ in STATED}
    for module, name in imported.values():
        assert (module, name) in STATED | EARLY or f"{module}.{name}" in modules, f"{module}.{name}"
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        if ast.unparse(call.func) == "moto_package.replace" and isinstance(call.args[1], ast.Constant):
            if (owner := ast.unparse(call.args[0])) in ("task", "operator"):
                continue  # one of several classes, all of which are imported
            module, _, attribute = ".".join(imported[owner]).rpartition(".")
            replaced = {(module, f"{attribute}.{call.args[1].value!s}"), (f"{module}.{attribute}", call.args[1].value)}
            assert replaced & STATED, replaced


def test_a_name_that_is_missing_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"{moto_package.PARSER}.asl.eval.environment"
    monkeypatch.setattr(names, "NAMES", {module: {"Environment.gone": callable}})
    with pytest.raises(UnsupportedMotoError) as caught:
        names.check()
    assert str(caught.value) == (
        f"moto 5.2.5 does not have {module}.Environment.gone as expected (name missing); this version of smproc "
        "supports 5.2.5: pip install moto==5.2.5"
    )


def test_nothing_else_of_moto_is_loaded() -> None:
    loaded = run(
        "import sys\n"
        "import smproc.local.server.step_functions\n"
        "from smproc.local.server.step_functions.corrections import CORRECTIONS\n"
        "from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser\n"
        "print(*sorted(sys.modules))\n"
    ).split()
    replaced = {
        "moto",
        "moto.core",
        "moto.core.exceptions",
        "moto.core.utils",
        "moto.batch.utils",
        "moto.logs.models",
        "moto.moto_api._internal",
    }
    known = ("moto.stepfunctions", "moto.utilities")
    assert "moto.stepfunctions.parser.asl.eval.environment" in loaded
    assert [
        name
        for name in loaded
        if name.split(".")[0] in ("moto", "responses", "werkzeug", "cryptography")
        and name not in replaced
        and not name.startswith(known)
    ] == []


def test_only_the_engine_touches_moto() -> None:
    found = [
        str(path.relative_to(ROOT))
        for top in ("smproc", "constructs", "lambda", "benchmarks", "examples", "tools")
        for path in sorted((ROOT / top).rglob("*.py"))
        if not path.is_relative_to(DIRECTORY) and list(imports(ast.parse(path.read_text())))
    ]
    assert found == []
