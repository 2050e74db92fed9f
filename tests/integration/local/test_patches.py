"""One test per place where we reach into ministack: a new version of it fails here, by name."""

from __future__ import annotations

import importlib.metadata

import pytest

from smproc.local import UnsupportedMinistackError
from smproc.local.server import patches

NAMES = [(module, name) for module, names in patches._NAMES.items() for name in names]


def test_the_installed_ministack_is_the_one_we_know() -> None:
    assert importlib.metadata.version("ministack") == patches.SUPPORTED


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[f"{module}.{name}" for module, name in NAMES])
def test_the_name_is_there_and_as_we_know_it(module: str, name: str) -> None:
    patches.check(module, {name: patches._NAMES[module][name]})


@pytest.mark.parametrize(
    ("module", "name"),
    [("ministack.app", "gone"), ("ministack.gone", "anything"), ("ministack.core.router", "detect_service")],
)
def test_a_name_that_moved_or_changed_is_told(module: str, name: str) -> None:
    with pytest.raises(UnsupportedMinistackError) as caught:
        patches.check(module, {name: lambda value: isinstance(value, dict)})
    assert str(caught.value) == (
        f"ministack {patches.SUPPORTED} moved {module}.{name}; this version of smproc supports {patches.SUPPORTED}: "
        f"pip install ministack=={patches.SUPPORTED}"
    )
