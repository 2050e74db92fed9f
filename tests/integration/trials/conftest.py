"""An app in a directory of its own, as the README has it, with a script that tests edit."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.datasets import load_iris, load_wine

from tests.helpers.projects import make_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the app."""
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 178 wines."""
    path = tmp_path_factory.mktemp("data") / "wine.csv"
    load_wine(as_frame=True).frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 150 flowers."""
    path = tmp_path_factory.mktemp("data") / "iris.csv"
    load_iris(as_frame=True).frame.to_csv(path, index=False)
    return path
