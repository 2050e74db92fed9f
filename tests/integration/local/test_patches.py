"""The patches of ministack: the names that they use, the order of their wrappers, their documentation.

Another release of ministack fails here, with the name that it lacks.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from smproc.local import UnsupportedMinistackError
from smproc.local.server import patches
from smproc.local.server.patches import registry

ROOT = Path(__file__).resolve().parents[3]
DIRECTORY = Path(patches.__file__).parent
MODULES = {path.stem: path for path in sorted(DIRECTORY.glob("*.py")) if path.stem not in ("__init__", "registry")}
NAMES = [(patch, module, name) for patch in patches.PATCHES for module, names in patch.NAMES.items() for name in names]
# The functions of the registry that return a module of ministack, and the prefix of the module's name.
ACCESSORS = {"application": "ministack.app", "core": "ministack.core.", "service": "ministack.services."}
# Names that patches rely on without reading them: what `load` returns, what `configure` sets through the environment,
# and the function that reads what `save_account` writes.
INDIRECT = {
    ("ministack.app", "AUTH"),
    ("ministack.app", "app"),
    ("ministack.app", "_load_persisted_state"),
    ("ministack.core.persistence", "PERSIST_STATE"),
    ("ministack.services.s3", "S3_PERSIST"),
}
DOCSTRING = re.compile(
    r"(?P<subject>[^\n]+\.)\n\n"
    r"AWS: (?P<aws>.+?)\n(?P<links>(See: [^\n]+\n)+)\n"
    r"ministack (?P<version>[\d.]+): (?P<ministack>.+?)\n\n"
    r"Removable when: (?P<removable>.+)\n",
    re.DOTALL,
)
LINK = re.compile(r"See: https://docs\.aws\.amazon\.com/\S+\.html")


def uses(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of every attribute of ministack that a patch reads or sets."""
    for function in [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]:
        modules: dict[str, str] = {}
        nodes = list(ast.walk(function))
        for node in nodes:
            if isinstance(node, ast.Assign) and (module := accessed(node.value)) is not None:
                (target,) = node.targets
                assert isinstance(target, ast.Name), "a module of ministack is assigned to a name, or used directly"
                modules[target.id] = module
        for node in nodes:
            if isinstance(node, ast.Attribute):
                named = modules.get(node.value.id) if isinstance(node.value, ast.Name) else None
                if (module := accessed(node.value) or named) is not None:
                    yield module, node.attr


def accessed(node: ast.expr) -> str | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ACCESSORS):
        return None
    parts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    assert len(parts) == len(node.args), "a module of ministack is named by a literal"
    return ACCESSORS[node.func.id] + "".join(map(str, parts))


def module_lambdas(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the same for code outside functions: lambdas in tables."""
    for statement in ast.parse(path.read_text()).body:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            for node in ast.walk(statement):
                if isinstance(node, ast.Attribute) and (module := accessed(node.value)) is not None:
                    yield module, node.attr


def touches_ministack(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that import ministack, or pass the name of one of its modules to a function that may."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call):
            # These calls query the installation and its version without an import.
            if ast.unparse(node.func).rpartition(".")[2] in ("find_spec", "version", "requires", "distribution"):
                continue
            names = [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
        else:
            continue
        if any(re.fullmatch(r"ministack(\.\w+)*", name) for name in names):
            yield node.lineno


def test_the_installed_ministack_is_the_supported_one() -> None:
    assert importlib.metadata.version("ministack") == patches.SUPPORTED


@pytest.mark.parametrize(
    ("patch", "module", "name"),
    NAMES,
    ids=[f"{patches.patch_name(patch)}-{module}.{name}" for patch, module, name in NAMES],
)
def test_the_name_is_as_expected(patch: ModuleType, module: str, name: str) -> None:
    patches.check({module: {name: patch.NAMES[module][name]}})


@pytest.mark.parametrize(
    ("module", "name", "problem"),
    [
        ("ministack.app", "gone", "name missing"),
        ("ministack.gone", "anything", "module missing"),
        ("ministack.core.responses", "now_iso", "different: a function of ()"),
        ("ministack.app", "SERVICE_HANDLERS", "different: a dict"),
    ],
)
def test_a_name_that_is_missing_or_different_is_reported(module: str, name: str, problem: str) -> None:
    names: registry.Names = {module: {name: registry.takes("other")}}
    assert patches.mismatches(names) == [patches.Mismatch(module, name, problem)]
    with pytest.raises(UnsupportedMinistackError) as caught:
        patches.check(names)
    assert str(caught.value) == (
        f"ministack {patches.SUPPORTED} does not have {module}.{name} as expected ({problem}); this version of smproc "
        f"supports {patches.SUPPORTED}: pip install ministack=={patches.SUPPORTED}"
    )


def test_every_module_is_a_patch_and_applied() -> None:
    assert sorted(map(patches.patch_name, patches.PATCHES)) == sorted(MODULES)


@pytest.mark.parametrize("patch", patches.PATCHES, ids=patches.patch_name)
def test_the_docstring_describes_aws_ministack_and_when_the_patch_is_removable(patch: ModuleType) -> None:
    match = DOCSTRING.fullmatch(patch.__doc__ or "")
    assert match is not None, (
        "the parts are: the subject, AWS with its pages, ministack with its version, Removable when"
    )
    assert all(LINK.fullmatch(link) for link in match["links"].splitlines())
    assert match["version"] == patches.SUPPORTED
    cited = re.findall(r"`(ministack[\w.]+)`", match["ministack"])
    assert cited, "the modules and names of ministack are cited"
    for name in cited:
        assert_exists(name)


def assert_exists(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


@pytest.mark.parametrize("patch", patches.PATCHES, ids=patches.patch_name)
def test_every_used_name_is_declared(patch: ModuleType) -> None:
    path = MODULES[patches.patch_name(patch)]
    wrapped = {(module, name) for module, names in getattr(patch, "WRAPPERS", {}).items() for name in names}
    used = {*uses(path), *module_lambdas(path), *wrapped}
    declared = {(module, name) for module, names in patch.NAMES.items() for name in names}
    assert used - declared == set()
    assert declared - used <= INDIRECT
    assert "getattr(" not in path.read_text().replace("getattr(error", ""), "no name is read by a computed string"


def test_only_the_patches_touch_ministack() -> None:
    assert list(
        touches_ministack(ast.parse("import_module('ministack.app')\nimport ministack\nfrom ministack.app import x"))
    )
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for top in ("smproc", "constructs", "lambda", "benchmarks", "examples", "tools")
        for path in sorted((ROOT / top).rglob("*.py"))
        if not path.is_relative_to(DIRECTORY)
        for line in touches_ministack(ast.parse(path.read_text()))
    ]
    assert found == []


def order(*patches_in_order: str, stated: Mapping[str, tuple[str, ...]]) -> None:
    wrappers: dict[str, registry.Wrappers] = {patch: {"ministack.x": {"_f": print}} for patch in patches_in_order}
    registry.check_wrapping_order(wrappers, stated)


def test_the_order_of_the_patches_is_the_stated_one() -> None:
    wrappers = {patches.patch_name(patch): getattr(patch, "WRAPPERS", {}) for patch in patches.PATCHES}
    registry.check_wrapping_order(wrappers, patches.WRAPPING_ORDER)
    order("a", stated={})
    order("a", "b", stated={"ministack.x._f": ("a", "b")})


@pytest.mark.parametrize(
    ("applied", "stated", "got"),
    [
        (("a", "b"), {}, "must be a, b (the innermost first), got none"),
        (("b", "a"), {"ministack.x._f": ("a", "b")}, "must be b, a (the innermost first), got a, b"),
        (("a", "b", "c"), {"ministack.x._f": ("a", "b")}, "must be a, b, c (the innermost first), got a, b"),
    ],
)
def test_a_second_wrapper_without_its_stated_order_is_refused(
    applied: tuple[str, ...], stated: dict[str, tuple[str, ...]], got: str
) -> None:
    with pytest.raises(registry.PatchOrderError) as caught:
        order(*applied, stated=stated)
    assert str(caught.value) == (
        f"The stated order of the patches that wrap ministack.x._f {got}; correct WRAPPING_ORDER, or the order of "
        "PATCHES, in smproc.local.server.patches"
    )


def test_an_unnecessary_stated_order_is_refused() -> None:
    for stated in ({"ministack.x._g": ("a", "b")}, {"ministack.x._f": ("a", "b")}):
        with pytest.raises(registry.PatchOrderError):
            order("a", stated=stated)


def test_a_wrapper_gets_the_original_first_and_keeps_its_name() -> None:
    module = ModuleType("fake")

    def function(value: int) -> int:
        return value + 1

    def outside(original: Callable[..., Any], value: int) -> str:
        return f"<{original(value)}>"

    vars(module)["function"] = function
    registry.wrap(module, "function", lambda original, value: original(value) * 10)
    registry.wrap(module, "function", outside)
    assert module.function(1) == "<20>"
    assert module.function.__name__ == "function"


def test_the_patches_are_applied_once_and_fail_at_start_without_a_stated_order() -> None:
    script = """
from smproc.local.server import patches
from smproc.local.server.patches.registry import PatchOrderError
from ministack.services import eventbridge
application = patches.load()
unpatched = eventbridge._dispatch_event
order, patches.WRAPPING_ORDER = patches.WRAPPING_ORDER, {}
try:
    patches.apply()
except PatchOrderError as error:
    print(error)
assert eventbridge._dispatch_event is unpatched
patches.WRAPPING_ORDER = order
patches.apply()
outer, inner = eventbridge._dispatch_event, eventbridge._dispatch_event.__wrapped__
assert inner.__wrapped__ is unpatched
names = [wrapper.__closure__[1].cell_contents.__module__.rpartition(".")[2] for wrapper in (inner, outer)]
assert tuple(names) == order["ministack.services.eventbridge._dispatch_event"], names
try:
    patches.apply()
except RuntimeError as error:
    print(error)
"""
    completed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert completed.returncode == 0, completed.stderr
    first, second = completed.stdout.splitlines()
    assert first.startswith(f"The stated order of the patches that wrap {min(patches.WRAPPING_ORDER)} ")
    assert second == "The patches must be applied once in a process, and they are applied already"
